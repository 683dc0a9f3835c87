"""The GraphQL type for calendars."""

from typing import Annotated, Any, Self

import strawberry
from strawberry import ID, UNSET, Info, Private, argument, field

from core.accounts import PROVIDER
from core.accounts import Calendar as CoreCalendar
from resolvers.context import Context

from .connections import After, Connection, First
from .events import Event, EventsInput
from .nodes import Batch, Node, of_type

ACCOUNT, EVENTS = Batch(), Batch()


@strawberry.type(description="A calendar of an account.")
class Calendar(Node):
    core: Private[CoreCalendar]
    provider_name: str = field(description="`cronofy` for calendars on this server.")
    profile_id: ID = field(description="The profile that the calendar belongs to.")
    profile_name: str = field(description="The name of that profile.")
    calendar_id: ID = field(description="The calendar's id: `cal_…`.")
    calendar_name: str = field(description="The calendar's name.")
    calendar_readonly: bool = field(description="True if no events can be written to the calendar.")
    calendar_deleted: bool = field(description="Whether the calendar was deleted.")
    calendar_primary: bool = field(description="Whether it is the account's primary calendar.")

    @field(
        description="The account that the calendar belongs to.",
        graphql_type=of_type("Account", "schema.accounts"),
        metadata=ACCOUNT.metadata,
    )
    async def account(self, info: Info[Context]) -> Any:
        return await ACCOUNT.of(info, self)

    @field(
        description="The calendar's events that start before `to` and end after `from`, soonest first. Null for a caller "
        "who may not read them.",
        metadata=EVENTS.metadata,
    )
    async def events(
        self,
        info: Info[Context],
        input: Annotated[EventsInput, argument(description="Which events to list, without calendarIds.")],
        first: First = 100,
        after: After = UNSET,
    ) -> Connection[Event] | None:
        return await EVENTS.of(info, self, input=input, first=first, after=after)

    @classmethod
    def of(cls, calendar: CoreCalendar) -> Self:
        return cls(
            core=calendar,
            id=ID(calendar.calendar_id),
            provider_name=PROVIDER,
            profile_id=ID(calendar.profile_id),
            profile_name=calendar.profile_name,
            calendar_id=ID(calendar.calendar_id),
            calendar_name=calendar.name,
            calendar_readonly=calendar.readonly,
            calendar_deleted=calendar.deleted,
            calendar_primary=calendar.primary,
        )


@strawberry.input(description="Creates a calendar.")
class CreateCalendarInput:
    name: str = field(description="The calendar's name, at most 255 characters, and none that the account has already.")


@strawberry.type(description="The result of createCalendar.")
class CreateCalendarPayload:
    calendar: Calendar = field(description="The new calendar.")


@strawberry.input(description="Deletes a calendar.")
class DeleteCalendarInput:
    calendar_id: ID = field(description="One of the account's calendars, but not the primary one.")


@strawberry.type(description="The result of deleteCalendar.")
class DeleteCalendarPayload:
    deleted: bool = field(description="Whether there was a calendar to delete.")
