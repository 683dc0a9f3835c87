"""Spans of time, sets of them, and busy time.

A span is half-open, `[start, end)`: two spans that touch do not overlap. A SpanSet has one normal form: sorted,
disjoint, non-touching, none empty; so two sets are equal exactly when they cover the same instants. A Busy is looser:
its spans may overlap, so that it can be put together and cut by sorting and slicing alone.

What sets have in common
========================

Let a set open where a span of it starts, and close where one ends. An instant lies in all of n sets exactly when, up
to and including it, they have opened n times more often than they have closed; more than that they cannot. So when
they have closed k times, all that is asked is whether they have opened k + n times. With the openings of all sets
sorted, and the closings of all sets sorted, what they have in common lies from the (k+n)-th opening to the (k+1)-st
closing, for every k, and where that closing is not the later one there is nothing:

    time    0   1   2   3   4   5   6   7   8   9
    alice   ============        ================        openings   0 1 3 5          1 3 5
    bob         ====    ============                    closings   2 3 6 9    so    2 3 6    that is [1, 2) and [5, 6)

To stay clear of a busy span is such a set, too: it has been open since ever, closes where the span starts and opens again
where it ends. So busy time brings its bounds along the other way round, and nothing that has to open first: n does
not change. Which closing belongs to which opening is never asked, and `in_common` costs two sorts and a look at each
pair, however many sets there are.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeAlias

from .instants import Instant, format_instant

#: start and end of a span, where there are too many of them to give each a name
Bounds: TypeAlias = tuple[Instant, Instant]


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
    def of(cls, spans: Iterable[Bounds]) -> "SpanSet":
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
    def in_order(cls, spans: Sequence[Bounds]) -> "SpanSet":
        """Of spans that are in normal form already."""
        return cls([start for start, _ in spans], [end for _, end in spans])

    def __and__(self, other: "SpanSet") -> "SpanSet":
        return SpanSet.in_order(in_common((self, other)))

    def __or__(self, other: "SpanSet") -> "SpanSet":
        return SpanSet.of((*self, *other))

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
    def of(cls, spans: Iterable[Bounds]) -> "Busy":
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

    def meeting(self, rooms: SpanSet) -> "Busy":
        """Those of its spans that meet one of the rooms at least. Two searches for each room, however much lies elsewhere."""
        starts: list[Instant] = []
        ends: list[Instant] = []
        behind = 0
        for start, end in zip(rooms.starts, rooms.ends, strict=True):
            first = bisect_right(self.ends, start, behind)  # not before what the room before met: each once
            behind = bisect_left(self.starts, end, first)
            starts += self.starts[first:behind]
            ends += self.ends[first:behind]
        return Busy(starts, ends)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Busy) and [*self.starts, *self.ends] == [*other.starts, *other.ends]

    def __hash__(self) -> int:
        return hash((*self.starts, *self.ends))


def in_common(sets: Sequence["SpanSet"], *, without: Sequence["Busy"] = (), shortest: int = 1) -> list[Bounds]:
    """The spans, of at least `shortest` seconds, that all the sets have in common while nobody is busy; in time order."""
    openings: list[Instant] = []
    closings: list[Instant] = []
    for each in sets:
        openings += each.starts
        closings += each.ends
    for busy in without:
        openings += busy.ends
        closings += busy.starts
    openings.sort()
    closings.sort()
    first_of_all = len(sets) - 1
    return [
        (start, end) for start, end in zip(openings[first_of_all:], closings, strict=False) if end - start >= shortest
    ]
