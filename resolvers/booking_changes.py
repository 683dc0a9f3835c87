"""What a change of events does to the bookings that they belong to."""

from collections.abc import Collection

from core.booking_life import Booking, BookingStatus
from core.real_time_scheduling import CallbackKind, Completed
from db import booking_changes, callbacks
from db import real_time_scheduling as links
from db.database import Session

from .context import Context


async def follow_events(ctx: Context, session: Session, booking_ids: Collection[str]) -> None:
    """Moves or cancels bookings as their events were changed in this transaction, and notifies the application."""
    for change in await booking_changes.follow_events(session, booking_ids, ctx.now):
        await notify(ctx, session, change.before, change.after.booking)


async def notify(ctx: Context, session: Session, before: Booking, after: Booking) -> None:
    """Notifies the application of a booking that was moved or cancelled, if a link with a URL for it has made it."""
    kind = _kind(before, after)
    if kind is None or after.scheduling_id is None:
        return
    link = await links.find(session, after.scheduling_id)
    if link is None or not isinstance(link.state, Completed):
        return
    tzid = link.state.visitor_tzid
    await callbacks.enqueue(session, link, kind, url=ctx.link_url(link), visitor_tzid=tzid, now=ctx.now)


def _kind(before: Booking, after: Booking) -> CallbackKind | None:
    if after.status is BookingStatus.CANCELLED:
        return CallbackKind.CANCELLED if before.status is not after.status else None
    moved = (before.start, before.end, [*before.participants]) != (after.start, after.end, [*after.participants])
    return CallbackKind.RESCHEDULED if moved else None
