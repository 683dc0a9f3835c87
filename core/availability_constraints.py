"""Availability constraints: at most so many bookings of a member in a local day, an ISO week or a calendar month.

In a period with so many bookings the member is not free at all, so that no further booking can lie in it. A booking
counts in each period that it lies in, wholly or partly.

A local day runs from local midnight to local midnight. With the starts of bookings sorted, and their ends sorted, the
bookings in `[begin, end)` are as many as start before its end, less those that end by its beginning. So the (n+limit)-th
start tells where the next full period can be, if n bookings have ended: all periods before it are skipped.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import chain

from .errors import Key, Path, Problems
from .instants import DAY, Instant
from .spans import Bounds, Busy, Span, SpanSet
from .zones import ZoneInfo, check_zone, local_midnight, local_time

MAX_CONSTRAINTS = 10
"""Maximum number of constraints of a member (ours)."""

MAX_LIMIT = 10_000
"""Maximum number of bookings that a constraint can allow (ours)."""


class ConstraintPeriod(StrEnum):
    """The periods in which bookings are counted."""

    DAY = "day"
    #: from Monday on
    WEEK = "week"
    MONTH = "month"

    def first_day(self, day: date) -> date:
        """Returns the first day of the period that a day is in."""
        match self:
            case ConstraintPeriod.DAY:
                return day
            case ConstraintPeriod.WEEK:
                return day - timedelta(days=day.weekday())
            case ConstraintPeriod.MONTH:
                return day.replace(day=1)

    def around(self, instant: Instant, zone: ZoneInfo) -> Span:
        """Returns the period of the zone that contains the instant."""
        first = self.first_day(local_time(instant, zone).date())
        # Clocks that change at midnight may show a day before it begins, or once more after it has ended.
        while local_midnight(first, zone) > instant:
            first = self.first_day(first - timedelta(days=1))
        while (end := local_midnight(self._next(first), zone)) <= instant:
            first = self._next(first)
        return Span(local_midnight(first, zone), end)

    def _next(self, first: date) -> date:
        """Returns the first day of the next period."""
        return self.first_day(first + _LONGEST[self])


_LONGEST = {
    ConstraintPeriod.DAY: timedelta(days=1),
    ConstraintPeriod.WEEK: timedelta(days=7),
    ConstraintPeriod.MONTH: timedelta(days=31),
}


@dataclass(frozen=True, slots=True)
class AvailabilityConstraint:
    """A limit of bookings in each period of a zone; None: the zone of the account."""

    limit: int
    period: ConstraintPeriod
    tzid: str | None = None

    def check(self, path: Path, problems: Problems) -> None:
        """Reports a limit out of bounds and an unknown zone."""
        if self.limit < 1:
            problems.add((*path, "limit"), Key.TOO_FEW, "must be at least 1")
        elif self.limit > MAX_LIMIT:
            problems.add((*path, "limit"), Key.TOO_MANY, f"must be at most {MAX_LIMIT}")
        if self.tzid is not None:
            check_zone(self.tzid, (*path, "tzid"), problems)


def check_constraints(constraints: Sequence[AvailabilityConstraint], path: Path, problems: Problems) -> None:
    """Reports too many constraints, and the problems of each."""
    if len(constraints) > MAX_CONSTRAINTS:
        problems.add(path, Key.TOO_MANY, f"takes at most {MAX_CONSTRAINTS} constraints")
    for index, constraint in enumerate(constraints[:MAX_CONSTRAINTS]):
        constraint.check((*path, index), problems)


def reached(
    constraints: Sequence[AvailabilityConstraint], bookings: Busy, window: SpanSet, default_zone: ZoneInfo
) -> SpanSet | None:
    """Returns the periods that meet the window and have as many bookings as a constraint allows; None for none.

    `bookings` are at least those in the periods that meet the window.
    """
    found = SpanSet.of(
        chain.from_iterable(
            _reached(each, bookings, start, end, ZoneInfo(each.tzid) if each.tzid is not None else default_zone)
            for each in constraints
            if len(bookings.starts) >= each.limit
            for start, end in window
        )
    )
    return found if found.starts else None


def counted_around(window: Bounds) -> Bounds:
    """Returns a stretch of time that contains every period of every zone that meets the window."""
    return window[0] - 33 * DAY, window[1] + 33 * DAY


def _reached(
    constraint: AvailabilityConstraint, bookings: Busy, start: Instant, end: Instant, zone: ZoneInfo
) -> Iterator[Bounds]:
    """Yields the periods that meet `[start, end)` and have at least so many bookings."""
    period = constraint.period.around(start, zone)
    while period.start < end:
        ended = bisect_right(bookings.ends, period.start)
        enough = ended + constraint.limit - 1
        if enough >= len(bookings.starts):
            return
        if bookings.starts[enough] < period.end:
            yield period
        period = constraint.period.around(max(period.end, bookings.starts[enough]), zone)
