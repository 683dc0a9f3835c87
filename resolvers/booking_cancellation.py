"""Cancelling a booking: all of its events are deleted, or none."""

from core.access import require_application
from core.booking_life import REASON_LENGTH, Booking, BookingActor, BookingStatus, cancelled
from core.errors import Problems
from core.texts import check_text
from db import booking_changes, bookings, calendars
from db.retries import retry_transaction

from .booking_changes import notify
from .booking_life import unknown_booking
from .booking_locks import load_snapshot, lock, locks_of, until_current
from .context import Context


@retry_transaction
async def cancel(ctx: Context, booking_id: str, reason: str | None) -> Booking:
    """Cancels a booking and deletes its events. Returns it; a cancelled or expired one is returned unchanged.

    Requires the application's own key. Raises NotFound and Unprocessable.
    """
    problems = Problems()
    check_text(reason, ("reason",), problems, longest=REASON_LENGTH)
    client_key = require_application(await ctx.actor())
    problems.raise_if_any()
    return await until_current(lambda: _cancel_once(ctx, client_key, booking_id, reason))


async def _cancel_once(ctx: Context, client_key: int, booking_id: str, reason: str | None) -> Booking:
    before = await load_snapshot(ctx, booking_id)
    if before is None or before.stored.client_key != client_key:
        raise unknown_booking()
    async with ctx.db.write(client_key, locks_of(before)) as session:
        snapshot = await lock(ctx, session, before, before.versions.keys())
        stored = snapshot.stored
        if stored.booking.status in (BookingStatus.CANCELLED, BookingStatus.EXPIRED):
            return stored.booking
        present = [each.calendar_key for each in snapshot.events.values() if not each.event.deleted]
        await bookings.delete_events(session, booking_id, present, ctx.now)
        await calendars.bump_versions(session, present)
        after = cancelled(stored.booking, BookingActor.APPLICATION, reason, ctx.now)
        await booking_changes.store(session, stored, after)
        await notify(ctx, session, stored.booking, after)
        return after
