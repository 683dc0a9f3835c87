"""Bookings after they were made: their states, and what is stored beside their events.

    HELD ── it is confirmed ──→ CONFIRMED ── it, or its last event, is deleted ──→ CANCELLED
     ├──── its time is over ──→ EXPIRED ─── it is confirmed, if still possible ──→ CONFIRMED
     └──── it, or its last event, is deleted ──→ CANCELLED

No transition leads out of CANCELLED. A hold expires by the clock: its stored state stays HELD.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .durations import Duration
from .errors import Key, Path, Problems
from .instants import HOUR, MINUTE, Instant
from .limits import DESCRIPTION_LENGTH, EXTERNAL_ID_LENGTH, NAME_LENGTH
from .spans import Span
from .texts import check_id, check_text
from .zones import check_zone

MAX_LABELS, LABEL_KEY_LENGTH, LABEL_VALUE_LENGTH = 20, 40, 500
"""Maximum number of values that an application stores with a booking, and lengths of their keys and of themselves."""

LONGEST_HOLD = HOUR
"""Maximum seconds of a hold."""

USUAL_HOLD = Duration(minutes=10)
"""How long a slot is held if the request does not say."""

REASON_LENGTH = 500
"""Maximum length of the reason for cancelling."""

MAX_ANSWERS = 50
"""Maximum number of a visitor's answers."""


class BookingStatus(StrEnum):
    """The state of a booking."""

    #: its events block until the hold expires
    HELD = "held"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    #: held, and not confirmed in time
    EXPIRED = "expired"


class BookingActor(StrEnum):
    """Who has cancelled a booking."""

    APPLICATION = "application"
    #: by a booking link
    VISITOR = "visitor"
    #: nobody by name: its last event was deleted
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Answer:
    """A visitor's answer to a question."""

    question_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Visitor:
    """The person that a booking is for, who has no account."""

    name: str | None = None
    email: str | None = None
    tzid: str | None = None
    answers: Sequence[Answer] = ()

    def check(self, path: Path, problems: Problems) -> None:
        """Reports texts that are too long or cannot be stored, an unknown zone, and too many answers."""
        check_text(self.name, (*path, "name"), problems, longest=NAME_LENGTH)
        check_text(self.email, (*path, "email"), problems, longest=NAME_LENGTH)
        if self.tzid is not None:
            check_zone(self.tzid, (*path, "tzid"), problems)
        if len(self.answers) > MAX_ANSWERS:
            problems.add((*path, "answers"), Key.TOO_MANY, f"takes at most {MAX_ANSWERS} answers")
        seen: set[str] = set()
        for index, answer in enumerate(self.answers[:MAX_ANSWERS]):
            at = (*path, "answers", index)
            check_id(answer.question_id, (*at, "question_id"), problems, longest=EXTERNAL_ID_LENGTH)
            check_text(answer.text, (*at, "text"), problems, longest=DESCRIPTION_LENGTH)
            if answer.question_id in seen:
                problems.add((*at, "question_id"), Key.DUPLICATE, "is in this list already")
            seen.add(answer.question_id)


@dataclass(frozen=True, slots=True)
class Label:
    """A value that the application stores with a booking, under a key of its own."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Booking:
    """A booking as of an instant. `booking_id` is its public id."""

    booking_id: str
    status: BookingStatus
    #: where its events are now, or were last
    start: Instant
    end: Instant
    #: the subs of those who were booked, in request order
    participants: Sequence[str]
    created: Instant
    updated: Instant
    #: when the hold ends or has ended; None for a booking that is or was confirmed
    hold_expires_at: Instant | None = None
    cancel_reason: str | None = None
    cancelled_by: BookingActor | None = None
    #: the same for the bookings of one sequence
    sequence_id: str | None = None
    labels: Sequence[Label] = ()
    visitor: Visitor | None = None
    #: the booking link that it was made with
    scheduling_id: str | None = None


def check_hold(hold_for: Duration, path: Path, problems: Problems) -> None:
    """Reports a hold that is not of 1 to 60 minutes."""
    before = len(problems)
    hold_for.check_positive(path, problems)
    if len(problems) == before and hold_for.seconds > LONGEST_HOLD:
        problems.add(path, Key.TOO_LONG, f"must be at most {LONGEST_HOLD // MINUTE} minutes")


def check_labels(labels: Sequence[Label], path: Path, problems: Problems) -> None:
    """Reports too many labels, a key that is empty, too long or there already, and a value that is too long."""
    if len(labels) > MAX_LABELS:
        problems.add(path, Key.TOO_MANY, f"takes at most {MAX_LABELS} values")
    seen: set[str] = set()
    for index, label in enumerate(labels[:MAX_LABELS]):
        check_id(label.key, (*path, index, "key"), problems, longest=LABEL_KEY_LENGTH)
        check_text(label.value, (*path, index, "value"), problems, longest=LABEL_VALUE_LENGTH)
        if label.key in seen:
            problems.add((*path, index, "key"), Key.DUPLICATE, "is in this list already")
        seen.add(label.key)


def status_at(stored: BookingStatus, hold_expires_at: Instant | None, now: Instant) -> BookingStatus:
    """Returns the state at an instant: a hold that has ended is expired."""
    if stored is BookingStatus.HELD and hold_expires_at is not None and hold_expires_at <= now:
        return BookingStatus.EXPIRED
    return stored


def cancelled(booking: Booking, by: BookingActor, reason: str | None, now: Instant) -> Booking:
    """Returns a booking after it was cancelled. Its participants and its last time stay."""
    return replace(booking, status=BookingStatus.CANCELLED, cancelled_by=by, cancel_reason=reason, updated=now)


def followed(booking: Booking, events: Mapping[str, Span], calendar_ids: Sequence[str], now: Instant) -> Booking:
    """Returns a booking as its events, by calendar, say that it is now; the same object if nothing has changed.

    Without events it is cancelled. It is at the time of its events, and if they are at different times, at that of the
    event on the first of the calendars that has one.
    """
    if booking.status not in (BookingStatus.HELD, BookingStatus.CONFIRMED):
        return booking
    if not events:
        return cancelled(booking, BookingActor.EVENTS, None, now)
    first = next((events[calendar_id] for calendar_id in calendar_ids if calendar_id in events), None)
    start, end = first if first is not None else min(events.values())
    if (start, end) == (booking.start, booking.end):
        return booking
    return replace(booking, start=start, end=end, updated=now)
