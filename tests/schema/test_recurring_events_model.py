"""Random histories of an event that recurs, compared with a model that has all of its instances in a list.

The model knows no windows and no horizon: it makes all instances of ten years at once, and changes them one by one.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.instants import DAY, HOUR, Instant, format_instant
from tests.conftest import NOW
from tests.support.api import Account, Api
from tests.support.builders import event_input
from tests.support.recurring import delete, expand, instance, let_tokens_last, listed, recurring, refusal, upsert

TEN_YEARS = 3652 * DAY
#: what a test lists, and what is certain to be expanded
SEEN = 400 * DAY


@dataclass(frozen=True)
class Lines:
    """A rule that is simple enough to be expanded by counting."""

    step: int
    count: int | None

    @property
    def line(self) -> str:
        unit = f"WEEKLY;INTERVAL={self.step // 7}" if self.step % 7 == 0 else f"DAILY;INTERVAL={self.step}"
        return f"RRULE:FREQ={unit}" + (f";COUNT={self.count}" if self.count is not None else "")

    def starts(self, first: Instant) -> Iterator[Instant]:
        number = TEN_YEARS // (self.step * DAY) if self.count is None else self.count
        return (first + place * self.step * DAY for place in range(number))


@dataclass(frozen=True)
class Draft:
    """What an event says."""

    start: Instant
    length: int
    summary: str

    def times(self) -> dict[str, str]:
        return {"start": format_instant(self.start), "end": format_instant(self.start + self.length)}


@dataclass(frozen=True)
class Modelled:
    """An instance: what it says, whether it takes place, whether it was changed by itself, and in which part it is."""

    draft: Draft
    part: int
    is_own: bool = False
    takes_place: bool = True


LINES = st.builds(Lines, st.sampled_from([1, 2, 7, 14, 21]), st.none() | st.integers(1, 40))
DRAFTS = st.builds(
    Draft,
    st.integers(0, 40 * 24).map(lambda hours: NOW + hours * HOUR),
    st.integers(1, 30).map(lambda hours: hours * HOUR),
    st.sampled_from(["Standup", "Retro", "Planning"]),
)
#: which of the instances; they are taken modulo their number
PLACE = st.integers(0, 60)
SHIFT = st.integers(-72, 72).map(lambda hours: hours * HOUR)


class RecurringEventMachine(RuleBasedStateMachine):
    """Sends requests about one event, and compares what is listed with the model."""

    runs = 0

    def __init__(self, api: Api, runner: asyncio.Runner) -> None:
        super().__init__()
        self.api, self.run = api, runner.run
        self.single: Draft | None = None
        self.instances: dict[Instant, Modelled] = {}
        self.recurs = False
        self.before: list[dict[str, Any]] = []
        self.uids: dict[str | None, str] = {}

    @initialize()
    def begin(self) -> None:
        RecurringEventMachine.runs += 1
        self.api.now = NOW
        self.who: Account = self.run(self.api.application_calendar(f"calendar {self.runs}"))
        self.run(let_tokens_last(self.api))

    @rule(draft=DRAFTS, lines=LINES)
    def upsert_whole(self, draft: Draft, lines: Lines) -> None:
        event = recurring(lines.line, summary=draft.summary, **draft.times())
        created = self.run(upsert(self.api, self.who, event))["created"]
        assert created is (not self.recurs and self.single is None)
        if not self.recurs and self.single is None:
            self.uids = {}
        own = {original: each for original, each in self.instances.items() if each.is_own}
        self.instances = {
            start: replace(own[start], part=0) if start in own else Modelled(replace(draft, start=start), 0)
            for start in lines.starts(draft.start)
        }
        self.single, self.recurs = None, True

    @rule(draft=DRAFTS)
    def upsert_single(self, draft: Draft) -> None:
        event = event_input("standup", summary=draft.summary, **draft.times())
        created = self.run(upsert(self.api, self.who, event))["created"]
        assert created is (not self.recurs and self.single is None)
        if created:
            self.uids = {}
        self.single, self.instances, self.recurs = draft, {}, False

    @rule()
    def delete_whole(self) -> None:
        deleted = self.run(delete(self.api, self.who))
        assert deleted is (self.recurs or self.single is not None)
        if deleted:
            self.uids = {}
        self.single, self.instances, self.recurs = None, {}, False

    @precondition(lambda self: self.instances)
    @rule(place=PLACE, shift=SHIFT, draft=DRAFTS)
    def move(self, place: int, shift: int, draft: Draft) -> None:
        original, draft = self._chosen(place, shift, draft)
        answer = self.run(upsert(self.api, self.who, self._instance(original, draft)))
        assert answer["created"] is not self.instances[original].takes_place
        self.instances[original] = replace(self.instances[original], draft=draft, is_own=True, takes_place=True)

    @precondition(lambda self: self.instances)
    @rule(place=PLACE)
    def delete_one(self, place: int) -> None:
        original = self._original(place)
        deleted = self.run(delete(self.api, self.who, recurrenceId=format_instant(original)))
        assert deleted is self.instances[original].takes_place
        self.instances[original] = replace(self.instances[original], is_own=True, takes_place=False)

    @precondition(lambda self: self.instances)
    @rule(place=PLACE, shift=SHIFT, draft=DRAFTS)
    def follow(self, place: int, shift: int, draft: Draft) -> None:
        original, draft = self._chosen(place, shift, draft)
        part = self.instances[original].part
        self.run(upsert(self.api, self.who, self._instance(original, draft), thisAndFollowing=True))
        for each, before in self.instances.items():
            if each == original or (each > original and before.part == part and not before.is_own):
                moved = replace(draft, start=each + draft.start - original)
                self.instances[each] = Modelled(moved, part)

    @precondition(lambda self: self.instances)
    @rule(place=PLACE)
    def end(self, place: int) -> None:
        original = self._original(place)
        name = format_instant(original)
        some = any(each.takes_place for start, each in self.instances.items() if start >= original)
        assert self.run(delete(self.api, self.who, recurrenceId=name, thisAndFollowing=True)) is some
        self.instances = {start: each for start, each in self.instances.items() if start < original}

    @precondition(lambda self: self.instances)
    @rule(place=PLACE, shift=SHIFT, draft=DRAFTS, lines=LINES)
    def split(self, place: int, shift: int, draft: Draft, lines: Lines) -> None:
        original, draft = self._chosen(place, shift, draft)
        event = self._instance(original, draft, recurrence=[lines.line])
        stay = {start: each for start, each in self.instances.items() if start < original}
        if draft.start <= max(stay, default=0):
            refused = self.run(refusal(self.api, self.who, event, thisAndFollowing=True))
            assert [*refused["errors"]] == ["event.start"]
            return
        self.run(upsert(self.api, self.who, event, thisAndFollowing=True))
        part = 1 + max((each.part for each in self.instances.values()), default=0)
        go_on = {start: Modelled(replace(draft, start=start), part) for start in lines.starts(draft.start)}
        self.instances = stay | go_on

    @precondition(lambda self: self.api.now < NOW + 300 * DAY)
    @rule(days=st.integers(1, 60))
    def wait(self, days: int) -> None:
        self.api.now += days * DAY
        self.run(expand(self.api))

    @invariant()
    def lists_what_the_model_has(self) -> None:
        found = self.run(listed(self.api, self.who, to=format_instant(self.api.now + SEEN)))
        shown = [(each["recurrenceId"] or "", each["start"], each["end"], each["summary"]) for each in found]
        assert sorted(shown) == self._expected()
        for each in found:
            assert self.uids.setdefault(each["recurrenceId"], each["eventUid"]) == each["eventUid"]
        # What stays as it is was not written again.
        known = {
            (each["eventUid"], each["start"], each["end"], each["summary"]): each["updated"] for each in self.before
        }
        for each in found:
            same = (each["eventUid"], each["start"], each["end"], each["summary"])
            if each["recurrenceId"] is not None:
                assert known.get(same, each["updated"]) == each["updated"]
        self.before = found
        self.api.now += 1

    @invariant()
    def knows_how_far_it_goes(self) -> None:
        [(known_until,)] = self.run(
            self.api.rows(f"SELECT known_until FROM calendars WHERE calendar_id = '{self.who.calendar_id}'")
        )
        ahead = [each for each in self.instances if each > self.api.now + 500 * DAY]
        assert known_until is not None or not ahead
        assert known_until is None or known_until > self.api.now + SEEN

    def _expected(self) -> list[tuple[str, str, str, str]]:
        drafts = [(format_instant(each), it.draft) for each, it in self.instances.items() if it.takes_place]
        if self.single is not None:
            drafts.append(("", self.single))
        seen = [each for each in drafts if each[1].start < self.api.now + SEEN]
        return sorted(
            (name, format_instant(it.start), format_instant(it.start + it.length), it.summary) for name, it in seen
        )

    def _original(self, place: int) -> Instant:
        """One of the instances that are certain to be known."""
        known = [each for each in sorted(self.instances) if each < self.api.now + SEEN]
        return known[place % len(known)]

    def _chosen(self, place: int, shift: int, draft: Draft) -> tuple[Instant, Draft]:
        """An instance, and what it is to be: as the draft, near where it was."""
        original = self._original(place)
        return original, replace(draft, start=original + shift)

    def _instance(self, original: Instant, draft: Draft, **more: Any) -> dict[str, Any]:
        return instance(format_instant(original), *draft.times().values(), summary=draft.summary, **more)


def test_an_event_has_the_instances_of_the_model(database_url: str) -> None:
    """Whatever is done to it, and however much time goes by between."""
    examples = settings(max_examples=settings().max_examples // 10, stateful_step_count=12, deadline=None)
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        api = runner.run(stack.enter_async_context(Api.open(database_url, NOW)))
        try:
            # Hypothesis calls it to create a machine, and declares it as a class.
            factory: Any = partial(RecurringEventMachine, api, runner)
            run_state_machine_as_test(factory, settings=examples)
        finally:
            runner.run(stack.aclose())
