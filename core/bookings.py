"""Bookings: deciding whether a chosen start of an availability query can be booked, and for whom.

The caller ensures, by locks or by versions, that the facts cannot change between the decision and the
write. Nothing here depends on which: the same facts give the same decision.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .availability_constraints import ConstraintPeriod
from .booking_life import Booking, Label, Visitor, check_hold, check_labels
from .durations import Duration
from .errors import Key, Path, Problems
from .events import Event, EventDraft, EventStatus
from .explanation import Explanation
from .free import Restrictions, rooms_of_one
from .grids import rounded_up
from .instants import MINUTE, Instant, Unreadable
from .limits import EXTERNAL_ID_LENGTH, Limits
from .periods import Period, check_future, read
from .query import AvailabilityQuery, Member, ResponseFormat
from .solver import Facts, Opening, restrictions, solve
from .spans import Span, SpanSet
from .texts import check_id
from .zones import ZoneInfo

NEXT_SLOTS = 3
"""Number of other slots offered when the chosen one is taken."""


class Assignment(StrEnum):
    """Whom to book from a group that does not need all of its members."""

    REQUEST_ORDER = "request_order"
    #: the members with the least busy time in the query's window; ties in request order
    LEAST_BUSY = "least_busy"
    #: the members with the fewest bookings in the month of the start, for their weight; ties in request order
    FEWEST_BOOKINGS = "fewest_bookings"


class EventCreation(StrEnum):
    """What is written to the participants' calendars."""

    #: the event, on every participant's calendar
    DEFAULT = "default"
    #: the event on the organizer's; on all others, an event that blocks the time and shows only the summary
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class TargetCalendar:
    """A calendar that a member's event is written to."""

    sub: str
    calendar_id: str


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """A chosen start of a query. The times of `event` are placeholders; `draft` has the chosen ones."""

    query: AvailabilityQuery
    start: Instant | Unreadable
    event: EventDraft
    #: for members that are not listed here, their primary calendars
    target_calendars: Sequence[TargetCalendar] = ()
    assignment: Assignment = Assignment.REQUEST_ORDER
    #: with SINGLE, the only target calendar is the organizer's
    event_creation: EventCreation = EventCreation.DEFAULT
    #: repeating the request with the same key returns the same answer
    idempotency_key: str | None = None
    #: how long it is held for; None: it is booked
    hold_for: Duration | None = None
    #: the person that it is for
    visitor: Visitor | None = None
    #: what the application stores with it
    labels: Sequence[Label] = ()

    def check(self, now: Instant, limits: Limits, query_problems: Problems | None = None) -> Problems:
        """Returns all problems that can be found without calendars, except those of the query.

        Those can be passed in, so that they are not looked for again.
        """
        if query_problems is None:
            query_problems = self.query_problems(limits)
        problems = Problems()
        start = check_future(self.start, ("start",), problems, now)
        problems += self.check_all_but_start(limits)
        with problems.until_full():
            if self.idempotency_key is not None:
                check_id(self.idempotency_key, ("idempotency_key",), problems, longest=EXTERNAL_ID_LENGTH)
            if self.visitor is not None:
                self.visitor.check(("visitor",), problems)
            check_labels(self.labels, ("metadata",), problems)
            if self.hold_for is not None:
                check_hold(self.hold_for, ("hold_for",), problems)
            is_good = start is not None and start > now and not query_problems
            if start is not None and is_good and not self._is_among_the_starts(start):
                words = (
                    "is not a start of this query: the meeting must lie within its periods and on its start interval"
                )
                problems.add(("start",), Key.INCLUSION, words)
        return problems

    def check_all_but_start(self, limits: Limits) -> Problems:
        """Returns the problems of the event and of the target calendars."""
        problems = Problems()
        with problems.until_full():
            replace(self.event, start=0, end=1).check(("event",), problems)
            self._check_targets(problems, limits)
        return problems

    def query_problems(self, limits: Limits, now: Instant | None = None) -> Problems:
        """Returns the problems of the query. If `now` is None, it may begin in the past: only the meeting must not."""
        problems = self.query.check(now, limits)
        with problems.until_full():
            if self.query.excluded_events:
                words = "cannot be given for what is to be booked: whoever is booked must be free"
                problems.add(("excluded_events",), Key.CONFLICT, words)
        return problems

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
        meeting, grid = SpanSet((start,), (start + self.query.duration,)), self.query.grid
        return (grid is None or start in grid) and (meeting & self.query.window()) == meeting

    def is_possible(self, earliest: Instant) -> bool:
        """Whether the start is a start of the checked query, and not before the earliest instant."""
        start = read(self.start)
        return start >= earliest and self._is_among_the_starts(start)

    def without_details_of(self, sub: str) -> "BookingRequest | None":
        """Returns the request with no more of a member than its sub; None if it has no other members."""
        query = self.query.without_details_of(sub)
        targets = [target for target in self.target_calendars if target.sub != sub]
        return replace(self, query=query, target_calendars=targets) if query is not None else None

    @property
    def month(self) -> Span:
        """The calendar month of UTC that the start of a checked request is in, in which bookings are counted."""
        return ConstraintPeriod.MONTH.around(read(self.start), ZoneInfo("Etc/UTC"))

    @property
    def counted(self) -> Span | None:
        """The time in which the assignment counts the bookings of the members; None if it does not."""
        counts = self.assignment is Assignment.FEWEST_BOOKINGS and not isinstance(self.start, Unreadable)
        return self.month if counts else None

    @property
    def chosen_slot(self) -> AvailabilityQuery:
        """The query of a checked request for the chosen start only."""
        return self.at([read(self.start)])

    def at(self, starts: Sequence[Instant]) -> AvailabilityQuery:
        """Returns the query of a checked request for these starts only."""
        return replace(
            self.query,
            query_slots=starts,
            query_periods=None,
            available_periods=None,
            response_format=ResponseFormat.SLOTS,
        )

    @property
    def draft(self) -> EventDraft:
        """The event of a checked request, with the chosen times; that of a hold is tentative."""
        start = read(self.start)
        status = EventStatus.TENTATIVE if self.hold_for is not None else EventStatus.CONFIRMED
        return replace(self.event, start=start, end=start + self.query.duration, status=status)

    def draft_for(self, sub: str) -> EventDraft:
        """The event as written to the calendars of a member."""
        draft = self.draft
        if self.event_creation is EventCreation.DEFAULT or sub in {target.sub for target in self.target_calendars}:
            return draft
        # the other members see no more than this
        return EventDraft(draft.event_id, draft.summary, draft.start, draft.end, tzid=draft.tzid, status=draft.status)


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking, and the events of its participants, in request order."""

    booking: Booking
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class SlotTaken:
    """The start is not possible, or no longer possible. `next_slots` are, soonest first."""

    next_slots: Sequence[Opening]
    #: why, if that was asked for; not stored with the answer
    explanation: Explanation | None = None


def choose(
    request: BookingRequest, facts: Sequence[Sequence[Facts]], preferred: Collection[str] = ()
) -> list[str] | None:
    """Returns the subs to book at the chosen start, in request order, each once; None if it is not possible.

    `facts` are by group, then by member, and cover the window of the query. Who is preferred is booked before others.
    """
    asked = request.chosen_slot
    chosen: set[str] = set()
    for group, theirs, known in zip(asked.participants, restrictions(asked, facts), facts, strict=True):
        free = [
            place for place, member in enumerate(theirs) if rooms_of_one(asked.window(), member, request.query.duration)
        ]
        if len(free) < group.needed:
            return None
        if len(free) > group.needed:
            free = _in_order(request, group.members, known, free)
        if preferred:
            free.sort(key=lambda place: group.members[place].sub not in preferred)
        chosen |= {group.members[place].sub for place in free[: group.needed]}
    return [sub for sub in request.query.subs if sub in chosen]


def _in_order(request: BookingRequest, members: Sequence[Member], known: Sequence[Facts], free: list[int]) -> list[int]:
    """Returns the places of free members in the order in which the assignment prefers them."""
    match request.assignment:
        case Assignment.REQUEST_ORDER:
            return free
        case Assignment.LEAST_BUSY:
            return sorted(free, key=lambda place: busy_seconds(request.query.window(), known[place]))
        case Assignment.FEWEST_BOOKINGS:
            month = request.month
            # Equal fractions are equal floats.
            return sorted(free, key=lambda place: known[place].bookings_in(month) / members[place].weight)


def busy_seconds(window: SpanSet, facts: Facts) -> int:
    """Returns for how many seconds of the window events block a member."""
    start, end = window.starts[0], window.ends[-1]
    busy = facts.busy.near(start, end, before=0, after=0)
    clear = rooms_of_one(window, Restrictions((), busy), 1)
    return sum(window.ends) - sum(window.starts) - sum(end - start for start, end in clear)


def next_slots(request: BookingRequest, facts: Sequence[Sequence[Facts]], earliest: Instant) -> list[Opening]:
    """Returns up to three possible slots of the query, soonest first, none before `earliest`.

    They are the next ones after the start; if there are too few, the soonest before it as well.
    """
    soonest = rounded_up(earliest, MINUTE)  # meetings do not start seven seconds past the minute
    start = max(read(request.start), soonest)
    query = replace(request.query, response_format=ResponseFormat.SLOTS)
    later = openings(query, facts, start, None, NEXT_SLOTS)
    wanted = NEXT_SLOTS - len(later)
    return [*(openings(query, facts, soonest, start, wanted) if wanted else []), *later]


def openings(
    query: AvailabilityQuery, facts: Sequence[Sequence[Facts]], first: Instant, before: Instant | None, most: int
) -> list[Opening]:
    """Solves the query for at most `most` openings that start at `first` or later, and before `before` if given."""
    asked = from_start(query, first, before)
    return solve(replace(asked, max_results=most), facts) if asked is not None else []


def from_start(query: AvailabilityQuery, first: Instant, before: Instant | None = None) -> AvailabilityQuery | None:
    """Returns the query limited to starts at `first` or later, and before `before` if given; None if nothing is left."""
    if query.asked_starts is not None:
        starts = [start for start in query.asked_starts if start >= first and (before is None or start < before)]
        return replace(query, query_slots=starts) if starts else None
    last_end = query.window().ends[-1] if before is None else before - 1 + query.duration
    left = query.window() & SpanSet((first,), (last_end,)) if first < last_end else SpanSet()
    periods = [Period(start, end) for start, end in zip(left.starts, left.ends, strict=True)]
    return replace(query, query_periods=periods, available_periods=None) if periods else None
