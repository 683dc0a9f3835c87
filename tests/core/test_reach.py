"""Reach, drawn as the digit of the instant that a meeting can last until: `44888888`; a dot where nobody can start."""

import pytest

from core.reach import Step, Steps, group_reach, least
from tests.pictures import span_set


def drawn(steps: Steps, width: int) -> str:
    cells = ["."] * width
    for start, end, reach in steps:
        cells[start:end] = str(reach) * (end - start)
    return "".join(cells)


def reach(*free: str, needed: int) -> str:
    return drawn(group_reach([span_set(cells) for cells in free], needed), len(free[0]))


def test_one_member_reaches_the_end_of_the_free_span():
    """The whole of the definition, for one."""
    assert reach("####..##.", needed=1) == "4444..88."


def test_all_members_reach_the_end_of_what_they_have_in_common():
    """The first to leave ends the meeting."""
    assert reach("######...", ".#######.", "..####.##", needed=3) == "..6666..."


@pytest.mark.parametrize(
    ("needed", "reached"),
    [(1, "44888888."), (2, "..44.....")],
)
def test_reach_jumps_to_whoever_stays_longer(needed, reached):
    """The drawing at the head of the solver: Alice leaves at four, Bob comes at two and stays until eight."""
    assert reach("####.....", "..######.", needed=needed) == reached


def test_nobody_hands_over():
    """Somebody is free at every moment, and yet nobody stays across the fourth."""
    assert reach("####....", "....####", needed=1) == "44448888"


def test_of_three_the_second_latest_counts_when_two_are_needed():
    """Not the latest: one person alone would stay until then."""
    assert reach("#########.", "#######...", "####......", needed=2) == "7777777..."
    assert reach("#####.....", "..######..", "....#####.", needed=2) == "..558888.."


def test_steps_with_the_same_reach_are_one():
    """Bob comes, and nothing changes: a step more would be a step too many to walk along."""
    assert group_reach([span_set("########"), span_set("..####..")], 1) == [Step(0, 8, 8)]


def test_a_gap_ends_a_step():
    """Free again later is another meeting."""
    assert group_reach([span_set("##..##")], 1) == [Step(0, 2, 2), Step(4, 6, 6)]
    assert group_reach([span_set("##...."), span_set("....##")], 1) == [Step(0, 2, 2), Step(4, 6, 6)]


def test_nobody_free_is_no_step():
    """Neither for one of them nor for all."""
    assert group_reach([span_set("...."), span_set("....")], 1) == []
    assert group_reach([span_set("...."), span_set("####")], 2) == []


def test_the_least_of_two_reaches_counts_where_both_groups_have_one():
    """Both groups have to stay, so the first that cannot ends the meeting."""
    hosts = group_reach([span_set("######.##")], 1)
    rooms = group_reach([span_set("####....."), span_set("..#######")], 1)
    assert drawn(rooms, 9) == "449999999"
    assert drawn(least(hosts, rooms), 9) == drawn(least(rooms, hosts), 9) == "446666.99"


def test_a_group_without_anybody_leaves_nothing():
    """However free the others are."""
    assert least(group_reach([span_set("####")], 1), []) == []
