"""Participants of each result, from the rooms of each member."""

from collections.abc import Sequence

from core.free import Rooms
from core.participants import participants
from core.query import Group, Member

LONG = [(0, 8), (10, 18)]


def present(*groups: tuple[str, Sequence[Rooms] | None], found: list[tuple[int, int]]) -> list[tuple[str, ...]]:
    """The participants of each result; groups are given by their members' initials."""
    asked = [Group([Member(name) for name in names], 1) for names, _ in groups]
    return list(participants(asked, [rooms for _, rooms in groups], found))


def test_a_room_inside_a_result_does_not_count():
    """Bob is free during the meeting, but neither from its start nor to its end."""
    assert present(("ab", [LONG, [(2, 4), (12, 14)]]), found=LONG) == [("a",), ("a",)]
    assert present(("ab", [LONG, [(0, 4), (12, 18)]]), found=LONG) == [("a",), ("a",)]


def test_a_room_counts_for_all_results_within_its_bounds():
    """Bob joins for the second, stays to the exact end of the third, and returns for the last."""
    found = [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    rooms = [[(0, 10)], [(1, 6), (8, 10)]]
    assert present(("ab", rooms), found=found) == [("a",), ("a", "b"), ("a", "b"), ("a",), ("a", "b")]


def test_a_group_that_requires_all_needs_no_search():
    """All its members attend, named in the order of the request."""
    assert present(("ab", [[], LONG]), ("cd", None), ("a", [[]]), found=LONG) == [("b", "c", "d")] * 2


def test_the_same_people_are_one_tuple_across_groups():
    """Alice attends one result for her first group and the other for her second: both results share one tuple."""
    one, other = present(("a", [LONG[:1]]), ("a", [LONG[1:]]), found=LONG)
    assert one == ("a",)
    assert one is other


def test_without_results_there_are_no_participants():
    """However much free time there is."""
    assert present(("ab", [LONG, LONG]), found=[]) == []
