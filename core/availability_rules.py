"""Availability rules: an account's hours that come again every week."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .errors import Key, Path, Problems
from .identity import check_own_id
from .weekly import WeeklyPeriod, merge_weekly
from .zones import check_zone


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
        check_own_id(self.availability_rule_id, ("availability_rule_id",), problems)
        check_zone(self.tzid, ("tzid",), problems)
        for index, period in enumerate(self.weekly_periods):
            period.check(("weekly_periods", index), problems)
        if self.calendar_ids is not None:
            _check_calendar_ids(self.calendar_ids, ("calendar_ids",), problems)

    def normalised(self) -> "AvailabilityRule":
        """The checked rule as it is kept: weekly periods sunday to saturday and by start, those that overlap or touch
        within a day joined. It means the same hours."""
        return replace(self, weekly_periods=merge_weekly(self.weekly_periods))


def _check_calendar_ids(calendar_ids: Sequence[str], path: Path, problems: Problems) -> None:
    """Reports a list that is empty, and every id that stands in it already."""
    if not calendar_ids:
        problems.add(path, Key.TOO_FEW, "needs at least one calendar; leave it out for all of them")
    seen: set[str] = set()
    for index, calendar_id in enumerate(calendar_ids):
        if calendar_id in seen:
            problems.add((*path, index), Key.DUPLICATE, "is in this list already")
        seen.add(calendar_id)
