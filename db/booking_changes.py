"""Changes of bookings: their state and time, in the transaction that changes their events."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlmodel import col, delete, insert, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.booking_life import Booking, followed
from core.instants import Instant

from . import tables
from .booking_lists import StoredBooking, events_of, find_all


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
