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

*Reach* is the whole of the answer. For one member, reach(t) is the end of the free span that t lies in: how long a
meeting which starts at t may last for that member. For a group that needs n of its members it is the n-th latest of
their reaches: n people can stay until then, and no n people can stay longer. For the query it is the smallest over the
groups, for each of them has to stay. Whatever the caller wants to see can be read off this one function (`slots`):

    time    0   1   2   3   4   5   6   7   8
    alice   ================                        free from 0 until 4
    bob             ========================        free from 2 until 8
    reach   4   4   8   8   8   8   8   8           of the group that needs one of the two

It is tempting to ask instead at each moment whether enough members are free. That is wrong: with Alice free until 4
and Bob from 4 there is somebody at every moment, and nobody who stays from 3 to 5. Reach keeps people in their chairs.

Reach is a step function: it changes only where a free span starts or ends. So there are at most twice as many steps as
busy spans, and everything from here on walks along steps, never along minutes. Sorting is the dearest part: the whole
costs O(n log n) in the number n of busy spans, whatever their shape and however long the window; finding who is free
for a result is a binary search a member.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, TypeAlias

from .instants import Instant
from .query import AvailabilityQuery, Member, ResponseFormat
from .reach import Steps, group_reach, least_of
from .slots import asked_slots, overlapping_slots, periods, slots
from .spans import Span, SpanSet


@dataclass(frozen=True, slots=True)
class Facts:
    """What the calendars say about one member of one group: when it is busy, and when it keeps hours (None: always)."""

    busy: SpanSet
    hours: SpanSet | None = None


class Opening(NamedTuple):
    """A result: `[start, end)`, and the subs that are free for the whole of it, in request order, each once."""

    start: Instant
    end: Instant
    participants: tuple[str, ...]


#: Free time of every member, group by group.
FreeTime: TypeAlias = Sequence[Sequence[SpanSet]]


def solve(query: AvailabilityQuery, facts: Sequence[Sequence[Facts]]) -> list[Opening]:
    """The openings of a checked query, soonest first, at most `max_results`. Facts go group by group, then by member."""
    free = free_times(query, facts)
    steps = query_reach(query, free)
    spans = islice(spans_found(query, steps), query.max_results)
    return list(with_participants(query, free, spans))


def free_times(query: AvailabilityQuery, facts: Sequence[Sequence[Facts]]) -> FreeTime:
    """F of every member."""
    window = query.window()
    return [
        [free_time(query, window, member, known) for member, known in zip(group.members, group_facts, strict=True)]
        for group, group_facts in zip(query.participants, facts, strict=True)
    ]


def free_time(query: AvailabilityQuery, window: SpanSet, member: Member, facts: Facts) -> SpanSet:
    """F = window ∩ own ∩ hours − busy grown by the buffer."""
    limits = [window]
    if (own := member.own_time()) is not None:
        limits.append(own)
    if facts.hours is not None:
        limits.append(facts.hours)
    buffer = query.buffer_of(member)
    return SpanSet.common(limits) - facts.busy.grown(buffer.after.seconds, buffer.before.seconds)


def query_reach(query: AvailabilityQuery, free: FreeTime) -> Steps:
    """The smallest of the groups' reaches."""
    groups = zip(query.participants, free, strict=True)
    return least_of([group_reach(members, group.needed) for group, members in groups])


def spans_found(query: AvailabilityQuery, steps: Steps) -> Iterator[Span]:
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


def with_participants(query: AvailabilityQuery, free: FreeTime, spans: Iterator[Span]) -> Iterator[Opening]:
    """Each span with everybody who is free for the whole of it. The same people are one and the same tuple."""
    subs = [member.sub for _, member in query.members()]
    everybody = [members_free for group in free for members_free in group]
    seen: dict[tuple[bool, ...], tuple[str, ...]] = {}
    for start, end in spans:
        here = tuple(spans_free.covers(start, end) for spans_free in everybody)
        if (people := seen.get(here)) is None:
            people = seen[here] = tuple(
                dict.fromkeys(sub for sub, free_here in zip(subs, here, strict=True) if free_here)
            )
        yield Opening(start, end, people)
