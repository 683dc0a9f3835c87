"""Reach: how long a meeting that starts at `t` can last with the same people staying from start to end.

Reach is a step function of `t`. A Steps is its list of steps, in time order and disjoint; where there is no step nobody
can start at all.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

from .instants import Instant
from .spans import SpanSet


class Step(NamedTuple):
    """A meeting that starts at a `t` with start ≤ t < end can last until `reach`, and `end` ≤ `reach`."""

    start: Instant
    end: Instant
    reach: Instant


Steps: TypeAlias = list[Step]


def group_reach(free: Sequence[SpanSet], needed: int) -> Steps:
    """The reach of a group that needs `needed` of its members, whose free times are given."""
    if needed == len(free):
        return [Step(span.start, span.end, span.end) for span in SpanSet.common(free)]
    return list(_sweep(free, needed))


def _sweep(free: Sequence[SpanSet], needed: int) -> Iterator[Step]:
    """The needed-th latest end among the free spans that are open, at every moment that this changes."""
    openings = sorted((start, end) for spans in free for start, end in spans)
    moments = sorted({bound for span in openings for bound in span})
    ends: list[Instant] = []  # of the spans that are open now, soonest first: at most one a member
    upcoming = 0
    start = reach = None
    for moment in moments:
        del ends[: bisect_right(ends, moment)]
        while upcoming < len(openings) and openings[upcoming][0] == moment:
            insort(ends, openings[upcoming][1])
            upcoming += 1
        now = ends[-needed] if len(ends) >= needed else None
        if now == reach:
            continue
        if start is not None and reach is not None:
            yield Step(start, moment, reach)
        start, reach = moment, now


def least_of(groups: Sequence[Steps]) -> Steps:
    """Every group has to stay: at every moment the smallest of their reaches.

    Taken in pairs, and pairs of pairs, so that with g groups no step is walked along more often than log2(g) times.
    """
    left = list(groups)
    while len(left) > 1:
        rest = left[len(left) // 2 * 2 :]
        left = [least(first, second) for first, second in zip(left[::2], left[1::2], strict=False)] + rest
    return left[0]


def least(first: Steps, second: Steps) -> Steps:
    """Both groups have to stay: at every moment the smaller of two reaches."""
    steps: Steps = []
    i = j = 0
    while i < len(first) and j < len(second):
        one, other = first[i], second[j]
        start, end = max(one.start, other.start), min(one.end, other.end)
        if start < end:
            steps.append(Step(start, end, min(one.reach, other.reach)))
        if one.end <= other.end:
            i += 1
        if other.end <= one.end:
            j += 1
    return steps
