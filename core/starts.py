"""Starts: the instants at which a meeting can begin, as sets.

A meeting of d seconds can begin at t for a member if `[t, t + d)` lies in one of its rooms. So the starts of a member
are its rooms, each shortened by d at its end; the last start belongs to the set, hence by a second less. A start in
the set already means that the member stays to the end, so whether a group can begin is a matter of counting.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain

from .free import SEARCH, Rooms
from .instants import MINUTE, Instant
from .spans import Bounds, Busy, SpanSet, in_common

NONE = SpanSet()


def starts_in(rooms: Rooms, duration: int) -> SpanSet:
    """Returns the starts of meetings that lie in rooms."""
    return SpanSet([start for start, _ in rooms], [end - duration + 1 for _, end in rooms])


def meetings_at(starts: SpanSet, duration: int) -> list[Bounds]:
    """Returns, for each span of starts, the time that its meetings cover."""
    return [(start, end - 1 + duration) for start, end in zip(starts.starts, starts.ends, strict=True)]


def at_least(needed: int, sets: Sequence[SpanSet]) -> SpanSet:
    """Returns the instants that lie in at least `needed` of the sets, one or more.

    By the argument of `spans.in_common`: after k closings, an instant lies in as many if there have been k + needed
    openings. Where it takes fewer than all sets, such spans can overlap or touch.
    """
    if needed == len(sets):
        return sets[0] if needed == 1 else SpanSet.in_order(in_common(sets))
    openings = sorted(chain.from_iterable(each.starts for each in sets))
    closings = sorted(chain.from_iterable(each.ends for each in sets))
    return SpanSet.of((start, end) for start, end in zip(openings[needed - 1 :], closings, strict=False) if start < end)


def inside(starts: SpanSet, of: SpanSet) -> SpanSet:
    """Returns the part of a set within another. Costs as much as the smaller one, with a search for each of its spans."""
    if len(of) > SEARCH * len(starts):
        of = _meeting(of, starts)
    elif len(starts) > SEARCH * len(of):
        starts = _meeting(starts, of)
    return SpanSet.in_order(in_common((starts, of))) if starts and of else NONE


def outside(starts: SpanSet, of: SpanSet) -> SpanSet:
    """Returns the part of a set outside of another, at the cost of `inside`, and of what it returns."""
    if len(of) > SEARCH * len(starts):
        of = _meeting(of, starts)
    elif starts and len(starts) > SEARCH * len(of):
        gaps = zip([starts.starts[0], *of.ends], [*of.starts, starts.ends[-1]], strict=True)
        starts = _meeting(starts, SpanSet.of(gaps))
    return SpanSet.in_order(in_common((starts,), without=(Busy(of.starts, of.ends),))) if starts else NONE


def together(some: SpanSet, others: SpanSet) -> SpanSet:
    """Returns the union of two sets."""
    if not some or not others:
        return some or others
    return SpanSet.of(zip((*some.starts, *others.starts), (*some.ends, *others.ends), strict=True))


def in_rooms(rooms: Rooms, searched: SpanSet, duration: int) -> Rooms:
    """Returns the rooms, cut to a set that is much smaller than they are."""
    if not rooms or not searched:
        return ()
    return in_common((searched, _meeting(SpanSet.in_order(rooms), searched)), shortest=duration)


def _meeting(some: SpanSet, others: SpanSet) -> SpanSet:
    """Returns the spans that meet a span of another set."""
    met = Busy(some.starts, some.ends).meeting(others)
    return SpanSet(met.starts, met.ends)


def whole_minutes(starts: SpanSet) -> int:
    """Returns how many whole minutes of the clock lie in a set."""
    return sum(_minutes(starts))


def _minutes(starts: SpanSet) -> Iterator[int]:
    """Yields how many whole minutes lie in each span."""
    return (-(-end // MINUTE) + (-start // MINUTE) for start, end in zip(starts.starts, starts.ends, strict=True))


class MinutesBefore:
    """How many whole minutes of a set lie before an instant."""

    def __init__(self, starts: SpanSet) -> None:
        self._starts = starts
        self._before = [0, *accumulate(_minutes(starts))]

    @property
    def total(self) -> int:
        return self._before[-1]

    def inside(self, of: SpanSet) -> int:
        """Returns how many whole minutes of the set lie within another, at a search for each of its bounds."""
        return sum(map(self._until, of.ends)) - sum(map(self._until, of.starts))

    def _until(self, instant: Instant) -> int:
        begun = bisect_left(self._starts.starts, instant)
        if begun == 0:
            return 0
        last_start, last_end = self._starts.starts[begun - 1], min(self._starts.ends[begun - 1], instant)
        return self._before[begun - 1] + -(-last_end // MINUTE) + (-last_start // MINUTE)
