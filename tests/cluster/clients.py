"""Clients that write and read without a pause while something breaks, and what they may be answered."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from time import monotonic
from typing import Any

import httpx2

from core.instants import DAY, HOUR, Instant, format_instant, parse_instant
from server.app import clock
from tests.support.api import CLIENT_SECRET, Account
from tests.support.server_process import ServerProcess

#: the day after which the hours of each event begin
DAY_OF_EVENTS = (clock() // DAY + 7) * DAY
HOURS = 24
UPSERT_EVENT = "mutation ($input: UpsertEventInput!) { upsertEvent(input: $input) { created } }"
EVENTS = "{ events(input: {}) { nodes { summary } } }"


@dataclass
class Write:
    """One value that a person's event had, or may have had: the times of its first request and of its acknowledgement."""

    value: int
    asked: float
    answered: float = inf


@dataclass
class Person:
    """An account with one event, whose summary and hour say how often it was written."""

    account: Account
    writes: list[Write] = field(default_factory=list[Write])

    def possible(self, asked: float, answered: float) -> set[int]:
        """The values that a read may find between two times.

        The next value is written when the one before it is acknowledged, so it is the last that was acknowledged before the
        read, or a later one that was requested before its end.
        """
        known = max(write.value for write in self.writes if write.answered <= asked)
        return {write.value for write in self.writes if write.value >= known and write.asked <= answered}


class Client:
    """Sends requests to one server, and records which were answered when, and how."""

    def __init__(self, server: ServerProcess, pause: float) -> None:
        self.server, self._pause = server, pause
        #: when requests succeeded, and when the last of them was sent
        self.successes: list[float] = []
        self.asked = 0.0
        #: the codes of errors, with what else they say, and the duration of the longest request
        self.errors: Counter[str] = Counter()
        self.longest = 0.0
        #: what must not happen
        self.problems: list[str] = []

    async def run(self) -> None:
        """Sends one request after the other until it is cancelled."""
        while True:
            await self.send()
            await asyncio.sleep(self._pause)

    async def send(self) -> None:
        """Sends a request, and judges the answer."""
        raise NotImplementedError

    async def ask(self, query: str, token: str, **variables: Any) -> Mapping[str, Any] | None:
        """Returns the data of an answer; None for an error, which must be one that may be retried."""
        asked = monotonic()
        try:
            response = await self.server.http.post(
                "/graphql",
                json={"query": query, "variables": variables},
                headers={"Authorization": f"Bearer {token}"},
            )
        except httpx2.TransportError as error:
            self.problems.append(f"no answer: {error!r}")
            return None
        finally:
            self.longest = max(self.longest, monotonic() - asked)
        if response.status_code == 500:
            self.problems.append(f"status 500: {response.text}")
        answer = response.json()
        for error in answer.get("errors", ()):
            self.errors[error["extensions"]["code"]] += 1
            if not error["extensions"].get("retry") or "undone" in error["message"]:
                self.problems.append(f"not to be retried, or said to be undone: {error}")
        if "errors" in answer:
            return None
        self.successes.append(monotonic())
        self.asked = asked
        return answer["data"]

    def give_up(self) -> None:
        """Leaves what was not answered. Called at the end."""

    def longest_without(self, since: float, until: float) -> float:
        """The longest time between two successes, or between one and either end."""
        times = [since, *(time for time in self.successes if since < time < until), until]
        return max(after - before for before, after in pairwise(times))


class Writer(Client):
    """Writes the next value of a person until it is acknowledged: the same request again changes nothing more."""

    def __init__(self, server: ServerProcess, pause: float, person: Person) -> None:
        super().__init__(server, pause)
        self._person = person

    async def send(self) -> None:
        writes = self._person.writes
        if not writes or writes[-1].answered < inf:
            writes.append(Write(len(writes), monotonic()))
        start = _start(writes[-1].value)
        times = {"start": format_instant(start), "end": format_instant(start + HOUR)}
        event = {"eventId": "e", "summary": str(writes[-1].value), **times}
        given = {"calendarId": self._person.account.calendar_id, "event": event}
        if await self.ask(UPSERT_EVENT, self._person.account.token, input=given) is not None:
            writes[-1].answered = monotonic()


class Reader(Client):
    """Reads everybody's event in turn: itself, and the time that it takes."""

    def __init__(self, server: ServerProcess, pause: float, people: Sequence[Person]) -> None:
        super().__init__(server, pause)
        self._turns = _turns(people)

    async def send(self) -> None:
        person, of_availability = next(self._turns)
        asked = monotonic()
        found = await (self._free_time(person) if of_availability else self._event(person))
        possible = person.possible(asked, monotonic())
        if found is not None and found not in ({_start(value) for value in possible} if of_availability else possible):
            self.problems.append(f"read {found}, which is none of {sorted(possible)}")

    async def _event(self, person: Person) -> int | None:
        data = await self.ask(EVENTS, person.account.token)
        return None if data is None else max((int(node["summary"]) for node in data["events"]["nodes"]), default=-1)

    async def _free_time(self, person: Person) -> Instant | None:
        """The start of the only hour that is not free, or -1."""
        period = {"start": format_instant(DAY_OF_EVENTS), "end": format_instant(DAY_OF_EVENTS + DAY)}
        query = {
            "participants": [{"required": 1, "members": [{"sub": person.account.sub}]}],
            "requiredDuration": {"minutes": 60},
            "startInterval": {"minutes": 60},
            "responseFormat": "OVERLAPPING_SLOTS",
            "maxResults": HOURS,
            "queryPeriods": [period],
        }
        data = await self.ask(FREE, CLIENT_SECRET, input=query)
        if data is None:
            return None
        free = {parse_instant(slot["start"]) for slot in data["availability"]["availableSlots"]}
        return next((start for start in map(_start, range(HOURS)) if start not in free), -1)


FREE = "query ($input: AvailabilityInput!) { availability(input: $input) { availableSlots { start } } }"


def _start(value: int) -> Instant:
    return DAY_OF_EVENTS + value % HOURS * HOUR


def _turns(people: Sequence[Person]) -> Iterator[tuple[Person, bool]]:
    while True:
        for of_availability in (False, True):
            for person in people:
                yield person, of_availability
