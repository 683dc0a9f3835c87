"""When can they meet? What each response format makes of the same free time: drawn, and executed."""

from dataclasses import replace

import pytest

from core.query import ResponseFormat
from core.solver import solve
from tests.support.pictures import check_picture, parse_picture

# Periods


def test_periods_are_as_long_as_can_be():
    """A free stretch is given whole, and not cut into meetings."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes
        query   ############
        alice   .....#......
        =alice  #####.######
    """)


def test_periods_overlap_where_different_people_make_them_possible():
    """Alice alone could stay until twelve, Bob from eleven: a meeting from half past ten is Alice's, until twelve."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, 1 of alice bob
        query   ############
        alice   ......######
        bob     ####........
        =alice  ######......
        =bob    ....########
    """)


def test_no_period_lies_inside_another():
    """Bob is free only while Alice is: whoever wants both can read it off the slots."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, 1 of alice bob
        query   ############
        alice   ............
        bob     ###.....####
        =alice  ############
    """)


def test_periods_start_on_the_grid_and_end_where_they_end():
    """A meeting can start at ten; until half past one there is time, and the end needs no grid."""
    check_picture("""
        09:30 every 30 minutes
        periods of 60 minutes, starting every 60 minutes
        query   ##########
        alice   ........#.
        =alice  .#######..
    """)


def test_a_period_too_short_behind_its_grid_point_is_none():
    """Ninety minutes are free from half past nine, but only sixty from ten; and again ninety from twelve, which will do."""
    check_picture("""
        09:30 every 30 minutes
        periods of 90 minutes, starting every 60 minutes
        query   ###.####
        alice   ........
        =alice  .....###
    """)


def test_several_grids_of_several_people():
    """Bob's longer period starts when he comes, rounded up to the grid."""
    check_picture("""
        09:00 every 15 minutes
        periods of 30 minutes, starting every 30 minutes, 1 of alice bob
        query   ################
        alice   .........#######
        bob     #####.......####
        =alice  #########.......
        =bob    ......######....
    """)


def test_whoever_comes_before_the_grid_point_may_make_the_period():
    """At ten past nine Bob, who stays longer, has come as well: from half past nine it is his period alone."""
    check_picture("""
        09:05 every 5 minutes
        periods of 30 minutes, starting every 30 minutes, 1 of alice bob
        query   ########################
        alice   ...............#########
        bob     #....................###
        =bob    .....################...
    """)


# Slots


def test_slots_follow_each_other_without_a_gap():
    """As many as can be: from the start of the free time, then from the end of each."""
    check_picture("""
        09:00 every 30 minutes
        slots of 60 minutes
        query   ############
        alice   .....#......
        =alice  ##==..##==##
    """)


def test_slots_never_overlap_even_on_a_finer_grid():
    """Each starts at the first grid point behind the last one's end."""
    check_picture("""
        09:00 every 15 minutes
        slots of 45 minutes, starting every 30 minutes
        query   ############
        alice   ............
        =alice  ###.###.###.
    """)


def test_slots_on_a_grid_leave_out_what_lies_before_it():
    """The grid is on the clock, and not counted from the window's start."""
    check_picture("""
        09:15 every 15 minutes
        slots of 60 minutes, starting every 60 minutes
        query   #############
        alice   .............
        =alice  ...####====..
    """)


def test_slots_change_people_between_meetings_only():
    """Bob takes the first, Alice the last; the one in the middle is for whoever is there for all of it."""
    check_picture("""
        09:00 every 30 minutes
        slots of 60 minutes, 1 of alice bob
        query       ######
        alice       ##....
        bob         ....##
        =bob        ##....
        =alice bob  ..##..
        =alice      ....##
    """)


def test_a_late_start_of_one_does_not_delay_the_others_slots():
    """Carol joins for the slots that she has all of."""
    check_picture("""
        09:00 every 30 minutes
        slots of 60 minutes, 1 of alice carol
        query         ######
        alice         ......
        carol         #....#
        =alice        ##..==
        =alice carol  ..##..
    """)


# Overlapping slots


def test_overlapping_slots_start_on_every_grid_point():
    """Every start that a calendar on a screen could offer."""
    check_picture("""
        09:00 every 30 minutes
        overlapping slots of 90 minutes, starting every 30 minutes
        query   ########
        alice   ......#.
        =alice  ###.....
        =alice  .###....
        =alice  ..###...
        =alice  ...###..
    """)


def test_overlapping_slots_may_lie_apart():
    """Hourly starts of half an hour overlap nowhere."""
    check_picture("""
        09:00 every 30 minutes
        overlapping slots of 30 minutes, starting every 60 minutes
        query   ########
        alice   ....#...
        =alice  #.#...#.
    """)


def test_overlapping_slots_without_a_grid_are_slots():
    """There is no telling how close together they should be."""
    check_picture("""
        09:00 every 30 minutes
        overlapping slots of 60 minutes
        query   ########
        alice   .....#..
        =alice  ##==..##
    """)


# Slots that were asked about


def test_slots_that_are_asked_about_are_answered_if_they_fit():
    """Each start by itself: they may overlap, and lie off every grid."""
    check_picture("""
        09:10 every 10 minutes
        slots of 30 minutes
        asked   ##..#..#.........
        alice   .......#.........
        =alice  ###..............
        =alice  .###.............
        =alice  ....###..........
    """)


def test_asked_starts_take_no_notice_of_the_grid():
    """Whoever names a start means it."""
    check_picture("""
        09:10 every 10 minutes
        slots of 20 minutes, starting every 60 minutes
        asked   #..#..
        alice   ......
        =alice  ##.##.
    """)


def test_asked_slots_obey_groups_buffers_and_own_periods():
    """They are a window like any other."""
    check_picture("""
        09:00 every 30 minutes
        slots of 60 minutes, 1 of alice bob, buffer 30 before
        asked       ##.#.#..#...
        alice       ..###.......
        bob         ............
        bob only    ..#######...
        =alice      ##..........
        =bob        ...##.......
        =bob        .....##.....
        =alice      ........##..
    """)


@pytest.mark.parametrize("response_format", ResponseFormat)
def test_what_is_asked_about_is_answered_alike_in_every_format(response_format):
    """There is only one meeting that starts there and is as long as asked."""
    picture = parse_picture("""
        09:00 every 30 minutes
        slots of 60 minutes
        asked   ##.#..
        alice   ..#...
        =alice  ##....
        =alice  ...##.
    """)
    query = replace(picture.query, response_format=response_format)
    assert picture.compare(solve(query, picture.facts())) == ""


# How many


def test_the_soonest_results_are_kept():
    """Two of four: the caller asked for no more."""
    check_picture("""
        09:00 every 30 minutes
        slots of 60 minutes, at most 2
        query   ########
        alice   ........
        =alice  ##==....
    """)


def test_the_soonest_periods_are_kept():
    """Soonest by their start."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, 1 of alice bob, at most 2
        query   ############
        alice   ......#.....
        bob     ####....####
        =alice  ######......
        =bob    ....####....
    """)


def test_the_soonest_of_what_was_asked_about_are_kept():
    """In time order, whatever order they were asked in."""
    picture = parse_picture("""
        09:00 every 60 minutes
        slots of 60 minutes, at most 2
        asked   #.##
        alice   ....
        =alice  #.=.
    """)
    query = replace(picture.query, query_slots=list(reversed(picture.query.query_slots or ())))
    assert picture.compare(solve(query, picture.facts())) == ""


def test_twenty_results_come_by_default():
    """The documented default."""
    check_picture("""
        09:00 every 5 minutes
        slots of 5 minutes
        query   ########################
        alice   ........................
        =alice  #=#=#=#=#=#=#=#=#=#=....
    """)
