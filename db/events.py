"""Events, identified by the caller's event_id within a calendar. Deleted ones keep a row, so that clients see them."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Update, and_, case, or_
from sqlmodel import col, select, update
from sqlmodel import delete as sql_delete
from sqlmodel.ext.asyncio.session import AsyncSession

from core.events import Event, EventDraft, EventStatus, Location, Transparency
from core.instants import Instant, parse_date, read_event_time
from core.spans import Span

from . import calendars, tables
from .access import PendingCaller
from .database import Database
from .drivers.base import LOCK_TIMEOUT, LockedWrite
from .drivers.dialects import insert
from .versions import next_version_sql, random_part

IDENTITY = ("calendar_key", "event_id", "recurrence_id")
#: columns that keep their values when an event is replaced, but get new ones when a deleted event is
#: created again
RENEWED = ("event_uid", "created_at")
#: columns of events of bookings; of others they are NULL
OF_BOOKINGS = ("booking_id", "lapses_at")
#: columns of events that recur and of their instances; of others they are NULL and empty
OF_SERIES = ("recurrence", "recurrence_id")
_OWN = {"key", *IDENTITY, *RENEWED, *OF_BOOKINGS, *OF_SERIES}
REPLACED = [name for name in tables.Event.model_fields if name not in _OWN]


class Changed(NamedTuple):
    """How many events were created or deleted, and the bookings that some of those before belong to."""

    number: int
    booking_ids: frozenset[str]


async def upsert(session: AsyncSession, calendar_key: int, drafts: Sequence[EventDraft], now: Instant) -> Changed:
    """Creates or replaces events of a locked calendar. Counts those that are new, or were deleted before.

    An event of a hold no longer lapses with it, and one that recurred no longer does.
    """
    row: Any = tables.Event
    existing = select(row.event_id, row.booking_id, row.recurrence).where(
        row.calendar_key == calendar_key,
        row.event_id.in_([draft.event_id for draft in drafts]),
        row.recurrence_id == "",
        present(row, now),
    )
    updated = (await session.exec(existing)).all()
    recurred = [event_id for event_id, _, recurrence in updated if recurrence is not None]
    if recurred:
        await _forget_series(session, [calendar_key], col(tables.Series.event_id).in_(recurred))
        instances = _delete([calendar_key], now).where(row.event_id.in_(recurred), row.recurrence_id != "")
        await session.exec(instances.execution_options(synchronize_session=False))
    rows = [{"calendar_key": calendar_key, "booking_id": None, **columns(draft, now)} for draft in drafts]
    await upsert_rows(session, rows, now)
    return Changed(len(drafts) - len(updated), frozenset(id for _, id, _ in updated if id is not None))


async def upsert_rows(session: AsyncSession, rows: Sequence[Mapping[str, Any]], now: Instant) -> None:
    """Creates or replaces events of a locked calendar, whose rows these are. None of them recurs."""
    statement = insert(session, tables.Event)
    replaced: dict[str, Any] = {name: statement.excluded[name] for name in REPLACED}
    is_new = ~present(tables.Event, now)
    for name in (*RENEWED, "booking_id"):
        replaced[name] = case((is_new, statement.excluded[name]), else_=col(getattr(tables.Event, name)))
    statement = statement.on_conflict_do_update(
        index_elements=IDENTITY, set_={**replaced, "lapses_at": None, "recurrence": None}
    )
    await session.exec(statement, params=rows)


def present(row: Any, now: Instant) -> ColumnElement[bool]:
    """The condition for events that exist at an instant: neither deleted nor lapsed."""
    return and_(row.deleted.is_(False), or_(row.lapses_at.is_(None), row.lapses_at > now))


async def upsert_one(
    db: Database, caller: PendingCaller, calendar_id: str, draft: EventDraft, now: Instant
) -> tuple[Event, bool] | None:
    """Upserts one event in one trip, which also locks the calendar. Returns the event and whether it
    was created.

    A timed event without a zone takes the account's; an all-day event must have one.
    Returns None without a change if the account has no such calendar or may not write to it, and if the event is that of a
    booking, which changes with it, or recurs. Raises if the caller may not write.
    """
    proposed = columns(draft, now)
    found = await db.driver.write(_UPSERT, (calendar_id, random_part(), *_WRITTEN_OF(proposed)), writer=caller)
    if found is None:
        return None
    event_uid, created_at, tzid = found
    return written(replace(draft, tzid=tzid), now, calendar_id, event_uid, created_at), event_uid == proposed[
        "event_uid"
    ]


async def get(
    session: AsyncSession, calendar_key: int, event_id: str, calendar_id: str, now: Instant, recurrence_id: str = ""
) -> Event:
    """Returns the event with this id, or an instance of it, which the calendar must have."""
    chosen = (
        col(tables.Event.calendar_key) == calendar_key,
        col(tables.Event.event_id) == event_id,
        col(tables.Event.recurrence_id) == recurrence_id,
    )
    return event((await session.exec(select(tables.Event).where(*chosen))).one(), calendar_id, now)


async def is_taken(session: AsyncSession, calendar_keys: Collection[int], event_id: str, now: Instant) -> bool:
    """Whether one of the calendars has an event with this id."""
    row: Any = tables.Event
    of_calendars = (row.calendar_key.in_(calendar_keys), row.event_id == event_id, present(row, now))
    return (await session.exec(select(row.key).where(*of_calendars).limit(1))).first() is not None


async def delete(session: AsyncSession, calendar_key: int, event_id: str, now: Instant) -> Changed:
    """Deletes an event of a locked calendar, with all instances if it recurs. Counts those that existed."""
    await _forget_series(session, [calendar_key], col(tables.Series.event_id) == event_id)
    deleted = _delete([calendar_key], now).where(col(tables.Event.event_id) == event_id)
    statement = deleted.returning(col(tables.Event.booking_id)).execution_options(synchronize_session=False)
    found = (await session.exec(statement)).scalars().all()
    return Changed(len(found), frozenset(id for id in found if id is not None))


async def delete_all(session: AsyncSession, calendar_keys: Collection[int], now: Instant) -> Changed:
    """Deletes every event of locked calendars. Counts those that existed; of one that recurs, its instances."""
    booking_ids = await of_bookings(session, calendar_keys, now)
    await _forget_series(session, calendar_keys)
    await session.exec(_delete(calendar_keys, now).where(col(tables.Event.recurrence).is_not(None)))
    return Changed((await session.exec(_delete(calendar_keys, now))).rowcount, booking_ids)


async def _forget_series(session: AsyncSession, calendar_keys: Collection[int], *conditions: Any) -> None:
    """Ends series of locked calendars, whose rows in `events` the caller deletes or replaces."""
    row = tables.Series
    statement = sql_delete(row).where(col(row.calendar_key).in_(calendar_keys), *conditions)
    found = await session.exec(statement.returning(col(row.calendar_key)))
    if changed := {*found.scalars()}:
        await calendars.set_known_until(session, changed)


async def of_bookings(session: AsyncSession, calendar_keys: Collection[int], now: Instant) -> frozenset[str]:
    """Returns the ids of the bookings that events of these calendars belong to."""
    booking_id = col(tables.Event.booking_id)
    of_calendars = col(tables.Event.calendar_key).in_(calendar_keys), present(tables.Event, now)
    found = await session.exec(select(booking_id).where(booking_id.is_not(None), *of_calendars).distinct())
    return frozenset(id for id in found if id is not None)


def _delete(calendar_keys: Collection[int], now: Instant) -> Update:
    row: Any = tables.Event
    statement = update(row).where(row.calendar_key.in_(calendar_keys), present(row, now))
    return statement.values(deleted=True, blocks=False, updated_at=now, lapses_at=None)


def columns(draft: EventDraft, now: Instant) -> dict[str, Any]:
    """The columns of a new event, without calendar_key and what only some events have."""
    span = draft.span()
    location = draft.location or Location()
    return {
        "event_id": draft.event_id,
        "event_uid": f"evt_{secrets.token_hex(12)}",
        "summary": draft.summary,
        "description": draft.description,
        "starts_at": span.start,
        "ends_at": span.end,
        "start_date": draft.start if isinstance(draft.start, date) else None,
        "end_date": draft.end if isinstance(draft.end, date) else None,
        "tzid": draft.tzid,
        "location_description": location.description,
        "location_lat": location.lat,
        "location_long": location.long,
        "url": draft.url,
        "transparency": draft.transparency.value,
        "status": draft.status.value,
        "blocks": draft.transparency is Transparency.OPAQUE,
        "deleted": False,
        "created_at": now,
        "updated_at": now,
    }


WRITTEN = [name for name in tables.Event.model_fields if name not in ("key", "calendar_key", *OF_BOOKINGS, *OF_SERIES)]
_WRITTEN_OF = itemgetter(*WRITTEN)


def value_sql(name: str, parameter: str) -> str:
    """SQL for a value of an event of the account `$1`.

    A timed event without a zone takes the account's here, so that it needs no statement before.
    """
    return f"COALESCE({parameter}, (SELECT tzid FROM accounts WHERE key = $1))" if name == "tzid" else parameter


def replaced_sql() -> str:
    """SQL of an INSERT that replaces events, but leaves those of bookings and those that recur as they are."""
    renewed = (f"{name} = CASE WHEN events.deleted THEN excluded.{name} ELSE events.{name} END" for name in RENEWED)
    return f"""
ON CONFLICT ({", ".join(IDENTITY)}) DO UPDATE SET
    {", ".join([*(f"{name} = excluded.{name}" for name in REPLACED), *renewed])}
WHERE events.booking_id IS NULL AND events.recurrence IS NULL
"""


_UPSERT = LockedWrite(
    lock=f"""
UPDATE calendars SET version = {next_version_sql("$3")}
WHERE account_key = $1 AND calendar_id = $2 AND unknown_at IS NULL AND {LOCK_TIMEOUT} RETURNING key
""",
    locked_rows="SELECT key FROM calendars WHERE account_key = $1 AND calendar_id = $2 AND unknown_at IS NULL",
    write=f"""
INSERT INTO events (calendar_key, {", ".join(WRITTEN)})
SELECT key, {", ".join(value_sql(name, f"${number}") for number, name in enumerate(WRITTEN, 4))} FROM locked WHERE TRUE
{replaced_sql()}
RETURNING event_uid, created_at, tzid
""",
)


def stored_date(stored: date | str | None) -> date | None:
    """Returns a date as a driver gives it: SQLite has none."""
    return parse_date(stored) if isinstance(stored, str) else stored


def written(draft: EventDraft, now: Instant, calendar_id: str, event_uid: str, created: Instant) -> Event:
    """Returns the event just written, as a later read returns it: an empty location becomes None."""
    stored = replace(draft, location=None) if draft.location == Location() else draft
    return Event(stored, draft.span(), calendar_id, event_uid, deleted=False, created=created, updated=now)


def event(row: Any, calendar_id: str, now: Instant) -> Event:
    """Returns the event of a row of the table, or with its columns, as it is at an instant: one that has lapsed is deleted."""
    lapsed_at = row.lapses_at if row.lapses_at is not None and row.lapses_at <= now else None
    location = Location(row.location_description, row.location_lat, row.location_long)
    draft = EventDraft(
        event_id=row.event_id,
        summary=row.summary,
        description=row.description,
        start=row.start_date or row.starts_at,
        end=row.end_date or row.ends_at,
        tzid=row.tzid,
        location=location if location != Location() else None,
        url=row.url,
        transparency=Transparency(row.transparency),
        status=EventStatus(row.status),
        recurrence=tuple(row.recurrence.split("\n")) if row.recurrence is not None else None,
        recurrence_id=read_event_time(row.recurrence_id) if row.recurrence_id else None,
    )
    return Event(
        draft=draft,
        span=Span(row.starts_at, row.ends_at),
        calendar_id=calendar_id,
        event_uid=row.event_uid,
        deleted=row.deleted or lapsed_at is not None,
        created=row.created_at,
        updated=max(row.updated_at, lapsed_at or 0),
    )
