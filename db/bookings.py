"""Bookings: one event written to the calendars of all participants, or to none of them."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.events import Event, EventDraft
from core.instants import Instant

from . import events, tables
from .database import Database
from .drivers.base import LOCK_TIMEOUT, LockedWrite, Snapshot
from .drivers.dialects import Dialect
from .events import IDENTITY, RENEWED, REPLACED, WRITTEN
from .versions import next_version_sql, random_part, random_part_sql


class BookedCalendar(NamedTuple):
    """A calendar that an event is booked on, and the event_uid of that event."""

    key: int
    calendar_id: str
    event_uid: str


async def book(
    session: AsyncSession, calendars: Sequence[BookedCalendar], draft: EventDraft, now: Instant
) -> list[Event] | None:
    """Creates the event on locked calendars. Returns it for each of them, in their order.

    Returns None if a calendar already has an event with this id; the caller must then roll back the
    transaction. Events of an earlier attempt are found with `booked` first.
    """
    snapshot = Snapshot(session)
    row = events.row(draft, now)
    values = [
        snapshot.dialect.array_param([calendar.key for calendar in calendars]),
        snapshot.dialect.array_param([calendar.event_uid for calendar in calendars]),
        *(row[name] for name in _BOOKED),
    ]
    written = await snapshot.fetch(_book(snapshot.dialect), *values)
    return _written(calendars, draft, now) if len(written) == len(calendars) else None


async def book_unchanged(
    db: Database,
    client_key: int,
    versions: Mapping[int, int],
    calendars: Mapping[BookedCalendar, int],
    draft: EventDraft,
    now: Instant,
) -> list[Event] | None:
    """Optimistic `book`: one trip, no row locks held before. `calendars` maps each calendar to the key
    of its account.

    Returns None if a calendar no longer has its version in `versions` (by calendar key), or has an
    event with this id.
    """
    dialect = db.driver.dialect
    row = events.row(draft, now)
    values = [
        dialect.array_param([*versions]),
        dialect.array_param([*versions.values()]),
        random_part(),
        dialect.array_param([calendar.key for calendar in calendars]),
        draft.event_id,
        dialect.array_param([calendar.event_uid for calendar in calendars]),
        *(row[name] for name in _BOOKED),
    ]
    written = await db.driver.write(_book_unchanged(dialect), values, *calendars.values(), writer=client_key)
    return _written(calendars, draft, now) if written is not None else None


async def booked(session: AsyncSession, calendars: Mapping[int, BookedCalendar], event_id: str) -> dict[int, Event]:
    """Returns the events of an earlier attempt, by calendar key: same event_id and the same event_uid."""
    statement = select(tables.Event).where(
        col(tables.Event.calendar_key).in_(calendars),
        col(tables.Event.event_id) == event_id,
        col(tables.Event.event_uid).in_([calendar.event_uid for calendar in calendars.values()]),
    )
    rows = await session.exec(statement)
    return {row.calendar_key: events.event(row, calendars[row.calendar_key].calendar_id) for row in rows}


def _written(calendars: Iterable[BookedCalendar], draft: EventDraft, now: Instant) -> list[Event]:
    """The events as created just now, some of them in the rows of deleted ones."""
    return [events.written(draft, now, calendar.calendar_id, calendar.event_uid, now) for calendar in calendars]


#: the columns that are the same on every calendar
_BOOKED = [name for name in WRITTEN if name != "event_uid"]


@cache
def _book(dialect: Dialect) -> str:
    return _insert_booked(dialect.zip_arrays((1, "bigint", "calendar_key"), (2, "text", "event_uid"), "target"), 3)


@cache
def _book_unchanged(dialect: Dialect) -> LockedWrite:
    known = dialect.zip_arrays((1, "bigint", "key"), (2, "bigint", "version"), "known")
    targets = dialect.zip_arrays((4, "bigint", "calendar_key"), (6, "text", "event_uid"), "target")
    return LockedWrite(
        # The version is checked under the lock. A concurrent event with this id has changed it as well.
        lock=f"""
WITH held AS (
    SELECT key, version FROM calendars
    WHERE key {dialect.in_array(1, "bigint")} AND {LOCK_TIMEOUT} ORDER BY key {dialect.row_lock}
)
UPDATE calendars SET version = {next_version_sql("$3")}
WHERE key {dialect.in_array(4, "bigint")}
  AND NOT EXISTS (SELECT 1 FROM {known} LEFT JOIN held USING (key, version) WHERE held.key IS NULL)
  AND NOT EXISTS (SELECT 1 FROM events WHERE calendar_key {dialect.in_array(4, "bigint")} AND event_id = $5 AND NOT deleted)
RETURNING key
""",
        locked_rows=f"SELECT key FROM calendars WHERE key {dialect.in_array(4, 'bigint')} AND {random_part_sql()} = $3",
        write=_insert_booked(f"locked JOIN {targets} ON target.calendar_key = locked.key", 7),
        lock_params=5,
    )


def _insert_booked(targets: str, first: int) -> str:
    """SQL that inserts an event for each `target`; its other columns are the parameters from number `first` on."""
    return f"""
INSERT INTO events (calendar_key, event_uid, {", ".join(_BOOKED)})
SELECT target.calendar_key, target.event_uid, {", ".join(f"${number}" for number, _ in enumerate(_BOOKED, first))}
FROM {targets} WHERE TRUE
ON CONFLICT ({", ".join(IDENTITY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in (*REPLACED, *RENEWED))}
WHERE events.deleted
RETURNING calendar_key
"""
