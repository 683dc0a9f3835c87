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

MOST_DELETED = 5_000
"""Deleted events of a source that keep a row: programs that give every event another UID would leave millions."""

#: events in one statement
_BATCH = 500


async def replace(
    session: AsyncSession, calendar_key: int, wanted: Mapping[str, SourceEvent], since: Instant, now: Instant
) -> bool:
    """Makes these the events of a locked calendar that end after an instant. Returns whether that changes anything.

    Those that have ended by then stay as they are.
    """
    rows = await Snapshot(session).fetch(_STORED, calendar_key, since)
    new, gone = await asyncio.to_thread(_differences, rows, wanted, since)
    for some in _batches(new):
        await events.upsert_rows(session, [_row(calendar_key, event, now) for event in some], now)
    await _delete(session, calendar_key, gone, now)
    return bool(new or gone)


_COLUMNS = (
    "event_id, starts_at, ends_at, start_date, end_date, tzid, summary, description, location_description, url, "
    "blocks, status"
)
_STORED = f"SELECT {_COLUMNS} FROM events WHERE calendar_key = $1 AND NOT deleted AND ends_at > $2"


def _differences(
    rows: Sequence[Row], wanted: Mapping[str, SourceEvent], since: Instant
) -> tuple[list[SourceEvent], list[str]]:
    """Returns the events to write, and the ids of those to delete."""
    stored = {event.event_id: event for event in map(_event, rows)}
    new = [event for id, event in wanted.items() if event.ends_at > since and stored.get(id) != event]
    kept = {id for id, event in wanted.items() if event.ends_at > since}
    return new, [id for id in stored if id not in kept]


def _event(row: Row) -> SourceEvent:
    event_id, starts_at, ends_at, start_date, end_date, tzid, summary, description, location, url, blocks, status = row
    first, last = events.stored_date(start_date), events.stored_date(end_date)
    described = (tzid, summary, description, location, url)
    return SourceEvent(
        event_id, starts_at, ends_at, first, last, *described, bool(blocks), status == EventStatus.TENTATIVE
    )


def _row(calendar_key: int, event: SourceEvent, now: Instant) -> dict[str, Any]:
    return {
        "calendar_key": calendar_key,
        "booking_id": None,
        "event_id": event.event_id,
        "event_uid": f"evt_{secrets.token_hex(12)}",
        "summary": event.summary,
        "description": event.description,
        "starts_at": event.starts_at,
        "ends_at": event.ends_at,
        "start_date": event.start_date,
        "end_date": event.end_date,
        "tzid": event.tzid,
        "location_description": event.location,
        "location_lat": None,
        "location_long": None,
        "url": event.url,
        "transparency": (Transparency.OPAQUE if event.blocks else Transparency.TRANSPARENT).value,
        "status": (EventStatus.TENTATIVE if event.tentative else EventStatus.CONFIRMED).value,
        "blocks": event.blocks,
        "deleted": False,
        "created_at": now,
        "updated_at": now,
    }


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
