"""The grid of starts: multiples of an interval on a clock, UTC's or that of a zone, moved by an offset.

On the clock of a zone the grid is counted from each local midnight. The interval divides a day, so that a multiple of it
is one on every day, and within a piece of constant offset (`offsets`) the grid points are equally far apart. A local
time that clocks skip is no start, and of one that occurs twice both are.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .durations import Duration
from .errors import Key, Path, Problems
from .instants import DAY, MINUTE, Instant
from .limits import START_INTERVALS
from .offsets import piece_at
from .zones import ZoneInfo, check_zone

#: first, last, reach: every start from `first` to `last`, both included, leaves room for the meeting before `reach`
Viable: TypeAlias = tuple[Instant, Instant, Instant]
#: As Viable, with an instant of the grid, or one that could be: all others are whole intervals away from it.
OnGrid: TypeAlias = tuple[Instant, Instant, Instant, Instant]

#: earlier than any instant
_LONG_AGO: Instant = -(1 << 62)


@dataclass(frozen=True, slots=True)
class Grid:
    """Starts that are `interval` seconds apart; `offset` seconds after midnight is one of them."""

    interval: int
    offset: int = 0
    #: on whose clock; None: UTC
    zone: ZoneInfo | None = None

    def __contains__(self, instant: Instant) -> bool:
        ahead = piece_at(self.zone, instant).offset if self.zone is not None else 0
        return (instant + ahead - self.offset) % self.interval == 0

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first instant of the grid that is not before this one."""
        if self.zone is None:
            return rounded_up(instant - self.offset, self.interval) + self.offset
        while True:
            _, until, ahead = piece_at(self.zone, instant)
            start = rounded_up(instant + ahead - self.offset, self.interval) + self.offset - ahead
            if start < until:
                return start
            instant = until

    def laid_over(self, runs: Iterable[Viable]) -> Iterator[OnGrid]:
        """Yields runs in time order, cut where the offset of the zone changes, with an instant of the grid."""
        if self.zone is None:
            at = self.offset
            for first, last, reach in runs:
                yield first, last, reach, at
            return
        at = until = _LONG_AGO
        for first, last, reach in runs:
            while first <= last:
                if first >= until:
                    _, until, ahead = piece_at(self.zone, first)
                    at = self.offset - ahead
                yield first, min(last, until - 1), reach, at
                first = until


#: no grid: every second is a start
EVERY_SECOND = Grid(1)


def rounded_up(number: int, interval: int) -> int:
    """Returns the first multiple of the interval that is not below the number."""
    return -(-number // interval) * interval


def grid_of(interval: Duration | None, tzid: str | None, offset: Duration | None) -> Grid | None:
    """Returns the grid of checked settings; None without an interval."""
    if interval is None:
        return None
    zone = ZoneInfo(tzid) if tzid is not None else None
    return Grid(interval.seconds, offset.seconds if offset is not None else 0, zone)


def check_grid(
    interval: Duration | None, tzid: str | None, offset: Duration | None, path: Path, problems: Problems
) -> None:
    """Reports an interval that is not allowed, an unknown zone, and an offset that does not fit the interval."""
    seconds = _check_interval(interval, tzid, (*path, "start_interval"), problems) if interval is not None else None
    if tzid is not None:
        check_zone(tzid, (*path, "start_interval_tzid"), problems)
        if interval is None:
            problems.add((*path, "start_interval_tzid"), Key.CONFLICT, "needs a start interval")
    if offset is not None:
        before = len(problems)
        offset.check((*path, "start_offset"), problems)
        if interval is None:
            problems.add((*path, "start_offset"), Key.CONFLICT, "needs a start interval")
        elif len(problems) == before and seconds is not None and offset.seconds >= seconds:
            problems.add((*path, "start_offset"), Key.CONFLICT, "must be less than the start interval")


def _check_interval(interval: Duration, tzid: str | None, path: Path, problems: Problems) -> int | None:
    """Returns the seconds of an interval, or None after reporting that it is not allowed."""
    before = len(problems)
    interval.check(path, problems)
    if len(problems) > before:
        return None
    seconds = interval.seconds
    if tzid is not None and (not seconds or DAY % seconds):
        problems.add(path, Key.INCLUSION, "must be a number of minutes that divides a day, such as 20, 45 or 90")
        return None
    if tzid is None and seconds not in {minutes * MINUTE for minutes in START_INTERVALS}:
        allowed = ", ".join(map(str, START_INTERVALS))
        problems.add(path, Key.INCLUSION, f"must be one of {allowed} minutes")
        return None
    return seconds
