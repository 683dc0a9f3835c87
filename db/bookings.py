"""Bookings: one event written to the calendars of all participants, or to none of them, and the booking beside them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import case
from sqlmodel import update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.booking_life import Booking, BookingStatus
from core.bookings import BookingRequest
from core.events import Event, EventDraft, EventStatus
from core.instants import Instant

from . import events, idempotency, tables
from .booking_documents import as_json, dump_request
from .database import Database
from .drivers.base import LOCK_TIMEOUT, LockedWrite, Snapshot
from .drivers.dialects import Dialect
from .events import IDENTITY, OF_BOOKINGS, RENEWED, REPLACED, WRITTEN
from .retries import is_duplicate
from .versions import next_version_sql, random_part, random_part_sql


class BookedCalendar(NamedTuple):
    """A calendar that an event is booked on, and the event_uid of that event."""

    key: int
    calendar_id: str
    event_uid: str


@dataclass(frozen=True, slots=True)
class NewBooking:
    """A booking that is to be written, for a client."""

    client_key: int
    booking: Booking
    request: BookingRequest
    #: of all participants, in their order
    calendars: Sequence[BookedCalendar]
    #: the key of the booking link that it is made with
    link_key: int | None = None


async def create(session: AsyncSession, new: NewBooking) -> None:
    """Creates a booking without its events."""
    snapshot = Snapshot(session)
    dialect = snapshot.dialect
    values = list(_row(dialect, new).values())
    await snapshot.fetch(_insert_booking(1, "TRUE"), *values)
    booking = new.booking
    subs = dialect.array_param(booking.participants)
    insert = _insert_participants(dialect, 1, "TRUE")
    await snapshot.fetch(insert, booking.booking_id, booking.start, booking.end, subs)


async def write_events(
    session: AsyncSession, calendars: Sequence[BookedCalendar], draft: EventDraft, booking: Booking, now: Instant
) -> list[Event] | None:
    """Creates the event of a booking on locked calendars. Returns it for each of them, in their order.

    Returns None if a calendar already has an event with this id; the caller must then roll back the transaction.
    """
    snapshot = Snapshot(session)
    row = _event_row(draft, booking, now)
    values = [
        snapshot.dialect.array_param([calendar.key for calendar in calendars]),
        snapshot.dialect.array_param([calendar.event_uid for calendar in calendars]),
        now,
        *(row[name] for name in _BOOKED),
    ]
    written = await snapshot.fetch(_write_events(snapshot.dialect), *values)
    return _written(calendars, draft, now) if len(written) == len(calendars) else None


async def book_unchanged(
    db: Database,
    new: NewBooking,
    versions: Mapping[int, int],
    account_keys: Collection[int],
    now: Instant,
    answer: Sequence[Any] | None = None,
) -> bool:
    """Optimistic booking: one trip, no row locks held before. `account_keys` are those of the calendars' accounts.

    `answer` is the row of the answer that is stored with it (`idempotency.row`). Returns False, without a change, if a
    calendar no longer has its version in `versions` (by calendar key), or has an event with this id, or if another answer is
    stored under the key.
    """
    dialect, draft = db.driver.dialect, new.request.draft
    row = _event_row(draft, new.booking, now)
    values = [
        dialect.array_param([*versions]),
        dialect.array_param([*versions.values()]),
        random_part(),
        dialect.array_param([calendar.key for calendar in new.calendars]),
        draft.event_id,
        now,
        dialect.array_param([calendar.event_uid for calendar in new.calendars]),
        *(row[name] for name in _BOOKED),
        *_row(dialect, new).values(),
        new.booking.booking_id,
        new.booking.start,
        new.booking.end,
        dialect.array_param(new.booking.participants),
        *(answer or ()),
    ]
    locked_write = _book_unchanged(dialect, has_answer=answer is not None)
    try:
        return await db.driver.write(locked_write, values, *account_keys, writer=new.client_key) is not None
    except Exception as error:
        if answer is not None and is_duplicate(error):  # of a concurrent request
            return False
        raise


def events_of(new: NewBooking, now: Instant) -> list[Event]:
    """Returns the events of a booking as it writes them now, on each of its calendars."""
    return _written(new.calendars, new.request.draft, now)


async def move_events(
    session: AsyncSession, booking: Booking, calendar_keys: Collection[int], now: Instant, *, in_place: bool = False
) -> None:
    """Moves events of a booking on locked calendars to its time, unless `in_place`.

    Those of a hold that was confirmed become confirmed, and do not lapse.
    """
    row: Any = tables.Event
    values: dict[str, Any] = {"updated_at": now}
    if not in_place:
        values |= {"starts_at": booking.start, "ends_at": booking.end, "start_date": None, "end_date": None}
    if booking.status is BookingStatus.CONFIRMED:
        firm = case((row.lapses_at.is_not(None), EventStatus.CONFIRMED.value), else_=row.status)
        values |= {"status": firm, "lapses_at": None}
    of_booking = (row.booking_id == booking.booking_id, row.calendar_key.in_(calendar_keys), row.deleted.is_(False))
    await session.exec(update(row).where(*of_booking).values(values))


async def delete_events(session: AsyncSession, booking_id: str, calendar_keys: Collection[int], now: Instant) -> None:
    """Deletes the events of a booking on locked calendars."""
    row: Any = tables.Event
    of_booking = (row.booking_id == booking_id, row.calendar_key.in_(calendar_keys), events.present(row, now))
    values = {"deleted": True, "blocks": False, "updated_at": now, "lapses_at": None}
    await session.exec(update(row).where(*of_booking).values(values))


def _written(calendars: Sequence[BookedCalendar], draft: EventDraft, now: Instant) -> list[Event]:
    """The events as created just now, some of them in the rows of deleted ones."""
    return [events.written(draft, now, calendar.calendar_id, calendar.event_uid, now) for calendar in calendars]


def _event_row(draft: EventDraft, booking: Booking, now: Instant) -> dict[str, Any]:
    lapses_at = booking.hold_expires_at
    return {**events.columns(draft, now), "booking_id": booking.booking_id, "lapses_at": lapses_at}


def _row(dialect: Dialect, new: NewBooking) -> dict[str, Any]:
    """The columns of a booking, in the order in which they are inserted."""
    booking = new.booking
    return {
        "client_key": new.client_key,
        "booking_id": booking.booking_id,
        "status": booking.status.value,
        "starts_at": booking.start,
        "ends_at": booking.end,
        "hold_expires_at": booking.hold_expires_at,
        "sequence_id": booking.sequence_id,
        "real_time_scheduling_key": new.link_key,
        "request": dump_request(new.request),
        "calendar_ids": as_json([calendar.calendar_id for calendar in new.calendars]),
        "labels": as_json([[label.key, label.value] for label in booking.labels]),
        "visitor": as_json(asdict(booking.visitor)) if booking.visitor is not None else None,
        "created_at": booking.created,
        "updated_at": booking.updated,
    }


_COLUMNS = (
    "client_key",
    "booking_id",
    "status",
    "starts_at",
    "ends_at",
    "hold_expires_at",
    "sequence_id",
    "real_time_scheduling_key",
    "request",
    "calendar_ids",
    "labels",
    "visitor",
    "created_at",
    "updated_at",
)

#: the columns of an event that are the same on every calendar
_BOOKED = [*(name for name in WRITTEN if name != "event_uid"), *OF_BOOKINGS]


@cache
def _write_events(dialect: Dialect) -> str:
    targets = dialect.zip_arrays((1, "bigint", "calendar_key"), (2, "text", "event_uid"), "target")
    return _insert_events(targets, 4, now=3)


@cache
def _book_unchanged(dialect: Dialect, *, has_answer: bool) -> LockedWrite:
    targets = dialect.zip_arrays((4, "bigint", "calendar_key"), (7, "text", "event_uid"), "target")
    of_booking = 8 + len(_BOOKED)
    of_participants = of_booking + len(_COLUMNS)
    of_answer = of_participants + 4
    was_locked = "EXISTS (SELECT 1 FROM locked)"
    others = [_insert_booking(of_booking, was_locked), _insert_participants(dialect, of_participants, was_locked)]
    if has_answer:
        others.append(idempotency.insert_sql(of_answer, was_locked))
    return LockedWrite(
        # The version is checked under the lock. A concurrent event with this id has changed it as well.
        lock=f"""
{unchanged_sql(dialect)}
  AND NOT EXISTS (
    SELECT 1 FROM events WHERE calendar_key {dialect.in_array(4, "bigint")} AND event_id = $5 AND NOT ({_gone(6)})
  )
  {f"AND NOT EXISTS ({idempotency.stored_sql(of_answer)})" if has_answer else ""}
RETURNING key
""",
        locked_rows=f"SELECT key FROM calendars WHERE key {dialect.in_array(4, 'bigint')} AND {random_part_sql()} = $3",
        others=tuple(others),
        write=_insert_events(f"locked JOIN {targets} ON target.calendar_key = locked.key", 8, now=6),
    )


def unchanged_sql(dialect: Dialect) -> str:
    """SQL that locks calendars and bumps the versions of some of them, on the condition that all are unchanged.

    Parameters: 1 and 2 are the keys and expected versions of all, 3 a new upper part of versions, 4 the keys of some.
    """
    known = dialect.zip_arrays((1, "bigint", "key"), (2, "bigint", "version"), "known")
    return f"""
WITH held AS (
    SELECT key, version FROM calendars
    WHERE key {dialect.in_array(1, "bigint")} AND {LOCK_TIMEOUT} ORDER BY key {dialect.row_lock}
)
UPDATE calendars SET version = {next_version_sql("$3")}
WHERE key {dialect.in_array(4, "bigint")}
  AND NOT EXISTS (SELECT 1 FROM {known} LEFT JOIN held USING (key, version) WHERE held.key IS NULL)
"""


def _gone(now: int) -> str:
    """SQL for an event that does not exist at the instant of this parameter."""
    return f"events.deleted OR coalesce(events.lapses_at <= ${now}, FALSE)"


def _insert_booking(first: int, condition: str) -> str:
    """SQL that inserts a booking, whose columns are the parameters from number `first` on."""
    return f"""
INSERT INTO bookings ({", ".join(_COLUMNS)})
SELECT {", ".join(f"${number}" for number, _ in enumerate(_COLUMNS, first))} WHERE {condition}
RETURNING booking_id
"""


def _insert_participants(dialect: Dialect, first: int, condition: str) -> str:
    """SQL that inserts the participants of a booking: its id, start and end, and their subs, are parameters."""
    return f"""
INSERT INTO booking_participants (booking_id, position, sub, starts_at, ends_at)
SELECT ${first}, position, value, ${first + 1}, ${first + 2} FROM {dialect.enumerate_array(first + 3, "text", "booked")}
WHERE {condition}
RETURNING booking_id
"""


def _insert_events(targets: str, first: int, now: int) -> str:
    """SQL that inserts an event for each `target`; its other columns are the parameters from number `first` on.

    `now` is the number of the parameter with the present instant.
    """
    return f"""
INSERT INTO events (calendar_key, event_uid, {", ".join(_BOOKED)})
SELECT target.calendar_key, target.event_uid, {", ".join(f"${number}" for number, _ in enumerate(_BOOKED, first))}
FROM {targets} WHERE TRUE
ON CONFLICT ({", ".join(IDENTITY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in (*REPLACED, *RENEWED, *OF_BOOKINGS))}, recurrence = NULL
WHERE {_gone(now)}
RETURNING calendar_key
"""
