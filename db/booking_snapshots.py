"""Bookings with their events, as one statement reads them: for what changes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from types import SimpleNamespace
from typing import Any

import orjson

from core.events import Event
from core.instants import Instant

from . import tables
from .booking_lists import BookedEvent, StoredBooking, in_order, stored_booking
from .drivers.base import Row, Statements
from .drivers.dialects import Dialect
from .events import OF_BOOKINGS, OF_SERIES, WRITTEN, event

_OF_BOOKING = tuple(tables.Booking.model_fields)
_AS_JSON = {"calendar_ids", "labels", "visitor"}
_OF_EVENT = ("calendar_key", *WRITTEN, *OF_BOOKINGS, *OF_SERIES)


@dataclass(frozen=True, slots=True)
class BookingSnapshot:
    """A booking, and the events that it wrote and that nothing else has replaced, by calendar id."""

    stored: StoredBooking
    events: Mapping[str, BookedEvent]
    #: the versions of the calendars of these events, by key
    versions: Mapping[int, int]

    @property
    def present(self) -> list[Event]:
        """The events that the booking has, in the order of its calendars."""
        present = {id: each.event for id, each in self.events.items() if not each.event.deleted}
        return in_order(present, self.stored.calendar_ids)


async def load(statements: Statements, booking_id: str, now: Instant) -> BookingSnapshot | None:
    """Returns the booking with this id as it is at an instant, or None. One statement."""
    rows = await statements.fetch_many(_load(statements.dialect), booking_id)
    if not rows:
        return None
    versions: dict[int, int] = {}
    events: dict[str, BookedEvent] = {}
    for row in rows:
        calendar_key, calendar_id, version, account_key, sub, *columns = row[len(_OF_BOOKING) + 2 :]
        if calendar_key is not None:
            written = SimpleNamespace(**dict(zip(_OF_EVENT, columns, strict=True)))
            written.start_date, written.end_date = _date(written.start_date), _date(written.end_date)
            found = event(written, calendar_id, now)
            events[calendar_id] = BookedEvent(found, calendar_key, account_key, sub, written.lapses_at)
            versions[calendar_key] = version
    return BookingSnapshot(_booking(statements.dialect, rows[0], now), events, versions)


def _booking(dialect: Dialect, row: Row, now: Instant) -> StoredBooking:
    found = SimpleNamespace(**dict(zip(_OF_BOOKING, row, strict=False)))
    found.calendar_ids, found.labels = orjson.loads(found.calendar_ids), orjson.loads(found.labels)
    found.visitor = orjson.loads(found.visitor) if found.visitor is not None else None
    subs, scheduling_id = row[len(_OF_BOOKING) :][:2]
    return stored_booking(found, dialect.read_array(subs), scheduling_id, now)


def _date(stored: Any) -> date | None:
    """A date, which SQLite has as text."""
    return date.fromisoformat(stored) if isinstance(stored, str) else stored


def _column(name: str) -> str:
    # As text, whether or not the connection decodes JSON.
    return f"CAST(bookings.{name} AS TEXT)" if name in _AS_JSON else f"bookings.{name}"


@cache
def _load(dialect: Dialect) -> str:
    subs = "SELECT sub FROM booking_participants WHERE booking_id = $1 ORDER BY position"
    return f"""
SELECT {", ".join(map(_column, _OF_BOOKING))},
       (SELECT {dialect.array_agg("sub", "TRUE")} FROM ({subs}) AS booked),
       (SELECT scheduling_id FROM real_time_schedulings WHERE key = real_time_scheduling_key),
       calendars.key, calendar_id, calendars.version, accounts.key, sub, {", ".join(f"events.{name}" for name in _OF_EVENT)}
FROM bookings
LEFT JOIN events ON events.booking_id = $1
LEFT JOIN calendars ON calendars.key = events.calendar_key
LEFT JOIN accounts ON accounts.key = calendars.account_key
WHERE bookings.booking_id = $1
"""
