"""What can be asked."""

from typing import Annotated

import strawberry
from strawberry import UNSET, Info, argument, field

from core.pages import PageRequest
from resolvers import availability, calendars, events
from resolvers.context import Context

from .availability_inputs import AvailabilityInput
from .availability_types import Availability
from .event_types import EventConnection, FreeBusyConnection
from .given import given, given_or
from .inputs import EventsInput
from .types import Calendar

First = Annotated[int | None, argument(description="How many items at most: 1 to 1000.")]
After = Annotated[
    str | None, argument(description="The cursor behind which the page starts; left out: from the beginning.")
]


@strawberry.type(description="What can be asked. Every field is answered, or refused, by itself.")
class Query:
    @field(description="The calendars of the account that the access token belongs to, the primary one first.")
    async def calendars(self, info: Info[Context]) -> list[Calendar] | None:
        return [Calendar.of(calendar) for calendar in await calendars.calendars(info.context)]

    @field(description="The account's events that start before `to` and end after `from`, soonest first.")
    async def events(
        self,
        info: Info[Context],
        input: Annotated[EventsInput, argument(description="Which events.")],
        first: First = 100,
        after: After = UNSET,
    ) -> EventConnection | None:
        page = PageRequest(given_or(first, 100), given(after))
        return EventConnection.of(await events.list_events(info.context, input.to_core(), page))

    @field(description="As events, but telling no more than when each is and whether it blocks.")
    async def free_busy(
        self,
        info: Info[Context],
        input: Annotated[EventsInput, argument(description="Which events.")],
        first: First = 100,
        after: After = UNSET,
    ) -> FreeBusyConnection | None:
        page = PageRequest(given_or(first, 100), given(after))
        return FreeBusyConnection.of(await events.list_events(info.context, input.to_core(), page))

    @field(
        description="When groups of people, rooms and machines can meet. Ask with the application's key, or with the "
        "access token of one of the application's accounts."
    )
    async def availability(
        self,
        info: Info[Context],
        input: Annotated[AvailabilityInput, argument(description="Who, how long, and where to look.")],
    ) -> Availability | None:
        query = input.to_core()
        return Availability.of(query, await availability.availability(info.context, query))
