"""Solver: free time and buffers, as executable pictures (see tests/support/pictures.py)."""

from tests.support.pictures import check_picture

# Free time of one member


def test_free_time_is_the_window_without_the_events():
    """The simplest query."""
    check_picture("""
        09:00 every 30 minutes
        periods of 30 minutes
        query   ################
        alice   ..####......##..
        =alice  ##....######..##
    """)


def test_a_gap_shorter_than_the_meeting_gives_no_period():
    """The hour from twelve is too short for an hour and a half; a gap of exactly that length is enough."""
    check_picture("""
        09:00 every 30 minutes
        periods of 90 minutes
        query   ############
        alice   ...###..#...
        =alice  ###......###
    """)


def test_an_event_outside_the_window_changes_nothing():
    """Nor does the part of an event outside it."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes
        query   ...######...
        alice   #####....#.#
        =alice  .....####...
    """)


def test_no_time_is_lost_between_events_and_the_meeting():
    """Half-open: an event that ends at eleven and a meeting that starts at eleven do not conflict."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes
        query   ######
        alice   ##.===
        =alice  ..#...
    """)


def test_overlapping_and_touching_events_block_once():
    """Two events at the same time block like one, and nothing fits between two that touch."""
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
    """The answer is empty, and no error."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes
        query   ####
        alice   ####
        =       ....
    """)


def test_query_periods_that_touch_or_overlap_are_merged():
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


def test_no_meeting_crosses_a_gap_between_query_periods():
    """Two hours are free on each side of it, but the query leaves out the hour in between."""
    check_picture("""
        09:00 every 60 minutes
        periods of 180 minutes
        query   ##.###
        alice   ......
        =alice  ...###
    """)


def test_available_periods_restrict_only_their_own_member():
    """Alice comes at ten; Bob is not restricted."""
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


def test_available_periods_that_touch_are_merged():
    """A meeting may lie across that seam too."""
    check_picture("""
        09:00 every 60 minutes
        periods of 180 minutes
        query       ######
        alice       ......
        alice only  .##==.
        =alice      .####.
    """)


def test_working_hours_and_available_periods_are_intersected():
    """The rules say nine to twelve and from one, the query says from eleven: the overlap remains."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes
        query        ########
        alice        ......#.
        alice hours  ###.####
        alice only   ..#####.
        =alice       ..#.##..
    """)


def test_empty_working_hours_leave_no_time():
    """None means always; an empty set means never."""
    check_picture("""
        09:00 every 60 minutes
        periods of 60 minutes
        query        ####
        alice        ....
        alice hours  ....
        =            ....
    """)


def test_tentative_events_block_unless_the_member_ignores_them():
    """Decided for each member, when the events are read."""
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


def test_a_buffer_before_keeps_time_free_after_an_event():
    """The time before the meeting is free: it starts half an hour after the event ends."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, buffer 30 before
        query   ############
        alice   ....####....
        =alice  ####.....###
    """)


def test_a_buffer_after_keeps_time_free_before_an_event():
    """The time after the meeting is free: it ends half an hour before the event starts."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, buffer 30 after
        query   ############
        alice   ....####....
        =alice  ###.....####
    """)


def test_both_buffers_can_close_a_gap():
    """Two hours between two events, less an hour and a half of buffers: too short for an hour."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, buffer 60 before 30 after
        query   ################
        alice   ....##....##....
        =alice  ###...........##
    """)


def test_buffers_do_not_shrink_the_window():
    """They apply to events. The bounds of query periods, available periods and hours are not events."""
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


def test_an_event_outside_the_window_still_has_its_buffer():
    """It has ended when the window begins, but its buffer has not."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes, buffer 30 before 60 after
        query   ..########..
        alice   ##........##
        =alice  ...#####....
    """)


def test_a_member_s_buffer_replaces_the_whole_query_buffer():
    """Alice keeps an hour on both sides. Bob sets only `after`, so his `before` is zero."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes
        buffer 60 before 60 after, bob buffer 30 after
        query       ####################
        alice       ....##..............
        bob         .............##.....
        =alice bob  ##......####...#####
    """)


def test_a_buffer_of_zero_exempts_a_member():
    """Alice still needs her hour after an event; Bob needs none."""
    check_picture("""
        09:00 every 30 minutes
        periods of 60 minutes
        buffer 60 before 60 after, bob buffer 0 before
        query       ############
        alice       ##..........
        bob         ........##..
        =alice bob  ....####..##
    """)
