"""Bookings: one event on the calendars of everybody who meets, on all of them or on none."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.events import Event, EventDraft
from core.instants import Instant

from . import events, tables
from .database import Database
from .drivers.base import LockedWrite, Snapshot
from .drivers.dialects import Dialect
from .events import IDENTITY, RENEWED, REPLACED, WRITTEN
from .versions import next_version_sql, random_part, random_part_sql


class BookedCalendar(NamedTuple):
    """A calendar that an event is booked on, and what the event is called here."""

    key: int
    calendar_id: str
    event_uid: str


async def book(
    session: AsyncSession, calendars: Sequence[BookedCalendar], draft: EventDraft, now: Instant
) -> list[Event] | None:
    """Makes the event on calendars that are held, in their order; None when one of them has an event with its id.

    Then the transaction has to be undone. What an earlier attempt has made is found by `booked` before.
    """
    reader = Snapshot(session)
    row = events.row(draft, now)
    values = [
        reader.dialect.array_param([calendar.key for calendar in calendars]),
        reader.dialect.array_param([calendar.event_uid for calendar in calendars]),
        *(row[name] for name in _BOOKED),
    ]
    written = await reader.fetch(_book(reader.dialect), *values)
    return _written(calendars, draft, now) if len(written) == len(calendars) else None


async def book_unchanged(
    db: Database,
    versions: Mapping[int, int],
    calendars: Mapping[BookedCalendar, int],
    draft: EventDraft,
    now: Instant,
) -> list[Event] | None:
    """As `book`, in one trip and without anything that is held before; from each calendar to the key of its account.

    None when a calendar has no longer the version that is given for its key, or when one has an event with this id.
    """
    spelling = db.driver.dialect
    row = events.row(draft, now)
    values = [
        spelling.array_param([*versions]),
        spelling.array_param([*versions.values()]),
        random_part(),
        spelling.array_param([calendar.key for calendar in calendars]),
        draft.event_id,
        spelling.array_param([calendar.event_uid for calendar in calendars]),
        *(row[name] for name in _BOOKED),
    ]
    written = await db.driver.write(_book_unchanged(spelling), values, *calendars.values())
    return _written(calendars, draft, now) if written is not None else None


async def booked(session: AsyncSession, calendars: Mapping[int, BookedCalendar], event_id: str) -> dict[int, Event]:
    """Of these calendars, by key, those that have the event under the very name that it was to be booked by."""
    statement = select(tables.Event).where(
        col(tables.Event.calendar_key).in_(calendars),
        col(tables.Event.event_id) == event_id,
        col(tables.Event.event_uid).in_([calendar.event_uid for calendar in calendars.values()]),
    )
    rows = await session.exec(statement)
    return {row.calendar_key: events.event(row, calendars[row.calendar_key].calendar_id) for row in rows}


def _written(calendars: Iterable[BookedCalendar], draft: EventDraft, now: Instant) -> list[Event]:
    """The events as they are now: each was made just now, be it on the row of one that was deleted."""
    return [events.written(draft, now, each.calendar_id, each.event_uid, now) for each in calendars]


#: the columns that a booked event has the same everywhere
_BOOKED = [name for name in WRITTEN if name != "event_uid"]


@cache
def _book(spelling: Dialect) -> str:
    return _insert_booked(spelling.zip_arrays((1, "bigint", "calendar_key"), (2, "text", "event_uid"), "target"), 3)


@cache
def _book_unchanged(spelling: Dialect) -> LockedWrite:
    known = spelling.zip_arrays((1, "bigint", "key"), (2, "bigint", "version"), "known")
    targets = spelling.zip_arrays((4, "bigint", "calendar_key"), (6, "text", "event_uid"), "target")
    return LockedWrite(
        # The version is looked at under the lock. An event of this id that came meanwhile has changed it, too.
        lock=f"""
WITH held AS (SELECT key, version FROM calendars WHERE key {spelling.in_array(1, "bigint")} ORDER BY key {spelling.row_lock})
UPDATE calendars SET version = {next_version_sql("$3")}
WHERE key {spelling.in_array(4, "bigint")}
  AND NOT EXISTS (SELECT 1 FROM {known} LEFT JOIN held USING (key, version) WHERE held.key IS NULL)
  AND NOT EXISTS (SELECT 1 FROM events WHERE calendar_key {spelling.in_array(4, "bigint")} AND event_id = $5 AND NOT deleted)
RETURNING key
""",
        locked_rows=f"SELECT key FROM calendars WHERE key {spelling.in_array(4, 'bigint')} AND {random_part_sql()} = $3",
        write=_insert_booked(f"locked JOIN {targets} ON target.calendar_key = locked.key", 7),
        lock_params=5,
    )


def _insert_booked(targets: str, first: int) -> str:
    """Events on every `target`, whose other columns are the values from the first of them on."""
    return f"""
INSERT INTO events (calendar_key, event_uid, {", ".join(_BOOKED)})
SELECT target.calendar_key, target.event_uid, {", ".join(f"${number}" for number, _ in enumerate(_BOOKED, first))}
FROM {targets} WHERE TRUE
ON CONFLICT ({", ".join(IDENTITY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in (*REPLACED, *RENEWED))}
WHERE events.deleted
RETURNING calendar_key
"""
