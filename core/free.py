"""Free time: what the window and a member's own limits leave between busy spans.

A *room* is a span of it that the meeting fits in. Shorter ones are nobody's concern.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

from .spans import Bounds, Busy, SpanSet, in_common

#: Looking for what meets a room takes as long as looking at so many spans.
SEARCH = 8

#: of one member, or of several together: in order and disjoint
Rooms: TypeAlias = Sequence[Bounds]


class Restrictions(NamedTuple):
    """What keeps a member from meeting: it has to be within every limit, and clear of the busy time."""

    limits: Sequence[SpanSet]
    busy: Busy


def rooms_of_one(window: SpanSet, member: Restrictions, duration: int) -> Rooms:
    """The rooms of a member."""
    return in_common((window, *member.limits), without=(member.busy,), shortest=duration)


def rooms_of_all(window: SpanSet, members: Iterable[Restrictions], duration: int) -> Rooms:
    """The rooms that the members have in common: what one leaves of the window is the window for the next.

    Members with little to say are taken together until they have as much to say as there is left of the window. So what
    is left is never looked at more often than it pays, and many members cost n log n as few do. Of a member with much to
    say while little is left, only what meets that is looked at.
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
