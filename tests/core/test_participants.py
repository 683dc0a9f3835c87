"""Who is there: from the rooms of each member to the people in each result."""

from collections.abc import Sequence

from core.free import Rooms
from core.participants import participants
from core.query import Group, Member

LONG = [(0, 8), (10, 18)]


def present(*groups: tuple[str, Sequence[Rooms] | None], found: list[tuple[int, int]]) -> list[tuple[str, ...]]:
    """Groups are given by their members' initials."""
    asked = [Group([Member(name) for name in names], 1) for names, _ in groups]
    return list(participants(asked, [rooms for _, rooms in groups], found))


def test_a_room_within_a_result_holds_none():
    """Bob is free while the meeting goes on, but not from its start, nor to its end."""
    assert present(("ab", [LONG, [(2, 4), (12, 14)]]), found=LONG) == [("a",), ("a",)]
    assert present(("ab", [LONG, [(0, 4), (12, 18)]]), found=LONG) == [("a",), ("a",)]


def test_a_room_holds_all_results_between_its_bounds():
    """Bob comes for the second, stays for the third, which ends when he has to go, and is back for the last."""
    found = [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]
    rooms = [[(0, 10)], [(1, 6), (8, 10)]]
    assert present(("ab", rooms), found=found) == [("a",), ("a", "b"), ("a", "b"), ("a",), ("a", "b")]


def test_where_all_are_needed_nobody_is_looked_for():
    """They are there in any case, named where the request names them."""
    assert present(("ab", [[], LONG]), ("cd", None), ("a", [[]]), found=LONG) == [("b", "c", "d")] * 2


def test_the_same_people_are_one_tuple_whichever_group_they_are_there_for():
    """Alice is free in her first group for one result and in her second for the other: it is Alice both times."""
    one, other = present(("a", [LONG[:1]]), ("a", [LONG[1:]]), found=LONG)
    assert one == ("a",)
    assert one is other


def test_without_results_nobody_is_there():
    """However free."""
    assert present(("ab", [LONG, LONG]), found=[]) == []
