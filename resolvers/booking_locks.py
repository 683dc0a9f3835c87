"""A booking with its events, as it is before it is changed, and locked for the change."""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from core.identity import is_booking_id
from db import booking_lists, booking_snapshots, calendars
from db.booking_snapshots import BookingSnapshot
from db.database import Session
from db.drivers.base import Snapshot
from db.drivers.keyed_locks import LockKey, calendar_lock

from .booking_life import unknown_booking
from .context import Context

T = TypeVar("T")


class OutdatedError(Exception):
    """The booking has changed before its calendars were locked: they may be other ones now."""


async def until_current(change: Callable[[], Awaitable[T]]) -> T:
    """Begins a change again as long as it raises OutdatedError."""
    while True:
        try:
            return await change()
        except OutdatedError:
            continue


async def load_snapshot(ctx: Context, booking_id: str) -> BookingSnapshot | None:
    """Returns the booking with this id, whosever it is, or None. One statement."""
    if not is_booking_id(booking_id):
        return None
    return await booking_snapshots.load(ctx.statements.for_client(ctx.client_key), booking_id, ctx.now)


def locks_of(snapshot: BookingSnapshot) -> set[LockKey]:
    """Returns the keys of the calendars that the booking has written to."""
    return {calendar_lock(each.account_key, calendar_id) for calendar_id, each in snapshot.events.items()}


async def lock(ctx: Context, session: Session, before: BookingSnapshot, keys: Collection[int]) -> BookingSnapshot:
    """Locks calendars and the booking, and returns it as it is then.

    Raises NotFound, and OutdatedError if other calendars are to be locked.
    """
    await calendars.lock_for_update(session, keys)
    booking_id = before.stored.booking.booking_id
    await booking_lists.lock(session, booking_id)
    snapshot = await booking_snapshots.load(Snapshot(session), booking_id, ctx.now)
    if snapshot is None:
        raise unknown_booking()
    if snapshot.stored.stored_request != before.stored.stored_request or not snapshot.versions.keys() <= {*keys}:
        raise OutdatedError
    return snapshot
