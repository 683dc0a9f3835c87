"""From reach to results: periods, slots, overlapping slots, and slots that were asked about.

Every function takes the steps of the query's reach and the required duration in seconds, and yields spans in time
order, soonest first. `interval` is the grid that starts fall on, in seconds, aligned to the UTC clock; None: anywhere.
Each yields as it goes, so whoever wants twenty results pays for twenty.
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
    """Where in each step a meeting can start."""
    for (since, reach), (then, _) in pairwise(chain(steps, ((AFTER_ALL, AFTER_ALL),))):
        last = min(reach - duration, then - 1)
        if since <= last:
            yield since, last, reach


def on_grid(instant: Instant, interval: int | None) -> Instant:
    """The first grid point that is not before the instant."""
    return -(-instant // interval) * interval if interval else instant


def periods(steps: Iterable[Step], duration: int, interval: int | None) -> Iterator[Bounds]:
    """Stretches as long as can be: none lies inside another, and every meeting that fits lies in one of them."""
    reached = BEFORE_ALL
    for first, last, reach in viable(steps, duration):
        start = on_grid(first, interval)
        # A later start within the same step reaches no further, so only a step's first can begin a period.
        if start <= last and reach > reached:
            reached = reach
            yield start, reach


def slots(steps: Iterable[Step], duration: int, interval: int | None) -> Iterator[Bounds]:
    """Meetings that do not overlap: the earliest that fits, then the earliest after it. No other choice gives more."""
    return _meetings(steps, duration, interval, on_grid(duration, interval))


def overlapping_slots(steps: Iterable[Step], duration: int, interval: int | None) -> Iterator[Bounds]:
    """Every grid point that a meeting can start on; without a grid the same as slots."""
    return _meetings(steps, duration, interval, interval or duration)


def _meetings(steps: Iterable[Step], duration: int, interval: int | None, stride: int) -> Iterator[Bounds]:
    """Meetings whose starts lie at least `stride` seconds apart, which is as long as some steps of the grid."""
    earliest = BEFORE_ALL
    for first, last, _ in viable(steps, duration):
        for start in range(on_grid(max(first, earliest), interval), last + 1, stride):
            yield start, start + duration
            earliest = start + stride


def asked_slots(steps: Iterable[Step], duration: int, starts: Sequence[Instant]) -> Iterator[Bounds]:
    """Those of the starts, given in time order, that a meeting can start on."""
    for first, last, _ in viable(steps, duration):
        for start in starts[bisect_left(starts, first) : bisect_right(starts, last)]:
            yield start, start + duration
