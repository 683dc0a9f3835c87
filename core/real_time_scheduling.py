"""Real-time scheduling: a link with which a visitor without an account can book one meeting, once.

    Open ── a visitor books a start ──→ Completed, which follows its booking
      └──── it is disabled ───────────→ Disabled ──→ Disabled, with another message

No transition leads back, and none leads out of Completed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar, TypeAlias

from .booking_life import Booking, BookingStatus
from .bookings import BookingRequest, EventCreation, TargetCalendar, from_start, openings
from .durations import NO_TIME, Duration
from .errors import Key, Path, Problems
from .events import EventDraft
from .grids import rounded_up
from .instants import MINUTE, Instant, Unreadable
from .limits import Limits
from .query import AvailabilityQuery, ResponseFormat
from .solver import Facts, Opening
from .texts import check_id
from .urls import check_callback_url, check_web_url
from .zones import check_zone

MESSAGE_LENGTH = 500
"""Maximum length of the message that visitors of a disabled link see."""

_QUARTER = 15 * MINUTE


class Status(StrEnum):
    """The state of a link, by name."""

    OPEN = "open"
    COMPLETED = "completed"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Open:
    """Nothing has been booked yet."""

    status: ClassVar = Status.OPEN


@dataclass(frozen=True, slots=True)
class Completed:
    """A start was booked."""

    status: ClassVar = Status.COMPLETED

    start: Instant
    end: Instant
    #: the subs of the participants
    participants: Sequence[str]
    #: the time zone in which the visitor saw it
    visitor_tzid: str
    #: the booking as it is now, which the times and participants are those of
    booking: Booking | None = None

    @property
    def is_cancelled(self) -> bool:
        """Whether the booking was cancelled since."""
        return self.booking is not None and self.booking.status is BookingStatus.CANCELLED

    def with_booking(self, booking: Booking) -> "Completed":
        """Returns the state with the booking as it is now."""
        return Completed(booking.start, booking.end, tuple(booking.participants), self.visitor_tzid, booking)


@dataclass(frozen=True, slots=True)
class Disabled:
    """The link was disabled before anything was booked."""

    status: ClassVar = Status.DISABLED

    #: what visitors see, in plain text
    display_message: str


State: TypeAlias = Open | Completed | Disabled


class ClosedError(Exception):
    """The link's state does not allow this transition."""


def completed(state: State, outcome: Completed) -> Completed:
    """Returns the state of a link after a booking. Raises ClosedError unless it is open."""
    if not isinstance(state, Open):
        raise ClosedError
    return outcome


def disabled(state: State, display_message: str) -> Disabled:
    """Returns the state of a link after disabling it. Raises ClosedError if it is completed."""
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
    """The kinds of callback."""

    COMPLETED = "completed"
    #: a visitor has reported it
    NO_TIMES_SUITABLE = "no_times_suitable"
    #: there were no times to show
    NO_TIMES_DISPLAYED = "no_times_displayed"
    #: the booking was moved, by whoever or whatever did
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class CallbackUrls:
    """The URLs at which the application is notified, by kind of callback."""

    completed_url: str | None = None
    no_times_suitable_url: str | None = None
    no_times_displayed_url: str | None = None
    rescheduled_url: str | None = None
    cancelled_url: str | None = None

    def of(self, kind: CallbackKind) -> str | None:
        """Returns the URL for this kind of callback; None if there is none."""
        match kind:
            case CallbackKind.COMPLETED:
                return self.completed_url
            case CallbackKind.RESCHEDULED:
                return self.rescheduled_url
            case CallbackKind.CANCELLED:
                return self.cancelled_url
            case CallbackKind.NO_TIMES_SUITABLE:
                return self.no_times_suitable_url
            case CallbackKind.NO_TIMES_DISPLAYED:
                return self.no_times_displayed_url


@dataclass(frozen=True, slots=True)
class RedirectUrls:
    """Where the visitor is redirected after a booking."""

    completed_url: str | None = None


@dataclass(frozen=True, slots=True)
class SchedulingRequest:
    """What a link offers. The times of `event` are placeholders."""

    query: AvailabilityQuery
    event: EventDraft
    #: for members that are not listed here, their primary calendars; with SINGLE, only the organizer's
    target_calendars: Sequence[TargetCalendar] = ()
    #: how long before its start a meeting must be booked
    minimum_notice: Duration = NO_TIME
    callback_urls: CallbackUrls = CallbackUrls()
    redirect_urls: RedirectUrls = RedirectUrls()
    event_creation: EventCreation = EventCreation.DEFAULT
    #: None: as usual in the visitor's language
    hour_format: HourFormat | None = None
    #: the page's time zone until the visitor's is known; None: the event's
    tzid: str | None = None

    def without_details_of(self, sub: str) -> "SchedulingRequest | None":
        """Returns the request with no more of a member than its sub; None if it has no other members."""
        query = self.query.without_details_of(sub)
        targets = [target for target in self.target_calendars if target.sub != sub]
        return replace(self, query=query, target_calendars=targets) if query is not None else None

    @property
    def page_tzid(self) -> str:
        return self.tzid if self.tzid is not None else self.event.zone

    def check(self, now: Instant, limits: Limits, *, private_callbacks: bool) -> Problems:
        """Returns all problems that can be found without calendars, except those of the query.

        With `private_callbacks`, callbacks may go to loopback and private addresses.
        """
        problems = self.booking(now).check_all_but_start(limits)
        with problems.until_full():
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
        """Reports target calendars that do not fit SINGLE: it takes one, of a member who always takes part."""
        if len(self.target_calendars) != 1:
            problems.add(
                ("target_calendars",), Key.REQUIRED, "must name exactly one calendar with SINGLE: the organizer's"
            )
            return
        [target] = self.target_calendars
        groups = [group for group in self.query.participants if not isinstance(group.required, Unreadable)]
        if not any(group.needs_all and target.sub in {member.sub for member in group.members} for group in groups):
            words = "must be a member of a group that requires all, because the organizer always takes part"
            problems.add(("target_calendars", 0, "sub"), Key.CONFLICT, words)

    def booking(self, start: Instant) -> BookingRequest:
        """Returns the booking request for a start."""
        return BookingRequest(self.query, start, self.event, self.target_calendars, event_creation=self.event_creation)

    def earliest(self, now: Instant) -> Instant:
        """Returns the earliest instant at which a meeting may start, as of `now`."""
        return max(now + 1, now + self.minimum_notice.seconds)

    @property
    def offered(self) -> AvailabilityQuery:
        """The query whose results are the starts to choose from: all starts on the grid, unless the format is SLOTS."""
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
    """Returns the first `most` starts to choose from at `first` or later, soonest first."""
    return openings(link.request.offered, facts, _soonest(link.request, first, now), None, most)


def offered(link: Link, now: Instant) -> AvailabilityQuery | None:
    """Returns the query that has the starts to choose from as its results; None if its time is over."""
    return from_start(link.request.offered, _soonest(link.request, now, now))


def _soonest(request: SchedulingRequest, first: Instant, now: Instant) -> Instant:
    soonest = max(first, request.earliest(now))
    if request.query.grid is None and request.query.asked_starts is None:
        # Any start is possible, but people meet at a quarter past and not at seven minutes past.
        return rounded_up(soonest, _QUARTER)
    return soonest
