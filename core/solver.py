"""When can they meet?

Theory of operation
===================

A *member* is free in a set of spans, F: the part of the window in which nothing prevents the member from meeting:

    F  =  window ∩ own periods ∩ hours ∩ known time  −  busy time grown by the buffer  −  periods whose limit is reached

A meeting `[a, b)` needs `before` free seconds in front of it and `after` behind it. It is cheaper to extend the busy
spans than to check the surroundings of every meeting: a busy `[s, e)` becomes `[s − after, e + before)`, and a meeting
fits exactly when it overlaps none of those. The edges of the window, of the member's own periods, of the hours and of
what is known are not events, so no buffer applies to them. Days, weeks and months in which a limit of bookings is reached
are taken away as they are (`availability_constraints`).

A member of capacity c is busy where at least c of these extended spans overlap, which are spans again (`Busy`). For
c = 1 they are the extended spans themselves, and nothing is to be done.

The events of a calendar may be known only until an instant: because a series is expanded no further, or because the
calendar is elsewhere and cannot be read. What is not known is not free, whatever the capacity.

Subtracting is intersecting, too: with the time that is clear of an event. So F is the intersection of the window, the
own periods, the hours, the known time and the time clear of each event, and it follows from their sorted bounds alone (`spans`).
Nothing has to be merged first, however events overlap. Only those spans of F count that the meeting fits in: the
member's *rooms* (`free`).

*Reach* is the whole answer. For one member, reach(t) is the end of the room that t lies in: how long a meeting which
starts at t may last for that member. For a group that needs n of its members it is the n-th latest of their reaches:
n people can stay until then, and no n people can stay longer. For the query it is the smallest over the groups, since
each of them has to stay. Every response format can be read off this one function (`slots`):

    time    0   1   2   3   4   5   6   7   8
    alice   ================                        free from 0 until 4
    bob             ========================        free from 2 until 8
    reach   4   4   8   8   8   8   8   8           of the group that needs one of the two

It is tempting to check instead at each moment whether enough members are free. That is wrong: with Alice free until 4
and Bob from 4, one of them is free at every moment, but neither can stay from 3 to 5. Reach requires the same people
throughout.

Reach is a step function, and it can be defined so that it never falls (`reach`). At t, take the n-th latest end among
all rooms that have *begun* by then, whether they are over or not. If n people can stay beyond t, the n latest ends are
theirs, since a room that is over ended before. If not, the n-th latest end is not beyond t either, and no meeting fits.
So the end of a room needs no handling: the algorithm walks along the starts of the rooms, with the n latest ends in a
heap.

Two cases are simpler. If all members are needed, the rooms that they have in common are the steps themselves, and the
next member need only be compared with what the others have left of the window. If there are several groups, the
smallest reach is that of one group until that group takes its next step, since no reach falls.

A result lists all members who are free throughout, needed or not (`participants`). Results are in time order, by start
and by end alike; so those that lie in one room are neighbours, and a member joins and leaves once per room.

There are no more rooms than busy spans and edges, and no more steps than rooms. All loops run over rooms and steps,
never over minutes, and sorting dominates: the whole costs O(n log n) in the number n of results and of busy spans that
meet the window, whatever their shape and however long the window. All other busy spans cost a binary search.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import NamedTuple

from .free import Restrictions, Rooms, rooms_of_all, rooms_of_one
from .instants import Instant
from .participants import participants
from .query import AvailabilityQuery, Member, ResponseFormat
from .reach import BEFORE_ALL, Step, group_reach, least_reach
from .slots import asked_slots, overlapping_slots, periods, slots
from .spans import Bounds, Busy, Span, SpanSet

_NONE = Busy()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one member of one group: its events, and its available hours (None: always).

    Both may extend beyond the query's window. What lies outside changes nothing, and costs next to nothing.
    """

    busy: Busy
    hours: SpanSet | None = None
    #: in how many events at once it is busy; in fewer it can meet
    capacity: int = 1
    #: the days, weeks and months in which it may have no further booking
    limit_reached: SpanSet | None = None
    #: its bookings, as far as they have to be counted
    bookings: Busy = _NONE
    #: from when on its events are not known, so that it is not free; None: all are known
    known_until: Instant | None = None

    @property
    def known(self) -> SpanSet | None:
        """The time in which its events are known; None for all time."""
        return SpanSet((BEFORE_ALL,), (self.known_until,)) if self.known_until is not None else None

    def bookings_in(self, period: Span) -> int:
        """Returns how many of its bookings start in a period."""
        return bisect_left(self.bookings.starts, period.end) - bisect_left(self.bookings.starts, period.start)

    def full(self, events: Busy) -> Busy:
        """Returns the time when so many of the events overlap that it is busy."""
        return events if self.capacity == 1 else events.overlapping(self.capacity)


def all_known(facts: Sequence[Sequence[Facts]]) -> list[list[Facts]] | None:
    """Returns the facts as if all events of all members were known; None if they are."""
    if all(each.known_until is None for theirs in facts for each in theirs):
        return None
    return [[replace(each, known_until=None) for each in theirs] for theirs in facts]


class Opening(NamedTuple):
    """A result: `[start, end)`, and the subs that are free throughout, in request order, each once."""

    start: Instant
    end: Instant
    participants: tuple[str, ...]


#: Makes an Opening of a tuple of its fields: passing them one by one would cost nearly twice as much.
_opening: Callable[[tuple[Instant, Instant, tuple[str, ...]]], Opening] = partial(
    tuple.__new__,  # pyright: ignore[reportUnknownMemberType]: typeshed leaves the type of the items open
    Opening,
)


def solve(query: AvailabilityQuery, facts: Sequence[Sequence[Facts]]) -> list[Opening]:
    """Returns the openings of a checked query, soonest first, at most `max_results`.

    `facts` are by group, then by member.
    """
    members = restrictions(query, facts)
    free = free_times(query, members)
    found = list(islice(results(query, query_reach(query, members, free)), query.max_results))
    people = participants(query.participants, free, found)
    return [_opening((start, end, present)) for (start, end), present in zip(found, people, strict=True)]


def restrictions(query: AvailabilityQuery, facts: Sequence[Sequence[Facts]]) -> list[list[Restrictions]]:
    """Returns the restrictions of each member, by group."""
    window = query.window()
    start, end = window.starts[0], window.ends[-1]
    return [
        [restricted(query, start, end, member, known) for member, known in zip(group.members, group_facts, strict=True)]
        for group, group_facts in zip(query.participants, facts, strict=True)
    ]


def restricted(query: AvailabilityQuery, start: Instant, end: Instant, member: Member, facts: Facts) -> Restrictions:
    """Returns the member's own periods, hours and known time, and when it is prevented between two instants.

    Prevented: by events, extended by the buffer, and where a limit of bookings is reached.
    """
    limits = [limit for limit in (member.own_time(), facts.hours, facts.known) if limit is not None]
    busy = extended_busy(query, start, end, member, facts)
    if facts.limit_reached is not None:
        busy = Busy.merged([busy, Busy(facts.limit_reached.starts, facts.limit_reached.ends)])
    return Restrictions(limits, busy)


def extended_busy(query: AvailabilityQuery, start: Instant, end: Instant, member: Member, facts: Facts) -> Busy:
    """Returns when events, extended by the buffer, prevent the member between two instants."""
    buffer = query.buffer_of(member)
    return facts.full(facts.busy.near(start, end, before=buffer.after.seconds, after=buffer.before.seconds))


def free_times(query: AvailabilityQuery, members: Sequence[Sequence[Restrictions]]) -> list[list[Rooms] | None]:
    """Returns the rooms of the members, by group; None for a group that needs all: they are in every result."""
    window, duration = query.window(), query.duration
    return [
        None if group.needs_all else [rooms_of_one(window, member, duration) for member in theirs]
        for group, theirs in zip(query.participants, members, strict=True)
    ]


def query_reach(
    query: AvailabilityQuery, members: Sequence[Sequence[Restrictions]], free: Sequence[Sequence[Rooms] | None]
) -> Iterable[Step]:
    """Returns the smallest of the groups' reaches. Groups that need all of their members are treated as one group."""
    groups = list(zip(query.participants, members, free, strict=True))
    everybody = [member for _, theirs, rooms in groups if rooms is None for member in theirs]
    steps: list[Iterable[Step]] = [
        group_reach(rooms, group.needed, query.duration) for group, _, rooms in groups if rooms is not None
    ]
    if everybody:
        steps.append(rooms_of_all(query.window(), everybody, query.duration))
    return least_reach(steps, query.duration)


def results(query: AvailabilityQuery, steps: Iterable[Step]) -> Iterator[Bounds]:
    """Returns the results in the format that the query asks for."""
    if (starts := query.asked_starts) is not None:
        return asked_slots(steps, query.duration, starts)
    match query.response_format:
        case ResponseFormat.PERIODS:
            return periods(steps, query.duration, query.grid)
        case ResponseFormat.SLOTS:
            return slots(steps, query.duration, query.grid)
        case ResponseFormat.OVERLAPPING_SLOTS:
            return overlapping_slots(steps, query.duration, query.grid)
