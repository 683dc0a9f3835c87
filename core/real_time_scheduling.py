"""Real-time scheduling: a link by which somebody without an account may book one meeting, once.

    Open ── a visitor books a start ──→ Completed
      └──── it is disabled ───────────→ Disabled ──→ Disabled, with another message

There is no way back, and nothing leads out of Completed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, TypeAlias

from .bookings import BookingRequest, EventCreation, TargetCalendar, openings
from .durations import NO_TIME, Duration
from .errors import Key, Path, Problems
from .events import EventDraft
from .instants import MINUTE, Instant, Unreadable
from .limits import Limits
from .query import AvailabilityQuery, ResponseFormat
from .slots import on_grid
from .solver import Facts, Opening
from .texts import check_id
from .urls import check_callback_url, check_web_url
from .zones import check_zone

MESSAGE_LENGTH = 500
"""Characters of what a visitor reads at a link that is disabled."""

_QUARTER = 15 * MINUTE


class Status(StrEnum):
    """What can be done with a link."""

    OPEN = "open"
    COMPLETED = "completed"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Open:
    """Nothing is booked yet."""

    status: ClassVar = Status.OPEN


@dataclass(frozen=True, slots=True)
class Completed:
    """A start was booked."""

    status: ClassVar = Status.COMPLETED

    start: Instant
    end: Instant
    #: the subs of those who meet
    participants: Sequence[str]
    #: the zone that the visitor saw it in
    visitor_tzid: str


@dataclass(frozen=True, slots=True)
class Disabled:
    """It was taken back before anything was booked."""

    status: ClassVar = Status.DISABLED

    #: what a visitor reads, in plain text
    display_message: str


State: TypeAlias = Open | Completed | Disabled


class ClosedError(Exception):
    """The link is in a state that this does not lead out of."""


def completed(state: State, outcome: Completed) -> Completed:
    """What becomes of a link by a booking. Raises ClosedError unless it is open."""
    if not isinstance(state, Open):
        raise ClosedError
    return outcome


def disabled(state: State, display_message: str) -> Disabled:
    """What becomes of a link when it is taken back. Raises ClosedError when it is completed."""
    if isinstance(state, Completed):
        raise ClosedError
    return Disabled(display_message)


def check_display_message(message: str, path: Path, problems: Problems) -> None:
    """Reports a message that is empty, too long or cannot be stored."""
    check_id(message.strip() and message, path, problems, longest=MESSAGE_LENGTH)


class HourFormat(StrEnum):
    """How the page writes times: 2:30 pm, or 14:30."""

    H12 = "h"
    H24 = "H"


class CallbackKind(StrEnum):
    """What an application is told."""

    COMPLETED = "completed"
    #: a visitor has said so
    NO_TIMES_SUITABLE = "no_times_suitable"
    #: there was none to be shown
    NO_TIMES_DISPLAYED = "no_times_displayed"


@dataclass(frozen=True, slots=True)
class CallbackUrls:
    """Where the application is told of each."""

    completed_url: str | None = None
    no_times_suitable_url: str | None = None
    no_times_displayed_url: str | None = None

    def of(self, kind: CallbackKind) -> str | None:
        """Where that is told; None: nowhere."""
        match kind:
            case CallbackKind.COMPLETED:
                return self.completed_url
            case CallbackKind.NO_TIMES_SUITABLE:
                return self.no_times_suitable_url
            case CallbackKind.NO_TIMES_DISPLAYED:
                return self.no_times_displayed_url


@dataclass(frozen=True, slots=True)
class RedirectUrls:
    """Where the visitor goes when it is booked."""

    completed_url: str | None = None


@dataclass(frozen=True, slots=True)
class SchedulingRequest:
    """What a link offers. The event has no times yet."""

    query: AvailabilityQuery
    event: EventDraft
    #: of the members that are not named here, their primary calendars; with SINGLE the one of the organizer
    target_calendars: Sequence[TargetCalendar] = ()
    #: how long before its start a meeting has to be booked
    minimum_notice: Duration = NO_TIME
    callback_urls: CallbackUrls = CallbackUrls()
    redirect_urls: RedirectUrls = RedirectUrls()
    event_creation: EventCreation = EventCreation.DEFAULT
    #: None: as the visitor's language has it
    hour_format: HourFormat | None = None
    #: the zone that the page shows until the visitor's is known; None: the event's
    tzid: str | None = None

    @property
    def page_tzid(self) -> str:
        return self.tzid if self.tzid is not None else self.event.tzid

    def check(self, now: Instant, limits: Limits, *, private_callbacks: bool) -> Problems:
        """Every problem beside the query's that can be seen without looking at anybody's calendar.

        Callbacks may lead to loopback and private addresses with `private_callbacks`.
        """
        problems = self.booking(now).check_all_but_start(limits)
        self.minimum_notice.check(("minimum_notice",), problems)
        if self.tzid is not None:
            check_zone(self.tzid, ("tzid",), problems)
        for kind in CallbackKind:
            path = ("callback_urls", f"{kind}_url")
            check_callback_url(self.callback_urls.of(kind), path, problems, private=private_callbacks)
        check_web_url(self.redirect_urls.completed_url, ("redirect_urls", "completed_url"), problems)
        if self.event_creation is EventCreation.SINGLE:
            self._check_organizer(problems)
        return problems

    def _check_organizer(self, problems: Problems) -> None:
        """With one event for all, its calendar must be known, and whose it is must be there whatever is booked."""
        if len(self.target_calendars) != 1:
            problems.add(("target_calendars",), Key.REQUIRED, "must name the one calendar of the organizer with SINGLE")
            return
        [target] = self.target_calendars
        groups = [group for group in self.query.participants if not isinstance(group.required, Unreadable)]
        if not any(group.needs_all and target.sub in {member.sub for member in group.members} for group in groups):
            words = "must be a member of a group that needs all, for the organizer is always there"
            problems.add(("target_calendars", 0, "sub"), Key.CONFLICT, words)

    def booking(self, start: Instant) -> BookingRequest:
        """The booking of a start."""
        return BookingRequest(self.query, start, self.event, self.target_calendars, event_creation=self.event_creation)

    def earliest(self, now: Instant) -> Instant:
        """The first instant that a meeting may start at, as long as this is now."""
        return max(now + 1, now + self.minimum_notice.seconds)

    @property
    def offered(self) -> AvailabilityQuery:
        """The query whose answer are the starts to choose from: every one on the grid, unless slots were asked for."""
        if self.query.response_format is ResponseFormat.SLOTS:
            return self.query
        return replace(self.query, response_format=ResponseFormat.OVERLAPPING_SLOTS)


@dataclass(frozen=True, slots=True)
class Link:
    """A link. `scheduling_id` is its public id."""

    scheduling_id: str
    client_key: int
    request: SchedulingRequest
    state: State


def offers(link: Link, facts: Sequence[Sequence[Facts]], first: Instant, now: Instant, most: int) -> list[Opening]:
    """The first so many starts to choose from at `first` or later, soonest first."""
    request = link.request
    soonest = max(first, request.earliest(now))
    if request.query.interval is None and request.query.asked_starts is None:
        # Where anything goes, people meet at a quarter past and not at seven minutes.
        soonest = on_grid(soonest, _QUARTER)
    return openings(request.offered, facts, soonest, None, most)
