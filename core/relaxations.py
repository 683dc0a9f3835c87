"""Relaxations: single changes to a query that make a start possible which is not possible now.

Each kind of change is a *candidate*: the changed query, and the starts that are possible under it, which counting who is
missing tells (`missing`). Those that add no start on the grid are dropped before anything else is worked out. From the
starts of the others follow their results, by the functions that give the results of every query (`slots`). Slots depend
on the starts alone. Periods need reach as well, where a group can choose: it is worked out as for every query (`reach`),
on the rooms of the members, cut to the meetings that are possible. That is exact, for whoever stays longer makes a later
start possible, too; and it is little, since the query has few results.

Two kinds solve another query: SHORTER, with the length of the longest meeting that is possible, and LATER.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from itertools import islice

from .blocked import MemberTime
from .durations import NO_BUFFER, Duration
from .free import Restrictions, Rooms, rooms_of_one
from .grids import EVERY_SECOND
from .instants import DAY, MINUTE
from .missing import Missing, Place
from .participants import participants
from .periods import Period
from .query import AvailabilityQuery, Group, Member, ResponseFormat
from .reach import AFTER_ALL, Step, group_reach, least_reach
from .slots import viable
from .solver import Facts, Opening, restricted, results, solve
from .spans import Bounds, Busy, SpanSet, in_common
from .starts import in_rooms, inside, meetings_at, outside, starts_in, together

LATER = 35 * DAY
"""How long after the query's window to search for a later time, in seconds."""

_SHORTENED_BY = 5 * MINUTE


class RelaxationKind(StrEnum):
    """What is changed."""

    WITHOUT_MEMBER = "without_member"
    FEWER_REQUIRED = "fewer_required"
    SHORTER = "shorter"
    WITHOUT_BUFFER = "without_buffer"
    WITHOUT_GRID = "without_grid"
    IGNORING_HOURS = "ignoring_hours"
    IGNORING_TENTATIVE = "ignoring_tentative"
    LATER = "later"


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


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What is known about the members of a query, by group, then by member."""

    facts: Sequence[Sequence[Facts]]
    #: the busy time without tentative events; None if there are none, or if they do not count anyway
    firm: Sequence[Sequence[Busy | None]]
    #: the facts in the time after the query's window; None if they were not loaded
    later: Sequence[Sequence[Facts]] | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A changed query, and its starts."""

    kind: RelaxationKind
    query: AvailabilityQuery
    #: the starts that are possible, and those of them that were not
    starts: SpanSet
    new: SpanSet
    #: the rooms of its members, by group
    rooms: Sequence[Sequence[Rooms]]
    sub: str | None = None
    group: int | None = None


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
        found = [relaxed for each in self._candidates() if (relaxed := self._relaxed(each)) is not None]
        found += self._shorter()
        found.sort(key=lambda each: (each.opening.start, _ORDER[each.kind]))  # stable: then in request order
        return [*found, *self._later()]

    @cached_property
    def _rooms(self) -> list[list[Rooms]]:
        return [[time.rooms for time in theirs] for theirs in self.missing.times]

    @cached_property
    def _present(self) -> set[Bounds]:
        return {(start, end) for start, end, _ in self.openings}

    def _candidates(self) -> Iterator[_Candidate]:
        yield from self._without_members()
        yield from self._fewer_required()
        yield from self._without_buffer()
        yield from self._without_grid()
        yield from self._ignoring(RelaxationKind.IGNORING_HOURS, self._without_hours)
        yield from self._ignoring(RelaxationKind.IGNORING_TENTATIVE, self._firm)

    def _without_members(self) -> Iterator[_Candidate]:
        groups = self.query.participants
        for sub, places in self.missing.places.items():
            theirs = {group for group, _ in places}
            if any(len(groups[group].members) == 1 for group in theirs):
                continue
            if not any(groups[group].needs_all for group in theirs):
                continue  # leaving a group that can choose adds no start
            possible = self.missing.possible
            if self.missing.is_counted_apart(sub):
                starts = self.missing.count(dict.fromkeys(places))
                new = outside(starts, possible)
            else:
                new = self.missing.held_back(sub)
                starts = together(possible, new)
            if not _any_allowed(self.query, new):
                continue
            left = [_without(group, sub) if index in theirs else group for index, group in enumerate(groups)]
            rooms = [
                [of for member, of in zip(group.members, rooms, strict=True) if member.sub != sub]
                for group, rooms in zip(groups, self._rooms, strict=True)
            ]
            query = replace(self.query, participants=left)
            yield _Candidate(RelaxationKind.WITHOUT_MEMBER, query, starts, new, rooms, sub=sub)

    def _fewer_required(self) -> Iterator[_Candidate]:
        for index, group in enumerate(self.query.participants):
            if group.needed > 1 and _any_allowed(self.query, new := self.missing.lacking_one_of(index)):
                groups = list(self.query.participants)
                groups[index] = replace(group, required=group.needed - 1)
                query, starts = replace(self.query, participants=groups), together(self.missing.possible, new)
                yield _Candidate(RelaxationKind.FEWER_REQUIRED, query, starts, new, self._rooms, group=index)

    def _without_buffer(self) -> Iterator[_Candidate]:
        if not any(_has_buffer(self.query, member) for _, member in self.query.members()):
            return
        groups = [
            replace(group, members=[replace(member, buffer=None) for member in group.members])
            for group in self.query.participants
        ]
        query = replace(self.query, participants=groups, buffer=NO_BUFFER)
        times = [
            [MemberTime.of(query, member, facts) for member, facts in zip(group.members, theirs, strict=True)]
            for group, theirs in zip(groups, self.known.facts, strict=True)
        ]
        starts = Missing(query, times).possible
        rooms = [[time.rooms for time in theirs] for theirs in times]
        new = outside(starts, self.missing.possible)
        yield _Candidate(RelaxationKind.WITHOUT_BUFFER, query, starts, new, rooms)

    def _without_grid(self) -> Iterator[_Candidate]:
        grid, starts = self.query.grid, self.missing.possible
        if grid is None or self.query.asked_starts is not None:
            return
        query = replace(self.query, start_interval=None, start_interval_tzid=None, start_offset=None)
        # A grid has no two neighbouring seconds.
        new = SpanSet.of((start, end) for start, end in starts if end - start > 1 or start not in grid)
        yield _Candidate(RelaxationKind.WITHOUT_GRID, query, starts, new, self._rooms)

    def _ignoring(self, kind: RelaxationKind, changed: Callable[[Place], Facts | None]) -> Iterator[_Candidate]:
        """Yields a candidate for each sub whose facts change. `changed` gives the other facts at a place, if any."""
        for sub, places in self.missing.places.items():
            others = {place: facts for place in places if (facts := changed(place)) is not None}
            if not others or not _any_allowed(self.query, held_back := self.missing.held_back(sub)):
                continue
            rooms = [list(theirs) for theirs in self._rooms]
            new = self._new_starts(sub, held_back, others)
            if not _any_allowed(self.query, new):
                continue
            for (group, member), facts in others.items():
                rooms[group][member] = rooms_of_one(
                    self.query.window(), self._restricted((group, member), facts), self.query.duration
                )
            starts = together(self.missing.possible, new)
            yield _Candidate(kind, self.query, starts, new, rooms, sub=sub)

    def _new_starts(self, sub: str, held_back: SpanSet, others: Mapping[Place, Facts]) -> SpanSet:
        """Returns the starts that are added by other facts about a member. They are among those that it holds back."""
        duration = self.query.duration
        searched = SpanSet.of(meetings_at(held_back, duration))
        changed: dict[Place, SpanSet] = {}
        for place, facts in others.items():
            limits, busy = self._restricted(place, facts)
            rooms = in_common((searched, *limits), without=(busy.meeting(searched),), shortest=duration)
            changed[place] = starts_in(rooms, duration)
        if self.missing.is_counted_apart(sub):
            whole = {
                place: together(starts, self.missing.starts[place[0]][place[1]]) for place, starts in changed.items()
            }
            return outside(self.missing.count(whole), self.missing.possible)
        new = held_back
        for place in self.missing.places[sub]:
            group, member = place
            new = inside(new, changed.get(place, self.missing.starts[group][member]))
        return new

    def _without_hours(self, place: Place) -> Facts | None:
        facts = self.known.facts[place[0]][place[1]]
        return replace(facts, hours=None) if facts.hours is not None else None

    def _firm(self, place: Place) -> Facts | None:
        firm = self.known.firm[place[0]][place[1]]
        return replace(self.known.facts[place[0]][place[1]], busy=firm) if firm is not None else None

    def _restricted(self, place: Place, facts: Facts) -> Restrictions:
        group, member = place
        window = self.query.window()
        of = self.query.participants[group].members[member]
        return restricted(self.query, window.starts[0], window.ends[-1], of, facts)

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

    def _relaxed(self, candidate: _Candidate) -> Relaxation | None:
        """Returns the relaxation that a candidate is, if it is one."""
        if not _any_allowed(candidate.query, candidate.new):
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


def _without(group: Group, sub: str) -> Group:
    """Returns a group without a member. If it needs all of its members, it then needs those that are left."""
    members = [member for member in group.members if member.sub != sub]
    return Group(members, "all" if group.needs_all else group.needed)


def _has_buffer(query: AvailabilityQuery, member: Member) -> bool:
    buffer = query.buffer_of(member)
    return buffer.before.seconds > 0 or buffer.after.seconds > 0


def _on_grid(query: AvailabilityQuery, starts: SpanSet) -> Iterator[Bounds]:
    """Yields the spans of a set that contain a start of the query's grid."""
    spans = zip(starts.starts, starts.ends, strict=True)
    grid = query.grid
    if grid is None or query.asked_starts is not None:
        return spans
    return (span for span in spans if grid.first_from(span[0]) < span[1])


def _any_allowed(query: AvailabilityQuery, starts: SpanSet) -> bool:
    """Whether a start of the set is on the query's grid."""
    return any(True for _ in _on_grid(query, starts))


def _steps(candidate: _Candidate) -> Iterable[Step]:
    """Returns the reach of the candidate's query, or what is as good for its format: where meetings can start."""
    query, duration = candidate.query, candidate.query.duration
    runs = _on_grid(query, candidate.starts)
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
