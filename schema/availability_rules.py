"""GraphQL types for availability rules: an account's weekly hours."""

from typing import Self

import strawberry
from strawberry import ID, UNSET, field

from core.availability_rules import AvailabilityRule as CoreAvailabilityRule
from core.weekly import WeeklyPeriod as CoreWeeklyPeriod

from .enums import Weekday
from .optional import or_none


@strawberry.input(description="A period on one weekday, in the rule's time zone.")
class WeeklyPeriodInput:
    day: Weekday = field(description="The day. A day may have several periods.")
    start_time: str = field(description="When the period begins: `HH:MM` on a 24-hour clock.")
    end_time: str = field(
        description="When the period ends, later on the same day: `HH:MM`; `24:00` is the midnight after."
    )

    def to_core(self) -> CoreWeeklyPeriod:
        return CoreWeeklyPeriod(self.day, self.start_time, self.end_time)


@strawberry.type(description="A period on one weekday, in the rule's time zone.")
class WeeklyPeriod:
    day: Weekday = field(description="The day.")
    start_time: str = field(description="When the period begins: `HH:MM` on a 24-hour clock.")
    end_time: str = field(description="When the period ends: `HH:MM`; `24:00` is the midnight after.")

    @classmethod
    def of(cls, period: CoreWeeklyPeriod) -> Self:
        return cls(day=period.day, start_time=period.start_time, end_time=period.end_time)


@strawberry.input(description="Creates or replaces an availability rule.")
class UpsertAvailabilityRuleInput:
    availability_rule_id: ID = field(
        description="Your own id for the rule, such as `default`: ASCII, at most 64 characters."
    )
    tzid: str = field(description="The IANA time zone of the weekly periods.")
    calendar_ids: list[ID] | None = field(
        default=UNSET, description="Calendars whose events block where the rule applies: at least one. If omitted: all."
    )
    weekly_periods: list[WeeklyPeriodInput] = field(
        description="The weekly hours. Periods that overlap or touch are joined. An empty list means never."
    )

    def to_core(self) -> CoreAvailabilityRule:
        return CoreAvailabilityRule(
            availability_rule_id=self.availability_rule_id,
            tzid=self.tzid,
            weekly_periods=[period.to_core() for period in self.weekly_periods],
            calendar_ids=or_none(self.calendar_ids),
        )


@strawberry.type(description="Weekly hours of an account, applied by queries with managedAvailability.")
class AvailabilityRule:
    availability_rule_id: ID = field(description="Your own id for the rule.")
    tzid: str = field(description="The IANA time zone of the weekly periods.")
    calendar_ids: list[ID] | None = field(
        description="Calendars whose events block where the rule applies; null means all."
    )
    weekly_periods: list[WeeklyPeriod] = field(
        description="The weekly hours from Sunday to Saturday, each day sorted by start."
    )

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


@strawberry.type(description="The result of upsertAvailabilityRule.")
class UpsertAvailabilityRulePayload:
    availability_rule: AvailabilityRule = field(description="The rule after the change.")


@strawberry.input(description="Deletes an availability rule.")
class DeleteAvailabilityRuleInput:
    availability_rule_id: ID = field(description="Your own id for the rule.")


@strawberry.type(description="The result of deleteAvailabilityRule.")
class DeleteAvailabilityRulePayload:
    deleted: bool = field(description="Whether there was a rule to delete.")
