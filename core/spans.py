"""Spans of time, and sets of them.

A span is half-open, `[start, end)`: two spans that touch do not overlap. A SpanSet has one normal form: sorted,
disjoint, non-touching, none empty; so two sets are equal exactly when they cover the same instants.
Every operation is linear in the spans of its operands; `of` and `common` sort, and so cost O(n log n).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from .instants import Instant, format_instant


class Span(NamedTuple):
    """The instants t with start ≤ t < end."""

    start: Instant
    end: Instant


class SpanSet:
    """An immutable set of instants in normal form. `starts[i]` and `ends[i]` bound its i-th span."""

    __slots__ = ("ends", "starts")

    def __init__(self, starts: Sequence[Instant] = (), ends: Sequence[Instant] = ()) -> None:
        """Takes bounds that are in normal form already; `of` makes a set from any spans."""
        self.starts = starts
        self.ends = ends

    @classmethod
    def of(cls, spans: Iterable[tuple[Instant, Instant]]) -> "SpanSet":
        """The union of any spans, in any order; an empty or inverted one adds nothing."""
        starts: list[Instant] = []
        ends: list[Instant] = []
        reached: Instant | None = None
        for start, end in sorted(spans):
            if end <= start:
                continue
            if reached is None or start > reached:
                starts.append(start)
                ends.append(end)
                reached = end
            elif end > reached:
                ends[-1] = reached = end
        return cls(starts, ends)

    @classmethod
    def common(cls, sets: Sequence["SpanSet"]) -> "SpanSet":
        """What all the sets have in common: one sweep over all bounds, however many sets there are."""
        if len(sets) == 1:
            return sets[0]
        opening = sorted(start for spans in sets for start in spans.starts)
        closing = sorted(end for spans in sets for end in spans.ends)
        starts: list[Instant] = []
        ends: list[Instant] = []
        closed = 0
        for opened, start in enumerate(opening, 1):
            while closing[closed] <= start:
                closed += 1
            if opened - closed == len(sets):
                starts.append(start)
                ends.append(closing[closed])
        return cls(starts, ends)

    def __and__(self, other: "SpanSet") -> "SpanSet":
        return SpanSet.common((self, other))

    def __or__(self, other: "SpanSet") -> "SpanSet":
        return SpanSet.of((*self, *other))

    def __sub__(self, other: "SpanSet") -> "SpanSet":
        starts: list[Instant] = []
        ends: list[Instant] = []
        taken_starts, taken_ends = other.starts, other.ends
        taken, count = 0, len(taken_starts)
        for start, end in self:
            while taken < count and taken_ends[taken] <= start:
                taken += 1
            while taken < count and taken_starts[taken] < end:
                if taken_starts[taken] > start:
                    starts.append(start)
                    ends.append(taken_starts[taken])
                start = taken_ends[taken]
                if start >= end:
                    break
                taken += 1
            if start < end:
                starts.append(start)
                ends.append(end)
        return SpanSet(starts, ends)

    def grown(self, before: int, after: int) -> "SpanSet":
        """Every span made longer by `before` seconds at its start and `after` seconds at its end."""
        if not before and not after:
            return self
        return SpanSet.of((start - before, end + after) for start, end in self)

    def around(self, instant: Instant) -> Span | None:
        """The span that contains the instant, if one does."""
        index = bisect_right(self.starts, instant) - 1
        if index < 0 or self.ends[index] <= instant:
            return None
        return Span(self.starts[index], self.ends[index])

    def covers(self, start: Instant, end: Instant) -> bool:
        """Whether all of `[start, end)` lies in the set."""
        index = bisect_right(self.starts, start) - 1
        return index >= 0 and end <= self.ends[index]

    def __iter__(self) -> Iterator[Span]:
        return map(Span, self.starts, self.ends)

    def __len__(self) -> int:
        return len(self.starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpanSet) and list(self) == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"SpanSet({', '.join(f'{format_instant(start)}/{format_instant(end)}' for start, end in self)})"


@dataclass(frozen=True, slots=True, eq=False)
class Busy:
    """Busy time: where its spans start, in order, and where they end, in order. They may overlap.

    The i-th start and the i-th end are bounds of two events perhaps. Taken as bounds of one span they still are one, for
    by the i-th end as many events are over, and so have begun before it; and as many of those spans go on at every instant
    as events do. So nothing is lost by forgetting which belonged together, and with it goes the need to merge: several
    calendars become one by sorting, and what meets a stretch of time is a slice.
    """

    starts: Sequence[Instant] = ()
    ends: Sequence[Instant] = ()

    @classmethod
    def of(cls, spans: Iterable[tuple[Instant, Instant]]) -> "Busy":
        """The busy time of any spans, in any order; an empty or inverted one takes no time."""
        lasting = [(start, end) for start, end in spans if start < end]
        return cls(sorted([start for start, _ in lasting]), sorted([end for _, end in lasting]))

    @classmethod
    def merged(cls, several: Sequence["Busy"]) -> "Busy":
        """Busy when any of them is. Sorting what is sorted in pieces takes hardly more than a look at each item."""
        if len(several) == 1:
            return several[0]
        return cls(
            sorted(chain.from_iterable(each.starts for each in several)),
            sorted(chain.from_iterable(each.ends for each in several)),
        )

    def near(self, start: Instant, end: Instant, before: int = 0, after: int = 0) -> "Busy":
        """What is left in `[start, end)` when every span is made `before` seconds longer at its start, `after` at its end.

        Of the spans that reach out of it both bounds are kept. Two searches and a slice, however much lies elsewhere.
        """
        here = slice(bisect_right(self.ends, start - after), bisect_left(self.starts, end + before))
        starts, ends = self.starts[here], self.ends[here]
        return Busy(
            [start - before for start in starts] if before else starts, [end + after for end in ends] if after else ends
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Busy) and [*self.starts, *self.ends] == [*other.starts, *other.ends]

    def __hash__(self) -> int:
        return hash((*self.starts, *self.ends))
