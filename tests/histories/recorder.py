"""Sends requests of a history to a server, and records what was asked and answered, and when."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import inf
from time import perf_counter
from typing import Any, Protocol

import httpx2

from core.instants import Instant, format_instant, parse_instant
from tests.support.api import CLIENT_SECRET, Account

from .checker import Operation
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
from .state import INTERVAL, LENGTH, World

_DECIDED = """
... on Booked { booking { bookingId start holdExpiresAt participants { sub } } }
... on SlotTaken { nextSlots { start } }
"""
BOOK = f"mutation ($input: BookSlotInput!) {{ answer: bookSlot(input: $input) {{ {_DECIDED} }} }}"
HOLD = f"mutation ($input: HoldSlotInput!) {{ answer: holdSlot(input: $input) {{ {_DECIDED} }} }}"
CONFIRM = f"mutation ($input: ConfirmBookingInput!) {{ answer: confirmBooking(input: $input) {{ {_DECIDED} }} }}"
MOVE = f"mutation ($input: RescheduleBookingInput!) {{ answer: rescheduleBooking(input: $input) {{ {_DECIDED} }} }}"
CANCEL = "mutation ($input: CancelBookingInput!) { answer: cancelBooking(input: $input) { booking { status start } } }"
WRITE = "mutation ($input: UpsertEventInput!) { answer: upsertEvent(input: $input) { created } }"
DELETE = "mutation ($input: DeleteEventInput!) { answer: deleteEvent(input: $input) { deleted } }"
EVENTS = "{ answer: events(input: {}, first: 1000) { nodes { eventId start end status } } }"
FREE = """
query ($input: AvailabilityInput!) { answer: availability(input: $input) { availableSlots { start participants { sub } } } }
"""
BOOKING = """
query ($id: ID!) { answer: booking(bookingId: $id) { status start participants { sub } } }
"""


#: the answer to a request that has waited too long, which can always be sent again
_NOT_CARRIED_OUT: Answer = ("not carried out",)


class Ask(Protocol):
    """Sends a query, and returns the whole answer. Raises httpx2.TransportError if there is none."""

    async def __call__(self, query: str, token: str, /, **variables: Any) -> dict[str, Any]: ...


class Recorder:
    """The history so far. All clients share it, and with it what they know of each other's bookings."""

    def __init__(self, ask: Ask, world: World, accounts: Mapping[str, Account], clocks: "Clocks") -> None:
        """Takes the accounts by the names that they have in the history."""
        self._ask, self.world, self._clocks = ask, world, clocks
        self._accounts = accounts
        self._names = {account.sub: name for name, account in accounts.items()}
        self.operations: list[Operation] = []
        #: the public ids of bookings, by their event ids
        self.booking_ids: dict[str, str] = {}

    async def perform(self, request: Request) -> Answer | None:
        """Sends a request until it is answered, or until the connection breaks if it must not be sent twice."""
        asked = perf_counter()
        answer = await self._answer(request)
        answered = perf_counter()
        operation = Operation(request, answer, asked, answered if answer is not None else inf)
        self.operations.append(replace(operation, clocks=self._clocks.between(asked, answered)))
        return answer

    async def _answer(self, request: Request) -> Answer | None:
        while True:
            try:
                answer = await self._send(request)
            except httpx2.TransportError:
                if not may_repeat(request):
                    return None
            else:
                if answer != _NOT_CARRIED_OUT:
                    return answer
            await asyncio.sleep(0.02)

    async def _send(self, request: Request) -> Answer:
        query, token, variables = self._query(request)
        response = await self._ask(query, token, **variables)
        if "errors" in response:
            return _refused(response["errors"])
        found = response["data"]["answer"]
        match request:
            case Book() | Confirm() | Move():
                return self._decided(request, found)
            case Cancel():
                return "over", found["booking"]["status"], parse_instant(found["booking"]["start"])
            case Write():
                return "written", "created" if found["created"] else "replaced"
            case Delete():
                return ("deleted",) if found["deleted"] else ("not deleted",)
            case ReadEvents():
                return "events", frozenset(map(_event, found["nodes"]))
            case ReadFree():
                return "free", tuple(
                    (parse_instant(slot["start"]), self._who(slot["participants"])) for slot in found["availableSlots"]
                )
            case ReadBooking():
                return "booking", found["status"], parse_instant(found["start"]), self._who(found["participants"])
        raise AssertionError(request)

    def _decided(self, request: Book | Confirm | Move, found: Mapping[str, Any]) -> Answer:
        if "nextSlots" in found:
            return "taken", tuple(parse_instant(slot["start"]) for slot in found["nextSlots"])
        booking = found["booking"]
        if isinstance(request, Book):
            self.booking_ids[request.event_id] = booking["bookingId"]
        expires_at = booking["holdExpiresAt"]
        lapses_at = parse_instant(expires_at) if expires_at is not None else None
        return "booked", parse_instant(booking["start"]), self._who(booking["participants"]), lapses_at

    def _who(self, participants: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
        return tuple(self._names[each["sub"]] for each in participants)

    def _query(self, request: Request) -> tuple[str, str, dict[str, Any]]:
        """The document, the token and the variables of a request."""
        match request:
            case Write():
                account = self._accounts[request.sub]
                times = {"start": format_instant(request.start), "end": format_instant(request.end)}
                event = {"eventId": request.event_id, "summary": "By hand", **times}
                return WRITE, account.token, {"input": {"calendarId": account.calendar_id, "event": event}}
            case Delete():
                account = self._accounts[request.sub]
                given = {"calendarId": account.calendar_id, "eventId": request.event_id}
                return DELETE, account.token, {"input": given}
            case ReadEvents():
                return EVENTS, self._accounts[request.sub].token, {}
            case ReadFree():
                query = {
                    **self._availability(((1, request.subs),)),
                    "responseFormat": "OVERLAPPING_SLOTS",
                    "maxResults": 512,
                }
                return FREE, CLIENT_SECRET, {"input": query}
            case ReadBooking():
                return BOOKING, CLIENT_SECRET, {"id": self.booking_ids[request.booking]}
        return self._change(request)

    def _change(self, request: Request) -> tuple[str, str, dict[str, Any]]:
        """The same, of a request that makes a booking or changes one."""
        match request:
            case Book():
                given = {
                    "availability": self._availability(request.groups),
                    "start": format_instant(request.start),
                    "event": {"eventId": request.event_id, "summary": "Booked"},
                    "idempotencyKey": request.key,
                }
                if request.hold_for is None:
                    return BOOK, CLIENT_SECRET, {"input": given}
                return HOLD, CLIENT_SECRET, {"input": {**given, "holdFor": {"minutes": request.hold_for // 60}}}
            case Confirm():
                given = {"bookingId": self.booking_ids[request.booking], "idempotencyKey": request.key}
                return CONFIRM, CLIENT_SECRET, {"input": given}
            case Move():
                start, booking_id = format_instant(request.start), self.booking_ids[request.booking]
                given = {"bookingId": booking_id, "start": start, "idempotencyKey": request.key}
                return MOVE, CLIENT_SECRET, {"input": given}
            case Cancel():
                return CANCEL, CLIENT_SECRET, {"input": {"bookingId": self.booking_ids[request.booking]}}
        raise AssertionError(request)

    def _availability(self, groups: Groups) -> dict[str, Any]:
        period = {"start": format_instant(self.world.morning), "end": format_instant(self.world.evening)}
        participants = [
            {"required": required, "members": [{"sub": self._accounts[name].sub} for name in names]}
            for required, names in groups
        ]
        return {
            "participants": participants,
            "requiredDuration": {"minutes": LENGTH // 60},
            "startInterval": {"minutes": INTERVAL // 60},
            "queryPeriods": [period],
        }

    def history(self, rows: Mapping[tuple[str, str], tuple[Instant, bool]]) -> list[Operation]:
        """The operations that took effect, and those that were answered.

        `rows` are the stored events at the end, also deleted ones: their starts, and whether they are deleted, by account
        and event id. What was not answered is recognised there: a client touches no event again of which it does not know.
        """
        return [each for each in self.operations if each.answer is not None or _took_effect(each.request, rows)]


class Clocks:
    """When the clock of all workers was moved, and what a request may have read of it."""

    def __init__(self, move: Callable[[Instant], None], now: Instant, ahead: int = 0) -> None:
        """`ahead` is by how many seconds the clocks of some workers are ahead."""
        self._move, self._ahead = move, ahead
        #: each instant, from when on at the earliest, and until when at the latest
        self._shown: list[tuple[Instant, float, float]] = []
        self.set(now)

    @property
    def now(self) -> Instant:
        return self._shown[-1][0]

    def set(self, now: Instant) -> None:
        before = perf_counter()
        self._move(now)
        if self._shown:
            instant, since, _ = self._shown[-1]
            self._shown[-1] = instant, since, perf_counter()
        self._shown.append((now, before, inf))

    def between(self, asked: float, answered: float) -> tuple[Instant, ...]:
        """What the clocks may have shown between two times."""
        shown = [instant for instant, since, until in self._shown if since <= answered and until >= asked]
        return tuple(sorted({instant + ahead for instant in shown for ahead in (0, self._ahead)}))


def may_repeat(request: Request) -> bool:
    """Whether the request can be sent again when its connection broke: it has a key, or changes nothing the second time."""
    if isinstance(request, Book | Confirm | Move):
        return request.key is not None
    return not isinstance(request, Write | Delete)


def _took_effect(request: Request, rows: Mapping[tuple[str, str], tuple[Instant, bool]]) -> bool:
    match request:
        case Book():
            return any(event_id == request.event_id for _, event_id in rows)
        case Write():
            return rows.get((request.sub, request.event_id)) == (request.start, False)
        case Delete():
            return rows[request.sub, request.event_id][1]
    raise AssertionError(request)


def _refused(errors: Sequence[Mapping[str, Any]]) -> Answer:
    """A refusal because of the state of the booking; anything else is nothing that the model ever answers."""
    if all(error["extensions"].get("code") == "TIMEOUT" for error in errors):
        return _NOT_CARRIED_OUT
    keys = [key for error in errors for keys in error["extensions"].get("errors", {}).values() for key in keys]
    if [key["key"] for key in keys] == ["errors.conflict"]:
        return ("refused",)
    return "error", str(errors)


def _event(node: Mapping[str, Any]) -> tuple[str, Instant, Instant, bool]:
    return node["eventId"], parse_instant(node["start"]), parse_instant(node["end"]), node["status"] == "TENTATIVE"
