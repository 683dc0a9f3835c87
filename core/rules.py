"""What an account keeps about when it can be booked: availability rules, which come again every week, and available
periods, which do not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .errors import Key, Path, Problems
from .instants import Instant, Unreadable
from .periods import Period, read
from .spans import Span
from .weekly import WeeklyPeriod, joined
from .zones import check_zone

RULE_ID_LENGTH = 64
"""Characters of an availability_rule_id or available_period_id: the documented limit of the service that we follow."""


@dataclass(frozen=True, slots=True)
class AvailabilityRule:
    """Weekly hours in a zone. Without any weekly period the rule says: never."""

    availability_rule_id: str
    tzid: str
    weekly_periods: Sequence[WeeklyPeriod]
    #: whose events block while the rule applies; None: all of the account's calendars
    calendar_ids: Sequence[str] | None = None

    def check(self, problems: Problems) -> None:
        """Reports everything that is wrong with the rule by itself. Whose calendars it names, it cannot know."""
        _check_own_id(self.availability_rule_id, ("availability_rule_id",), problems)
        check_zone(self.tzid, ("tzid",), problems)
        for index, period in enumerate(self.weekly_periods):
            period.check(("weekly_periods", index), problems)
        if self.calendar_ids is not None:
            _check_calendar_ids(self.calendar_ids, ("calendar_ids",), problems)

    def normalised(self) -> "AvailabilityRule":
        """The checked rule as it is kept: weekly periods sunday to saturday and by start, those that overlap or touch
        within a day joined. It means the same hours."""
        return replace(self, weekly_periods=joined(self.weekly_periods))


@dataclass(frozen=True, slots=True)
class StoredAvailablePeriod:
    """`[start, end)`, once, kept on the account; either bound may be unreadable until it has been checked."""

    available_period_id: str
    start: Instant | Unreadable
    end: Instant | Unreadable

    def check(self, problems: Problems, *, longest: int) -> None:
        """Reports a bad id, what cannot be read, and a length outside 1 minute to `longest` seconds.

        Unlike a period of a query it may lie in the past. Whoever keeps a list in step with another system upserts it
        whole and again: what was accepted yesterday must be accepted today, and it harms no answer.
        """
        _check_own_id(self.available_period_id, ("available_period_id",), problems)
        Period(self.start, self.end).check((), problems, now=None, longest=longest)

    def span(self) -> Span:
        """The time that the checked period covers."""
        return Span(read(self.start), read(self.end))


def _check_own_id(text: str, path: Path, problems: Problems) -> None:
    """Reports an id of the caller's making that is empty, too long, or not printable ASCII."""
    if not text:
        problems.add(path, Key.REQUIRED, "must not be empty")
    if len(text) > RULE_ID_LENGTH:
        problems.add(path, Key.TOO_LONG, f"must be at most {RULE_ID_LENGTH} characters")
    if not (text.isascii() and text.isprintable()):
        problems.add(path, Key.INVALID, "must be printable ASCII")


def _check_calendar_ids(calendar_ids: Sequence[str], path: Path, problems: Problems) -> None:
    """Reports a list that is empty, and every id that stands in it already."""
    if not calendar_ids:
        problems.add(path, Key.TOO_FEW, "needs at least one calendar; leave it out for all of them")
    seen: set[str] = set()
    for index, calendar_id in enumerate(calendar_ids):
        if calendar_id in seen:
            problems.add((*path, index), Key.DUPLICATE, "is in this list already")
        seen.add(calendar_id)
