"""From reach to results: periods, slots, overlapping slots, and query slots.

Every function takes the steps of the query's reach and the required duration in seconds, and yields spans
in time order, soonest first. `grid` has the allowed starts; None: any instant. All are lazy: a caller that takes
twenty results pays for twenty.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

from .grids import EVERY_SECOND, Grid, Viable, rounded_up
from .instants import Instant
from .reach import AFTER_ALL, BEFORE_ALL, Step
from .spans import Bounds


def viable(steps: Iterable[Step], duration: int) -> Iterator[Viable]:
    """Yields where in each step a meeting can start."""
    for (since, reach), (then, _) in pairwise(chain(steps, ((AFTER_ALL, AFTER_ALL),))):
        last = min(reach - duration, then - 1)
        if since <= last:
            yield since, last, reach


def periods(steps: Iterable[Step], duration: int, grid: Grid | None) -> Iterator[Bounds]:
    """Yields the longest possible periods: none lies inside another, and every meeting that fits lies in one."""
    reached = BEFORE_ALL
    grid = grid or EVERY_SECOND
    interval = grid.interval
    for first, last, reach, at in grid.laid_over(viable(steps, duration)):
        start = at - (at - first) // interval * interval
        # A later start within the same step reaches no further, so only a step's first can begin a period.
        if start <= last and reach > reached:
            reached = reach
            yield start, reach


def slots(steps: Iterable[Step], duration: int, grid: Grid | None) -> Iterator[Bounds]:
    """Yields meetings that do not overlap: the earliest that fits, then the earliest after it. No choice gives more."""
    return _meetings(steps, duration, grid or EVERY_SECOND, duration)


def overlapping_slots(steps: Iterable[Step], duration: int, grid: Grid | None) -> Iterator[Bounds]:
    """Yields a meeting at every grid point where one fits; without a grid, the same as slots."""
    return _meetings(steps, duration, grid, 1) if grid is not None else slots(steps, duration, None)


def _meetings(steps: Iterable[Step], duration: int, grid: Grid, apart: int) -> Iterator[Bounds]:
    """Yields meetings whose starts are on the grid, and at least `apart` seconds apart."""
    earliest = BEFORE_ALL
    interval = grid.interval
    stride = rounded_up(apart, interval)
    for first, last, _, at in grid.laid_over(viable(steps, duration)):
        first = max(first, earliest)
        for start in range(at - (at - first) // interval * interval, last + 1, stride):
            yield start, start + duration
            earliest = start + apart


def asked_slots(steps: Iterable[Step], duration: int, starts: Sequence[Instant]) -> Iterator[Bounds]:
    """Yields a meeting at each of the starts, given in time order, where one fits."""
    for first, last, _ in viable(steps, duration):
        for start in starts[bisect_left(starts, first) : bisect_right(starts, last)]:
            yield start, start + duration
