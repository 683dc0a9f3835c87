"""Solver: the response formats applied to the same free time, as executable pictures."""

from dataclasses import replace

import pytest

from core.query import ResponseFormat
from core.solver import solve
from tests.support.pictures import check_picture, parse_picture

# Periods


def test_periods_are_as_long_as_possible():
    """A free stretch is one period, and is not cut into meetings."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes
        query   ############
        alice   .....#......
        =alice  #####.######
    """)


def test_periods_of_different_people_may_overlap():
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
    """Bob is free only while Alice is; slots would show when both are."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, 1 of alice bob
        query   ############
        alice   ............
        bob     ###.....####
        =alice  ############
    """)


def test_periods_start_on_the_grid_and_end_off_it():
    """A meeting can start at ten; the free time ends at half past one, which need not be on the grid."""
    check_picture("""
        09:30 every 30 minutes
        periods of 60 minutes, starting every 60 minutes
        query   ##########
        alice   ........#.
        =alice  .#######..
    """)


def test_a_period_too_short_from_its_grid_point_is_left_out():
    """Ninety minutes are free from half past nine, but only sixty from ten; from twelve there are exactly ninety."""
    check_picture("""
        09:30 every 30 minutes
        periods of 90 minutes, starting every 60 minutes
        query   ###.####
        alice   ........
        =alice  .....###
    """)


def test_each_persons_period_starts_on_the_grid():
    """Bob's longer period starts when he arrives, rounded up to the grid."""
    check_picture("""
        09:00 every 15 minutes
        periods of 30 minutes, starting every 30 minutes, 1 of alice bob
        query   ################
        alice   .........#######
        bob     #####.......####
        =alice  #########.......
        =bob    ......######....
    """)


def test_a_member_who_arrives_before_the_grid_point_counts():
    """Bob, who stays longer, has arrived at ten past nine: the period from half past nine is his alone."""
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
    """As many as possible: from the start of the free time, then from the end of each."""
    check_picture("""
        09:00 every 30 minutes
        slots of 60 minutes
        query   ############
        alice   .....#......
        =alice  ##==..##==##
    """)


def test_slots_never_overlap_even_on_a_finer_grid():
    """Each starts at the first grid point after the end of the previous one."""
    check_picture("""
        09:00 every 15 minutes
        slots of 45 minutes, starting every 30 minutes
        query   ############
        alice   ............
        =alice  ###.###.###.
    """)


def test_slots_start_at_the_first_grid_point():
    """The grid is on the clock, and not counted from the window's start."""
    check_picture("""
        09:15 every 15 minutes
        slots of 60 minutes, starting every 60 minutes
        query   #############
        alice   .............
        =alice  ...####====..
    """)


def test_participants_change_only_between_slots():
    """Bob takes the first, Alice the last; the middle one names those who are free for all of it."""
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


def test_a_member_who_arrives_late_does_not_delay_slots():
    """Carol joins the slots for which she is free throughout."""
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
    """Every start that a calendar view could offer."""
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


def test_overlapping_slots_may_be_apart():
    """With hourly starts, half-hour slots do not overlap."""
    check_picture("""
        09:00 every 30 minutes
        overlapping slots of 30 minutes, starting every 60 minutes
        query   ########
        alice   ....#...
        =alice  #.#...#.
    """)


def test_overlapping_slots_without_a_grid_are_slots():
    """Without a grid there is no distance at which to overlap."""
    check_picture("""
        09:00 every 30 minutes
        overlapping slots of 60 minutes
        query   ########
        alice   .....#..
        =alice  ##==..##
    """)


# Query slots


def test_query_slots_are_results_if_they_fit():
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


def test_query_slots_ignore_the_grid():
    """An explicit start is meant exactly."""
    check_picture("""
        09:10 every 10 minutes
        slots of 20 minutes, starting every 60 minutes
        asked   #..#..
        alice   ......
        =alice  ##.##.
    """)


def test_query_slots_obey_groups_buffers_and_available_periods():
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
def test_query_slots_give_the_same_answer_in_every_format(response_format):
    """Each start has exactly one meeting of the given length."""
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


# Number of results


def test_the_earliest_results_are_returned():
    """The first two of four, as the caller asked for two."""
    check_picture("""
        09:00 every 30 minutes
        slots of 60 minutes, at most 2
        query   ########
        alice   ........
        =alice  ##==....
    """)


def test_the_earliest_periods_are_returned():
    """Ordered by their start."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, 1 of alice bob, at most 2
        query   ############
        alice   ......#.....
        bob     ####....####
        =alice  ######......
        =bob    ....####....
    """)


def test_the_earliest_query_slots_are_returned():
    """In time order, whatever their order in the query."""
    picture = parse_picture("""
        09:00 every 60 minutes
        slots of 60 minutes, at most 2
        asked   #.##
        alice   ....
        =alice  #.=.
    """)
    query = replace(picture.query, query_slots=list(reversed(picture.query.query_slots or ())))
    assert picture.compare(solve(query, picture.facts())) == ""


def test_twenty_results_are_returned_by_default():
    """The documented default."""
    check_picture("""
        09:00 every 5 minutes
        slots of 5 minutes
        query   ########################
        alice   ........................
        =alice  #=#=#=#=#=#=#=#=#=#=....
    """)
