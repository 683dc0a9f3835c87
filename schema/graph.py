"""How the graph is loaded: the functions behind fields that lead from one object to others, for many objects at once.

Compiled execution and Strawberry's call the same functions, so a list costs as many statements as one object.
"""

from collections.abc import Sequence
from typing import Any

from core.accounts import Calendar as CoreCalendar
from core.booking_life import Booking as CoreBooking
from core.errors import NotFound, Refusal
from core.events import Event as CoreEvent
from core.real_time_scheduling import Link
from resolvers import booking_life as bookings
from resolvers import graph
from resolvers.accounts import ViewedAccount
from resolvers.context import Context

from . import accounts, booking_life, calendars, events, participants, real_time_scheduling
from .accounts import Account
from .availability_rules import AvailabilityRule
from .available_periods import StoredAvailablePeriod
from .booking_life import Booking
from .calendars import Calendar
from .connections import Connection, page_request
from .events import Event, EventsInput
from .explanation import MemberExplanation
from .nodes import Node
from .optional import or_none
from .participants import Participant
from .real_time_scheduling import RealTimeScheduling


def node_of(ctx: Context, found: graph.Found | None) -> Node | None:
    """Returns the GraphQL object of what an id names."""
    match found:
        case ViewedAccount():
            return Account.of(found)
        case CoreCalendar():
            return Calendar.of(found)
        case CoreEvent():
            return Event.of(found)
        case Link():
            return RealTimeScheduling.of(found, ctx.link_url(found))
        case CoreBooking():
            return Booking.of(found)
        case None:
            return None


@participants.ACCOUNT.loader
async def _accounts_by_sub(ctx: Context, given: Sequence[Participant | MemberExplanation]) -> list[Account | None]:
    found = await graph.accounts_by_sub(ctx, [each.sub for each in given])
    made = {sub: Account.of(viewed) for sub, viewed in found.items()}
    return [made.get(each.sub) for each in given]


@calendars.ACCOUNT.loader
async def _accounts_of_calendars(ctx: Context, given: Sequence[Calendar]) -> list[Account | Refusal]:
    found = await graph.accounts_of_calendars(ctx, [calendar.core for calendar in given])
    made = {key: Account.of(viewed) for key, viewed in found.items()}
    return [made.get(calendar.core.account.key) or NotFound() for calendar in given]


@events.CALENDAR.loader
async def _calendars_of_events(ctx: Context, given: Sequence[Event]) -> list[Calendar | Refusal]:
    found = await graph.calendars_of_events(ctx, [event.calendar_id for event in given])
    made = {calendar_id: Calendar.of(calendar) for calendar_id, calendar in found.items()}
    return [made.get(event.calendar_id) or NotFound() for event in given]


@events.BOOKING.loader
async def _bookings_of_events(ctx: Context, given: Sequence[Event]) -> list[Booking | None]:
    found = await bookings.of_events(ctx, [event.event_uid for event in given])
    return [Booking.of(found[event.event_uid]) if event.event_uid in found else None for event in given]


@booking_life.EVENTS.loader
async def _events_of_bookings(ctx: Context, given: Sequence[Booking]) -> list[list[Event]]:
    found = await bookings.events_of(ctx, [each.booking for each in given])
    return [[Event.of(event) for event in found.get(each.booking_id, ())] for each in given]


@booking_life.LINK.loader
async def _links_of_bookings(ctx: Context, given: Sequence[Booking]) -> list[RealTimeScheduling | None]:
    found = await bookings.links_of(ctx, [each.booking for each in given])
    made = {id: RealTimeScheduling.of(link, ctx.link_url(link)) for id, link in found.items()}
    return [made.get(each.booking.scheduling_id or "") for each in given]


@real_time_scheduling.BOOKINGS.loader
async def _bookings_of_links(
    ctx: Context, given: Sequence[RealTimeScheduling], first: int | None, after: str | None
) -> list[Connection[Booking] | None]:
    found = await bookings.of_links(ctx, [each.link for each in given], page_request(first, after))
    made = {id: Connection[Booking].of(page, Booking.of) for id, page in found.items()}
    return [made.get(each.real_time_scheduling_id) for each in given]


@calendars.EVENTS.loader
async def _events_of_calendars(
    ctx: Context, given: Sequence[Calendar], input: EventsInput, first: int | None, after: str | None
) -> list[Connection[Event] | None]:
    cores = [calendar.core for calendar in given]
    found = await graph.events_of_calendars(ctx, cores, input.to_core(), page_request(first, after))
    made = {key: Connection[Event].of(page, Event.of) for key, page in found.items()}
    return [made.get(core.key) for core in cores]


@accounts.CALENDARS.loader
async def _calendars_of_accounts(ctx: Context, given: Sequence[Account]) -> list[list[Calendar] | None]:
    found = await graph.calendars_of_accounts(ctx, [account.viewed for account in given])
    made = {key: [Calendar.of(calendar) for calendar in own] for key, own in found.items()}
    return _by_account(made, given)


@accounts.EVENTS.loader
async def _events_of_accounts(
    ctx: Context, given: Sequence[Account], input: EventsInput, first: int | None, after: str | None
) -> list[Connection[Event] | Refusal | None]:
    viewed = [account.viewed for account in given]
    found = await graph.events_of_accounts(ctx, viewed, input.to_core(), page_request(first, after))
    made = {
        key: page if isinstance(page, Refusal) else Connection[Event].of(page, Event.of) for key, page in found.items()
    }
    return _by_account(made, given)


@accounts.RULES.loader
async def _rules_of_accounts(ctx: Context, given: Sequence[Account]) -> list[list[AvailabilityRule] | None]:
    found = await graph.rules_of_accounts(ctx, [account.viewed for account in given])
    return _by_account({key: [AvailabilityRule.of(rule) for rule in rules] for key, rules in found.items()}, given)


@accounts.PERIODS.loader
async def _periods_of_accounts(
    ctx: Context, given: Sequence[Account], from_: Any, to: Any, first: int | None, after: str | None
) -> list[Connection[StoredAvailablePeriod] | None]:
    viewed = [account.viewed for account in given]
    found = await graph.periods_of_accounts(ctx, viewed, or_none(from_), or_none(to), page_request(first, after))
    made = {key: Connection[StoredAvailablePeriod].of(page, StoredAvailablePeriod.of) for key, page in found.items()}
    return _by_account(made, given)


def _by_account(found: dict[int, Any], given: Sequence[Account]) -> list[Any]:
    """Returns what was found by the key of an account for each of them; None for the others."""
    return [found.get(account.viewed.account.key) for account in given]
