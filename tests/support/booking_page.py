"""The booking page in front of fake links, which live in memory and have the times that a test gives them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.applications import Starlette

from core.bookings import NEXT_SLOTS, SlotTaken
from core.calendar_sources import SyncStatus
from core.durations import Duration
from core.errors import NotFound
from core.events import EventDraft
from core.instants import DAY, Instant, parse_instant
from core.limits import Limits
from core.member_statuses import CalendarNotKnown, MemberStatus
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.real_time_scheduling import Completed, Link, Open, SchedulingRequest, State
from core.solver import Opening
from resolvers.cache import VersionedCache
from resolvers.context import Context
from resolvers.real_time_scheduling import Offer
from server.booking_page import BookingPage
from server.http.context import RequestGate
from server.http.origins import Origins

from .api import open_database

#: a Thursday
NOW = parse_instant("2030-05-02T12:00:00Z")

ADA = "acc_" + 24 * "a"


@dataclass
class FakeLink:
    """A link with its openings, and a record of the calls about it."""

    link: Link
    openings: list[Opening]
    #: starts that are booked elsewhere before the visitor can book them
    taken: set[Instant] = field(default_factory=set)
    #: starts of which nobody can tell whether they are free
    not_known: set[Instant] = field(default_factory=set)
    #: the name of each call (offer, seen, accept or none) with its instant and its time zone
    calls: list[tuple[str, Instant | None, str | None]] = field(default_factory=list)
    #: the number of callbacks that would have reported that there is no time to show
    no_times_reports: int = 0
    #: the seconds that a booking takes
    delay: float = 0
    #: the exception that every call raises
    error: Exception | None = None

    def free_openings(self) -> list[Opening]:
        openings = self.openings if isinstance(self.link.state, Open) else []
        return [opening for opening in openings if opening.start not in {*self.taken, *self.not_known}]

    def set_state(self, state: State) -> Link:
        self.link = replace(self.link, state=state)
        return self.link


class FakeLinks:
    """All links of a test by their tokens, in place of those of the database. An offer has at most `most` openings."""

    def __init__(self, most: int = 1000) -> None:
        self.most = most
        self.by_token: dict[str, FakeLink] = {}

    def add(self, token: str, starts: Sequence[str] = (), **changes: Any) -> FakeLink:
        """Adds a link with these starts. `changes` are fields of its request or of its event, `minutes` or `state`."""
        minutes, state = changes.pop("minutes", 45), changes.pop("state", Open())
        self.by_token[token] = FakeLink(make_link(minutes, state, **changes), openings_at(starts, minutes))
        return self.by_token[token]

    async def offer(self, ctx: Context, token: str, since: Instant, tzid: str | None) -> Offer:
        held = self._record_call("offer", token, since, tzid)
        there = [opening for opening in held.free_openings() if opening.start >= max(since, ctx.now)]
        unknown = [opening for opening in held.openings if opening.start in held.not_known]
        if not there and not unknown and since <= ctx.now:
            held.no_times_reports += 1
        more_from = there[self.most].start if len(there) > self.most else None
        return Offer(held.link, there[: self.most], more_from, unknown)

    async def get_by_token(self, ctx: Context, token: str) -> Link:
        return self._record_call("get_by_token", token, None, None).link

    async def book(self, ctx: Context, token: str, start: Instant, tzid: str) -> Link | SlotTaken | CalendarNotKnown:
        held = self._record_call("book", token, start, tzid)
        await asyncio.sleep(held.delay)
        if not isinstance(held.link.state, Open):
            return held.link
        if start in held.not_known:
            return CalendarNotKnown([MemberStatus(ADA, SyncStatus.DISCONNECTED)])
        chosen = next((opening for opening in held.free_openings() if opening.start == start), None)
        if chosen is None:
            return SlotTaken([opening for opening in held.free_openings() if opening.start > start][:NEXT_SLOTS])
        return held.set_state(Completed(chosen.start, chosen.end, chosen.participants, tzid))

    async def report_no_suitable_time(self, ctx: Context, token: str, tzid: str) -> Link:
        return self._record_call("none", token, None, tzid).link

    def _record_call(self, what: str, token: str, instant: Instant | None, tzid: str | None) -> FakeLink:
        if token not in self.by_token:
            raise NotFound
        held = self.by_token[token]
        held.calls.append((what, instant, tzid))
        if held.error is not None:
            raise held.error
        return held


def openings_at(starts: Sequence[str], minutes: int = 45) -> list[Opening]:
    """The openings that start at these instants."""
    return [Opening(at, at + 60 * minutes, (ADA,)) for at in map(parse_instant, starts)]


def half_hour_starts(day: str, first: str, last: str) -> list[str]:
    """The starts at every half hour of a day, in UTC, from one time to another."""
    begin, end = (parse_instant(f"{day}T{time}:00Z") for time in (first, last))
    return [f"{day}T{at % DAY // 3600:02}:{at // 60 % 60:02}:00Z" for at in range(begin, end + 1, 1800)]


def make_link(minutes: int, state: State, **changes: Any) -> Link:
    """A link for a meeting with Ada. `changes` are fields of its request or of its event."""
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
    return RequestGate(
        open_database("sqlite:///never opened.db"),
        Limits(),
        VersionedCache(),
        lambda: NOW,
        Origins(lambda _, __: False),
        **settings,
    )


def application(links: FakeLinks, **settings: Any) -> Starlette:
    """An application that serves only the booking page."""
    return Starlette(routes=BookingPage(links, gate(**settings)).routes())
