"""A model of bookings, and a Hypothesis state machine that compares the application with it after every step.

The model answers by trying every half hour. Concurrent requests may be answered in any order, but must be answered as if
they had been sent one after the other in that order.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from itertools import permutations
from typing import Any, NamedTuple, TypeAlias

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.instants import DAY, MINUTE, format_instant
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import BOOK_SLOT, DELETE_EVENT, REVOKE_AUTHORIZATION, UPSERT_EVENT
from tests.support.oracle import Person, Question, Ticks, ticks

TICK = 30 * MINUTE
#: the first tick of the queries and the tick after their last one; the length of a meeting in ticks
WINDOW, LENGTH = (4, 16), 2
NAMES = ("ada", "ben", "cem", "dan")
STARTS = st.integers(WINDOW[0], WINDOW[1] - LENGTH)
PERSON, EVENT_ID = st.sampled_from(NAMES), st.sampled_from(["e1", "e2", "e3", "e4"])


class Request(NamedTuple):
    """A booking request. A group is the number of members that it requires, and their names."""

    groups: tuple[tuple[int, tuple[str, ...]], ...]
    start: int
    event_id: str
    assignment: str
    key: str | None


#: "booked" with the names of the participants, "taken" with other slots, or "refused" with the errors by path
Answer: TypeAlias = tuple[str, Any]


@dataclass
class BookingsModel:
    """The state that the application should have: the time, the events by person and id, and the answers by key."""

    now: int = 0
    events: dict[str, dict[str, Ticks]] = field(default_factory=lambda: {name: {} for name in NAMES})
    #: the names of those who have revoked their authorization
    revoked: set[str] = field(default_factory=set)
    answers: dict[str, tuple[Request, Answer]] = field(default_factory=dict)
    capacities: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NAMES, 1))

    def busy_ticks(self, name: str) -> Ticks:
        return frozenset[int]().union(*self.events[name].values())

    def _person(self, name: str) -> Person:
        events = tuple(self.events[name].values())
        return Person(name, self.busy_ticks(name), capacity=self.capacities[name], events=events)

    def to_question(self, asked: Request, start: int, end: int) -> Question:
        """The query of a request, restricted to a part of its window."""
        groups = tuple((needed, tuple(self._person(name) for name in names)) for needed, names in asked.groups)
        window = ticks((max(start, WINDOW[0]), min(end, WINDOW[1])))
        return Question(groups, LENGTH, window, interval=1, format="slots", most=3)

    def book(self, asked: Request) -> Answer:
        """Answers a request, and changes the state accordingly."""
        earlier = self.answers.get(asked.key or "")
        if earlier is not None and earlier[0] == asked:
            return earlier[1]
        wrong = self.errors(asked) or ({"idempotencyKey": ["errors.conflict"]} if earlier is not None else {})
        if wrong:
            return "refused", wrong
        answer = self.decide(asked, self.now + 1)
        if asked.key is not None and answer[0] != "refused":
            self.answers[asked.key] = asked, answer
        return answer

    def decide(self, asked: Request, earliest: int) -> Answer:
        """Answers a valid request, when meetings may not start before a tick."""
        chosen = self._participants(asked) if asked.start >= earliest else ()
        if any(asked.event_id in self.events[name] for name in chosen):
            return "refused", {"event.eventId": ["errors.duplicate"]}
        for name in chosen:
            self.events[name][asked.event_id] = ticks((asked.start, asked.start + LENGTH))
        return ("booked", chosen) if chosen else ("taken", self._next_slots(asked, earliest))

    def errors(self, asked: Request) -> dict[str, list[str]]:
        """The keys of the errors in a request, by path."""
        wrong = {"start": ["errors.in_past"]} if asked.start <= self.now else {}
        for number, (_, names) in enumerate(asked.groups):
            for place, name in enumerate(names):
                if name in self.revoked:
                    wrong[f"availability.participants[{number}].members[{place}].sub"] = ["errors.unknown"]
        return wrong

    def _participants(self, asked: Request) -> tuple[str, ...]:
        """The names of those who would meet; empty when the meeting is not possible."""
        chosen: list[str] = []
        for needed, people in self.to_question(asked, *WINDOW).groups:
            free = [person for person in people if person.can_attend(asked.start, asked.start + LENGTH)]
            if len(free) < needed:
                return ()
            if asked.assignment == "LEAST_BUSY":
                free.sort(key=lambda person: len(person.busy & ticks(WINDOW)))
            taken = {person.name for person in free[:needed]}
            chosen += [person.name for person in people if person.name in taken]
        return tuple(chosen)

    def _next_slots(self, asked: Request, earliest: int) -> list[tuple[int, tuple[str, ...]]]:
        """The next three slots from the start on; if there are fewer, preceded by earlier ones, none before `earliest`."""
        start = max(asked.start, earliest)
        later = self.to_question(asked, start, WINDOW[1]).answer()
        sooner = self.to_question(asked, earliest, start - 1 + LENGTH).answer()[: 3 - len(later)]
        return [(start, names) for start, _, names in [*sooner, *later]]


@st.composite
def booking_requests(draw: st.DrawFn) -> Request:
    names = draw(st.permutations(NAMES))
    first, second = draw(st.integers(1, 3)), draw(st.integers(0, 1))
    groups = [names[:first], names[first : first + second]]
    return Request(
        tuple((draw(st.integers(1, len(group))), tuple(group)) for group in groups if group),
        draw(STARTS),
        draw(EVENT_ID),
        draw(st.sampled_from(["REQUEST_ORDER", "LEAST_BUSY"])),
        draw(st.sampled_from([None, None, "k1", "k2"])),
    )


class BookingsMachine(RuleBasedStateMachine):
    """Sends requests to one application, and compares its answers with the model's.

    Every run has other accounts and begins on the next day, so that the events of earlier runs do not matter.
    """

    runs = 0
    asked = Bundle("asked")

    def __init__(self, api: Api, runner: asyncio.Runner) -> None:
        super().__init__()
        self.api, self.run = api, runner.run
        self.model = BookingsModel()
        self.people: dict[str, Account] = {}

    @initialize()
    def begin(self) -> None:
        BookingsMachine.runs += 1
        self.day = self.api.now = (self.api.now // DAY + 1) * DAY
        for name in NAMES:
            self.authorize(name)

    def authorize(self, name: str) -> None:
        """Authorizes the application for a person, for the first time or again."""
        self.people[name] = self.run(self.api.application_calendar(f"{name} {self.runs}"))
        self.model.revoked.discard(name)

    @rule(target=asked, asked=booking_requests())
    def book(self, asked: Request) -> Request:
        self.repeat(asked)
        return asked

    @rule(asked=asked)
    def repeat(self, asked: Request) -> None:
        assert self.run(self._book(asked)) == self.model.book(asked)

    @rule(start=STARTS, several=st.lists(booking_requests(), min_size=3, max_size=3))
    def book_at_once(self, start: int, several: list[Request]) -> None:
        """Sends several requests for the same start concurrently."""
        several = [asked._replace(start=start) for asked in several]
        answers = self.run(self._book_all(several))
        possible: list[Any] = []
        for order in permutations(range(len(several))):
            model = deepcopy(self.model)
            found = {place: model.book(several[place]) for place in order}
            if [found[place] for place in range(len(several))] == answers:
                self.model = model
                return
            possible.append(found)
        raise AssertionError(f"{answers} is none of {possible}")

    @rule(name=PERSON, event_id=EVENT_ID, start=st.integers(3, 15), length=st.integers(1, 4))
    def upsert(self, name: str, event_id: str, start: int, length: int) -> None:
        if name in self.model.revoked:
            return
        event = {"eventId": event_id, "summary": "Own", "start": self._time(start), "end": self._time(start + length)}
        who = self.people[name]
        self.run(self.api.data(UPSERT_EVENT, who.token, input={"calendarId": who.calendar_id, "event": event}))
        self.model.events[name][event_id] = ticks((start, start + length))

    @rule(name=PERSON, event_id=EVENT_ID)
    def delete(self, name: str, event_id: str) -> None:
        if name in self.model.revoked:
            return
        who = self.people[name]
        given = {"calendarId": who.calendar_id, "eventId": event_id}
        deleted = self.run(self.api.data(DELETE_EVENT, who.token, input=given))["deleteEvent"]["deleted"]
        assert deleted is (self.model.events[name].pop(event_id, None) is not None)

    @rule(name=PERSON, capacity=st.integers(1, 3))
    def change_capacity(self, name: str, capacity: int) -> None:
        if name not in self.model.revoked:
            self.people[name] = self.run(self.api.application_calendar(f"{name} {self.runs}", capacity=capacity))
            self.model.capacities[name] = capacity

    @rule(name=PERSON)
    def revoke_or_come_back(self, name: str) -> None:
        if name in self.model.revoked:
            self.authorize(name)
        else:
            self.run(self.api.data(REVOKE_AUTHORIZATION, input={**self.api.credentials, "sub": self.people[name].sub}))
            self.model.revoked.add(name)

    @precondition(lambda self: self.model.now < WINDOW[1] - LENGTH)
    @rule(ticks=st.integers(1, 5))
    def wait(self, ticks: int) -> None:
        self.model.now += ticks
        self.api.now += ticks * TICK
        for name in {*NAMES} - self.model.revoked:
            self.authorize(name)  # because tokens expire

    def _time(self, tick: int) -> str:
        return format_instant(self.day + tick * TICK)

    async def _book_all(self, several: list[Request]) -> list[Answer]:
        return list(await asyncio.gather(*(self._book(asked) for asked in several)))

    async def _book(self, asked: Request) -> Answer:
        given = {
            **self._query_input(asked),
            "start": self._time(asked.start),
            "assignment": asked.assignment,
            "idempotencyKey": f"{asked.key} {self.runs}" if asked.key is not None else None,
        }
        answer = await self.api(BOOK_SLOT, CLIENT_SECRET, input=given)
        if "errors" in answer:
            [error] = answer["errors"]
            problems = error["extensions"].get("errors", error)
            return "refused", {path: [problem["key"] for problem in found] for path, found in problems.items()}
        return self._read(answer["data"]["bookSlot"])

    def _query_input(self, asked: Request) -> dict[str, Any]:
        """The query and the event of the input."""
        return {
            "availability": {
                "participants": [
                    {"required": needed, "members": [{"sub": self.people[name].sub} for name in names]}
                    for needed, names in asked.groups
                ],
                "requiredDuration": {"minutes": 60},
                "startInterval": {"minutes": 30},
                "queryPeriods": [{"start": self._time(WINDOW[0]), "end": self._time(WINDOW[1])}],
            },
            "event": {"eventId": asked.event_id, "summary": "Meeting"},
        }

    def names_of(self, subs: Iterable[str]) -> tuple[str, ...]:
        """The names of the people with these subs."""
        names = {person.sub: name for name, person in self.people.items()}
        return tuple(names[sub] for sub in subs)

    def _read(self, result: dict[str, Any]) -> Answer:
        ticks_of = {self._time(tick): tick for tick in range(*WINDOW)}

        def names(participants: list[dict[str, str]]) -> tuple[str, ...]:
            return self.names_of(participant["sub"] for participant in participants)

        if result["__typename"] == "Booked":
            assert len(result["events"]) == len(result["participants"])
            return "booked", names(result["participants"])
        return "taken", [(ticks_of[slot["start"]], names(slot["participants"])) for slot in result["nextSlots"]]


def run_model(machine: type[BookingsMachine], database_url: str, share: int, steps: int) -> None:
    """Runs a state machine on one database, with only a share of the usual examples, as each sends many requests."""
    examples = settings(max_examples=settings().max_examples // share, stateful_step_count=steps, deadline=None)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        api = runner.run(stack.enter_async_context(Api.open(database_url, NOW)))
        try:
            # Hypothesis calls it to create a machine, and declares it as a class.
            factory: Any = partial(machine, api, runner)
            run_state_machine_as_test(factory, settings=examples)
        finally:
            runner.run(stack.aclose())
