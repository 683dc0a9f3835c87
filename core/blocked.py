"""Blocked time: the part of a query's window in which a member cannot meet, and why.

One restriction after another takes its part away from the window, in the order of the reasons: what the member's own
periods do not cover, what the hours do not cover, what is not known, events where there are as many as the member's
capacity, the buffer around events, and the days, weeks and months in which a limit of bookings is reached. What each
takes away is blocked for that reason. The stretches that remain are free if the meeting fits in them, and too short
otherwise. So blocked spans and free stretches tile the window, and an instant has the first reason that holds.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from heapq import heappop, heappush
from itertools import islice
from typing import NamedTuple, TypeVar

from .free import Rooms
from .instants import Instant
from .query import AvailabilityQuery, Member
from .solver import Facts, extended_busy
from .spans import Bounds, Busy, SpanSet, in_common

T = TypeVar("T")


class BlockedReason(StrEnum):
    """Why a member cannot meet. Where several reasons hold, the first one counts."""

    OUTSIDE_OWN_PERIODS = "outside_own_periods"
    OUTSIDE_HOURS = "outside_hours"
    NOT_KNOWN = "not_known"
    BUSY = "busy"
    BUFFER = "buffer"
    LIMIT_REACHED = "limit_reached"
    TOO_SHORT = "too_short"


class Blocked(NamedTuple):
    """A span in which a member cannot meet, for one reason."""

    start: Instant
    end: Instant
    reason: BlockedReason


@dataclass(frozen=True)  # without slots, since they exclude cached properties
class MemberTime:
    """A member's free and blocked time in a window.

    Each set contains the next one: the window, its part within the member's own periods, within the hours as well,
    known as well, and clear of busy time as well.
    """

    duration: int
    window: SpanSet
    within_own: SpanSet
    within_hours: SpanSet
    known: SpanSet
    #: events, as they are, and when there are so many of them that the member is busy
    events: Busy
    busy: Busy
    #: clear of busy time, and of the buffers around events; and without the periods whose limit of bookings is reached:
    #: in stretches of any length
    undisturbed: Rooms
    stretches: Rooms

    @classmethod
    def of(cls, query: AvailabilityQuery, member: Member, facts: Facts) -> "MemberTime":
        """Works out the time of a member of a checked query."""
        window = query.window()
        start, end = window.starts[0], window.ends[-1]
        own = member.own_time()
        within_own = window & own if own is not None else window
        within_hours = within_own & facts.hours if facts.hours is not None else within_own
        known = within_hours & facts.known if facts.known is not None else within_hours
        stretches = undisturbed = in_common((known,), without=(extended_busy(query, start, end, member, facts),))
        if (reached := facts.limit_reached) is not None:
            stretches = without(SpanSet.in_order(undisturbed), reached)
        events = facts.busy.near(start, end)
        busy = facts.full(events)
        return cls(query.duration, window, within_own, within_hours, known, events, busy, undisturbed, stretches)

    @cached_property
    def rooms(self) -> Rooms:
        """The stretches that the meeting fits in."""
        return [(start, end) for start, end in self.stretches if end - start >= self.duration]

    @property
    def free_minutes(self) -> int:
        """The length of the rooms."""
        return sum(end - start for start, end in self.rooms) // 60

    @cached_property
    def busy_spans(self) -> Rooms:
        """The spans that are blocked by events."""
        return without(self.known, self._clear)

    def busy_in_window(self, *, at_each_event: bool) -> Sequence[Bounds]:
        """Returns the spans of the window that events block, whatever else prevents the member from meeting."""
        spans = without(self.window, SpanSet.in_order(in_common((self.window,), without=(self.busy,))))
        return list(self._cut(spans)) if at_each_event else spans

    def blocked(self, first: int, *, at_each_event: bool) -> list[Blocked]:
        """Returns the first blocked spans in time order.

        `at_each_event`: whether busy spans are cut where an event begins or ends. Otherwise touching ones are one.
        """
        short = ((start, end) for start, end in self.stretches if end - start < self.duration)
        parts: dict[BlockedReason, Iterable[Bounds]] = {
            BlockedReason.OUTSIDE_OWN_PERIODS: without(self.window, self.within_own),
            BlockedReason.OUTSIDE_HOURS: without(self.within_own, self.within_hours),
            BlockedReason.NOT_KNOWN: without(self.within_hours, self.known),
            BlockedReason.BUSY: self._cut(self.busy_spans) if at_each_event else self.busy_spans,
            BlockedReason.BUFFER: without(self._clear, SpanSet.in_order(self.undisturbed)),
            BlockedReason.LIMIT_REACHED: self._limited(),
            BlockedReason.TOO_SHORT: short,
        }
        spans = [(start, end, reason) for reason, of in parts.items() for start, end in islice(of, first)]
        return list(map(Blocked._make, sorted(spans)[:first]))

    def _limited(self) -> Sequence[Bounds]:
        if self.stretches is self.undisturbed:
            return ()
        return without(SpanSet.in_order(self.undisturbed), SpanSet.in_order(self.stretches))

    @cached_property
    def _clear(self) -> SpanSet:
        return SpanSet.in_order(in_common((self.known,), without=(self.busy,)))

    def _cut(self, spans: Rooms) -> Iterator[Bounds]:
        """Yields the spans, cut at every start and every end of an event."""
        bounds = sorted({*self.events.starts, *self.events.ends})
        for start, end in spans:
            inside = bounds[bisect_right(bounds, start) : bisect_left(bounds, end)]
            yield from zip((start, *inside), (*inside, end), strict=True)


def without(some: SpanSet, others: SpanSet) -> Sequence[Bounds]:
    """Returns the spans of a set outside of another."""
    return in_common((some,), without=(Busy(others.starts, others.ends),)) if some is not others else ()


def events_in(spans: Iterable[Bounds], events: Iterable[tuple[Instant, Instant, T]], first: int) -> list[list[T]]:
    """Returns the first events that cover each of the spans, by their start.

    Spans and events are in time order, and spans are cut at each event. At most `first` of a span are looked at, since
    nested events would make so many that all together would be quadratic.
    """
    coming = enumerate(events)
    following = next(coming, None)
    present: OrderedDict[int, T] = OrderedDict()  # removes anywhere, and has its first items at hand
    ends: list[tuple[Instant, int]] = []
    found: list[list[T]] = []
    for start, _ in spans:
        while following is not None and following[1][0] <= start:
            number, (_, end, event) = following
            heappush(ends, (end, number))
            present[number] = event
            following = next(coming, None)
        while ends and ends[0][0] <= start:
            del present[heappop(ends)[1]]
        found.append(list(islice(present.values(), first)))
    return found
