"""Bookings beside a model of them that tries every half hour: whatever is done in whatever order, both say the same.

Three requests at the same moment may be answered in any order, but they must be answered as one after the other.
"""

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from itertools import permutations
from typing import Any, NamedTuple, TypeAlias

import pytest
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
from tests.support.api import CLIENT_SECRET, Api, Someone
from tests.support.oracle import Person, Question, Ticks, ticks

from .test_bookings import BOOK, REVOKE, UPSERT_EVENT

DELETE_EVENT = "mutation ($input: DeleteEventInput!) { deleteEvent(input: $input) { deleted } }"

TICK = 30 * MINUTE
#: what is asked about: from tick to tick; and how long a meeting is
WINDOW, LENGTH = (4, 16), 2
NAMES = ("ada", "ben", "cem", "dan")
STARTS = st.integers(WINDOW[0], WINDOW[1] - LENGTH)
PERSON, EVENT_ID = st.sampled_from(NAMES), st.sampled_from(["e1", "e2", "e3", "e4"])


class Asked(NamedTuple):
    """A request. A group: how many are needed, and of whom."""

    groups: tuple[tuple[int, tuple[str, ...]], ...]
    start: int
    event_id: str
    assignment: str
    key: str | None


#: who is booked; or who could meet when instead; or what is wrong, by path
Answer: TypeAlias = tuple[str, Any]


@dataclass
class Model:
    """What is so: the time, the events of everybody, who has revoked, and what was answered under a key."""

    now: int = 0
    events: dict[str, dict[str, Ticks]] = field(default_factory=lambda: {name: {} for name in NAMES})
    gone: set[str] = field(default_factory=set)
    answers: dict[str, tuple[Asked, Answer]] = field(default_factory=dict)

    def busy(self, name: str) -> Ticks:
        return frozenset[int]().union(*self.events[name].values())

    def question(self, asked: Asked, start: int, end: int) -> Question:
        """The request's query, in a part of its window."""
        groups = tuple(
            (needed, tuple(Person(name, self.busy(name)) for name in names)) for needed, names in asked.groups
        )
        window = ticks((max(start, WINDOW[0]), min(end, WINDOW[1])))
        return Question(groups, LENGTH, window, interval=1, format="slots", most=3)

    def book(self, asked: Asked) -> Answer:
        """The answer, and what follows from it."""
        kept = self.answers.get(asked.key or "")
        if kept is not None and kept[0] == asked:
            return kept[1]
        wrong = self.wrong(asked) or ({"idempotencyKey": ["errors.conflict"]} if kept is not None else {})
        if wrong:
            return "refused", wrong
        answer = self.decide(asked, self.now + 1)
        if asked.key is not None and answer[0] != "refused":
            self.answers[asked.key] = asked, answer
        return answer

    def decide(self, asked: Asked, earliest: int) -> Answer:
        """The answer to a request that is good, when meetings may begin at a tick or later."""
        chosen = self._chosen(asked) if asked.start >= earliest else ()
        if any(asked.event_id in self.events[name] for name in chosen):
            return "refused", {"event.eventId": ["errors.duplicate"]}
        for name in chosen:
            self.events[name][asked.event_id] = ticks((asked.start, asked.start + LENGTH))
        return ("booked", chosen) if chosen else ("taken", self._instead(asked, earliest))

    def wrong(self, asked: Asked) -> dict[str, list[str]]:
        """What is wrong with a request, by path."""
        wrong = {"start": ["errors.in_past"]} if asked.start <= self.now else {}
        for number, (_, names) in enumerate(asked.groups):
            for place, name in enumerate(names):
                if name in self.gone:
                    wrong[f"availability.participants[{number}].members[{place}].sub"] = ["errors.unknown"]
        return wrong

    def _chosen(self, asked: Asked) -> tuple[str, ...]:
        """Who meets; nobody when it is not possible."""
        chosen: list[str] = []
        for needed, people in self.question(asked, *WINDOW).groups:
            free = [person for person in people if person.can(asked.start, asked.start + LENGTH)]
            if len(free) < needed:
                return ()
            if asked.assignment == "LEAST_BUSY":
                free.sort(key=lambda person: len(person.busy & ticks(WINDOW)))
            taken = {person.name for person in free[:needed]}
            chosen += [person.name for person in people if person.name in taken]
        return tuple(chosen)

    def _instead(self, asked: Asked, earliest: int) -> list[tuple[int, tuple[str, ...]]]:
        """Three slots from the start on, or as many as are missing from before it; none before the earliest."""
        start = max(asked.start, earliest)
        later = self.question(asked, start, WINDOW[1]).answer()
        sooner = self.question(asked, earliest, start - 1 + LENGTH).answer()[: 3 - len(later)]
        return [(start, names) for start, _, names in [*sooner, *later]]


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    names = draw(st.permutations(NAMES))
    first, second = draw(st.integers(1, 3)), draw(st.integers(0, 1))
    groups = [names[:first], names[first : first + second]]
    return Asked(
        tuple((draw(st.integers(1, len(group))), tuple(group)) for group in groups if group),
        draw(STARTS),
        draw(EVENT_ID),
        draw(st.sampled_from(["REQUEST_ORDER", "LEAST_BUSY"])),
        draw(st.sampled_from([None, None, "k1", "k2"])),
    )


class Bookings(RuleBasedStateMachine):
    """One application, at different people on every run: what a run did is behind the next one."""

    runs = 0
    asked = Bundle("asked")

    def __init__(self, api: Api, runner: asyncio.Runner) -> None:
        super().__init__()
        self.api, self.run = api, runner.run
        self.model = Model()
        self.people: dict[str, Someone] = {}

    @initialize()
    def begin(self) -> None:
        Bookings.runs += 1
        self.day = self.api.now = (self.api.now // DAY + 1) * DAY
        for name in NAMES:
            self.come(name)

    def come(self, name: str) -> None:
        """Somebody authorises the application, for the first time or again."""
        self.people[name] = self.run(self.api.application_calendar(f"{name} {self.runs}"))
        self.model.gone.discard(name)

    @rule(target=asked, asked=requests())
    def book(self, asked: Asked) -> Asked:
        self.repeat(asked)
        return asked

    @rule(asked=asked)
    def repeat(self, asked: Asked) -> None:
        assert self.run(self._book(asked)) == self.model.book(asked)

    @rule(start=STARTS, several=st.lists(requests(), min_size=3, max_size=3))
    def book_at_once(self, start: int, several: list[Asked]) -> None:
        """All want the same start, for that is where they get into each other's way."""
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
        if name in self.model.gone:
            return
        event = {"eventId": event_id, "summary": "Own", "start": self._time(start), "end": self._time(start + length)}
        who = self.people[name]
        self.run(self.api.data(UPSERT_EVENT, who.token, input={"calendarId": who.calendar_id, "event": event}))
        self.model.events[name][event_id] = ticks((start, start + length))

    @rule(name=PERSON, event_id=EVENT_ID)
    def delete(self, name: str, event_id: str) -> None:
        if name in self.model.gone:
            return
        who = self.people[name]
        given = {"calendarId": who.calendar_id, "eventId": event_id}
        deleted = self.run(self.api.data(DELETE_EVENT, who.token, input=given))["deleteEvent"]["deleted"]
        assert deleted is (self.model.events[name].pop(event_id, None) is not None)

    @rule(name=PERSON)
    def revoke_or_come_back(self, name: str) -> None:
        if name in self.model.gone:
            self.come(name)
        else:
            self.run(self.api.data(REVOKE, input={**self.api.credentials, "sub": self.people[name].sub}))
            self.model.gone.add(name)

    @precondition(lambda self: self.model.now < WINDOW[1] - LENGTH)
    @rule(ticks=st.integers(1, 5))
    def wait(self, ticks: int) -> None:
        self.model.now += ticks
        self.api.now += ticks * TICK
        for name in {*NAMES} - self.model.gone:
            self.come(name)  # for tokens expire

    def _time(self, tick: int) -> str:
        return format_instant(self.day + tick * TICK)

    async def _book_all(self, several: list[Asked]) -> list[Answer]:
        return list(await asyncio.gather(*(self._book(asked) for asked in several)))

    async def _book(self, asked: Asked) -> Answer:
        given = {
            **self._offering(asked),
            "start": self._time(asked.start),
            "assignment": asked.assignment,
            "idempotencyKey": f"{asked.key} {self.runs}" if asked.key is not None else None,
        }
        answer = await self.api(BOOK, CLIENT_SECRET, input=given)
        if "errors" in answer:
            [error] = answer["errors"]
            problems = error["extensions"].get("errors", error)
            return "refused", {path: [problem["key"] for problem in found] for path, found in problems.items()}
        return self._read(answer["data"]["bookSlot"])

    def _offering(self, asked: Asked) -> dict[str, Any]:
        """The query and the event, as they are sent."""
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

    def named(self, subs: Iterable[str]) -> tuple[str, ...]:
        """Who they are."""
        names = {person.sub: name for name, person in self.people.items()}
        return tuple(names[sub] for sub in subs)

    def _read(self, result: dict[str, Any]) -> Answer:
        ticks_of = {self._time(tick): tick for tick in range(*WINDOW)}

        def who(them: list[dict[str, str]]) -> tuple[str, ...]:
            return self.named(each["sub"] for each in them)

        if result["__typename"] == "Booked":
            assert len(result["events"]) == len(result["participants"])
            return "booked", who(result["participants"])
        return "taken", [(ticks_of[slot["start"]], who(slot["participants"])) for slot in result["nextSlots"]]


@pytest.mark.parametrize(("backend", "share", "steps"), [("sqlite", 12, 20), ("postgresql", 25, 12)])
def test_bookings_do_what_a_model_of_them_does(database_url: str, share: int, steps: int) -> None:
    run_model(Bookings, database_url, share, steps)


def run_model(machine: type[Bookings], database_url: str, share: int, steps: int) -> None:
    """On one database, which is slow to make; a part of as many examples as elsewhere, for each is many requests."""
    examples = settings(max_examples=settings().max_examples // share, stateful_step_count=steps, deadline=None)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        api = runner.run(stack.enter_async_context(Api.on(database_url, NOW)))
        try:
            run_state_machine_as_test(partial(machine, api, runner), settings=examples)
        finally:
            runner.run(stack.aclose())
