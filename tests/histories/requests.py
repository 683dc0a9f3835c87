"""Requests of a history, and how each is answered: as one transaction, with nothing in between."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.instants import Instant

from .state import LENGTH, BookingRow, EventRow, State

Answer: TypeAlias = tuple[Any, ...]
"""What the client is answered: a word, and what belongs to it."""

Groups: TypeAlias = tuple[tuple[int, tuple[str, ...]], ...]
"""Of each group: how many members are required, and their subs."""

NEXT_SLOTS = 3


class Request:
    """A request, as the client knows it."""

    def perform(self, state: State, now: Instant) -> Answer:
        """Answers the request at this instant, and changes the state."""
        raise NotImplementedError

    def only_reads(self, answer: Answer) -> bool:
        """Whether a request that is answered so changes nothing, whatever the state."""
        return answer[0] not in ("booked", "written", "deleted", "over")


@dataclass(frozen=True)
class Book(Request):
    """`bookSlot`, or `holdSlot` for so many seconds. The event id names the booking."""

    event_id: str
    groups: Groups
    start: Instant
    key: str | None = None
    hold_for: int | None = None

    def perform(self, state: State, now: Instant) -> Answer:
        subs = choose(state, self.groups, self.start, now)
        if subs is None:
            return "taken", next_slots(state, self.groups, self.start, now)
        expires_at = now + self.hold_for if self.hold_for is not None else None
        for sub in subs:
            state.put_event(sub, self.event_id, EventRow(self.start, self.start + LENGTH, self.event_id, expires_at))
        status = "HELD" if expires_at is not None else "CONFIRMED"
        state.put_booking(self.event_id, BookingRow(status, self.start, subs, self.groups, expires_at))
        return "booked", self.start, subs, expires_at


@dataclass(frozen=True)
class Confirm(Request):
    """`confirmBooking`: before the hold's end as it was held, after it as if it were booked now."""

    booking: str
    key: str | None = None

    def perform(self, state: State, now: Instant) -> Answer:
        row, status = state.bookings[self.booking], status_at(state, self.booking, now)
        if status == "CONFIRMED":
            return "booked", row.start, row.subs, None
        if status == "CANCELLED":
            return ("refused",)
        if status == "EXPIRED":
            return rebook(state, self.booking, row.start, now)
        held = [*state.events_of(self.booking, now)]
        for sub, event in held:
            if state.busy(sub, now, self.booking) & state.world.mask(event.start, event.end):
                return "taken", next_slots(state, row.groups, row.start, now, self.booking)
        for sub, event in held:
            state.put_event(sub, self.booking, event._replace(lapses_at=None))
        state.put_booking(self.booking, row._replace(status="CONFIRMED", expires_at=None))
        return "booked", row.start, row.subs, None


@dataclass(frozen=True)
class Move(Request):
    """`rescheduleBooking`."""

    booking: str
    start: Instant
    key: str | None = None

    def perform(self, state: State, now: Instant) -> Answer:
        if status_at(state, self.booking, now) in ("CANCELLED", "EXPIRED"):
            return ("refused",)
        return rebook(state, self.booking, self.start, now)


@dataclass(frozen=True)
class Cancel(Request):
    """`cancelBooking`. Repeating it changes nothing."""

    booking: str

    def perform(self, state: State, now: Instant) -> Answer:
        row, status = state.bookings[self.booking], status_at(state, self.booking, now)
        if status in ("CANCELLED", "EXPIRED"):
            return "over", status, row.start
        for sub, _ in [*state.events_of(self.booking, now)]:
            state.put_event(sub, self.booking, None)
        state.put_booking(self.booking, row._replace(status="CANCELLED"))
        return "over", "CANCELLED", row.start


@dataclass(frozen=True)
class Write(Request):
    """`upsertEvent`: an event that is written, or moved, by hand."""

    sub: str
    event_id: str
    start: Instant
    end: Instant

    def perform(self, state: State, now: Instant) -> Answer:
        old = state.events[self.sub].get(self.event_id)
        old = old if old is not None and old.is_there(now) else None
        booking = old.booking if old is not None else None
        state.put_event(self.sub, self.event_id, EventRow(self.start, self.end, booking))
        follow(state, booking, now)
        return "written", "created" if old is None else "replaced"


@dataclass(frozen=True)
class Delete(Request):
    """`deleteEvent`."""

    sub: str
    event_id: str

    def perform(self, state: State, now: Instant) -> Answer:
        old = state.events[self.sub].get(self.event_id)
        if old is None or not old.is_there(now):
            return ("not deleted",)
        state.put_event(self.sub, self.event_id, None)
        follow(state, old.booking, now)
        return ("deleted",)


@dataclass(frozen=True)
class ReadEvents(Request):
    """`events` of one account."""

    sub: str

    def perform(self, state: State, now: Instant) -> Answer:
        there = [
            (event_id, row.start, row.end, row.lapses_at is not None)
            for event_id, row in state.events[self.sub].items()
            if row.is_there(now)
        ]
        return "events", frozenset(there)


@dataclass(frozen=True)
class ReadFree(Request):
    """`availability`: who is free at which start, of these accounts, on one snapshot of all of them."""

    subs: tuple[str, ...]

    def perform(self, state: State, now: Instant) -> Answer:
        busy = {sub: state.busy(sub, now) for sub in self.subs}
        free = [
            (start, tuple(sub for sub in self.subs if not busy[sub] & state.world.mask(start, start + LENGTH)))
            for start in state.world.all_starts
        ]
        return "free", tuple((start, subs) for start, subs in free if subs)


@dataclass(frozen=True)
class ReadBooking(Request):
    """`booking`. Its events are not asked for: they are loaded after it, and may have changed by then."""

    booking: str

    def perform(self, state: State, now: Instant) -> Answer:
        row = state.bookings[self.booking]
        return "booking", status_at(state, self.booking, now), row.start, row.subs


def status_at(state: State, booking: str, now: Instant) -> str:
    """The status of a booking: a hold that has ended is expired."""
    row = state.bookings[booking]
    return "EXPIRED" if row.status == "HELD" and row.expires_at is not None and row.expires_at <= now else row.status


def rebook(state: State, booking: str, start: Instant, now: Instant) -> Answer:
    """Books the start for a booking that is there, without its own events in the way: for the same people, if they can."""
    row = state.bookings[booking]
    subs = choose(state, row.groups, start, now, booking, row.subs)
    if subs is None:
        return "taken", next_slots(state, row.groups, start, now, booking)
    is_held = status_at(state, booking, now) == "HELD"
    expires_at = row.expires_at if is_held else None
    for sub, _ in [*state.events_of(booking, now)]:
        state.put_event(sub, booking, None)
    for sub in subs:
        state.put_event(sub, booking, EventRow(start, start + LENGTH, booking, expires_at))
    status = "HELD" if is_held else "CONFIRMED"
    state.put_booking(booking, BookingRow(status, start, subs, row.groups, expires_at))
    return "booked", start, subs, expires_at


def choose(
    state: State,
    groups: Groups,
    start: Instant,
    now: Instant,
    without: str | None = None,
    preferred: tuple[str, ...] = (),
) -> tuple[str, ...] | None:
    """Who is booked, in the order of the request; None if the start is not possible."""
    meeting = state.world.mask(start, start + LENGTH)
    chosen: list[str] = []
    for required, members in groups:
        free = [sub for sub in members if not state.busy(sub, now, without) & meeting]
        if len(free) < required:
            return None
        first = sorted(free, key=lambda sub: sub not in preferred)[:required]
        chosen += [sub for sub in members if sub in first]
    return tuple(chosen)


def next_slots(
    state: State, groups: Groups, start: Instant, now: Instant, without: str | None = None
) -> tuple[Instant, ...]:
    """The next three slots, which do not overlap; if there are fewer, the soonest before them as well."""
    busy = {sub: state.busy(sub, now, without) for _, members in groups for sub in members}

    def possible(starts: Sequence[Instant], most: int) -> list[Instant]:
        found: list[Instant] = []
        for each in starts:
            meeting = state.world.mask(each, each + LENGTH)
            is_later = not found or each >= found[-1] + LENGTH
            if (
                is_later
                and len(found) < most
                and all(sum(not busy[sub] & meeting for sub in members) >= required for required, members in groups)
            ):
                found.append(each)
        return found

    starts = state.world.all_starts
    later = possible([each for each in starts if each >= start], NEXT_SLOTS)
    return (*possible([each for each in starts if each < start], NEXT_SLOTS - len(later)), *later)


def follow(state: State, booking: str | None, now: Instant) -> None:
    """A booking is where its events are, and cancelled when it has none any more."""
    if booking is None or status_at(state, booking, now) in ("CANCELLED", "EXPIRED"):
        return
    row, events = state.bookings[booking], dict(state.events_of(booking, now))
    first = next((events[sub] for sub in row.subs if sub in events), None)
    changed = row._replace(start=first.start) if first is not None else row._replace(status="CANCELLED")
    state.put_booking(booking, changed)
