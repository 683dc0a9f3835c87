"""The set that evicts the oldest members of the owners that have most."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.fair_set import FairSet, fair_share


def test_the_oldest_member_makes_room() -> None:
    evicted: list[int] = []
    members = FairSet[int](3, evicted.append)
    for number in range(5):
        members.add(number, "one")
    assert evicted == [0, 1]
    assert len(members) == 3


def test_an_owner_with_few_members_loses_none_to_one_with_many() -> None:
    evicted: list[int] = []
    members = FairSet[int](10, evicted.append)
    for number in range(2):
        members.add(-number - 1, "a few")
    for number in range(1000):
        members.add(number, "many")
    assert min(evicted) == 0
    assert len(members) <= 10


def test_a_removed_member_is_not_evicted() -> None:
    evicted: list[int] = []
    members = FairSet[int](2, evicted.append)
    for number in range(3):
        members.add(number, "one")
        members.discard(number)
        members.discard(number)
    assert (evicted, len(members)) == ([], 0)


@given(st.lists(st.integers(0, 9), max_size=200), st.integers(1, 60))
def test_an_owner_with_no_more_than_an_equal_part_loses_nothing(owners: list[int], most: int) -> None:
    """And no more members are evicted at once than a tenth of all and the one that was too many."""
    left: dict[int, int] = {}
    members = FairSet[int](most, left.pop)
    for number, owner in enumerate(owners):
        left[number] = owner
        before = Counter(left.values())
        members.add(number, owner)
        after = Counter(left.values())
        equal_part = (most - most // 10) // len(before)
        assert len(members) == len(left) <= most
        assert before.total() - after.total() <= most // 10 + 1
        assert [each for each in before if after[each] < min(before[each], equal_part)] == []


@pytest.mark.parametrize(
    ("total", "wanted", "share"),
    [
        (10, [1, 2, 100], 7),
        (10, [5, 5], 5),
        (9, [5, 5], 4),
        (10, [100], 10),
        (2, [1, 1, 1], 0),
        (10, [1, 2], 2),
        (3, [], 0),
    ],
)
def test_fair_shares(total: int, wanted: list[int], share: int) -> None:
    assert fair_share(total, wanted) == share
