"""Clients that book, hold, confirm, move, cancel, write and delete at random, and read what others do."""

from collections.abc import Callable, Iterator
from random import Random

from core.instants import MINUTE

from .recorder import Recorder
from .requests import (
    Answer,
    Book,
    Cancel,
    Confirm,
    Delete,
    Groups,
    Move,
    ReadBooking,
    ReadEvents,
    ReadFree,
    Request,
    Write,
)

HOLD_FOR = MINUTE
#: bookings and events by hand that a client has at a time, at most
_MOST = 4


class Client:
    """A client, who alone changes its bookings and its events, and reads everybody's.

    What it does not know the state of, because a connection broke, it leaves alone.
    """

    def __init__(self, name: str, recorder: Recorder, chance: Random) -> None:
        self.name, self._recorder, self._chance = name, recorder, chance
        self._subs = tuple(recorder.world.capacities)
        #: the subs that its bookings have events for, by event id
        self._bookings: dict[str, list[str]] = {}
        self._held: set[str] = set()
        #: events of bookings that were deleted by hand: written again, they would not be the booking's any more
        self._deleted: set[tuple[str, str]] = set()
        #: its events by hand, with their subs
        self._events: list[tuple[str, str]] = []
        self._made = 0

    async def run(self, turns: Iterator[int]) -> None:
        for _ in turns:
            request = self.choose()
            self._learn(request, await self._recorder.perform(request))

    def choose(self) -> Request:
        """A request at random, of those that are possible."""
        chance = self._chance
        possible: list[tuple[int, Callable[[], Request]]] = [
            (3, lambda: ReadFree(self._subs)),
            (3, lambda: ReadEvents(chance.choice(self._subs))),
        ]
        if self._recorder.booking_ids:
            possible.append((2, lambda: ReadBooking(chance.choice([*self._recorder.booking_ids]))))
        if len(self._bookings) < _MOST:
            possible += [(6, self._book), (6, self._hold)]
        if len(self._events) < _MOST:
            possible.append((3, self._write))
        if self._bookings:
            possible += [(3, lambda: Cancel(self._any_booking())), (3, self._move)]
        if self._with_events():
            possible.append((2, self._delete_of_booking))
        if self._held:
            possible.append((8, lambda: Confirm(chance.choice(sorted(self._held)), self._key())))
        if self._with_events() - self._held:
            possible.append((2, self._write_of_booking))
        if self._events:
            possible.append((2, lambda: Delete(*chance.choice(self._events))))
        weights, choices = zip(*possible, strict=True)
        return chance.choices(choices, weights)[0]()

    def _any_booking(self) -> str:
        return self._chance.choice([*self._bookings])

    def _with_events(self) -> set[str]:
        """The bookings with events that may be changed by hand."""
        return {event_id for event_id, subs in self._bookings.items() if subs}

    def _name(self, kind: str) -> str:
        self._made += 1
        return f"{kind} {self.name}{self._made}"

    def _key(self) -> str:
        return self._name("key")

    def _book(self) -> Request:
        key = self._key() if self._chance.random() < 0.5 else None
        return Book(self._name("booking"), self._groups(), self._start(), key)

    def _hold(self) -> Request:
        return Book(self._name("hold"), self._groups(), self._start(), self._key(), HOLD_FOR)

    def _move(self) -> Request:
        return Move(self._any_booking(), self._start(), self._key())

    def _start(self) -> int:
        return self._chance.choice(self._recorder.world.all_starts)

    def _groups(self) -> Groups:
        """All of a few members, one of several, or members of two groups."""
        some = tuple(self._chance.sample(self._subs, 3))
        return self._chance.choice([((2, some[:2]),), ((1, some),), ((1, some[:1]), (1, some[1:])), ((3, some),)])

    def _write(self) -> Request:
        """A new event, or another time for an old one."""
        sub, event_id = self._chance.choice([*self._events, (self._chance.choice(self._subs), self._name("event"))])
        return self._at_some_time(sub, event_id)

    def _write_of_booking(self) -> Request:
        event_id = self._chance.choice(sorted(self._with_events() - self._held))
        return self._at_some_time(self._chance.choice(self._bookings[event_id]), event_id)

    def _at_some_time(self, sub: str, event_id: str) -> Request:
        # Every write of an event has another start than the one before, so that it can be recognised.
        self._made += 1
        start = self._start() + 10 * MINUTE * (1 + self._made % 2)
        return Write(sub, event_id, start, start + 20 * MINUTE)

    def _delete_of_booking(self) -> Request:
        event_id = self._chance.choice(sorted(self._with_events()))
        return Delete(self._chance.choice(self._bookings[event_id]), event_id)

    def _learn(self, request: Request, answer: Answer | None) -> None:
        word = answer[0] if answer is not None else "unknown"
        match request:
            case Book() if answer is not None and word == "booked":
                self._bookings[request.event_id] = [*answer[2]]
                if request.hold_for is not None:
                    self._held.add(request.event_id)
            case Confirm() | Move() if answer is not None and word == "booked":
                deleted = {sub for sub, event_id in self._deleted if event_id == request.booking}
                self._bookings[request.booking] = [sub for sub in answer[2] if sub not in deleted]
                if isinstance(request, Confirm):
                    self._held.discard(request.booking)
            case Confirm() | Move() if word == "refused":
                self._forget(request.booking)
            case Cancel():
                self._forget(request.booking)
            case Write() if word == "written" and request.event_id not in self._bookings:
                self._events = [*dict.fromkeys([*self._events, (request.sub, request.event_id)])]
            case Write() if word == "unknown":
                self._forget(request.event_id)
                self._events = [each for each in self._events if each != (request.sub, request.event_id)]
            case Delete():
                self._events = [each for each in self._events if each != (request.sub, request.event_id)]
                self._lose(request.event_id, request.sub, is_sure=word != "unknown")
            case _:
                pass

    def _lose(self, event_id: str, sub: str, *, is_sure: bool) -> None:
        """One event of a booking is deleted."""
        if event_id in self._bookings:
            self._deleted.add((sub, event_id))
            self._bookings[event_id] = [each for each in self._bookings[event_id] if each != sub]
            if not is_sure or not self._bookings[event_id]:
                self._forget(event_id)

    def _forget(self, event_id: str) -> None:
        self._bookings.pop(event_id, None)
        self._held.discard(event_id)
