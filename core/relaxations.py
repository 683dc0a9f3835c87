"""Relaxations: single changes to a query that make a start possible which is not possible now.

Each kind of change is a *candidate*: the changed query, and the starts that are possible under it (`candidates`). From those
starts follow its results, by the functions that give the results of every query (`slots`). Slots depend on the starts alone.
Periods need reach as well, where a group can choose: it is worked out as for every query (`reach`), on the rooms of the
members, cut to the meetings that are possible. That is exact, since a member who stays longer makes a later start possible
as well; and the rooms are few, since the query has few results.

Two kinds solve another query: SHORTER, with the length of the longest meeting that is possible, and LATER.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from .candidates import Candidate, Candidates, KnownFacts, RelaxationKind, any_allowed, on_grid
from .durations import Duration
from .free import Rooms
from .grids import EVERY_SECOND
from .instants import DAY, MINUTE
from .missing import Missing
from .participants import participants
from .periods import Period
from .query import AvailabilityQuery, ResponseFormat
from .reach import AFTER_ALL, Step, group_reach, least_reach
from .slots import viable
from .solver import Opening, results, solve
from .spans import Bounds, SpanSet, in_common
from .starts import in_rooms

LATER = 35 * DAY
"""How long after the query's window to search for a later time, in seconds."""

_SHORTENED_BY = 5 * MINUTE


_ORDER = {kind: number for number, kind in enumerate(RelaxationKind)}


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A change, the first opening that it adds, and the number of results that the changed query has."""

    kind: RelaxationKind
    opening: Opening
    count: int
    #: the member that is left out, or whose hours or tentative events are ignored
    sub: str | None = None
    #: the group that requires one less, from 0
    group: int | None = None
    #: the length of a shorter meeting
    minutes: int | None = None


def relaxations(missing: Missing, known: KnownFacts, openings: Sequence[Opening]) -> list[Relaxation]:
    """Returns all relaxations of a query with these openings, soonest first, LATER last. None if it is full."""
    return _Relaxing(missing, known, openings).all() if len(openings) < missing.query.max_results else []


@dataclass(frozen=True)  # without slots, since they exclude cached properties
class _Relaxing:
    missing: Missing
    known: KnownFacts
    openings: Sequence[Opening]

    @property
    def query(self) -> AvailabilityQuery:
        return self.missing.query

    def all(self) -> list[Relaxation]:
        found = [
            relaxed
            for each in Candidates(self.missing, self.known).all()
            if (relaxed := self._relaxed(each)) is not None
        ]
        found += self._shorter()
        found.sort(key=lambda each: (each.opening.start, _ORDER[each.kind]))  # stable: then in request order
        return [*found, *self._later()]

    @cached_property
    def _present(self) -> set[Bounds]:
        return {(start, end) for start, end, _ in self.openings}

    def _shorter(self) -> Iterator[Relaxation]:
        if self.openings or self.query.duration <= _SHORTENED_BY:
            return
        longest = self._longest_meeting() // _SHORTENED_BY * _SHORTENED_BY
        if longest:
            minutes = longest // MINUTE
            found = solve(replace(self.query, required_duration=Duration(minutes=minutes)), self.known.facts)
            yield Relaxation(RelaxationKind.SHORTER, found[0], len(found), minutes=minutes)

    def _longest_meeting(self) -> int:
        """Returns the length of the longest meeting at an allowed start, and 0 if it is shorter than five minutes."""
        stretches = [
            [[span for span in time.stretches if span[1] - span[0] >= _SHORTENED_BY] for time in theirs]
            for theirs in self.missing.times
        ]
        steps = _reach(self.query, stretches, _SHORTENED_BY)
        asked, grid = self.query.asked_starts, self.query.grid or EVERY_SECOND
        longest = 0
        for first, last, reach in viable(steps, _SHORTENED_BY):
            starts = [grid.first_from(first)] if asked is None else asked[bisect_left(asked, first) :][:1]
            longest = max([longest, *(reach - start for start in starts if start <= last)])
        return longest

    def _later(self) -> Iterator[Relaxation]:
        if self.query.asked_starts is not None or self.known.later is None:
            return
        if found := solve(later(self.query), self.known.later):
            yield Relaxation(RelaxationKind.LATER, found[0], len(found))

    def _relaxed(self, candidate: Candidate) -> Relaxation | None:
        """Returns the relaxation that a candidate is, if it is one."""
        if not any_allowed(candidate.query, candidate.new):
            return None
        query = candidate.query
        found = list(islice(results(query, _steps(candidate)), query.max_results))
        first = next((span for span in found if span not in self._present), None)
        if first is None:
            return None
        rooms = [
            None if group.needs_all else [_at(of, first) for of in theirs]
            for group, theirs in zip(query.participants, candidate.rooms, strict=True)
        ]
        [people] = participants(query.participants, rooms, [first])
        return Relaxation(candidate.kind, Opening(*first, people), len(found), candidate.sub, candidate.group)


def later(query: AvailabilityQuery) -> AvailabilityQuery:
    """Returns the query over the time after its window."""
    end = query.window().ends[-1]
    return replace(query, query_periods=[Period(end, end + LATER)], available_periods=None)


def _steps(candidate: Candidate) -> Iterable[Step]:
    """Returns the reach of the candidate's query, or what is as good for its format: where meetings can start."""
    query, duration = candidate.query, candidate.query.duration
    runs = on_grid(query, candidate.starts)
    periods = query.response_format is ResponseFormat.PERIODS and query.asked_starts is None
    if not periods or all(group.needs_all for group in query.participants):
        return ((start, end - 1 + duration) for start, end in runs)
    # Every run begins a period, so that later ones change nothing.
    searched = SpanSet.of((start, end - 1 + duration) for start, end in islice(runs, query.max_results))
    rooms = [[in_rooms(of, searched, duration) for of in theirs] for theirs in candidate.rooms]
    return _reach(query, rooms, duration)


def _reach(query: AvailabilityQuery, rooms: Sequence[Sequence[Rooms]], duration: int) -> Iterable[Step]:
    """Returns the reach of a query whose members have these rooms."""
    groups = list(zip(query.participants, rooms, strict=True))
    everybody = [SpanSet.in_order(of) for group, theirs in groups if group.needs_all for of in theirs]
    steps: list[Iterable[Step]] = [
        group_reach(theirs, group.needed, duration) for group, theirs in groups if not group.needs_all
    ]
    if everybody:
        steps.append(in_common(everybody, shortest=duration))
    return least_reach(steps, duration)


def _at(rooms: Rooms, span: Bounds) -> Rooms:
    """Returns the room that a span starts in, if there is one."""
    after = bisect_right(rooms, (span[0], AFTER_ALL))
    return rooms[max(after - 1, 0) : after]
