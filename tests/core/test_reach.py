"""Reach, drawn as the digit of the instant that a meeting can last until: `44888888`; a dot where nobody can start."""

from collections.abc import Iterable

import pytest

from core.reach import FIRST, Step, _by_start, group_reach, least_reach
from core.slots import viable
from tests.support.pictures import span_set

#: long enough to be a meeting, and so short that everything is drawn
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


def test_who_has_left_is_counted_along_and_does_no_harm():
    """Two rooms are over by six, and the third counts for one only: nobody else is there then."""
    assert reach("##.......", "..###....", "......###", needed=2) == "........."


def test_who_comes_again_takes_the_place_of_the_room_before():
    """Alice's second room is one person more than her first, but not one more than herself."""
    assert reach("###.####", "........", ".......#", needed=2) == ".......8"


def test_somebody_who_changes_nothing_makes_no_step():
    """Bob comes, and nothing changes: a step more would be a step too many to walk along."""
    assert group("########", "..####..", needed=1) == [(0, 8)]
    assert group("####....", "####....", "..####..", needed=2) == [(0, 4)]


def test_free_again_later_is_another_step():
    """In between there is nobody, which the reach of the step before says."""
    assert group("##..##", needed=1) == group("##....", "....##", needed=1) == [(0, 2), (4, 6)]


def test_a_step_that_the_meeting_does_not_fit_in_is_none():
    """From two on Bob could stay until four, and no meeting of three is as short as that."""
    assert list(group_reach([[(0, 9)], [(2, 4)], [(5, 9)]], 2, 3)) == [(5, 9)]


def test_nobody_free_is_no_step():
    """Neither for one of them nor for all."""
    assert group("....", "....", needed=1) == []
    assert group("....", "####", needed=2) == []


def test_time_has_no_beginning():
    """Before 1970, too."""
    assert list(group_reach([[(-90, -50)], [(-70, -20)]], 1, 10)) == [(-90, -50), (-70, -20)]


@pytest.mark.parametrize("others", [[], [(0, 9)], [(5000 * n, 5000 * n + 9) for n in range(10)]])
def test_whoever_takes_few_steps_has_few_rooms_put_in_order(others):
    """Twice as many each time; and all of them, each once, when they are wanted."""
    many = [(10 * n, 10 * n + 9) for n in range(1000)]
    parts = list(_by_start([many, others]))
    assert [len(part) for part in parts[:2]] == [FIRST + bool(others), FIRST]
    assert len(parts) <= 6
    assert [room for part in parts for room in part] == sorted(many + others)


def test_where_everybody_has_few_rooms_they_are_put_in_order_at_once():
    """To look for one moment in all of them would cost more than it saves, even if one has many."""
    free = [[(n, n + 9)] for n in range(1000)]
    assert len(list(_by_start(free))) == 1
    assert len(list(_by_start([*free, [(10 * n, 10 * n + 9) for n in range(1000)]]))) == 1


def least(*groups: list[Step]) -> list[Step]:
    return list(least_reach(groups, DURATION))


def test_the_least_of_two_reaches_counts_where_both_groups_have_one():
    """Both groups have to stay, so the first that cannot ends the meeting."""
    hosts = group("######.##", needed=1)
    rooms = group("####.....", "..#######", needed=1)
    assert drawn(rooms, 9) == "449999999"
    assert drawn(least(hosts, rooms), 9) == drawn(least(rooms, hosts), 9) == "446666.99"


def test_the_least_of_many_reaches_is_that_of_whoever_is_furthest_behind():
    """Each of the three holds the others back for a while, and steps that come meanwhile are caught up with."""
    groups = [[(0, 4), (3, 9)], [(1, 5), (2, 6), (5, 9)], [(0, 7), (6, 9)]]
    assert drawn(least(*groups), 9) == ".446679" + "99"


def test_a_group_of_its_own_is_the_least():
    """One group costs no walk."""
    steps = group("####", needed=1)
    assert least_reach([steps], DURATION) is steps


def test_a_group_without_anybody_leaves_nothing():
    """However free the others are."""
    assert least(group("####", needed=1), []) == least([], group("####", needed=1)) == []
