"""When can they meet?

Theory of operation
===================

A *member* is free in a set of spans, F. F is what is left of the time we look at when everything that speaks against
the member is taken away:

    F  =  window ∩ own periods ∩ hours  −  busy time grown by the buffer

A meeting `[a, b)` needs `before` free seconds in front of it and `after` behind it. It is cheaper to make the busy
spans longer than to ask every meeting for its surroundings: a busy `[s, e)` becomes `[s − after, e + before)`, and a
meeting fits exactly when it touches none of those. The edges of the window, of the member's own periods and of the
hours are no events, so nothing is kept free there.

To take away is to have in common, too: with the time that is clear of an event. So F is what the window, the own
periods, the hours and the clearances of all events have in common, and that can be told from their sorted bounds
alone (`spans`). Nothing has to be merged before, however events overlap. Of the spans of F only those count that
the meeting fits in: the member's *rooms* (`free`).

*Reach* is the whole of the answer. For one member, reach(t) is the end of the room that t lies in: how long a meeting
which starts at t may last for that member. For a group that needs n of its members it is the n-th latest of their
reaches: n people can stay until then, and no n people can stay longer. For the query it is the smallest over the
groups, for each of them has to stay. Whatever the caller wants to see can be read off this one function (`slots`):

    time    0   1   2   3   4   5   6   7   8
    alice   ================                        free from 0 until 4
    bob             ========================        free from 2 until 8
    reach   4   4   8   8   8   8   8   8           of the group that needs one of the two

It is tempting to ask instead at each moment whether enough members are free. That is wrong: with Alice free until 4
and Bob from 4 there is somebody at every moment, and nobody who stays from 3 to 5. Reach keeps people in their chairs.

Reach is a step function, and it may be taken never to fall (`reach`). At t take the n-th latest end among all rooms
that have *begun* by then, whether they are over or not. If n people can stay beyond t, the n latest ends are theirs, for
a room that is over ended before. If not, the n-th latest end is not beyond t either, and leaves no room for a
meeting. So nothing happens where a room ends: one walks along the starts of the rooms, with the n latest ends in a heap.

Two things are simpler than that. Where all members are needed, the rooms that they have in common are the steps
themselves, and what one member leaves of the window is all that the next has to be asked about. And where several
groups have to stay, none of whose reaches falls, the smallest is that of the group which is furthest behind, until that
one takes its next step.

In a result are all members who are free throughout, needed or not (`participants`). Results come in time order, starts
and ends alike; so those that lie in one room are neighbours, and a member comes and leaves once a room.

There are no more rooms than busy spans and edges, and no more steps than rooms. Everything walks along rooms and steps,
never along minutes, and sorting is the dearest part: the whole costs O(n log n) in the number n of busy spans that meet
the window and of results, whatever their shape and however long the window. All other busy spans cost a binary search.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

from .free import Restrictions, Rooms, rooms_of_all, rooms_of_one
from .instants import Instant
from .participants import participants
from .query import AvailabilityQuery, Member, ResponseFormat
from .reach import Step, group_reach, least_reach
from .slots import asked_slots, overlapping_slots, periods, slots
from .spans import Bounds, Busy, SpanSet


@dataclass(frozen=True, slots=True)
class Facts:
    """What the calendars say about one member of one group: when it is busy, and when it keeps hours (None: always).

    Both may go on outside of the query's window. What is said there changes nothing, and costs next to nothing.
    """

    busy: Busy
    hours: SpanSet | None = None


class Opening(NamedTuple):
    """A result: `[start, end)`, and the subs that are free for the whole of it, in request order, each once."""

    start: Instant
    end: Instant
    participants: tuple[str, ...]


#: An Opening of a tuple of its fields: taking them one by one would cost nearly twice as much.
_opening: Callable[[tuple[Instant, Instant, tuple[str, ...]]], Opening] = partial(
    tuple.__new__,  # pyright: ignore[reportUnknownMemberType]: typeshed leaves the type of the items open
    Opening,
)


def solve(query: AvailabilityQuery, facts: Sequence[Sequence[Facts]]) -> list[Opening]:
    """The openings of a checked query, soonest first, at most `max_results`. Facts go group by group, then by member."""
    members = restrictions(query, facts)
    free = free_times(query, members)
    found = list(islice(results(query, query_reach(query, members, free)), query.max_results))
    people = participants(query.participants, free, found)
    return [_opening((start, end, present)) for (start, end), present in zip(found, people, strict=True)]


def restrictions(query: AvailabilityQuery, facts: Sequence[Sequence[Facts]]) -> list[list[Restrictions]]:
    """What keeps each member from meeting, group by group."""
    window = query.window()
    start, end = window.starts[0], window.ends[-1]
    return [
        [restricted(query, start, end, member, known) for member, known in zip(group.members, group_facts, strict=True)]
        for group, group_facts in zip(query.participants, facts, strict=True)
    ]


def restricted(query: AvailabilityQuery, start: Instant, end: Instant, member: Member, facts: Facts) -> Restrictions:
    """The member's own periods and hours, and its busy time, grown by the buffer, between two instants."""
    limits = [limit for limit in (member.own_time(), facts.hours) if limit is not None]
    buffer = query.buffer_of(member)
    return Restrictions(limits, facts.busy.near(start, end, before=buffer.after.seconds, after=buffer.before.seconds))


def free_times(query: AvailabilityQuery, members: Sequence[Sequence[Restrictions]]) -> list[list[Rooms] | None]:
    """The rooms of the members, group by group; None for a group that needs all of them: they come in any case."""
    window, duration = query.window(), query.duration
    return [
        None if group.needs_all else [rooms_of_one(window, member, duration) for member in theirs]
        for group, theirs in zip(query.participants, members, strict=True)
    ]


def query_reach(
    query: AvailabilityQuery, members: Sequence[Sequence[Restrictions]], free: Sequence[Sequence[Rooms] | None]
) -> Iterable[Step]:
    """The smallest of the groups' reaches. All groups that need all of their members are one."""
    groups = list(zip(query.participants, members, free, strict=True))
    everybody = [member for _, theirs, rooms in groups if rooms is None for member in theirs]
    steps: list[Iterable[Step]] = [
        group_reach(rooms, group.needed, query.duration) for group, _, rooms in groups if rooms is not None
    ]
    if everybody:
        steps.append(rooms_of_all(query.window(), everybody, query.duration))
    return least_reach(steps, query.duration)


def results(query: AvailabilityQuery, steps: Iterable[Step]) -> Iterator[Bounds]:
    """The results in the format that was asked for."""
    if (starts := query.asked_starts) is not None:
        return asked_slots(steps, query.duration, starts)
    match query.response_format:
        case ResponseFormat.PERIODS:
            return periods(steps, query.duration, query.interval)
        case ResponseFormat.SLOTS:
            return slots(steps, query.duration, query.interval)
        case ResponseFormat.OVERLAPPING_SLOTS:
            return overlapping_slots(steps, query.duration, query.interval)
