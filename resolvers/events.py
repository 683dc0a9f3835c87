"""Events of the account that the caller acts for: upserting, deleting and listing them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from core.access import require_own
from core.calendar_sources import READ_ONLY
from core.errors import Key, NotFound, Path, Problem, Problems, Refusal, Unprocessable
from core.events import Event, EventDraft, EventTime, EventWindow
from core.identity import is_calendar_id
from core.instants import Unreadable
from core.limits import EXTERNAL_ID_LENGTH
from core.pages import Cursor, Page, PageRequest
from core.periods import check_count
from core.rights import Right
from core.texts import check_id
from db import accounts, calendars, event_batches, event_lists, events
from db.access import PendingCaller
from db.database import Session
from db.drivers.keyed_locks import calendar_lock
from db.retries import retry_transaction
from db.series import name_of

from .booking_changes import follow_events
from .context import Context
from .recurring_events import (
    PlacedDraft,
    SeriesWrite,
    check_names_instance,
    check_recurrence_length,
    check_recurs_whole,
)

_UNKNOWN_CALENDAR = "is not a calendar of this account"


class UpsertedEvent(NamedTuple):
    """An event after an upsert, and whether it is new."""

    event: Event
    created: bool


class UpsertedEvents(NamedTuple):
    """The numbers of new and of replaced events after an upsert."""

    created: int
    updated: int


@retry_transaction
async def upsert_event(
    ctx: Context, calendar_id: str, draft: EventDraft, *, this_and_following: bool = False
) -> UpsertedEvent:
    """Creates the event, or replaces the one with its event_id. Without a zone it takes the account's.

    With a recurrence_id it changes one instance of an event that recurs, or that and all following ones.

    Raises Unprocessable, or NotFound for the calendar or the instance.
    """
    problems = Problems()
    draft.check(("event",), problems)
    check_names_instance(draft.recurrence_id, ("event",), problems, this_and_following=this_and_following)
    if not this_and_following:
        check_recurs_whole(draft, ("event",), problems)
    if problems or not is_calendar_id(calendar_id):
        actor = await ctx.actor()
        account = require_own(actor, Right.CREATE_EVENT)
        raise await _refusal(ctx, actor.client_key, account, calendar_id, problems)
    if draft.recurrence is not None or draft.recurrence_id is not None:
        return await _upsert_recurring(ctx, calendar_id, draft, this_and_following=this_and_following)
    if draft.needs_zone:
        actor = await ctx.actor()
        account = require_own(actor, Right.CREATE_EVENT)
        async with ctx.db.read(actor.client_key) as session:
            draft = replace(draft, tzid=await accounts.zone(session, account))
    caller = PendingCaller(ctx.caller, ctx.now, partial(require_own, right=Right.CREATE_EVENT))
    upserted = await events.upsert_one(ctx.db, caller, calendar_id, draft, ctx.now)
    return UpsertedEvent(*upserted) if upserted is not None else await _upsert_booked(ctx, calendar_id, draft)


async def _upsert_booked(ctx: Context, calendar_id: str, draft: EventDraft) -> UpsertedEvent:
    """Upserts an event that may be that of a booking, which changes with it, or may recur. Raises NotFound for the calendar."""
    actor = await ctx.actor()
    account = require_own(actor, Right.CREATE_EVENT)
    async with ctx.db.write(actor.client_key, [calendar_lock(account, calendar_id)]) as session:
        calendar = await _lock(session, account, calendar_id, Problems())
        changed = await events.upsert(session, calendar, await _with_zones(session, account, [draft]), ctx.now)
        await follow_events(ctx, session, changed.booking_ids)
        return UpsertedEvent(
            await events.get(session, calendar, draft.event_id, calendar_id, ctx.now), changed.number > 0
        )


async def _upsert_recurring(
    ctx: Context, calendar_id: str, draft: EventDraft, *, this_and_following: bool
) -> UpsertedEvent:
    """Upserts an event that recurs, or instances of one. Raises as upsert_event does."""
    actor = await ctx.actor()
    account = require_own(actor, Right.CREATE_EVENT)
    write, path, problems = SeriesWrite(ctx.now), ("event",), Problems()
    if draft.recurrence_id is None:
        async with ctx.db.read(actor.client_key) as session:
            [draft] = await _with_zones(session, account, [draft])
        await write.expand([(path, draft)], problems)
    async with ctx.db.write(actor.client_key, [calendar_lock(account, calendar_id)]) as session:
        calendar = await _lock(session, account, calendar_id, problems)
        created, name = await _write_recurring(session, write, calendar, draft, this_and_following=this_and_following)
        await calendars.set_known_until(session, [calendar])
        return UpsertedEvent(await events.get(session, calendar, draft.event_id, calendar_id, ctx.now, name), created)


async def _write_recurring(
    session: Session, write: SeriesWrite, calendar: int, draft: EventDraft, *, this_and_following: bool
) -> tuple[bool, str]:
    """Returns whether the event, or the instance, is new, and the name of the instance; empty for the event itself."""
    if draft.recurrence_id is None:
        return await write.upsert(session, calendar, ("event",), draft), ""
    if this_and_following:
        created, original = await write.follow(session, calendar, ("event",), draft)
        return created, name_of(original)
    [original] = await write.move(session, calendar, [(("event",), draft)])
    return original.created, name_of(original.start)


@retry_transaction
async def upsert_events(ctx: Context, calendar_id: str, drafts: Sequence[EventDraft]) -> UpsertedEvents:
    """As upsert_event for many events of one calendar: all of them are stored, or none."""
    actor = await ctx.actor()
    account = require_own(actor, Right.CREATE_EVENT)
    problems = Problems()
    check_count(len(drafts), ("events",), problems, most=ctx.limits.max_batch, noun="event")
    check_recurrence_length(drafts, problems)
    seen: set[tuple[str, object]] = set()
    for index, draft in enumerate(drafts[: ctx.limits.max_batch]):
        draft.check(("events", index), problems)
        check_recurs_whole(draft, ("events", index), problems)
        if (draft.event_id, draft.recurrence_id) in seen:
            problems.add(("events", index, "event_id"), Key.DUPLICATE, "is in this request already")
        seen.add((draft.event_id, draft.recurrence_id))
    write = SeriesWrite(ctx.now)
    if not problems and any(draft.recurrence is not None for draft in drafts):
        async with ctx.db.read(actor.client_key) as session:
            drafts = await _with_zones(session, account, drafts)
        await write.expand([each for each in _placed(drafts) if each[1].recurrence is not None], problems)
    if not problems and is_calendar_id(calendar_id) and all(map(_is_plain, drafts)):
        caller = PendingCaller(actor, ctx.now, partial(require_own, right=Right.CREATE_EVENT))
        if (created := await event_batches.upsert(ctx.db, caller, calendar_id, drafts, ctx.now)) is not None:
            return UpsertedEvents(created, len(drafts) - created)
    async with ctx.db.write(actor.client_key, [calendar_lock(account, calendar_id)]) as session:
        calendar = await _lock(session, account, calendar_id, problems)
        created = await _upsert_all(ctx, session, account, calendar, write, _placed(drafts))
        return UpsertedEvents(created, len(drafts) - created)


async def _upsert_all(
    ctx: Context, session: Session, account: int, calendar: int, write: SeriesWrite, placed: Sequence[PlacedDraft]
) -> int:
    """Upserts checked events of a locked calendar. Returns how many are new. Instances come after their events."""
    single = [draft for _, draft in placed if draft.recurrence is None and draft.recurrence_id is None]
    created = 0
    if single:
        changed = await events.upsert(session, calendar, await _with_zones(session, account, single), ctx.now)
        await follow_events(ctx, session, changed.booking_ids)
        created += changed.number
    instances: dict[str, list[PlacedDraft]] = {}
    for path, draft in placed:
        if draft.recurrence is not None:
            created += await write.upsert(session, calendar, path, draft)
        elif draft.recurrence_id is not None:
            instances.setdefault(draft.event_id, []).append((path, draft))
    for of_event in instances.values():
        created += sum(each.created for each in await write.move(session, calendar, of_event))
    if len(single) < len(placed):
        await calendars.set_known_until(session, [calendar])
    return created


def _is_plain(draft: EventDraft) -> bool:
    """Whether an event does not recur, nor is an instance of one, and is known without the account's zone."""
    return draft.recurrence is None and draft.recurrence_id is None and not draft.needs_zone


def _placed(drafts: Sequence[EventDraft]) -> list[PlacedDraft]:
    """Returns the drafts with their places in a request for many events."""
    return [(("events", index), draft) for index, draft in enumerate(drafts)]


async def _with_zones(session: Session, account: int, drafts: Sequence[EventDraft]) -> Sequence[EventDraft]:
    """Returns the drafts, those without a zone in that of the account."""
    if all(draft.tzid is not None for draft in drafts):
        return drafts
    zone = await accounts.zone(session, account)
    return [draft if draft.tzid is not None else replace(draft, tzid=zone) for draft in drafts]


@retry_transaction
async def delete_event(
    ctx: Context,
    calendar_id: str,
    event_id: str,
    recurrence_id: EventTime | Unreadable | None = None,
    *,
    this_and_following: bool = False,
) -> bool:
    """Deletes the event with all its instances, or the instance with this recurrence_id, or that and all following ones.

    Returns whether there was one. Raises NotFound for the calendar or the instance.
    """
    actor = await ctx.actor()
    account = require_own(actor, Right.DELETE_EVENT)
    problems = Problems()
    check_id(event_id, ("event_id",), problems, longest=EXTERNAL_ID_LENGTH)
    if isinstance(recurrence_id, Unreadable):
        problems.add(("recurrence_id",), Key.INVALID, recurrence_id.why)
    check_names_instance(recurrence_id, (), problems, this_and_following=this_and_following)
    async with ctx.db.write(actor.client_key, [calendar_lock(account, calendar_id)]) as session:
        calendar = await _lock(session, account, calendar_id, problems)
        if recurrence_id is not None:
            write = SeriesWrite(ctx.now)
            deleted = await write.delete(session, calendar, event_id, recurrence_id, following=this_and_following)
            await calendars.set_known_until(session, [calendar])
            return deleted
        changed = await events.delete(session, calendar, event_id, ctx.now)
        await follow_events(ctx, session, changed.booking_ids)
        return changed.number > 0


@retry_transaction
async def delete_events(ctx: Context, delete_all: bool | None, calendar_ids: Sequence[str] | None) -> int:
    """Deletes all events of the account, or of some of its calendars. Returns how many there were.

    Those of calendars elsewhere stay. Raises Unprocessable unless exactly one of the two is given, and for a read-only
    calendar; NotFound for an unknown one.
    """
    actor = await ctx.actor()
    account = require_own(actor, Right.DELETE_EVENT)
    problems = Problems()
    if delete_all is not None and calendar_ids is not None:
        for name in ("delete_all", "calendar_ids"):
            problems.add((name,), Key.CONFLICT, "give delete_all or calendar_ids, not both")
    elif calendar_ids is not None:
        check_count(len(calendar_ids), ("calendar_ids",), problems, most=ctx.limits.max_batch, noun="calendar")
    elif not delete_all:
        problems.add(("delete_all",), Key.REQUIRED, "must be true, or give calendar_ids")
    problems.raise_if_any()
    async with ctx.db.read(actor.client_key) as session:
        chosen = await _choose_writable(session, account, calendar_ids)
    locks = [calendar_lock(account, calendar_id) for calendar_id in chosen.values()]
    async with ctx.db.write(actor.client_key, locks) as session:
        chosen = await _choose_writable(session, account, calendar_ids)
        await calendars.lock_for_update(session, chosen)
        await calendars.bump_versions(session, chosen)
        changed = await events.delete_all(session, chosen, ctx.now)
        await follow_events(ctx, session, changed.booking_ids)
        return changed.number


@retry_transaction
async def list_events(ctx: Context, window: EventWindow, request: PageRequest, right: Right) -> Page[Event]:
    """Returns the account's events in the window, soonest first. The caller must have the right.

    Raises Forbidden, Unprocessable, and NotFound for a calendar.
    """
    actor = await ctx.actor()
    account = require_own(actor, right)
    problems = Problems()
    cursor = check_list(ctx, window, request, problems)
    problems.raise_if_any()
    async with ctx.db.read(actor.client_key) as session:
        chosen = choose(await calendars.keys_of_account(session, account), window.calendar_ids)
        found = await event_lists.list_events(session, chosen, window, cursor, request.first + 1, ctx.now)
    return Page[Event].cut(found, request, place)


def check_list(ctx: Context, window: EventWindow, request: PageRequest, problems: Problems) -> Cursor | None:
    """Returns the cursor of a list of events. Reports all problems of the window and the page."""
    window.check(problems)
    if window.calendar_ids is not None and len(window.calendar_ids) > ctx.limits.max_batch:
        problems.add(("calendar_ids",), Key.TOO_MANY, f"takes at most {ctx.limits.max_batch} calendars")
    return request.check(problems, most=ctx.limits.max_page)


def place(event: Event) -> Cursor:
    """Returns the position of an event in a list."""
    return Cursor(event.span.start, event.event_uid)


async def _lock(session: Session, account: int, calendar_id: str, problems: Problems) -> int:
    """Locks the calendar and returns its key. Raises a Refusal with all problems of the request."""
    calendar = await calendars.lock_and_bump(session, account, calendar_id) if is_calendar_id(calendar_id) else None
    if calendar is None:
        own = await calendars.keys_of_account(session, account)
        if calendar_id in own:
            problems.add(("calendar_id",), Key.CONFLICT, READ_ONLY)
            problems.raise_if_any()
        raise _unknown(problems)
    problems.raise_if_any()
    return calendar


async def _refusal(ctx: Context, client_key: int | None, account: int, calendar_id: str, problems: Problems) -> Refusal:
    """Returns the refusal of a request with problems, to which an unknown calendar is added."""
    if is_calendar_id(calendar_id):
        async with ctx.db.read(client_key) as session:
            if calendar_id in await calendars.keys_of_account(session, account):
                return Unprocessable(problems=problems)
    return _unknown(problems)


def _unknown(problems: Problems) -> Refusal:
    unknown = Problem(("calendar_id",), Key.UNKNOWN, _UNKNOWN_CALENDAR)
    return Unprocessable(problems=[unknown, *problems]) if problems else NotFound(problems=[unknown])


async def _choose_writable(session: Session, account: int, requested: Sequence[str] | None) -> dict[int, str]:
    """Returns the requested calendars, or all that may be written to, from key to id.

    Raises NotFound, and Unprocessable for those that may not.
    """
    chosen = choose(await calendars.keys_of_account(session, account), requested)
    read_only = await calendars.read_only_of_account(session, account)
    problems = Problems()
    for index, calendar_id in enumerate(requested or ()):
        if calendar_id in {chosen[key] for key in read_only & chosen.keys()}:
            problems.add(("calendar_ids", index), Key.CONFLICT, READ_ONLY)
    problems.raise_if_any()
    return {key: calendar_id for key, calendar_id in chosen.items() if key not in read_only}


def choose(own: Mapping[str, int], requested: Sequence[str] | None) -> dict[int, str]:
    """Returns the requested calendars, or all of the account's, from key to id. Raises NotFound."""
    unknown = [index for index, calendar_id in enumerate(requested or ()) if calendar_id not in own]
    if unknown:
        paths: list[Path] = [("calendar_ids", index) for index in unknown]
        raise NotFound(problems=[Problem(path, Key.UNKNOWN, _UNKNOWN_CALENDAR) for path in paths])
    return {own[calendar_id]: calendar_id for calendar_id in (requested if requested is not None else own)}
