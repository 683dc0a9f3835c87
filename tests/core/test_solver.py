"""When can they meet? Who is free, and how buffers keep away from events: drawn, and executed (see tests/support/pictures.py)."""

from tests.support.pictures import check_picture

# Free time of one member


def test_free_time_is_the_window_without_the_events():
    """The simplest question there is."""
    check_picture("""
        09:00 every 30 minutes
        periods of 30 minutes
        query   ################
        alice   ..####......##..
        =alice  ##....######..##
    """)


def test_a_gap_shorter_than_the_meeting_is_no_period():
    """The hour from twelve is too short for an hour and a half; one that is just long enough is not."""
    check_picture("""
        09:00 every 30 minutes
        periods of 90 minutes
        query   ############
        alice   ...###..#...
        =alice  ###......###
    """)


def test_an_event_outside_of_the_window_changes_nothing():
    """Nor does the part of one that sticks out."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes
        query   ...######...
        alice   #####....#.#
        =alice  .....####...
    """)


def test_no_time_is_lost_between_events_that_touch_the_meeting():
    """Half-open: an event that ends at eleven and a meeting that starts at eleven do not conflict."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes
        query   ######
        alice   ##.===
        =alice  ..#...
    """)


def test_overlapping_and_touching_events_block_once():
    """Booked twice is as busy as booked once, and nothing can be squeezed in between two that touch."""
    check_picture("""
        09:00 every 30 minutes
        periods of 30 minutes
        query   ##########
        alice   .####.....
        alice   ...####...
        alice   .......=..
        =alice  #.......##
    """)


def test_a_busy_window_has_no_openings():
    """An empty answer, and no error."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes
        query   ####
        alice   ####
        =       ....
    """)


def test_query_periods_that_touch_or_overlap_are_one():
    """The meeting may lie across the seam."""
    check_picture("""
        09:00 every 60 minutes
        periods of 180 minutes
        query   ##==......
        query   ......###.
        query   .......###
        alice   ..........
        =alice  ####..####
    """)


def test_no_meeting_lies_across_a_gap_between_query_periods():
    """Two hours are free on each side of it, and nobody asked about the hour in between."""
    check_picture("""
        09:00 every 60 minutes
        periods of 180 minutes
        query   ##.###
        alice   ......
        =alice  ...###
    """)


def test_a_member_s_own_periods_bound_that_member_only():
    """Alice comes at ten; Bob has no such wish."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes, 1 of alice bob
        query       ######
        alice       ...#..
        alice only  .####.
        bob         ##....
        =alice      .##...
        =bob        ..####
    """)


def test_a_member_s_own_periods_that_touch_are_one():
    """A meeting may lie across that seam as well."""
    check_picture("""
        09:00 every 60 minutes
        periods of 180 minutes
        query       ######
        alice       ......
        alice only  .##==.
        =alice      .####.
    """)


def test_hours_and_own_periods_both_have_to_hold():
    """The rules say nine to twelve and from one, this query says from eleven: what is left is what both allow."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes
        query        ########
        alice        ......#.
        alice hours  ###.####
        alice only   ..#####.
        =alice       ..#.##..
    """)


def test_hours_without_anything_in_them_leave_no_time():
    """None at all means always; an empty set means never, and is not mistaken for it."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes
        query        ####
        alice        ....
        alice hours  ....
        =            ....
    """)


def test_tentative_events_block_unless_the_member_ignores_them():
    """It is decided member by member, where the events are read."""
    check_picture("""
        09:00 every 60 minutes
        slots of 60 minutes, 1 of alice bob, bob ignores tentative
        query       #####
        alice       .?..#
        bob         .?..#
        =alice bob  #.#=.
        =bob        .#...
    """)


# Buffers


def test_a_buffer_before_keeps_the_time_behind_an_event_free():
    """Before the meeting nothing: so it starts half an hour later than the event ends."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, buffer 30 before
        query   ############
        alice   ....####....
        =alice  ####.....###
    """)


def test_a_buffer_after_keeps_the_time_in_front_of_an_event_free():
    """After the meeting nothing: so it ends half an hour before the event starts."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, buffer 30 after
        query   ############
        alice   ....####....
        =alice  ###.....####
    """)


def test_both_buffers_can_close_a_gap():
    """Two hours between two events, an hour and a half of it kept free: no hour is left in the middle."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, buffer 60 before 30 after
        query   ################
        alice   ....##....##....
        =alice  ###...........##
    """)


def test_buffers_do_not_shrink_the_edges_of_the_window():
    """They keep away from events. Where one looks, a member's own periods and hours are no events."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, buffer 30 before 30 after
        query        ########........
        query        ..........######
        alice        ................
        alice only   ################
        alice hours  ####..##########
        =alice       ####..##..######
    """)


def test_an_event_outside_of_the_window_still_has_its_buffer():
    """It is over when the window opens, but not half an hour ago."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, buffer 30 before 60 after
        query   ..########..
        alice   ##........##
        =alice  ...#####....
    """)


def test_a_member_s_buffer_replaces_the_whole_of_the_query_s():
    """Alice keeps an hour on both sides. Bob has said something about after, so before is nothing for him."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes
        buffer 60 before 60 after, bob buffer 30 after
        query       ####################
        alice       ....##..............
        bob         .............##.....
        =alice bob  ##......####...#####
    """)


def test_a_buffer_of_nothing_lets_a_member_off():
    """Alice still needs her hour behind an event, Bob comes straight from his."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes
        buffer 60 before 60 after, bob buffer 0 before
        query       ############
        alice       ##..........
        bob         ........##..
        =alice bob  ....####..##
    """)
