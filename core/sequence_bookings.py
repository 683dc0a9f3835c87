"""Booking a whole sequence: all of its steps at chosen starts, or none."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .booking_life import Booking
from .bookings import Assignment, BookingRequest, TargetCalendar
from .errors import Key, Problems
from .events import EventDraft
from .grids import rounded_up
from .instants import MINUTE, Instant, Unreadable
from .limits import EXTERNAL_ID_LENGTH, Limits
from .periods import Period, check_future, read
from .sequenced_availability import MAX_STEPS, SequencedQuery
from .sequences import PlacedSequence, solve_sequences
from .solver import Facts
from .spans import Span, SpanSet
from .texts import check_id

NEXT_SEQUENCES = 3
"""Number of other sequences offered when the chosen one is taken."""


@dataclass(frozen=True, slots=True)
class SequenceStart:
    """The chosen start of a step, and what is written for it. The times of `event` are placeholders."""

    sequence_id: str
    start: Instant | Unreadable
    event: EventDraft
    #: for members that are not listed here, their primary calendars
    target_calendars: Sequence[TargetCalendar] = ()
    assignment: Assignment = Assignment.REQUEST_ORDER


@dataclass(frozen=True, slots=True)
class SequenceRequest:
    """A chosen sequence of a query: a start for each of its steps."""

    query: SequencedQuery
    starts: Sequence[SequenceStart]
    #: repeating the request with the same key returns the same answer
    idempotency_key: str | None = None

    def check(self, now: Instant, limits: Limits) -> Problems:
        """Returns all problems that can be found without calendars, except those of the query."""
        problems = Problems()
        with problems.until_full():
            if self.idempotency_key is not None:
                check_id(self.idempotency_key, ("idempotency_key",), problems, longest=EXTERNAL_ID_LENGTH)
            self._check_starts(problems, now)
            if not problems:
                for index, request in enumerate(self.requests):
                    problems += request.check_all_but_start(limits).prefixed("starts", index)
        return problems

    def _check_starts(self, problems: Problems, now: Instant) -> None:
        missing = {step.sequence_id for step in self.query.sequence}
        known, event_ids = set(missing), set[str]()
        if len(self.starts) > MAX_STEPS:
            problems.add(("starts",), Key.TOO_MANY, f"takes at most {MAX_STEPS} starts")
        for index, start in enumerate(self.starts[:MAX_STEPS]):
            if start.sequence_id not in known:
                problems.add(("starts", index, "sequence_id"), Key.UNKNOWN, "is not a step of this sequence")
            elif start.sequence_id not in missing:
                problems.add(("starts", index, "sequence_id"), Key.DUPLICATE, "is in this list already")
            missing.discard(start.sequence_id)
            check_future(start.start, ("starts", index, "start"), problems, now)
            if start.event.event_id in event_ids:
                words = "is the id of another step's event already"
                problems.add(("starts", index, "event", "event_id"), Key.DUPLICATE, words)
            event_ids.add(start.event.event_id)
        if missing and len(self.query.sequence) <= MAX_STEPS:
            problems.add(("starts",), Key.REQUIRED, f"needs a start for each step: {', '.join(sorted(missing))}")

    def query_problems(self, limits: Limits) -> Problems:
        """Returns the problems of the query, whose periods may have begun: only the meetings must not."""
        problems = self.query.check(None, limits)
        with problems.until_full():
            for index, step in enumerate(self.query.sequence[:MAX_STEPS]):
                if step.excluded_events:
                    words = "cannot be given for what is to be booked: whoever is booked must be free"
                    problems.add(("sequence", index, "excluded_events"), Key.CONFLICT, words)
        return problems

    @property
    def requests(self) -> list[BookingRequest]:
        """The booking of each step by itself, in the order of the starts."""
        steps = {step.sequence_id: query for step, query in zip(self.query.sequence, self.query.steps, strict=True)}
        return [
            BookingRequest(steps[each.sequence_id], each.start, each.event, each.target_calendars, each.assignment)
            for each in self.starts
        ]

    @property
    def counted(self) -> Span | None:
        """The time in which the assignments of a checked request count the bookings of members; None if they do not."""
        months = [month for request in self.requests if (month := request.counted) is not None]
        return Span(min(month.start for month in months), max(month.end for month in months)) if months else None

    def places(self) -> list[int]:
        """Returns the place in the query of the step of each start."""
        ids = [step.sequence_id for step in self.query.sequence]
        return [ids.index(start.sequence_id) for start in self.starts]

    def chosen(self) -> dict[str, Instant]:
        """Returns the start of each step, by its id."""
        return {start.sequence_id: read(start.start) for start in self.starts}


@dataclass(frozen=True, slots=True)
class BookedSequence:
    """All steps were booked. The bookings are in the order of the starts."""

    bookings: Sequence[Booking]


@dataclass(frozen=True, slots=True)
class SequenceTaken:
    """The sequence is not possible, or no longer possible. `next_sequences` are, soonest first."""

    next_sequences: Sequence[PlacedSequence]


def next_sequences(
    query: SequencedQuery, facts: Sequence[Sequence[Sequence[Facts]]], earliest: Instant
) -> list[PlacedSequence]:
    """Returns up to three possible sequences of a checked query, soonest first, none that starts before `earliest`."""
    soonest = rounded_up(earliest, MINUTE)
    window = query.window()
    end = window.ends[-1]
    left = window & SpanSet((soonest,), (end,)) if soonest < end else SpanSet()
    periods = [Period(start, end) for start, end in zip(left.starts, left.ends, strict=True)]
    asked = replace(query, query_periods=periods, max_results=NEXT_SEQUENCES)
    return solve_sequences(asked, facts) if periods else []
