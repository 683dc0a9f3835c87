"""The state that explains a history: events and bookings, with every change undoable and a fingerprint of the whole."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from core.instants import DAY, HOUR, MINUTE, Instant

LENGTH = HOUR
"""Length of every meeting."""

INTERVAL = 30 * MINUTE
"""Interval of the grid of starts."""

#: what events are rounded to in the masks of busy time; all times of a history are multiples of it
_TICK = 10 * MINUTE


class EventRow(NamedTuple):
    """An event on the calendar of an account."""

    start: Instant
    end: Instant
    #: the event id of the booking that has written it
    booking: str | None = None
    #: the end of the hold that it belongs to
    lapses_at: Instant | None = None

    def is_there(self, now: Instant) -> bool:
        return self.lapses_at is None or self.lapses_at > now


class BookingRow(NamedTuple):
    """A booking, named by its event id. The order of `subs` is that of the request."""

    status: str
    start: Instant
    subs: tuple[str, ...]
    groups: tuple[tuple[int, tuple[str, ...]], ...]
    expires_at: Instant | None = None


@dataclass(frozen=True)
class World:
    """What does not change in a history."""

    #: the accounts and their capacities
    capacities: Mapping[str, int]
    #: the first start that can be booked, and how many there are
    morning: Instant
    starts: int = 20

    @property
    def all_starts(self) -> list[Instant]:
        return [self.morning + place * INTERVAL for place in range(self.starts)]

    @property
    def evening(self) -> Instant:
        """The end of the last meeting."""
        return self.all_starts[-1] + LENGTH

    def mask(self, start: Instant, end: Instant) -> int:
        """The ticks of the day that a span covers, as bits."""
        first = max(start - self.morning, 0) // _TICK
        last = max(min(end, self.evening) - self.morning, 0) // _TICK
        return (1 << last) - (1 << first) if last > first else 0


@dataclass
class State:
    """Events by account and event id, and bookings by event id."""

    world: World
    events: dict[str, dict[str, EventRow]] = field(default_factory=dict[str, dict[str, EventRow]])
    bookings: dict[str, BookingRow] = field(default_factory=dict[str, BookingRow])
    #: equal for equal states, and different for different ones but for a chance of one in 2^64
    fingerprint: int = 0
    _undo: list[tuple[dict[str, Any], str, Any]] = field(default_factory=list[tuple[dict[str, Any], str, Any]])

    def __post_init__(self) -> None:
        for sub in self.world.capacities:
            self.events.setdefault(sub, {})

    def put_event(self, sub: str, event_id: str, row: EventRow | None) -> None:
        self._put(self.events[sub], event_id, row, sub)

    def put_booking(self, event_id: str, row: BookingRow) -> None:
        self._put(self.bookings, event_id, row, "")

    def _put(self, table: dict[str, Any], key: str, row: Any, kind: str) -> None:
        old = table.get(key)
        if old == row:
            return
        self._undo.append((table, key, old))
        self.fingerprint ^= number((kind, key, old)) ^ number((kind, key, row))
        if row is None:
            del table[key]
        else:
            table[key] = row

    @property
    def changes(self) -> int:
        """The number of changes so far."""
        return len(self._undo)

    def undo(self, changes: int, fingerprint: int) -> None:
        """Goes back to the state after so many changes, which had this fingerprint."""
        while len(self._undo) > changes:
            table, key, old = self._undo.pop()
            if old is None:
                del table[key]
            else:
                table[key] = old
        self.fingerprint = fingerprint

    def events_of(self, booking: str, now: Instant) -> Iterator[tuple[str, EventRow]]:
        """The events of a booking that are there, by account."""
        for sub, theirs in self.events.items():
            row = theirs.get(booking)
            if row is not None and row.booking == booking and row.is_there(now):
                yield sub, row

    def busy(self, sub: str, now: Instant, without: str | None = None) -> int:
        """The ticks at which an account is busy: at which as many events are as it has capacity, without a booking's."""
        #: by number of events less one: the ticks at which there are so many
        levels = [0] * self.world.capacities[sub]
        for row in self.events[sub].values():
            if row.is_there(now) and (without is None or row.booking != without):
                carried = self.world.mask(row.start, row.end)
                for place, level in enumerate(levels):
                    levels[place], carried = level | carried, level & carried
        return levels[-1]


_NUMBERS: dict[Any, int] = {}
_CHANCE = Random(18)


def number(key: Any) -> int:
    """A random number of 64 bits for this key, always the same."""
    found = _NUMBERS.get(key)
    if found is None:
        found = _NUMBERS[key] = 0 if key[-1] is None else _CHANCE.getrandbits(64)
    return found


def a_week_later(now: Instant) -> Instant:
    """Six o'clock in UTC in a week."""
    return (now // DAY + 7) * DAY + 6 * HOUR
