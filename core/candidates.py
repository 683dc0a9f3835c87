"""Candidates for relaxations: every query that differs by one change, and the starts that are possible under it.

Counting who is missing (`missing`) tells the starts, so none of these queries is solved. A change that adds no start on the
grid is no candidate.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from .blocked import MemberTime
from .durations import NO_BUFFER
from .free import Restrictions, Rooms, rooms_of_one
from .missing import Missing, Place
from .query import AvailabilityQuery, Group, Member
from .solver import Facts, restricted
from .spans import Bounds, Busy, SpanSet, in_common
from .starts import inside, meetings_at, outside, starts_in, together


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


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """What is known about the members of a query, by group, then by member."""

    facts: Sequence[Sequence[Facts]]
    #: the busy time without tentative events; None if there are none, or if they do not count anyway
    firm: Sequence[Sequence[Busy | None]]
    #: the facts in the time after the query's window; None if they were not loaded
    later: Sequence[Sequence[Facts]] | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
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


@dataclass(frozen=True, slots=True)
class Candidates:
    """Makes the candidates of a query."""

    missing: Missing
    known: KnownFacts

    @property
    def query(self) -> AvailabilityQuery:
        return self.missing.query

    def all(self) -> Iterator[Candidate]:
        """Yields all candidates, by kind, then in request order."""
        yield from self._without_members()
        yield from self._fewer_required()
        yield from self._without_buffer()
        yield from self._without_grid()
        yield from self._ignoring(RelaxationKind.IGNORING_HOURS, self._without_hours)
        yield from self._ignoring(RelaxationKind.IGNORING_TENTATIVE, self._firm)

    def _without_members(self) -> Iterator[Candidate]:
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
            if not any_allowed(self.query, new):
                continue
            left = [_without(group, sub) if index in theirs else group for index, group in enumerate(groups)]
            rooms = [
                [of for member, of in zip(group.members, rooms, strict=True) if member.sub != sub]
                for group, rooms in zip(groups, self._rooms, strict=True)
            ]
            query = replace(self.query, participants=left)
            yield Candidate(RelaxationKind.WITHOUT_MEMBER, query, starts, new, rooms, sub=sub)

    def _fewer_required(self) -> Iterator[Candidate]:
        for index, group in enumerate(self.query.participants):
            if group.needed > 1 and any_allowed(self.query, new := self.missing.lacking_one_of(index)):
                groups = list(self.query.participants)
                groups[index] = replace(group, required=group.needed - 1)
                query, starts = replace(self.query, participants=groups), together(self.missing.possible, new)
                yield Candidate(RelaxationKind.FEWER_REQUIRED, query, starts, new, self._rooms, group=index)

    def _without_buffer(self) -> Iterator[Candidate]:
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
        yield Candidate(RelaxationKind.WITHOUT_BUFFER, query, starts, new, rooms)

    def _without_grid(self) -> Iterator[Candidate]:
        grid, starts = self.query.grid, self.missing.possible
        if grid is None or self.query.asked_starts is not None:
            return
        query = replace(self.query, start_interval=None, start_interval_tzid=None, start_offset=None)
        # A grid has no two neighbouring seconds.
        new = SpanSet.of((start, end) for start, end in starts if end - start > 1 or start not in grid)
        yield Candidate(RelaxationKind.WITHOUT_GRID, query, starts, new, self._rooms)

    def _ignoring(self, kind: RelaxationKind, changed: Callable[[Place], Facts | None]) -> Iterator[Candidate]:
        """Yields a candidate for each sub whose facts change. `changed` gives the other facts at a place, if any."""
        for sub, places in self.missing.places.items():
            others = {place: facts for place in places if (facts := changed(place)) is not None}
            if not others or not any_allowed(self.query, held_back := self.missing.held_back(sub)):
                continue
            rooms = [list(theirs) for theirs in self._rooms]
            new = self._new_starts(sub, held_back, others)
            if not any_allowed(self.query, new):
                continue
            for (group, member), facts in others.items():
                rooms[group][member] = rooms_of_one(
                    self.query.window(), self._restricted((group, member), facts), self.query.duration
                )
            starts = together(self.missing.possible, new)
            yield Candidate(kind, self.query, starts, new, rooms, sub=sub)

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

    @property
    def _rooms(self) -> list[list[Rooms]]:
        return [[time.rooms for time in theirs] for theirs in self.missing.times]


def _without(group: Group, sub: str) -> Group:
    """Returns a group without a member. If it needs all of its members, it then needs those that are left."""
    members = [member for member in group.members if member.sub != sub]
    return Group(members, "all" if group.needs_all else group.needed)


def _has_buffer(query: AvailabilityQuery, member: Member) -> bool:
    buffer = query.buffer_of(member)
    return buffer.before.seconds > 0 or buffer.after.seconds > 0


def on_grid(query: AvailabilityQuery, starts: SpanSet) -> Iterator[Bounds]:
    """Yields the spans of a set that contain a start of the query's grid."""
    spans = zip(starts.starts, starts.ends, strict=True)
    grid = query.grid
    if grid is None or query.asked_starts is not None:
        return spans
    return (span for span in spans if grid.first_from(span[0]) < span[1])


def any_allowed(query: AvailabilityQuery, starts: SpanSet) -> bool:
    """Whether a start of the set is on the query's grid."""
    return any(True for _ in on_grid(query, starts))
