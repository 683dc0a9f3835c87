"""What a change of events does to the bookings that they belong to."""

from collections.abc import Collection

from db import booking_changes
from db.database import Session

from .context import Context


async def follow_events(ctx: Context, session: Session, booking_ids: Collection[str]) -> None:
    """Moves or cancels bookings as their events were changed in this transaction."""
    await booking_changes.follow_events(session, booking_ids, ctx.now)
