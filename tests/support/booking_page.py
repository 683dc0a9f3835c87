"""Booking links for tests of their page: held in memory, with whatever times a test wants them to have."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.applications import Starlette

from core.bookings import NEXT_SLOTS, SlotTaken
from core.durations import Duration
from core.errors import NotFound
from core.events import EventDraft
from core.instants import DAY, Instant, parse_instant
from core.limits import Limits
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.real_time_scheduling import Completed, Link, Open, SchedulingRequest, State
from core.solver import Opening
from resolvers.cache import Memory
from resolvers.context import Context
from resolvers.real_time_scheduling import Offer
from server.booking_page import BookingPage
from server.http.context import RequestGate

from .api import opened

#: a Thursday
NOW = parse_instant("2030-05-02T12:00:00Z")

ADA = "acc_" + 24 * "a"


@dataclass
class Held:
    """A link, and what becomes of it."""

    link: Link
    openings: list[Opening]
    #: starts that somebody else is about to take
    taken: set[Instant] = field(default_factory=set)
    #: what was asked of it: offer, seen, accept or none, with the zone
    asked: list[tuple[str, Instant | None, str | None]] = field(default_factory=list)
    #: how often the application would have been told that there was no time to be shown
    told_of_none: int = 0
    #: seconds that a booking takes
    delay: float = 0
    #: what goes wrong with it
    error: Exception | None = None

    def free(self) -> list[Opening]:
        there = self.openings if isinstance(self.link.state, Open) else []
        return [opening for opening in there if opening.start not in self.taken]

    def become(self, state: State) -> Link:
        self.link = replace(self.link, state=state)
        return self.link


class Links:
    """All links of a test, by their tokens. An answer has at most so many openings."""

    def __init__(self, most: int = 1000) -> None:
        self.most = most
        self.held: dict[str, Held] = {}

    def add(self, token: str, starts: Sequence[str] = (), **changes: Any) -> Held:
        """A link with these starts. Changes are the request's, or its event's, or `minutes` and `state`."""
        minutes, state = changes.pop("minutes", 45), changes.pop("state", Open())
        self.held[token] = Held(a_link(minutes, state, **changes), meetings(starts, minutes))
        return self.held[token]

    async def offer(self, ctx: Context, token: str, since: Instant, tzid: str | None) -> Offer:
        held = self._held("offer", token, since, tzid)
        there = [opening for opening in held.free() if opening.start >= max(since, ctx.now)]
        if not there and since <= ctx.now:
            held.told_of_none += 1
        more_from = there[self.most].start if len(there) > self.most else None
        return Offer(held.link, there[: self.most], more_from)

    async def seen(self, ctx: Context, token: str) -> Link:
        return self._held("seen", token, None, None).link

    async def accept(self, ctx: Context, token: str, start: Instant, tzid: str) -> Link | SlotTaken:
        held = self._held("accept", token, start, tzid)
        await asyncio.sleep(held.delay)
        if not isinstance(held.link.state, Open):
            return held.link
        chosen = next((opening for opening in held.free() if opening.start == start), None)
        if chosen is None:
            return SlotTaken([opening for opening in held.free() if opening.start > start][:NEXT_SLOTS])
        return held.become(Completed(chosen.start, chosen.end, chosen.participants, tzid))

    async def none_suits(self, ctx: Context, token: str, tzid: str) -> Link:
        return self._held("none", token, None, tzid).link

    def _held(self, what: str, token: str, instant: Instant | None, tzid: str | None) -> Held:
        if token not in self.held:
            raise NotFound
        held = self.held[token]
        held.asked.append((what, instant, tzid))
        if held.error is not None:
            raise held.error
        return held


def meetings(starts: Sequence[str], minutes: int = 45) -> list[Opening]:
    """Openings that begin at these instants."""
    return [Opening(at, at + 60 * minutes, (ADA,)) for at in map(parse_instant, starts)]


def half_hours(day: str, first: str, last: str) -> list[str]:
    """The starts of a day, in UTC, from one time to another."""
    begin, end = (parse_instant(f"{day}T{time}:00Z") for time in (first, last))
    return [f"{day}T{at % DAY // 3600:02}:{at // 60 % 60:02}:00Z" for at in range(begin, end + 1, 1800)]


def a_link(minutes: int, state: State, **changes: Any) -> Link:
    """A link for a meeting with Ada."""
    event = {"event_id": "e1", "summary": "Interview with Ada", "start": 0, "end": 1, "tzid": "Europe/London"}
    event |= {name: changes.pop(name) for name in ("summary", "description", "location", "url") if name in changes}
    query = AvailabilityQuery(
        [Group([Member(ADA)])],
        Duration(minutes=minutes),
        query_periods=[Period(NOW, NOW + 35 * DAY)],
        start_interval=Duration(minutes=30),
    )
    return Link("sch_" + 24 * "b", 1, SchedulingRequest(query, EventDraft(**event), **changes), state)


def gate(**settings: Any) -> RequestGate:
    """A gate whose database no test of the page opens."""
    return RequestGate(opened("sqlite:///never opened.db"), Limits(), Memory(), lambda: NOW, **settings)


def application(links: Links, **settings: Any) -> Starlette:
    """The page, and nothing else."""
    return Starlette(routes=BookingPage(links, gate(**settings)).routes())
