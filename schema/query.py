"""The GraphQL type `Query`."""

from typing import Annotated

import strawberry
from strawberry import ID, UNSET, Info, argument, field

from core.accounts import AccountKey
from core.booking_life import BookingStatus
from core.real_time_scheduling import Status
from core.rights import Right
from resolvers import (
    accounts,
    availability,
    availability_rules,
    available_periods,
    booking_life,
    calendar_feeds,
    calendar_sources,
    calendars,
    channels,
    events,
    graph,
    sequenced_availability,
)
from resolvers import real_time_scheduling as links
from resolvers.context import Context

from .accounts import Account, UserInfo
from .availability import Availability, AvailabilityInput
from .availability_rules import AvailabilityRule
from .available_periods import From, StoredAvailablePeriod, To
from .booking_life import Booking, BookingsFrom, BookingsTo
from .calendar_feeds import CalendarFeed
from .calendar_sources import CalendarSource
from .calendars import Calendar
from .channels import Channel
from .connections import After, Connection, First, page_request
from .enums import AccountType
from .events import Event, EventsInput, FreeBusy
from .graph import node_of
from .nodes import Node
from .optional import or_default, or_none
from .real_time_scheduling import RealTimeScheduling
from .selection import details, leads_on
from .sequenced_availability import SequencedAvailability, SequencedAvailabilityInput


@strawberry.type(description="Queries. Each field succeeds or fails independently of the others.")
class Query:
    @field(description="The account that the access token belongs to.")
    async def user_info(self, info: Info[Context]) -> UserInfo | None:
        return UserInfo.of(await accounts.user_info(info.context))

    @field(
        description="Whatever has this id: an account, a calendar, an event, a booking or a booking link. Null if the id is "
        "unknown or its object not the caller's to see."
    )
    async def node(
        self, info: Info[Context], id: Annotated[ID, argument(description="The object's id.")]
    ) -> Node | None:
        return node_of(info.context, await graph.node(info.context, id))

    @field(
        description="One account: by its sub, or, with the application's key, by your own id and the kind of account. The "
        "token of an account gives access to that account only."
    )
    async def account(
        self,
        info: Info[Context],
        sub: Annotated[ID | None, argument(description="The account's sub.")] = UNSET,
        account_id: Annotated[str | None, argument(description="Your own id for the account.")] = UNSET,
        kind: Annotated[AccountType | None, argument(description="The kind of account that has this id.")] = UNSET,
    ) -> Account | None:
        type_ = or_none(kind)
        name = AccountKey(or_none(sub), or_none(account_id), type_.value if type_ is not None else None)
        return Account.of(await accounts.get(info.context, name))

    @field(description="All accounts of the application, oldest first. Requires the application's key.")
    async def accounts(
        self,
        info: Info[Context],
        kind: Annotated[AccountType | None, argument(description="Only accounts of this kind.")] = UNSET,
        search: Annotated[
            str | None,
            argument(description="Only accounts whose name or own id contains this text, in upper or lower case."),
        ] = UNSET,
        first: First = 100,
        after: After = UNSET,
    ) -> Connection[Account] | None:
        type_ = or_none(kind)
        found = await accounts.list_accounts(
            info.context,
            type_.value if type_ is not None else None,
            or_default(search, ""),
            page_request(first, after),
        )
        return Connection[Account].of(found, Account.of)

    @field(description="The calendars of the account that the access token belongs to, the primary one first.")
    async def calendars(self, info: Info[Context]) -> list[Calendar] | None:
        return [Calendar.of(calendar) for calendar in await calendars.list_calendars(info.context)]

    @field(
        description="The addresses at which calendars elsewhere follow the account, oldest first. Those with details are "
        "listed only for a token that may read events."
    )
    async def calendar_feeds(self, info: Info[Context]) -> list[CalendarFeed] | None:
        return [CalendarFeed.of(feed, info.context) for feed in await calendar_feeds.list_feeds(info.context)]

    @field(description="The account's events that start before `to` and end after `from`, soonest first.")
    async def events(
        self,
        info: Info[Context],
        input: Annotated[EventsInput, argument(description="Which events to list.")],
        first: First = 100,
        after: After = UNSET,
    ) -> Connection[Event] | None:
        page = page_request(first, after)
        found = await events.list_events(info.context, input.to_core(), page, Right.READ_EVENTS)
        return Connection[Event].of(found, Event.of)

    @field(description="Like events, but only when each event takes place and whether it blocks.")
    async def free_busy(
        self,
        info: Info[Context],
        input: Annotated[EventsInput, argument(description="Which events to list.")],
        first: First = 100,
        after: After = UNSET,
    ) -> Connection[FreeBusy] | None:
        page = page_request(first, after)
        found = await events.list_events(info.context, input.to_core(), page, Right.READ_FREE_BUSY)
        return Connection[FreeBusy].of(found, FreeBusy.of)

    @field(
        description="When groups of people, rooms and machines can meet. Requires the application's key, or the access "
        "token of one of the application's accounts."
    )
    async def availability(
        self,
        info: Info[Context],
        input: Annotated[
            AvailabilityInput, argument(description="Who meets, for how long, and the periods to search.")
        ],
    ) -> Availability | None:
        query, selected = input.to_core(), details(info)
        if selected is not None:
            return Availability.detailed(query, await availability.detailed_availability(info.context, query, selected))
        return Availability.of(query, await availability.availability(info.context, query))

    @field(
        description="When several meetings can take place one after the other, each with participants of its own. The "
        "same callers may ask as for `availability`."
    )
    async def sequenced_availability(
        self,
        info: Info[Context],
        input: Annotated[SequencedAvailabilityInput, argument(description="The meetings, and the periods to search.")],
    ) -> SequencedAvailability | None:
        found = await sequenced_availability.sequenced_availability(info.context, input.to_core())
        return SequencedAvailability.of(found)

    @field(
        description="A booking link of the application. Give exactly one of its id and the token in its URL. Requires "
        "the application's key."
    )
    async def real_time_scheduling(
        self,
        info: Info[Context],
        real_time_scheduling_id: Annotated[ID | None, argument(description="The link's id.")] = UNSET,
        token: Annotated[str | None, argument(description="The last part of the link's URL.")] = UNSET,
    ) -> RealTimeScheduling | None:
        link = await links.get(info.context, or_none(real_time_scheduling_id), or_none(token))
        return RealTimeScheduling.of(link, info.context.link_url(link))

    @field(description="A booking of the application. Requires the application's key.")
    async def booking(
        self, info: Info[Context], booking_id: Annotated[ID, argument(description="The booking's id.")]
    ) -> Booking | None:
        return Booking.of(await booking_life.get(info.context, booking_id))

    @field(
        description="The bookings of the application that start before `to` and end after `from`, soonest first. Requires "
        "the application's key."
    )
    async def bookings(
        self,
        info: Info[Context],
        status: Annotated[BookingStatus | None, argument(description="Only bookings in this state.")] = UNSET,
        sub: Annotated[ID | None, argument(description="Only bookings that this account takes part in.")] = UNSET,
        from_: BookingsFrom = UNSET,
        to: BookingsTo = UNSET,
        first: First = 100,
        after: After = UNSET,
    ) -> Connection[Booking] | None:
        window = or_none(from_), or_none(to)
        request, with_events = page_request(first, after), leads_on(info, "events")
        found = await booking_life.list_bookings(
            info.context, or_none(status), or_none(sub), *window, request, with_events=with_events
        )
        return Connection[Booking].of(found, Booking.of)

    @field(description="The booking links of the application, oldest first. Requires the application's key.")
    async def real_time_schedulings(
        self,
        info: Info[Context],
        status: Annotated[Status | None, argument(description="Only links in this state.")] = UNSET,
        first: First = 100,
        after: After = UNSET,
    ) -> Connection[RealTimeScheduling] | None:
        found = await links.list_links(info.context, or_none(status), page_request(first, after))
        return Connection[RealTimeScheduling].of(
            found, lambda link: RealTimeScheduling.of(link, info.context.link_url(link))
        )

    @field(description="The push channels of the account, oldest first. At most 20.")
    async def channels(self, info: Info[Context]) -> list[Channel] | None:
        return [Channel.of(channel) for channel in await channels.list_channels(info.context)]

    @field(description="The account's availability rules, in the order of their ids.")
    async def availability_rules(self, info: Info[Context]) -> list[AvailabilityRule] | None:
        return [AvailabilityRule.of(rule) for rule in await availability_rules.list_rules(info.context)]

    @field(description="One of the account's availability rules.")
    async def availability_rule(
        self,
        info: Info[Context],
        availability_rule_id: Annotated[ID, argument(description="Your own id for the rule.")],
    ) -> AvailabilityRule | None:
        return AvailabilityRule.of(await availability_rules.get(info.context, availability_rule_id))

    @field(
        description="The account's stored available periods that start before `to` and end after `from`, soonest first."
    )
    async def available_periods(
        self,
        info: Info[Context],
        from_: From = UNSET,
        to: To = UNSET,
        first: First = 100,
        after: After = UNSET,
    ) -> Connection[StoredAvailablePeriod] | None:
        page = page_request(first, after)
        found = await available_periods.list_periods(info.context, or_none(from_), or_none(to), page)
        return Connection[StoredAvailablePeriod].of(found, StoredAvailablePeriod.of)

    @field(description="The calendars elsewhere that the account's busy time is read from, oldest first. At most 20.")
    async def calendar_sources(self, info: Info[Context]) -> list[CalendarSource] | None:
        return [CalendarSource.of(source, info) for source in await calendar_sources.list_sources(info.context)]
