"""From reach to results: periods, slots, overlapping slots, and query slots.

Every function takes the steps of the query's reach and the required duration in seconds, and yields spans
in time order, soonest first. `interval` is the grid of starts in seconds, aligned to the UTC clock; None: any
instant. All are lazy: a caller that takes twenty results pays for twenty.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import TypeAlias

from .instants import Instant
from .reach import AFTER_ALL, BEFORE_ALL, Step
from .spans import Bounds

#: first, last, reach: every start from `first` to `last`, both included, leaves room for the meeting before `reach`
Viable: TypeAlias = tuple[Instant, Instant, Instant]


def viable(steps: Iterable[Step], duration: int) -> Iterator[Viable]:
    """Yields where in each step a meeting can start."""
    for (since, reach), (then, _) in pairwise(chain(steps, ((AFTER_ALL, AFTER_ALL),))):
        last = min(reach - duration, then - 1)
        if since <= last:
            yield since, last, reach


def on_grid(instant: Instant, interval: int | None) -> Instant:
    """Returns the first grid point that is not before the instant."""
    return -(-instant // interval) * interval if interval else instant


def periods(steps: Iterable[Step], duration: int, interval: int | None) -> Iterator[Bounds]:
    """Yields the longest possible periods: none lies inside another, and every meeting that fits lies in one."""
    reached = BEFORE_ALL
    for first, last, reach in viable(steps, duration):
        start = on_grid(first, interval)
        # A later start within the same step reaches no further, so only a step's first can begin a period.
        if start <= last and reach > reached:
            reached = reach
            yield start, reach


def slots(steps: Iterable[Step], duration: int, interval: int | None) -> Iterator[Bounds]:
    """Yields meetings that do not overlap: the earliest that fits, then the earliest after it. No choice gives more."""
    return _meetings(steps, duration, interval, on_grid(duration, interval))


def overlapping_slots(steps: Iterable[Step], duration: int, interval: int | None) -> Iterator[Bounds]:
    """Yields a meeting at every grid point where one fits; without a grid, the same as slots."""
    return _meetings(steps, duration, interval, interval or duration)


def _meetings(steps: Iterable[Step], duration: int, interval: int | None, stride: int) -> Iterator[Bounds]:
    """Yields meetings whose starts are at least `stride` seconds apart, which is a multiple of the grid's interval."""
    earliest = BEFORE_ALL
    for first, last, _ in viable(steps, duration):
        for start in range(on_grid(max(first, earliest), interval), last + 1, stride):
            yield start, start + duration
            earliest = start + stride


def asked_slots(steps: Iterable[Step], duration: int, starts: Sequence[Instant]) -> Iterator[Bounds]:
    """Yields a meeting at each of the starts, given in time order, where one fits."""
    for first, last, _ in viable(steps, duration):
        for start in starts[bisect_left(starts, first) : bisect_right(starts, last)]:
            yield start, start + duration
