"""Random sequences of operations on booking links, compared with a brute-force model.

Whatever happens to the calendars, a link offers what the model finds by trying every half hour, books what it offers,
books once, and enqueues exactly one callback for it.
"""

import asyncio
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import permutations
from typing import Any, TypeAlias

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, consumes, precondition, rule

from core.bookings import SlotTaken
from core.errors import Refusal, spell
from core.real_time_scheduling import Completed, Link
from resolvers import real_time_scheduling as links
from tests.support.api import CLIENT_SECRET, Api
from tests.support.bookings_model import (
    LENGTH,
    STARTS,
    TICK,
    WINDOW,
    Answer,
    BookingsMachine,
    BookingsModel,
    Request,
    booking_requests,
    run_model,
)
from tests.support.builders import create_link, get_link, link_token
from tests.support.graphql_queries import DISABLE_LINK

#: "open", "disabled", or the booking: the start and the participants
State: TypeAlias = str | tuple[int, tuple[str, ...]]


@dataclass
class Promise:
    """A link in the model. `asked` has the start of the last attempt."""

    asked: Request
    #: in ticks
    notice: int
    state: State = "open"


@dataclass
class LinksModel(BookingsModel):
    """The expected state, with links."""

    promises: dict[int, Promise] = field(default_factory=dict[int, Promise])

    def earliest(self, number: int) -> int:
        return self.now + max(1, self.promises[number].notice)

    def refused(self, number: int) -> Answer | None:
        """The answer if a member of the link is revoked; else None."""
        wrong = self.errors(self.promises[number].asked._replace(start=self.now + 1))
        return ("refused", wrong) if wrong else None

    def offer(self, number: int) -> Answer:
        promise = self.promises[number]
        if promise.state != "open":
            return "closed", promise.state
        question = replace(
            self.to_question(promise.asked, self.earliest(number), WINDOW[1]), format="overlapping_slots", most=100
        )
        return self.refused(number) or ("offered", [(start, names) for start, _, names in question.answer()])

    def accept(self, number: int, start: int) -> Answer:
        """The answer; also updates the state."""
        promise = self.promises[number]
        if promise.state != "open":
            return "closed", promise.state
        if (refused := self.refused(number)) is not None:
            return refused
        answer = self.decide(promise.asked._replace(start=start), self.earliest(number))
        if answer[0] != "booked":
            return answer
        promise.state = (start, answer[1])
        return "closed", promise.state


class Links(BookingsMachine):
    """Bookings and links, which are identified by number."""

    made = Bundle("made")
    model: LinksModel

    def __init__(self, api: Api, runner: asyncio.Runner) -> None:
        super().__init__(api, runner)
        self.model = LinksModel()
        self.links: dict[int, dict[str, Any]] = {}

    @precondition(lambda self: self.model.now < WINDOW[0] and not self.model.revoked)
    @rule(target=made, asked=booking_requests(), notice=st.integers(0, 4))
    def make(self, asked: Request, notice: int) -> int:
        """Creates a link, while the query lies in the future and no member is revoked."""
        number = len(self.links)
        event_id = f"{asked.event_id} {number % 3}"
        self.model.promises[number] = Promise(
            asked._replace(assignment="REQUEST_ORDER", event_id=event_id, key=None), notice
        )
        given = self._query_input(self.model.promises[number].asked)
        urls = {"callbackUrls": {"completedUrl": "https://example.com/booked"}}
        more = {"minimumNotice": {"minutes": notice * TICK // 60}, **urls}
        self.links[number] = self.run(create_link(self.api, given | more))
        return number

    @rule(number=made)
    def look(self, number: int) -> None:
        assert self.run(self._offer(number)) == self.model.offer(number)

    @rule(number=made, start=STARTS)
    def accept(self, number: int, start: int) -> None:
        assert self.run(self._accept(number, start)) == self.model.accept(number, start)

    @rule(one=made, other=made, starts=st.tuples(STARTS, STARTS, STARTS), asked=booking_requests())
    def accept_at_once(self, one: int, other: int, starts: tuple[int, int, int], asked: Request) -> None:
        """Two visitors of one link, one of another, and an application, concurrently."""
        visits = [(one, starts[0]), (one, starts[1]), (other, starts[2])]
        asked = asked._replace(start=starts[0], key=None)
        answers = self.run(self._at_once(visits, asked))
        for order in permutations(range(len(answers))):
            model = deepcopy(self.model)
            acts = [partial(model.accept, *visit) for visit in visits] + [partial(model.book, asked)]
            found = {place: acts[place]() for place in order}
            if [found[place] for place in range(len(answers))] == answers:
                self.model = model
                return
        raise AssertionError(f"{answers} are not those of any order of {visits} and {asked}")

    @rule(number=consumes(made))
    def take_back(self, number: int) -> None:
        """Disables a link, which no later step uses."""
        given = {"realTimeSchedulingId": self.links[number]["realTimeSchedulingId"], "displayMessage": "Gone"}
        answer = self.run(self.api(DISABLE_LINK, CLIENT_SECRET, input=given))
        was_booked = not isinstance(self.model.promises[number].state, str)
        assert ("errors" in answer) is was_booked
        if not was_booked:
            self.model.promises[number].state = "disabled"
            assert self.run(self._offer(number)) == ("closed", "disabled")

    def teardown(self) -> None:
        """Compares every link with the model; a completed one must have exactly one callback."""
        ids = {number: link["realTimeSchedulingId"] for number, link in self.links.items()}
        bodies = [body for (body,) in self.run(self.api.rows("SELECT body FROM callbacks"))]
        for number, promise in self.model.promises.items():
            found = self.run(get_link(self.api, id=ids[number]))
            state = "COMPLETED" if not isinstance(promise.state, str) else promise.state.upper()
            assert found["status"] == state
            assert sum(ids[number] in body for body in bodies) == (state == "COMPLETED")

    async def _at_once(self, visits: list[tuple[int, int]], asked: Request) -> list[Answer]:
        return list(await asyncio.gather(*(self._accept(*visit) for visit in visits), self._book(asked)))

    async def _offer(self, number: int) -> Answer:
        try:
            offer = await links.offer(self.api.gate.context(), link_token(self.links[number]), 0, "Etc/UTC")
        except Refusal as refusal:
            return self._refused(refusal)
        if offer.link.state.status != "open":
            return self._closed(offer.link)
        return "offered", [(self._tick(start), self.names_of(subs)) for start, _, subs in offer.openings]

    async def _accept(self, number: int, start: int) -> Answer:
        ctx, instant = self.api.gate.context(), self.day + start * TICK
        try:
            answer = await links.book(ctx, link_token(self.links[number]), instant, "Etc/UTC")
        except Refusal as refusal:
            return self._refused(refusal)
        if isinstance(answer, SlotTaken):
            return "taken", [(self._tick(start), self.names_of(subs)) for start, _, subs in answer.next_slots]
        assert isinstance(answer, Link)
        return self._closed(answer)

    def _closed(self, link: Link) -> Answer:
        state = link.state
        if not isinstance(state, Completed):
            return "closed", state.status.value
        assert state.end - state.start == LENGTH * TICK
        return "closed", (self._tick(state.start), self.names_of(state.participants))

    def _refused(self, refusal: Refusal) -> Answer:
        wrong = {spell(problem.path).replace("event_id", "eventId"): [problem.key] for problem in refusal.problems}
        return "refused", wrong

    def _tick(self, instant: int) -> int:
        return (instant - self.day) // TICK


@pytest.mark.parametrize(("backend", "share", "steps"), [("sqlite", 20, 20), ("postgresql", 33, 12)])
def test_links_behave_like_the_model(database_url: str, share: int, steps: int) -> None:
    run_model(Links, database_url, share, steps)
