"""Bookings as they are stored: one, a page of them, and what leads to them and from them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.booking_life import Booking, BookingActor, BookingStatus, Label, status_at
from core.bookings import BookingRequest
from core.events import Event
from core.instants import Instant
from core.pages import Cursor

from . import tables
from .batches import first_of_each
from .booking_documents import read_request, read_visitor
from .events import event, present


@dataclass(frozen=True, slots=True)
class StoredBooking:
    """A booking and what is stored beside it."""

    key: int
    client_key: int
    booking: Booking
    #: the ids of the calendars that its events were written to, in order
    calendar_ids: Sequence[str]
    stored_request: str

    def request(self) -> BookingRequest:
        """Returns what it is decided by."""
        return read_request(self.stored_request)


@dataclass(frozen=True, slots=True)
class BookingFilter:
    """Which bookings to list: those that start before `to` and end after `from_`. None means no condition."""

    status: BookingStatus | None = None
    #: an account that was booked
    sub: str | None = None
    from_: Instant | None = None
    to: Instant | None = None


async def find(session: AsyncSession, booking_id: str, now: Instant) -> StoredBooking | None:
    """Returns the booking with this id, or None."""
    return (await find_all(session, [booking_id], now)).get(booking_id)


async def find_all(
    session: AsyncSession, booking_ids: Collection[str], now: Instant, *, lock: bool = False
) -> dict[str, StoredBooking]:
    """Returns the bookings with these ids, by id. `lock` locks them, in the order of their ids."""
    row = tables.Booking
    statement = select(row).where(col(row.booking_id).in_(booking_ids)).order_by(col(row.booking_id))
    # Read anew: what the session has read before the lock is older.
    statement = statement.execution_options(populate_existing=True)
    rows = (await session.exec(statement.with_for_update(key_share=True) if lock else statement)).all()
    return {each.booking.booking_id: each for each in await _stored(session, rows, now)}


async def lock(session: AsyncSession, booking_id: str) -> None:
    """Locks the booking until the end of the transaction."""
    row = tables.Booking
    await session.exec(select(row.key).where(col(row.booking_id) == booking_id).with_for_update(key_share=True))


async def list_bookings(
    session: AsyncSession, client_key: int, wanted: BookingFilter, after: Cursor | None, count: int, now: Instant
) -> list[StoredBooking]:
    """Returns up to `count` bookings of the client after the cursor, soonest first."""
    row, participant = tables.Booking, tables.BookingParticipant
    statement = select(row).where(col(row.client_key) == client_key)
    starts_at, booking_id = col(row.starts_at), col(row.booking_id)
    if wanted.sub is not None:
        statement = statement.join(participant, col(participant.booking_id) == booking_id)
        statement = statement.where(col(participant.sub) == wanted.sub)
        starts_at, booking_id = col(participant.starts_at), col(participant.booking_id)
    if wanted.status is not None:
        statement = statement.where(_has_status(wanted.status, now))
    if wanted.from_ is not None:
        statement = statement.where(col(row.ends_at) > wanted.from_)
    if wanted.to is not None:
        statement = statement.where(starts_at < wanted.to)
    if after is not None:
        statement = statement.where(tuple_(starts_at, booking_id) > tuple_(after.instant, after.id))
    statement = statement.order_by(starts_at, booking_id).limit(count)
    return await _stored(session, (await session.exec(statement)).all(), now)


def _has_status(status: BookingStatus, now: Instant) -> ColumnElement[bool]:
    """The condition for bookings that have a status at an instant."""
    row: Any = tables.Booking
    stored = row.status == status.value
    if status is BookingStatus.HELD:
        return and_(stored, row.hold_expires_at > now)
    if status is BookingStatus.EXPIRED:
        return or_(stored, and_(row.status == BookingStatus.HELD.value, row.hold_expires_at <= now))
    return stored


async def of_links(
    session: AsyncSession, scheduling_ids: Collection[str], after: Cursor | None, count: int, now: Instant
) -> dict[str, list[Booking]]:
    """Returns up to `count` bookings of each of the links after the cursor, soonest first, by the link's id."""
    link = tables.RealTimeScheduling
    chosen = select(link.key, link.scheduling_id).where(col(link.scheduling_id).in_(scheduling_ids))
    keys = {key or 0: scheduling_id for key, scheduling_id in await session.exec(chosen)}

    def conditions(row: Any) -> list[Any]:
        found = [row.real_time_scheduling_key == link.key]
        if after is not None:
            found.append(tuple_(*_soonest_first(row)) > tuple_(after.instant, after.id))
        return found

    rows = await first_of_each(session, tables.Booking, link, keys, conditions, _soonest_first, count)
    made = {
        each.key: each.booking for each in await _stored(session, [row for own in rows.values() for row in own], now)
    }
    return {keys[key]: [made[row.key or 0] for row in own] for key, own in rows.items()}


async def made_with(session: AsyncSession, link_keys: Collection[int]) -> dict[int, Booking]:
    """Returns the booking that was made with each of the links, by the link's key."""
    row = tables.Booking
    rows = (await session.exec(select(row).where(col(row.real_time_scheduling_key).in_(link_keys)))).all()
    found = await _stored(session, rows, 0)  # a link holds nothing
    return {row.real_time_scheduling_key or 0: each.booking for row, each in zip(rows, found, strict=True)}


def _soonest_first(row: Any) -> tuple[Any, Any]:
    return row.starts_at, row.booking_id


async def of_events(
    session: AsyncSession, client_key: int, event_uids: Collection[str], now: Instant
) -> dict[str, Booking]:
    """Returns the client's bookings that wrote these events, by the event's uid."""
    row = tables.Event
    ids = select(row.event_uid, row.booking_id).where(
        col(row.event_uid).in_(event_uids), col(row.booking_id).is_not(None)
    )
    booking_ids = {uid: booking_id or "" for uid, booking_id in await session.exec(ids)}
    found = await find_all(session, {*booking_ids.values()}, now) if booking_ids else {}
    own = {id: each.booking for id, each in found.items() if each.client_key == client_key}
    return {uid: own[id] for uid, id in booking_ids.items() if id in own}


@dataclass(frozen=True, slots=True)
class BookedEvent:
    """An event that a booking wrote, as it is now, deleted or not."""

    event: Event
    calendar_key: int
    account_key: int
    sub: str
    #: when it lapses with its hold; None for an event that does not
    lapses_at: Instant | None


async def events_of(session: AsyncSession, booking_ids: Collection[str], now: Instant) -> dict[str, dict[str, Event]]:
    """Returns the events that bookings have at an instant, by booking and by calendar id."""
    row, calendar = tables.Event, tables.Calendar
    statement = (
        select(row, calendar.calendar_id)
        .join(calendar, col(calendar.key) == col(row.calendar_key))
        .where(col(row.booking_id).in_(booking_ids), present(row, now))
        .execution_options(populate_existing=True)
    )
    found: dict[str, dict[str, Event]] = {booking_id: {} for booking_id in booking_ids}
    for each, calendar_id in await session.exec(statement):
        found[each.booking_id or ""][calendar_id] = event(each, calendar_id, now)
    return found


def in_order(events: Mapping[str, Event], calendar_ids: Sequence[str]) -> list[Event]:
    """Returns the events of a booking, by calendar id, in the order of its calendars."""
    return [events[calendar_id] for calendar_id in calendar_ids if calendar_id in events]


async def _stored(session: AsyncSession, rows: Sequence[tables.Booking], now: Instant) -> list[StoredBooking]:
    """Returns the bookings of these rows, with their participants. At most two statements."""
    subs = await _participants(session, [row.booking_id for row in rows]) if rows else {}
    links = await _links(session, {row.real_time_scheduling_key for row in rows} - {None})
    return [
        stored_booking(row, subs.get(row.booking_id, ()), links.get(row.real_time_scheduling_key), now) for row in rows
    ]


def stored_booking(row: Any, subs: Sequence[str], scheduling_id: str | None, now: Instant) -> StoredBooking:
    """Returns the booking of a row with these columns."""
    booking = _booking(row, subs, scheduling_id, now)
    return StoredBooking(row.key or 0, row.client_key, booking, row.calendar_ids, row.request)


async def _participants(session: AsyncSession, booking_ids: Sequence[str]) -> dict[str, list[str]]:
    row = tables.BookingParticipant
    statement = select(row.booking_id, row.sub).where(col(row.booking_id).in_(booking_ids))
    found: dict[str, list[str]] = {}
    for booking_id, sub in await session.exec(statement.order_by(col(row.booking_id), col(row.position))):
        found.setdefault(booking_id, []).append(sub)
    return found


async def _links(session: AsyncSession, keys: Collection[int | None]) -> Mapping[int | None, str]:
    if not keys:
        return {}
    row = tables.RealTimeScheduling
    found = await session.exec(select(row.key, row.scheduling_id).where(col(row.key).in_(keys)))
    return dict(found.all())


def _booking(row: Any, subs: Sequence[str], scheduling_id: str | None, now: Instant) -> Booking:
    return Booking(
        booking_id=row.booking_id,
        status=status_at(BookingStatus(row.status), row.hold_expires_at, now),
        start=row.starts_at,
        end=row.ends_at,
        participants=subs,
        created=row.created_at,
        updated=row.updated_at,
        hold_expires_at=row.hold_expires_at,
        cancel_reason=row.cancel_reason,
        cancelled_by=BookingActor(row.cancelled_by) if row.cancelled_by is not None else None,
        sequence_id=row.sequence_id,
        labels=tuple(Label(key, value) for key, value in row.labels),
        visitor=read_visitor(row.visitor) if row.visitor is not None else None,
        scheduling_id=scheduling_id,
    )
