"""The GraphQL type for calendars."""

from typing import Self

import strawberry
from strawberry import ID, field

from core.accounts import PROVIDER
from core.accounts import Calendar as CoreCalendar


@strawberry.type(description="A calendar of an account.")
class Calendar:
    provider_name: str = field(description="`cronofy` for calendars on this server.")
    profile_id: ID = field(description="The profile that the calendar belongs to.")
    profile_name: str = field(description="The name of that profile.")
    calendar_id: ID = field(description="The calendar's id: `cal_…`.")
    calendar_name: str = field(description="The calendar's name.")
    calendar_readonly: bool = field(description="True if no events can be written to the calendar.")
    calendar_deleted: bool = field(description="Whether the calendar was deleted.")
    calendar_primary: bool = field(description="Whether it is the account's primary calendar.")

    @classmethod
    def of(cls, calendar: CoreCalendar) -> Self:
        return cls(
            provider_name=PROVIDER,
            profile_id=ID(calendar.profile_id),
            profile_name=calendar.profile_name,
            calendar_id=ID(calendar.calendar_id),
            calendar_name=calendar.name,
            calendar_readonly=calendar.readonly,
            calendar_deleted=calendar.deleted,
            calendar_primary=calendar.primary,
        )
