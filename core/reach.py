"""Reach: how long a meeting that starts at `t` can last with the same people from start to end.

Reach never falls, so it is represented by its *steps* in order: `(since, reach)` means that a meeting which
starts at `since` or later, but before the next step, can last until `reach`. Steps that the meeting does not
fit in are omitted; a start in one of those belongs to the step before, whose reach is too near as well.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapreplace
from itertools import chain
from typing import TypeAlias

from .free import Rooms
from .instants import Instant

Step: TypeAlias = tuple[Instant, Instant]

#: size of the first batch of rooms to sort, in rooms of the member with most rooms
FIRST = 32

#: earlier and later than any instant, by more than any duration
BEFORE_ALL: Instant = -(1 << 62)
AFTER_ALL: Instant = 1 << 62


def group_reach(free: Sequence[Rooms], needed: int, duration: int) -> Iterator[Step]:
    """Yields the reach of a group that needs `needed` of its members, given their rooms.

    It is the needed-th latest end of all rooms that have begun. Rooms that are over do not distort it,
    because they ended earlier.
    """
    latest = [BEFORE_ALL] * needed  # a heap: the needed-th latest comes first
    reach = BEFORE_ALL
    for start, end in chain.from_iterable(_by_start(free)):
        if end > reach:
            heapreplace(latest, end)
            if latest[0] > reach:
                reach = latest[0]
                if reach - start >= duration:
                    yield start, reach


def _by_start(free: Sequence[Rooms]) -> Iterator[Rooms]:
    """Yields all rooms sorted by start, in growing batches: a caller that wants few results stops early.

    The first batch ends at the FIRST-th room of the member with most rooms, the next at twice as many, and so
    on. Members with few rooms each are one batch: finding that instant in all of them would cost more than
    it saves.
    """
    most, all_of_them = max(free, key=len), sum(map(len, free))
    begun, count = [0] * len(free), FIRST if all_of_them > FIRST * len(free) else all_of_them
    while count < len(most):
        until = [bisect_left(rooms, most[count]) for rooms in free]
        yield sorted(chain.from_iterable(rooms[a:b] for rooms, a, b in zip(free, begun, until, strict=True)))
        begun, count = until, 2 * count
    yield sorted(chain.from_iterable(rooms[a:] for rooms, a in zip(free, begun, strict=True)))


def least_reach(groups: Sequence[Iterable[Step]], duration: int) -> Iterable[Step]:
    """Returns the reach of all groups together: the smallest of theirs, since every group has to stay."""
    return groups[0] if len(groups) == 1 else _least(groups, duration)


def _least(groups: Sequence[Iterable[Step]], duration: int) -> Iterator[Step]:
    """Yields the smallest reach, which does not change before the group that has it takes its next step.

    So only that group is followed from step to step; the others catch up when their reach is the smallest.
    """
    ahead = [chain(steps, ((AFTER_ALL, AFTER_ALL),)) for steps in groups]
    reaches = [(BEFORE_ALL, group) for group in range(len(groups))]  # a heap: the smallest comes first
    since = BEFORE_ALL
    while since < AFTER_ALL:
        reach, smallest = reaches[0]
        then, further = next(ahead[smallest])
        if then > since:
            if reach - since >= duration:
                yield since, reach
            since = then
        heapreplace(reaches, (further, smallest))
