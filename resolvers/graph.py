"""The graph: what a value leads on to, for many values at once, and whatever an id names.

Each function takes one statement or two, however many values it is asked about. What the caller may not see is left
out, and null in the graph.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from core.access import Actor, is_application, may, require_client, rights_over
from core.accounts import Calendar
from core.availability_rules import AvailabilityRule
from core.available_periods import StoredAvailablePeriod
from core.booking_life import Booking
from core.errors import Key, Problems, Refusal
from core.events import Event, EventWindow
from core.features import Feature
from core.identity import is_booking_id, is_calendar_id, is_event_uid, is_scheduling_id, is_sub
from core.instants import Instant, Unreadable
from core.pages import Page, PageRequest
from core.periods import check_window
from core.real_time_scheduling import Link
from core.rights import Right
from db import accounts, availability_rules, available_periods, booking_lists, calendars, event_lists
from db import real_time_scheduling as links
from db.retries import retry_transaction

from .accounts import ViewedAccount
from .available_periods import place as period_place
from .context import Context
from .events import check_list, choose
from .events import place as event_place

Found: TypeAlias = ViewedAccount | Calendar | Event | Link | Booking
"""What an id can name."""


@retry_transaction
async def node(ctx: Context, id: str) -> Found | None:
    """Returns what the id names, or None if that is unknown or not the caller's to see. Raises Unauthenticated."""
    actor = await ctx.actor()
    client_key = require_client(actor)
    if is_sub(id):
        return (await accounts_by_sub(ctx, [id])).get(id)
    if is_calendar_id(id):
        calendar = (await calendars.by_id(ctx.statements, client_key, [id])).get(id)
        return calendar if calendar is not None and may(actor, Right.LIST_CALENDARS, calendar.account) else None
    if is_event_uid(id):
        async with ctx.db.read(ctx.client_key) as session:
            found = await event_lists.by_uid(session, client_key, id, ctx.now)
        return found[0] if found is not None and may(actor, Right.READ_EVENTS, found[1]) else None
    if is_booking_id(id) and is_application(actor):
        async with ctx.db.read(ctx.client_key) as session:
            booking = await booking_lists.find(session, id, ctx.now)
        return booking.booking if booking is not None and booking.client_key == client_key else None
    if is_scheduling_id(id) and is_application(actor):
        async with ctx.db.read(ctx.client_key) as session:
            link = await links.find(session, id)
        return link if link is not None and link.client_key == client_key else None
    return None


@retry_transaction
async def accounts_by_sub(ctx: Context, subs: Iterable[str]) -> dict[str, ViewedAccount]:
    """Returns the accounts with these subs, by sub."""
    viewer = await ctx.viewer()
    ctx.depend_on_viewer(viewer)
    if viewer.client_key is None:
        return {}
    known = [sub for sub in dict.fromkeys(subs) if is_sub(sub)]
    found = await accounts.by_sub(ctx.statements, viewer.client_key, known)
    viewed = {sub: ViewedAccount(account, rights_over(viewer, account)) for sub, account in found.items()}
    return {sub: each for sub, each in viewed.items() if Right.READ_PROFILE in each.rights}


@retry_transaction
async def accounts_of_calendars(ctx: Context, given: Sequence[Calendar]) -> dict[int, ViewedAccount]:
    """Returns the accounts that the calendars belong to, by key. Who may see a calendar may see whose it is."""
    viewer = await _viewer(ctx)
    if viewer.client_key is None:
        return {}
    keys = [*{calendar.account.key for calendar in given}]
    found = await accounts.by_key(ctx.statements, viewer.client_key, keys)
    return {key: ViewedAccount(account, rights_over(viewer, account)) for key, account in found.items()}


@retry_transaction
async def calendars_of_accounts(ctx: Context, given: Sequence[ViewedAccount]) -> dict[int, list[Calendar]]:
    """Returns the calendars of each account, the primary one first, by the account's key."""
    ctx.forget_dependencies()
    keys = _keys(given, Right.LIST_CALENDARS)
    return await calendars.of_accounts(ctx.statements, keys) if keys else {}


@retry_transaction
async def calendars_of_events(ctx: Context, calendar_ids: Iterable[str]) -> dict[str, Calendar]:
    """Returns the calendars with these ids, by id. Who may see an event may see which calendar it is on."""
    viewer = await _viewer(ctx)
    if viewer.client_key is None:
        return {}
    return await calendars.by_id(ctx.statements, viewer.client_key, [*dict.fromkeys(calendar_ids)])


@retry_transaction
async def events_of_calendars(
    ctx: Context, given: Sequence[Calendar], window: EventWindow, request: PageRequest
) -> dict[int, Page[Event]]:
    """Returns a page of the events of each calendar, by its key. Raises Unprocessable."""
    problems = Problems()
    cursor = check_list(ctx, window, request, problems)
    if window.calendar_ids is not None:
        problems.add(("calendar_ids",), Key.CONFLICT, "must be left out: these are the events of one calendar")
    problems.raise_if_any()
    viewer = await _viewer(ctx)
    ids = {each.key: each.calendar_id for each in given if may(viewer, Right.READ_EVENTS, each.account)}
    if not ids:
        return {}
    async with ctx.db.read(ctx.client_key) as session:
        found = await event_lists.of_calendars(session, ids, window, cursor, request.first + 1, ctx.now)
    return {key: Page[Event].cut(each, request, event_place) for key, each in found.items()}


@retry_transaction
async def events_of_accounts(
    ctx: Context, given: Sequence[ViewedAccount], window: EventWindow, request: PageRequest
) -> dict[int, Page[Event] | Refusal]:
    """Returns a page of the events of each account, by its key; NotFound for one without a calendar of the window.

    Raises Unprocessable.
    """
    problems = Problems()
    cursor = check_list(ctx, window, request, problems)
    problems.raise_if_any()
    ctx.forget_dependencies()
    keys = _keys(given, Right.READ_EVENTS)
    if not keys:
        return {}
    refused: dict[int, Page[Event] | Refusal] = {}
    ids: dict[int, str] = {}
    for key, own in (await calendars.of_accounts(ctx.statements, keys)).items():
        try:
            ids |= choose({calendar.calendar_id: calendar.key for calendar in own}, window.calendar_ids)
        except Refusal as refusal:
            refused[key] = refusal
    async with ctx.db.read(ctx.client_key) as session:
        found = await event_lists.of_accounts(session, keys, ids, window, cursor, request.first + 1, ctx.now)
    return {key: Page[Event].cut(each, request, event_place) for key, each in found.items()} | refused


@retry_transaction
async def rules_of_accounts(ctx: Context, given: Sequence[ViewedAccount]) -> dict[int, list[AvailabilityRule]]:
    """Returns the availability rules of each account, in the order of their ids, by the account's key."""
    keys = _keys_with_hours(await _viewer(ctx), given)
    if not keys:
        return {}
    async with ctx.db.read(ctx.client_key) as session:
        found = await availability_rules.list_rules(session, keys)
    return {key: found.get(key, []) for key in keys}


@retry_transaction
async def periods_of_accounts(
    ctx: Context,
    given: Sequence[ViewedAccount],
    start: Instant | Unreadable | None,
    end: Instant | Unreadable | None,
    request: PageRequest,
) -> Mapping[int, Page[StoredAvailablePeriod]]:
    """Returns a page of the stored available periods of each account, by its key. Raises Unprocessable."""
    problems = Problems()
    window = check_window(start, end, problems)
    cursor = request.check(problems, most=ctx.limits.max_page)
    problems.raise_if_any()
    keys = _keys_with_hours(await _viewer(ctx), given)
    if not keys:
        return {}
    async with ctx.db.read(ctx.client_key) as session:
        found = await available_periods.list_periods(session, keys, *window, cursor, request.first + 1)
    return {key: Page[StoredAvailablePeriod].cut(each, request, period_place) for key, each in found.items()}


async def _viewer(ctx: Context) -> Actor:
    """Returns the caller, for fields that a stored copy of the answer cannot be revalidated against."""
    ctx.forget_dependencies()
    return await ctx.viewer()


def _keys(given: Sequence[ViewedAccount], right: Right) -> list[int]:
    """Returns the keys of the accounts over which the caller has the right."""
    return [each.account.key for each in given if right in each.rights]


def _keys_with_hours(viewer: Actor, given: Sequence[ViewedAccount]) -> list[int]:
    """Returns the keys of the accounts whose rules and stored periods the caller may see, if its plan has them."""
    has_feature = Feature.MANAGED_AVAILABILITY not in viewer.disabled_features
    return _keys(given, Right.MANAGE_AVAILABILITY) if has_feature else []
