"""Booking: a chosen start of an availability query, and what becomes of it.

The caller makes sure that the facts cannot change between the decision and the write, by locks or by versions. Nothing
here depends on how: the same facts give the same decision.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .errors import Key, Path, Problems
from .events import Event, EventDraft
from .free import Restrictions, rooms_of_one
from .instants import MINUTE, Instant, Unreadable
from .limits import EXTERNAL_ID_LENGTH, Limits
from .periods import Period, check_future, read
from .query import AvailabilityQuery, ResponseFormat
from .slots import on_grid
from .solver import Facts, Opening, restrictions, solve
from .spans import SpanSet
from .texts import check_id

NEXT_SLOTS = 3
"""How many other slots are offered when the chosen one is taken."""


class Assignment(StrEnum):
    """Who is booked of a group that does not need all of its members."""

    REQUEST_ORDER = "request_order"
    #: the members with the least busy time in the query's window; of equally busy ones, the first
    LEAST_BUSY = "least_busy"


class EventCreation(StrEnum):
    """What is written to the calendars of those who meet."""

    #: the event to each of them
    DEFAULT = "default"
    #: the event to the organizer's; to each other's one that blocks the time and shows only its summary
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class TargetCalendar:
    """Where a member's event goes."""

    sub: str
    calendar_id: str


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """A chosen start of a query. The event has the booked times once they are known; until then its own mean nothing."""

    query: AvailabilityQuery
    start: Instant | Unreadable
    event: EventDraft
    #: of the members that are not named here, their primary calendars
    target_calendars: Sequence[TargetCalendar] = ()
    assignment: Assignment = Assignment.REQUEST_ORDER
    #: with SINGLE the one target calendar is the organizer's
    event_creation: EventCreation = EventCreation.DEFAULT
    #: makes the same request once more get the same answer
    idempotency_key: str | None = None

    def check(self, now: Instant, limits: Limits) -> Problems:
        """Every problem beside the query's that can be found without looking at calendars."""
        problems = Problems()
        start = check_future(self.start, ("start",), problems, now)
        problems += self.check_all_but_start(limits)
        if self.idempotency_key is not None:
            check_id(self.idempotency_key, ("idempotency_key",), problems, longest=EXTERNAL_ID_LENGTH)
        is_good = start is not None and start > now and not self.query_problems(limits)
        if start is not None and is_good and not self._is_among_the_starts(start):
            words = "is no start of this query: the meeting has to lie in its periods, and on its grid"
            problems.add(("start",), Key.INCLUSION, words)
        return problems

    def check_all_but_start(self, limits: Limits) -> Problems:
        """What is wrong with the event, and with where it is to go."""
        problems = Problems()
        replace(self.event, start=0, end=1).check(("event",), problems)
        self._check_targets(problems, limits)
        return problems

    def query_problems(self, limits: Limits) -> Problems:
        """What is wrong with the query. That it begins in the past is not, for its meeting does not."""
        return self.query.check(None, limits)

    def _check_targets(self, problems: Problems, limits: Limits) -> None:
        if len(self.target_calendars) > limits.max_batch:
            problems.add(("target_calendars",), Key.TOO_MANY, f"takes at most {limits.max_batch} calendars")
        subs = set(self.query.subs)
        seen: set[TargetCalendar] = set()
        for index, target in enumerate(self.target_calendars[: limits.max_batch]):
            path: Path = ("target_calendars", index)
            if target.sub not in subs:
                problems.add((*path, "sub"), Key.UNKNOWN, "is not a member of this query")
            if target in seen:
                problems.add(path, Key.DUPLICATE, "is in this list already")
            seen.add(target)

    def _is_among_the_starts(self, start: Instant) -> bool:
        if (asked := self.query.asked_starts) is not None:
            return start in asked
        meeting = SpanSet((start,), (start + self.query.duration,))
        return on_grid(start, self.query.interval) == start and (meeting & self.query.window()) == meeting

    def is_possible(self, earliest: Instant) -> bool:
        """Whether the start is one of the checked query's, and not before the earliest instant."""
        start = read(self.start)
        return start >= earliest and self._is_among_the_starts(start)

    @property
    def draft(self) -> EventDraft:
        """The event of a checked request, at the time that was chosen."""
        start = read(self.start)
        return replace(self.event, start=start, end=start + self.query.duration)

    def draft_for(self, sub: str) -> EventDraft:
        """The event as it is written for a member."""
        draft = self.draft
        if self.event_creation is EventCreation.DEFAULT or sub in {target.sub for target in self.target_calendars}:
            return draft
        # nothing else is shown to other members
        return EventDraft(draft.event_id, draft.summary, draft.start, draft.end, tzid=draft.tzid)


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking that was made: who meets, and the events of all of them, in request order."""

    start: Instant
    end: Instant
    participants: Sequence[str]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class SlotTaken:
    """The start is not possible, or no longer; these are, soonest first."""

    next_slots: Sequence[Opening]


def choose(request: BookingRequest, facts: Sequence[Sequence[Facts]]) -> list[str] | None:
    """The subs of those who meet at the chosen start, in request order, each once; None when it is not possible.

    Facts go group by group, then by member, and cover the window of the query.
    """
    start = read(request.start)
    asked = replace(
        request.query,
        query_slots=[start],
        query_periods=None,
        available_periods=None,
        response_format=ResponseFormat.SLOTS,
    )
    chosen: set[str] = set()
    for group, theirs, known in zip(asked.participants, restrictions(asked, facts), facts, strict=True):
        free = [
            place for place, member in enumerate(theirs) if rooms_of_one(asked.window(), member, request.query.duration)
        ]
        if len(free) < group.needed:
            return None
        if request.assignment is Assignment.LEAST_BUSY and len(free) > group.needed:
            free.sort(key=lambda place: busy_seconds(request.query.window(), known[place]))
        chosen |= {group.members[place].sub for place in free[: group.needed]}
    return [sub for sub in request.query.subs if sub in chosen]


def busy_seconds(window: SpanSet, facts: Facts) -> int:
    """For how long events block a member in a window."""
    start, end = window.starts[0], window.ends[-1]
    busy = facts.busy.near(start, end, before=0, after=0)
    clear = rooms_of_one(window, Restrictions((), busy), 1)
    return sum(window.ends) - sum(window.starts) - sum(end - start for start, end in clear)


def next_slots(request: BookingRequest, facts: Sequence[Sequence[Facts]], earliest: Instant) -> list[Opening]:
    """Up to three possible slots of the query, soonest first: the next after the start, else the soonest before it too.

    None of them starts before the earliest instant.
    """
    soonest = on_grid(earliest, MINUTE)  # nobody meets at seven seconds past
    start = max(read(request.start), soonest)
    query = replace(request.query, response_format=ResponseFormat.SLOTS)
    later = openings(query, facts, start, None, NEXT_SLOTS)
    wanted = NEXT_SLOTS - len(later)
    return [*(openings(query, facts, soonest, start, wanted) if wanted else []), *later]


def openings(
    query: AvailabilityQuery, facts: Sequence[Sequence[Facts]], first: Instant, before: Instant | None, most: int
) -> list[Opening]:
    """As the solver, for the first so many that start at `first` or later, and before another instant."""
    asked = _from(query, first, before)
    return solve(replace(asked, max_results=most), facts) if asked is not None else []


def _from(query: AvailabilityQuery, first: Instant, before: Instant | None) -> AvailabilityQuery | None:
    """The query for starts in a part of its window; None when nothing is left of it."""
    if query.asked_starts is not None:
        starts = [start for start in query.asked_starts if start >= first and (before is None or start < before)]
        return replace(query, query_slots=starts) if starts else None
    last_end = query.window().ends[-1] if before is None else before - 1 + query.duration
    left = query.window() & SpanSet((first,), (last_end,)) if first < last_end else SpanSet()
    periods = [Period(start, end) for start, end in zip(left.starts, left.ends, strict=True)]
    return replace(query, query_periods=periods, available_periods=None) if periods else None
