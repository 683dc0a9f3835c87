"""Participants: the members who are free for the whole of each result.

Results are in time order, by start and by end alike. So the results that lie in one room are neighbours,
from the first that starts in it to the last that ends in it: the member joins at the first and leaves after
the last. The members present are an integer with one bit for each, and joining or leaving flips that bit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, repeat

from .free import Rooms
from .query import Group
from .reach import AFTER_ALL
from .spans import Bounds


def participants(
    groups: Sequence[Group], free: Sequence[Sequence[Rooms] | None], found: Sequence[Bounds]
) -> Iterator[tuple[str, ...]]:
    """Yields the subs that are free throughout each result, in request order, each once.

    `free` has the rooms of the members by group, and None for a group whose members are all present in any
    case. Equal subs are one tuple object, so that a serialiser can recognise them by identity.
    """
    subs = [member.sub for group in groups for member in group.members]
    by_bit = {1 << place: sub for place, sub in enumerate(subs)}
    by_presence: dict[int, tuple[str, ...]] = {}
    by_subs: dict[tuple[str, ...], tuple[str, ...]] = {}
    for present in _presence(_member_by_member(groups, free), found):
        if (people := by_presence.get(present)) is None:
            named = tuple(_each(present, by_bit))
            people = by_presence[present] = by_subs.setdefault(named, named)
        yield people


def _each(present: int, by_bit: Mapping[int, str]) -> dict[str, None]:
    """Returns the subs whose bits are set, as an ordered set. Visits only set bits, since there may be many members."""
    subs: dict[str, None] = {}
    while present:
        lowest = present & -present
        subs[by_bit[lowest]] = None
        present ^= lowest
    return subs


def _member_by_member(groups: Sequence[Group], free: Sequence[Sequence[Rooms] | None]) -> Iterator[Rooms | None]:
    for group, rooms in zip(groups, free, strict=True):
        yield from repeat(None, len(group.members)) if rooms is None else rooms


def _presence(free: Iterable[Rooms | None], found: Sequence[Bounds]) -> Iterator[int]:
    """Yields the members present at each result: bit i is the i-th member's."""
    starts, ends = [start for start, _ in found], [end for _, end in found]
    turned = [0] * (len(found) + 1)
    for place, rooms in enumerate(free):
        bit = 1 << place
        if rooms is None:
            turned[0] ^= bit
            continue
        for start, end in rooms[: bisect_right(rooms, (starts[-1], AFTER_ALL))] if found else ():
            first, behind = bisect_left(starts, start), bisect_right(ends, end)
            if first < behind:
                turned[first] ^= bit
                turned[behind] ^= bit
    return accumulate(turned[:-1], int.__xor__)
