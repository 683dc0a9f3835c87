"""Changes of bookings: their state and time, in the transaction that changes their events."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from sqlmodel import col, delete, insert, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.booking_life import Booking, BookingStatus, followed
from core.instants import Instant

from . import tables
from .booking_lists import StoredBooking, events_of, find_all
from .booking_snapshots import BookingSnapshot
from .bookings import unchanged_sql
from .database import Database
from .drivers.base import LockedWrite
from .drivers.dialects import Dialect
from .versions import random_part, random_part_sql


class BookingChange(NamedTuple):
    """A booking before and after a change."""

    before: Booking
    after: StoredBooking


async def follow_events(session: AsyncSession, booking_ids: Collection[str], now: Instant) -> list[BookingChange]:
    """Moves bookings to where their events are by now, and cancels those that have none any more. Returns those changed.

    The calendars of the changed events are locked before, and the bookings here: everybody who locks both does so in
    this order. Two changes of events of one booking, on two calendars, so see each other.
    """
    if not booking_ids:
        return []
    found = await find_all(session, booking_ids, now, lock=True)
    events = await events_of(session, found, now)
    changes: list[BookingChange] = []
    for booking_id, stored in found.items():
        spans = {calendar_id: event.span for calendar_id, event in events[booking_id].items()}
        after = followed(stored.booking, spans, stored.calendar_ids, now)
        if after is not stored.booking:
            changes.append(BookingChange(stored.booking, await store(session, stored, after)))
    return changes


async def store(session: AsyncSession, stored: StoredBooking, booking: Booking, **more: Any) -> StoredBooking:
    """Stores another state, time and participants of a locked booking, and `more` columns. Returns it."""
    row, before = tables.Booking, stored.booking
    values = {
        "status": booking.status.value,
        "starts_at": booking.start,
        "ends_at": booking.end,
        "hold_expires_at": booking.hold_expires_at,
        "cancel_reason": booking.cancel_reason,
        "cancelled_by": booking.cancelled_by.value if booking.cancelled_by is not None else None,
        "updated_at": booking.updated,
        **more,
    }
    await session.exec(update(row).where(col(row.key) == stored.key).values(values))
    people = before.participants, before.start, before.end
    if people != (booking.participants, booking.start, booking.end):
        await _store_participants(session, before, booking)
    return replace(stored, booking=booking, calendar_ids=more.get("calendar_ids", stored.calendar_ids))


async def change_unchanged(
    db: Database,
    before: BookingSnapshot,
    after: Booking,
    versions: Mapping[int, int],
    request: str,
    now: Instant,
    *,
    in_place: bool,
) -> bool:
    """Optimistic change: in one trip without locks held before. Moves all events to the booking's time, unless `in_place`.

    `versions` are those of all calendars that the change was decided on, by key. Returns False, without a change, if one
    of them or the booking is another by now.
    """
    dialect, stored = db.driver.dialect, before.stored
    present = [each for each in before.events.values() if not each.event.deleted]
    values = [
        dialect.array_param([*versions]),
        dialect.array_param([*versions.values()]),
        random_part(),
        dialect.array_param([each.calendar_key for each in present]),
        after.booking_id,
        now,
        stored.booking.status.value,
        stored.booking.start,
        stored.booking.updated,
        after.status.value,
        after.start,
        after.end,
        after.hold_expires_at,
        request,
    ]
    statements = _change_unchanged(dialect, after.status is BookingStatus.CONFIRMED, in_place)
    accounts = {each.account_key for each in present}
    return await db.driver.write(statements, values, *accounts, writer=stored.client_key) is not None


@cache
def _change_unchanged(dialect: Dialect, is_confirmed: bool, in_place: bool) -> LockedWrite:
    was_locked = "EXISTS (SELECT 1 FROM locked)"
    firm = "status = CASE WHEN lapses_at IS NULL THEN status ELSE 'confirmed' END, lapses_at = NULL"
    moved = "starts_at = $11, ends_at = $12, start_date = NULL, end_date = NULL"
    changes = ["updated_at = $6", *([firm] if is_confirmed else []), *([moved] if not in_place else [])]
    participants = f"""
UPDATE booking_participants SET starts_at = $11, ends_at = $12 WHERE booking_id = $5 AND {was_locked} RETURNING booking_id
"""
    return LockedWrite(
        # Whoever changes a booking changes the version of a calendar that it has an event on, under its lock.
        lock=f"""
{unchanged_sql(dialect)}
  AND EXISTS (
    SELECT 1 FROM bookings WHERE booking_id = $5 AND status = $7 AND starts_at = $8 AND updated_at = $9
  )
RETURNING key
""",
        locked_rows=f"SELECT key FROM calendars WHERE key {dialect.in_array(4, 'bigint')} AND {random_part_sql()} = $3",
        others=(
            f"""
UPDATE bookings SET status = $10, starts_at = $11, ends_at = $12, hold_expires_at = $13, request = $14, updated_at = $6
WHERE booking_id = $5 AND {was_locked} RETURNING booking_id
""",
            *([participants] if not in_place else []),
        ),
        write=f"""
UPDATE events SET {", ".join(changes)}
WHERE booking_id = $5 AND NOT deleted AND calendar_key IN (SELECT key FROM locked) RETURNING calendar_key
""",
    )


async def _store_participants(session: AsyncSession, before: Booking, booking: Booking) -> None:
    row = tables.BookingParticipant
    of_booking = col(row.booking_id) == booking.booking_id
    if [*booking.participants] == [*before.participants]:
        await session.exec(update(row).where(of_booking).values(starts_at=booking.start, ends_at=booking.end))
        return
    await session.exec(delete(row).where(of_booking))
    times = {"booking_id": booking.booking_id, "starts_at": booking.start, "ends_at": booking.end}
    rows: Sequence[dict[str, Any]] = [
        {"position": position, "sub": sub, **times} for position, sub in enumerate(booking.participants)
    ]
    if rows:
        await session.exec(insert(row), params=rows)
