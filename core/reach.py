"""Reach: how long a meeting that starts at `t` can last with the same people staying from start to end.

Reach never falls, so it is told by its *steps* in order: `(since, reach)` says that a meeting which starts at `since`
or later can last until `reach`, until the next step begins. What is left out are steps that the meeting does not fit in; a
start that belongs to one of those is told the step before instead, whose reach is too near as well.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from heapq import heapreplace
from itertools import chain
from typing import TypeAlias

from .free import Rooms
from .instants import Instant

Step: TypeAlias = tuple[Instant, Instant]

#: of how many rooms of a member it is that the first are put in order
FIRST = 32

#: earlier and later than any instant, by more than any duration
BEFORE_ALL: Instant = -(1 << 62)
AFTER_ALL: Instant = 1 << 62


def group_reach(free: Sequence[Rooms], needed: int, duration: int) -> Iterator[Step]:
    """The reach of a group that needs `needed` of its members, whose rooms are given.

    It is the needed-th latest end of all rooms that have begun. Those that are over take nobody's place: they ended before.
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
    """All rooms in the order of their starts, and at first only some: whoever wants few results needs no more.

    Those at first are the ones that begin before a certain one of the member who has most; then twice as many. Where members
    have few rooms each, to look for that moment in all of them would cost more than it saves.
    """
    most, all_of_them = max(free, key=len), sum(map(len, free))
    begun, count = [0] * len(free), FIRST if all_of_them > FIRST * len(free) else all_of_them
    while count < len(most):
        until = [bisect_left(rooms, most[count]) for rooms in free]
        yield sorted(chain.from_iterable(rooms[a:b] for rooms, a, b in zip(free, begun, until, strict=True)))
        begun, count = until, 2 * count
    yield sorted(chain.from_iterable(rooms[a:] for rooms, a in zip(free, begun, strict=True)))


def least_reach(groups: Sequence[Iterable[Step]], duration: int) -> Iterable[Step]:
    """The reach of all groups together: the smallest of theirs, for every group has to stay."""
    return groups[0] if len(groups) == 1 else _least(groups, duration)


def _least(groups: Sequence[Iterable[Step]], duration: int) -> Iterator[Step]:
    """The group with the smallest reach holds all others back: nothing changes before it takes its next step.

    So that one only is followed from step to step; the others catch up when it is their turn to be the smallest.
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
