"""Availability rules: an account's weekly hours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .errors import Key, Path, Problems
from .identity import check_own_id
from .weekly import WeeklyPeriod, merge_weekly
from .zones import check_zone


@dataclass(frozen=True, slots=True)
class AvailabilityRule:
    """Weekly hours in a zone. A rule without weekly periods means never available."""

    availability_rule_id: str
    tzid: str
    weekly_periods: Sequence[WeeklyPeriod]
    #: calendars whose events block while the rule applies; None: all of the account's
    calendar_ids: Sequence[str] | None = None

    def check(self, problems: Problems) -> None:
        """Reports all problems of the rule itself. Whose calendars it names is not checked here."""
        check_own_id(self.availability_rule_id, ("availability_rule_id",), problems)
        check_zone(self.tzid, ("tzid",), problems)
        for index, period in enumerate(self.weekly_periods):
            period.check(("weekly_periods", index), problems)
        if self.calendar_ids is not None:
            _check_calendar_ids(self.calendar_ids, ("calendar_ids",), problems)

    def normalised(self) -> "AvailabilityRule":
        """The checked rule in the form that is stored, which means the same hours: weekly periods from
        Sunday to Saturday, sorted by start, and joined where they overlap or touch within a day."""
        return replace(self, weekly_periods=merge_weekly(self.weekly_periods))


def _check_calendar_ids(calendar_ids: Sequence[str], path: Path, problems: Problems) -> None:
    """Reports an empty list, and every repeated id."""
    if not calendar_ids:
        problems.add(path, Key.TOO_FEW, "needs at least one calendar; omit it for all calendars")
    seen: set[str] = set()
    for index, calendar_id in enumerate(calendar_ids):
        if calendar_id in seen:
            problems.add((*path, index), Key.DUPLICATE, "is in this list already")
        seen.add(calendar_id)
