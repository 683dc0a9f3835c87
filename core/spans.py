"""Spans of time, sets of them, and busy time.

A span is half-open, `[start, end)`: two spans that touch do not overlap. A SpanSet has one normal form: sorted,
disjoint, non-touching, none empty; so two sets are equal exactly when they cover the same instants. A Busy is looser:
its spans may overlap, so that it can be combined and cut by sorting and slicing alone.

What sets have in common
========================

Let a set open where one of its spans starts, and close where one ends. An instant lies in all of n sets exactly when,
up to and including it, they have opened n times more often than they have closed; the difference is never larger. So
after k closings, the only question is whether there have been k + n openings. With the openings of all sets sorted, and
the closings of all sets sorted, the sets have in common, for every k, the time from the (k+n)-th opening to the
(k+1)-st closing, and nothing if that closing is not the later one:

    time    0   1   2   3   4   5   6   7   8   9
    alice   ============        ================        openings   0 1 3 5          1 3 5
    bob         ====    ============                    closings   2 3 6 9    so    2 3 6    that is [1, 2) and [5, 6)

The time clear of a busy span is such a set, too: it is open from the beginning, closes where the span starts and opens
again where it ends. So busy time contributes its bounds the other way round, and n does not change, since nothing has
to open first. Which closing belongs to which opening does not matter, and `in_common` costs two sorts and one
comparison per pair, however many sets there are.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, TypeAlias

from .instants import Instant, format_instant

#: start and end of a span as a plain tuple, where there are too many for a Span each
Bounds: TypeAlias = tuple[Instant, Instant]


class Span(NamedTuple):
    """The instants t with start ≤ t < end."""

    start: Instant
    end: Instant


class SpanSet:
    """An immutable set of instants in normal form. `starts[i]` and `ends[i]` bound its i-th span."""

    __slots__ = ("ends", "starts")

    def __init__(self, starts: Sequence[Instant] = (), ends: Sequence[Instant] = ()) -> None:
        """Takes bounds that are already in normal form; `of` makes a set of any spans."""
        self.starts = starts
        self.ends = ends

    @classmethod
    def of(cls, spans: Iterable[Bounds]) -> "SpanSet":
        """Returns the union of any spans, in any order; an empty or inverted one adds nothing."""
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
        """Makes a set of spans that are already in normal form."""
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
    """Busy time: the starts of its spans, sorted, and their ends, sorted. Spans may overlap.

    The i-th start and the i-th end may belong to two events. Together they still bound a span: i events are
    over by the i-th end, so at least i have begun before it. And at every instant, as many of these spans are in
    progress as events are. So nothing is lost by forgetting which bounds belong together, and nothing has to be
    merged: several calendars are combined by sorting, and the part that meets a period is a slice.
    """

    starts: Sequence[Instant] = ()
    ends: Sequence[Instant] = ()

    @classmethod
    def of(cls, spans: Iterable[Bounds]) -> "Busy":
        """Makes busy time of any spans, in any order; an empty or inverted one takes no time."""
        lasting = [(start, end) for start, end in spans if start < end]
        return cls(sorted([start for start, _ in lasting]), sorted([end for _, end in lasting]))

    @classmethod
    def merged(cls, several: Sequence["Busy"]) -> "Busy":
        """Returns the time when any of them is busy. Sorting presorted pieces costs hardly more than one pass."""
        if len(several) == 1:
            return several[0]
        return cls(
            sorted(chain.from_iterable(each.starts for each in several)),
            sorted(chain.from_iterable(each.ends for each in several)),
        )

    def without(self, some: "Busy") -> "Busy":
        """Returns the busy time without some of its spans."""
        if not some.starts:
            return self
        return Busy(_without(self.starts, some.starts), _without(self.ends, some.ends))

    def overlapping(self, count: int) -> "Busy":
        """Returns the time when at least `count` of the spans overlap, which is at least 1.

        That many have begun and not ended from the (i+count)-th start to the (i+1)-st end, for every i.
        """
        pairs = zip(self.starts[count - 1 :], self.ends, strict=False)
        lasting = [(start, end) for start, end in pairs if start < end]
        return Busy([start for start, _ in lasting], [end for _, end in lasting])

    def near(self, start: Instant, end: Instant, before: int = 0, after: int = 0) -> "Busy":
        """Extends every span by `before` seconds at its start and `after` at its end; returns those in `[start, end)`.

        Spans that extend beyond it are not cut. Costs two searches and a slice, however much lies elsewhere.
        """
        here = slice(bisect_right(self.ends, start - after), bisect_left(self.starts, end + before))
        starts, ends = self.starts[here], self.ends[here]
        return Busy(
            [start - before for start in starts] if before else starts, [end + after for end in ends] if after else ends
        )

    def meeting(self, rooms: SpanSet) -> "Busy":
        """Returns the spans that meet at least one of the rooms, each once.

        Costs two searches per room, however much lies elsewhere.
        """
        starts: list[Instant] = []
        ends: list[Instant] = []
        behind = 0
        for start, end in zip(rooms.starts, rooms.ends, strict=True):
            first = bisect_right(self.ends, start, behind)  # after those of the previous room: each once
            behind = bisect_left(self.starts, end, first)
            starts += self.starts[first:behind]
            ends += self.ends[first:behind]
        return Busy(starts, ends)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Busy) and [*self.starts, *self.ends] == [*other.starts, *other.ends]

    def __hash__(self) -> int:
        return hash((*self.starts, *self.ends))


def _without(bounds: Sequence[Instant], some: Sequence[Instant]) -> list[Instant]:
    """Returns sorted bounds without some of them, each as often as it is given. Both are sorted: one pass."""
    left: list[Instant] = []
    done = 0
    for bound in some:
        here = bisect_left(bounds, bound, done)
        left += bounds[done:here]
        done = here + 1
    return [*left, *bounds[done:]]


def in_common(sets: Sequence["SpanSet"], *, without: Sequence["Busy"] = (), shortest: int = 1) -> list[Bounds]:
    """Returns the spans of at least `shortest` seconds that all sets have in common outside of busy time, in order."""
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
