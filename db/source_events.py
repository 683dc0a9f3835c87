"""The events of a calendar source: those that it says from now on, in place of those that are stored."""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlmodel import col, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.calendar_sources import SourceEvent
from core.events import EventStatus, Transparency
from core.instants import Instant

from . import events, tables
from .drivers.base import Row, Snapshot
from .drivers.dialects import SQLITE, Dialect

MOST_DELETED = 5_000
"""Deleted events of a source that keep a row: programs that give every event another UID would leave millions."""

#: events in one statement
_BATCH = 2_000


async def replace(
    session: AsyncSession, calendar_key: int, wanted: Mapping[str, SourceEvent], since: Instant, now: Instant
) -> bool:
    """Makes these the events of a locked calendar that end after an instant. Returns whether that changes anything.

    Those that have ended by then stay as they are.
    """
    snapshot = Snapshot(session)
    rows = await snapshot.fetch(_STORED, calendar_key, since)
    new, gone = await asyncio.to_thread(_differences, snapshot.dialect, calendar_key, rows, wanted, since, now)
    connection = await session.connection()
    for some in _batches(new):
        await connection.exec_driver_sql(snapshot.dialect.positional(_WRITE), some)
    await _delete(session, calendar_key, gone, now)
    return bool(new or gone)


_COLUMNS = (
    "event_id, starts_at, ends_at, start_date, end_date, tzid, summary, description, location_description, url, "
    "blocks, status"
)
_STORED = f"SELECT {_COLUMNS} FROM events WHERE calendar_key = $1 AND NOT deleted AND ends_at > $2"


def _differences(
    dialect: Dialect,
    calendar_key: int,
    rows: Sequence[Row],
    wanted: Mapping[str, SourceEvent],
    since: Instant,
    now: Instant,
) -> tuple[list[Row], list[str]]:
    """Returns the rows of the events to write, and the ids of those to delete."""
    stored = {event.event_id: event for event in map(_event, rows)}
    present = {id: event for id, event in wanted.items() if event.ends_at > since}
    new = [event for id, event in present.items() if stored.get(id) != event]
    return [_row(dialect, calendar_key, event, now) for event in new], [id for id in stored if id not in present]


def _event(row: Row) -> SourceEvent:
    event_id, starts_at, ends_at, start_date, end_date, tzid, summary, description, location, url, blocks, status = row
    first, last = events.stored_date(start_date), events.stored_date(end_date)
    described = (tzid, summary, description, location, url)
    return SourceEvent(
        event_id, starts_at, ends_at, first, last, *described, bool(blocks), status == EventStatus.TENTATIVE
    )


def _row(dialect: Dialect, calendar_key: int, event: SourceEvent, now: Instant) -> Row:
    """The values of _WRITTEN."""
    dates = (event.start_date, event.end_date)
    return (
        calendar_key,
        event.event_id,
        "",
        f"evt_{secrets.token_hex(12)}",
        event.summary,
        event.description,
        event.starts_at,
        event.ends_at,
        *(each.isoformat() if each is not None and dialect is SQLITE else each for each in dates),
        event.tzid,
        event.location,
        event.url,
        (Transparency.OPAQUE if event.blocks else Transparency.TRANSPARENT).value,
        (EventStatus.TENTATIVE if event.tentative else EventStatus.CONFIRMED).value,
        event.blocks,
        False,
        now,
        now,
    )


_WRITTEN = (
    *(
        "calendar_key",
        "event_id",
        "recurrence_id",
        "event_uid",
        "summary",
        "description",
        "starts_at",
        "ends_at",
        "start_date",
        "end_date",
    ),
    *("tzid", "location_description", "url", "transparency", "status", "blocks", "deleted", "created_at", "updated_at"),
)
# Past the ORM, which takes longer than SQLite for a hundred thousand rows, while others wait to write.
_WRITE = f"""
INSERT INTO events ({", ".join(_WRITTEN)}) VALUES ({", ".join(f"${number}" for number in range(1, len(_WRITTEN) + 1))})
ON CONFLICT ({", ".join(events.IDENTITY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _WRITTEN if name not in (*events.IDENTITY, *events.RENEWED))},
    {", ".join(f"{name} = CASE WHEN events.deleted THEN excluded.{name} ELSE events.{name} END" for name in events.RENEWED)}
"""


async def _delete(session: AsyncSession, calendar_key: int, event_ids: Sequence[str], now: Instant) -> None:
    row: Any = tables.Event
    for some in _batches(event_ids):
        chosen = update(row).where(row.calendar_key == calendar_key, col(row.event_id).in_(some))
        await session.exec(chosen.values(deleted=True, blocks=False, updated_at=now, lapses_at=None))
    if event_ids:
        await Snapshot(session).fetch(_FORGET, calendar_key)


_FORGET = f"""
DELETE FROM events WHERE key IN (
    SELECT key FROM events WHERE calendar_key = $1 AND deleted
    ORDER BY updated_at DESC, key DESC LIMIT 1000000 OFFSET {MOST_DELETED}
) RETURNING key
"""


def _batches(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + _BATCH] for start in range(0, len(values), _BATCH))
