"""Reach, drawn as the digit of the instant until which a meeting can last: `44888888`; a dot where none can start."""

from collections.abc import Iterable

import pytest

from core.reach import FIRST, Step, _by_start, group_reach, least_reach
from core.slots import viable
from tests.support.pictures import span_set

#: long enough for a meeting, and so short that every step is visible
DURATION = 1


def drawn(steps: Iterable[Step], width: int) -> str:
    cells = ["."] * width
    for first, last, reach in viable(steps, DURATION):
        cells[first : last + 1] = str(reach) * (last + 1 - first)
    return "".join(cells)


def group(*free: str, needed: int) -> list[Step]:
    return list(group_reach([list(span_set(cells)) for cells in free], needed, DURATION))


def reach(*free: str, needed: int) -> str:
    return drawn(group(*free, needed=needed), len(free[0]))


def test_one_member_reaches_the_end_of_the_free_span():
    """The definition, for one member."""
    assert reach("####..##.", needed=1) == "4444..88."


def test_all_members_reach_the_end_of_their_common_time():
    """The first to leave ends the meeting."""
    assert reach("######...", ".#######.", "..####.##", needed=3) == "..6666..."


@pytest.mark.parametrize(
    ("needed", "reached"),
    [(1, "44888888."), (2, "..44.....")],
)
def test_reach_jumps_to_a_member_who_stays_longer(needed, reached):
    """The drawing at the head of the solver: Alice leaves at four, Bob comes at two and stays until eight."""
    assert reach("####.....", "..######.", needed=needed) == reached


def test_members_do_not_hand_over():
    """Someone is free at every moment, but nobody is free across the fourth."""
    assert reach("####....", "....####", needed=1) == "44448888"


def test_the_second_latest_end_counts_when_two_are_required():
    """Not the latest, until which only one would stay."""
    assert reach("#########.", "#######...", "####......", needed=2) == "7777777..."
    assert reach("#####.....", "..######..", "....#####.", needed=2) == "..558888.."


def test_members_who_have_left_do_not_count():
    """Two rooms have ended by six, and the third is one member only."""
    assert reach("##.......", "..###....", "......###", needed=2) == "........."


def test_a_members_next_room_replaces_the_previous_one():
    """Alice's second room must not count as a second person."""
    assert reach("###.####", "........", ".......#", needed=2) == ".......8"


def test_a_member_who_changes_nothing_adds_no_step():
    """Bob arrives without effect: another step would be wasted work."""
    assert group("########", "..####..", needed=1) == [(0, 8)]
    assert group("####....", "####....", "..####..", needed=2) == [(0, 4)]


def test_free_time_after_a_gap_is_another_step():
    """The reach of the previous step shows the gap."""
    assert group("##..##", needed=1) == group("##....", "....##", needed=1) == [(0, 2), (4, 6)]


def test_a_step_too_short_for_the_meeting_is_left_out():
    """From two on Bob could stay until four, which is too short for a meeting of three."""
    assert list(group_reach([[(0, 9)], [(2, 4)], [(5, 9)]], 2, 3)) == [(5, 9)]


def test_without_free_members_there_is_no_step():
    """Neither for one of them nor for all."""
    assert group("....", "....", needed=1) == []
    assert group("....", "####", needed=2) == []


def test_reach_works_before_1970():
    """Instants may be negative."""
    assert list(group_reach([[(-90, -50)], [(-70, -20)]], 1, 10)) == [(-90, -50), (-70, -20)]


@pytest.mark.parametrize("others", [[], [(0, 9)], [(5000 * n, 5000 * n + 9) for n in range(10)]])
def test_few_rooms_are_sorted_when_few_steps_are_read(others):
    """Batches double; reading on returns every room once."""
    many = [(10 * n, 10 * n + 9) for n in range(1000)]
    parts = list(_by_start([many, others]))
    assert [len(part) for part in parts[:2]] == [FIRST + bool(others), FIRST]
    assert len(parts) <= 6
    assert [room for part in parts for room in part] == sorted(many + others)


def test_rooms_are_sorted_at_once_if_most_members_have_few():
    """Finding a cut in all lists would cost more than it saves, even if one member has many."""
    free = [[(n, n + 9)] for n in range(1000)]
    assert len(list(_by_start(free))) == 1
    assert len(list(_by_start([*free, [(10 * n, 10 * n + 9) for n in range(1000)]]))) == 1


def least(*groups: list[Step]) -> list[Step]:
    return list(least_reach(groups, DURATION))


def test_the_least_reach_of_two_groups_counts():
    """Both groups have to stay, so the first that cannot ends the meeting."""
    hosts = group("######.##", needed=1)
    rooms = group("####.....", "..#######", needed=1)
    assert drawn(rooms, 9) == "449999999"
    assert drawn(least(hosts, rooms), 9) == drawn(least(rooms, hosts), 9) == "446666.99"


def test_the_least_reach_of_many_groups_counts():
    """Each of the three is the limit for a while, and steps that were passed over are caught up with."""
    groups = [[(0, 4), (3, 9)], [(1, 5), (2, 6), (5, 9)], [(0, 7), (6, 9)]]
    assert drawn(least(*groups), 9) == ".446679" + "99"


def test_one_group_needs_no_merging():
    """Its steps are returned unchanged."""
    steps = group("####", needed=1)
    assert least_reach([steps], DURATION) is steps


def test_a_group_without_free_members_leaves_no_step():
    """However free the others are."""
    assert least(group("####", needed=1), []) == least([], group("####", needed=1)) == []
