"""How the graph is loaded: the functions behind fields that lead from one object to others, for many objects at once.

Compiled execution and Strawberry's call the same functions, so a list costs as many statements as one object.
"""

from collections.abc import Sequence
from typing import Any

from core.accounts import Calendar as CoreCalendar
from core.errors import NotFound, Refusal
from core.events import Event as CoreEvent
from core.real_time_scheduling import Link
from resolvers import graph
from resolvers.accounts import ViewedAccount
from resolvers.context import Context

from . import accounts, calendars, events, participants
from .accounts import Account
from .availability_rules import AvailabilityRule
from .available_periods import StoredAvailablePeriod
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
