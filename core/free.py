"""Free time: what the window and a member's own limits leave between busy spans.

A *room* is a span of free time that the meeting fits in. Shorter spans are ignored.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from .spans import Bounds, Busy, SpanSet, in_common

#: The cost of searching for the spans that meet one room, in spans visited.
SEARCH = 8

#: the rooms of one member, or of several in common: sorted and disjoint
Rooms: TypeAlias = Sequence[Bounds]


class Restrictions(NamedTuple):
    """What restricts a member: a meeting must lie within every limit, and clear of the busy time."""

    limits: Sequence[SpanSet]
    busy: Busy


def rooms_of_one(window: SpanSet, member: Restrictions, duration: int) -> Rooms:
    """Returns the rooms of a member."""
    return in_common((window, *member.limits), without=(member.busy,), shortest=duration)


def rooms_of_all(window: SpanSet, members: Iterable[Restrictions], duration: int) -> Rooms:
    """Returns the rooms that the members have in common: what one leaves of the window is the next one's window.

    Members with few busy spans are batched until the batch is as large as the remaining window. So the
    remaining window is never scanned more often than pays off, and many members cost O(n log n) as few do.
    Of a member with many busy spans, when little of the window remains, only those that meet it are used.
    """
    left, found = window, list[Bounds]()
    limits: list[SpanSet] = []
    busy: list[Busy] = []
    size = 0
    for limited, taken in members:
        limits += limited
        busy.append(taken.meeting(left) if len(left) * SEARCH < len(taken.starts) else taken)
        size += len(busy[-1].starts) + sum(map(len, limited))
        if size >= len(left):
            found = in_common((left, *limits), without=busy, shortest=duration)
            if not found:
                return found
            left, limits, busy, size = SpanSet.in_order(found), [], [], 0
    return in_common((left, *limits), without=busy, shortest=duration) if busy else found
