"""Availability rules: an account's weekly hours, in and out."""

from typing import Self

import strawberry
from strawberry import ID, UNSET, field

from core.availability_rules import AvailabilityRule as CoreAvailabilityRule
from core.weekly import WeeklyPeriod as CoreWeeklyPeriod

from .enums import Weekday
from .optional import or_none


@strawberry.input(description="A stretch of a weekday, in the rule's own zone.")
class WeeklyPeriodInput:
    day: Weekday = field(description="The day. It may come several times.")
    start_time: str = field(description="When it begins: `HH:MM` on a 24-hour clock.")
    end_time: str = field(description="When it is over, later the same day: `HH:MM`; `24:00` is midnight.")

    def to_core(self) -> CoreWeeklyPeriod:
        return CoreWeeklyPeriod(self.day, self.start_time, self.end_time)


@strawberry.type(description="A stretch of a weekday, in the rule's own zone.")
class WeeklyPeriod:
    day: Weekday = field(description="The day.")
    start_time: str = field(description="When it begins: `HH:MM` on a 24-hour clock.")
    end_time: str = field(description="When it is over: `HH:MM`; `24:00` is midnight.")

    @classmethod
    def of(cls, period: CoreWeeklyPeriod) -> Self:
        return cls(day=period.day, start_time=period.start_time, end_time=period.end_time)


@strawberry.input(description="Creates or replaces an availability rule.")
class UpsertAvailabilityRuleInput:
    availability_rule_id: ID = field(description="Your own id for the rule, ASCII, at most 64 characters: `default`.")
    tzid: str = field(description="The IANA time zone that its times are in.")
    calendar_ids: list[ID] | None = field(
        default=UNSET, description="Whose events block where the rule is used, at least one; left out: all calendars."
    )
    weekly_periods: list[WeeklyPeriodInput] = field(
        description="The hours. Those that overlap or touch are joined; none: never."
    )

    def to_core(self) -> CoreAvailabilityRule:
        return CoreAvailabilityRule(
            availability_rule_id=self.availability_rule_id,
            tzid=self.tzid,
            weekly_periods=[period.to_core() for period in self.weekly_periods],
            calendar_ids=or_none(self.calendar_ids),
        )


@strawberry.type(description="Weekly hours of an account, for queries with managedAvailability.")
class AvailabilityRule:
    availability_rule_id: ID = field(description="Your own id for the rule.")
    tzid: str = field(description="The IANA time zone that its times are in.")
    calendar_ids: list[ID] | None = field(description="Whose events block where the rule is used; null: all calendars.")
    weekly_periods: list[WeeklyPeriod] = field(description="The hours, sunday to saturday and by start.")

    @classmethod
    def of(cls, rule: CoreAvailabilityRule) -> Self:
        return cls(
            availability_rule_id=ID(rule.availability_rule_id),
            tzid=rule.tzid,
            calendar_ids=[ID(calendar_id) for calendar_id in rule.calendar_ids]
            if rule.calendar_ids is not None
            else None,
            weekly_periods=[WeeklyPeriod.of(period) for period in rule.weekly_periods],
        )


@strawberry.type(description="A rule was upserted.")
class UpsertAvailabilityRulePayload:
    availability_rule: AvailabilityRule = field(description="The rule as it is now.")


@strawberry.input(description="Deletes an availability rule.")
class DeleteAvailabilityRuleInput:
    availability_rule_id: ID = field(description="Your own id for the rule.")


@strawberry.type(description="A rule is gone.")
class DeleteAvailabilityRulePayload:
    deleted: bool = field(description="Whether there was one to delete.")
