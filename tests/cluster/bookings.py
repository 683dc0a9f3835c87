"""Clients that book while something breaks: each booking has a key, and is requested until it is answered."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from math import inf
from random import Random
from time import monotonic

import asyncpg

from core.instants import DAY, HOUR, Instant, format_instant
from tests.faults.attempts import Attempt, Kept, Outcome, broken_laws
from tests.support.api import CLIENT_SECRET, Account
from tests.support.server_process import ServerProcess

from .clients import DAY_OF_EVENTS, Client

#: after the day of the events that are written: so many that some are wanted twice
STARTS = [DAY_OF_EVENTS + DAY + n * HOUR for n in range(200)]
BOOK_SLOT = """
mutation ($input: BookSlotInput!) {
  bookSlot(input: $input) {
    ... on Booked { participants { sub } }
    ... on SlotTaken { nextSlots { start } }
  }
}
"""
STORED = """
SELECT event_id, sub, starts_at FROM events
JOIN calendars ON calendars.key = calendar_key JOIN accounts ON accounts.key = account_key
WHERE event_id LIKE 'booking %' AND NOT deleted
"""


class Attempts:
    """All attempts to book one of a few people, or two of them."""

    def __init__(self, members: Sequence[Account]) -> None:
        self._subs = [member.sub for member in members]
        self._chance = Random(len(members))
        self._numbers = count()
        self.outcomes: list[Outcome] = []

    def next(self) -> Attempt:
        """A new attempt, which may want the same as another."""
        number = next(self._numbers)
        start, required = self._chance.choice(STARTS), self._chance.choice((1, len(self._subs)))
        return Attempt(f"booking {number}", start, [(required, self._subs)], f"key {number}")

    async def problems(self, connection: "asyncpg.Connection[asyncpg.Record]") -> list[str]:
        """Describes what was acknowledged and is not stored, what is booked twice, and what was refused without a reason."""
        kept: dict[str, dict[str, Instant]] = {}
        for event_id, sub, start in await connection.fetch(STORED):
            kept.setdefault(event_id, {})[sub] = start
        stored: Kept = kept
        return broken_laws(self.outcomes, stored)


class Booker(Client):
    """Requests one booking after the other."""

    def __init__(self, server: ServerProcess, pause: float, attempts: Attempts) -> None:
        super().__init__(server, pause)
        self._attempts = attempts
        self._current: Outcome | None = None

    async def send(self) -> None:
        if self._current is None:
            self._current = Outcome(self._attempts.next(), monotonic())
        attempt = self._current.attempt
        data = await self.ask(BOOK_SLOT, CLIENT_SECRET, input=_input(attempt))
        if data is not None:
            booked = tuple(each["sub"] for each in data["bookSlot"].get("participants", ()))
            self._attempts.outcomes.append(replace(self._current, answered=monotonic(), booked=booked))
            self._current = None

    def give_up(self) -> None:
        """Leaves the last attempt, whose outcome is not known."""
        if self._current is not None:
            attempt = replace(self._current.attempt, key=None)
            self._attempts.outcomes.append(replace(self._current, attempt=attempt, answered=inf))
            self._current = None


def _input(attempt: Attempt) -> dict[str, object]:
    [(required, subs)] = attempt.groups
    period = {"start": format_instant(attempt.start), "end": format_instant(attempt.start + HOUR)}
    return {
        "availability": {
            "participants": [{"required": required, "members": [{"sub": sub} for sub in subs]}],
            "requiredDuration": {"minutes": 60},
            "queryPeriods": [period],
        },
        "start": period["start"],
        "event": {"eventId": attempt.event_id, "summary": "Booked"},
        "idempotencyKey": attempt.key,
    }
