"""Who is there: the members who are free for the whole of each result.

Results come in time order, starts and ends alike. So those that lie in one room are neighbours, from the first that
starts in it to the last that ends in it: at the one its member comes in, behind the other the member leaves. Who is there
is kept as a number with a bit for each member, and to come or to leave is to turn that bit over.
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
    """The subs of those who are free throughout each result, in request order, each once.

    `free` are the rooms of the members, group by group; None for a group of which everybody is there in any case. The
    same people are one and the same tuple, which is worth knowing for whoever writes them out.
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
    """The subs of those whose bits are set, as a set that keeps its order. Nobody else is looked at: there may be many."""
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
    """Who is there at each result: the i-th bit is the i-th member's."""
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
