"""From reach to results: periods, slots, overlapping slots, and slots that were asked about.

Every function takes the steps of the query's reach and the required duration in seconds, and yields spans in time
order, soonest first. `interval` is the grid that starts fall on, in seconds, aligned to the UTC clock; None: anywhere.
Each yields as it goes, so whoever wants twenty results pays for twenty.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .instants import Instant
from .reach import Steps
from .spans import Span


class Viable(NamedTuple):
    """Every start from `first` to `last`, both included, leaves room for the required duration before `reach`."""

    first: Instant
    last: Instant
    reach: Instant


def viable(steps: Steps, duration: int) -> Iterator[Viable]:
    """Where in each step a meeting can start."""
    for start, end, reach in steps:
        last = min(end - 1, reach - duration)
        if start <= last:
            yield Viable(start, last, reach)


def on_grid(instant: Instant, interval: int | None) -> Instant:
    """The first grid point that is not before the instant."""
    return -(-instant // interval) * interval if interval else instant


def periods(steps: Steps, duration: int, interval: int | None) -> Iterator[Span]:
    """Stretches as long as can be: none lies inside another, and every meeting that fits lies in one of them."""
    reached: Instant | None = None
    for first, last, reach in viable(steps, duration):
        start = on_grid(first, interval)
        # A later start within the same step reaches no further, so only a step's first can begin a period.
        if start <= last and (reached is None or reach > reached):
            reached = reach
            yield Span(start, reach)


def slots(steps: Steps, duration: int, interval: int | None) -> Iterator[Span]:
    """Meetings that do not overlap: the earliest that fits, then the earliest after it. No other choice gives more."""
    return _meetings(steps, duration, interval, duration)


def overlapping_slots(steps: Steps, duration: int, interval: int | None) -> Iterator[Span]:
    """Every grid point that a meeting can start on; without a grid the same as slots."""
    return _meetings(steps, duration, interval, interval or duration)


def _meetings(steps: Steps, duration: int, interval: int | None, stride: int) -> Iterator[Span]:
    """Meetings whose starts lie at least `stride` seconds apart."""
    earliest: Instant | None = None
    for first, last, _ in viable(steps, duration):
        start = on_grid(first if earliest is None else max(first, earliest), interval)
        while start <= last:
            yield Span(start, start + duration)
            earliest = start + stride
            start = on_grid(earliest, interval)


def asked_slots(steps: Steps, duration: int, starts: Sequence[Instant]) -> Iterator[Span]:
    """Those of the starts, given in time order, that a meeting can start on."""
    room = list(viable(steps, duration))
    firsts = [stretch.first for stretch in room]
    for start in starts:
        index = bisect_right(firsts, start) - 1
        if index >= 0 and start <= room[index].last:
            yield Span(start, start + duration)
