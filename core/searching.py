"""The sequences of all orders, in the order of answers: each order by itself, or many together. `sequences` has the theory."""

from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heapreplace, merge
from typing import NamedTuple, TypeAlias

from .free import Rooms
from .instants import Instant
from .orders import Orders
from .query import AvailabilityQuery
from .reach import AFTER_ALL, BEFORE_ALL
from .sequenced_availability import SequencedQuery
from .stretches import Stretches
from .tails import Starts, Tails, Way, Windows

#: start and end of the whole, the steps by their places in the request, their starts: in the order of answers
Found: TypeAlias = tuple[Instant, Instant, tuple[int, ...], tuple[Instant, ...]]

#: the next sequence of an order, and all after it; before any is known, a start and an end that none comes before, and ()
_Way: TypeAlias = tuple[Instant, Instant, tuple[int, ...], tuple[Instant, ...], Iterator[Found]]


class Step(NamedTuple):
    """The query of a step, its starts, and the rooms of its members, by group."""

    query: AvailabilityQuery
    starts: Starts
    free: Sequence[Sequence[Rooms] | None]

    @property
    def apart(self) -> int:
        """How many seconds after a sequence that starts with this step the next one of that order can start."""
        return 1 if self.query.grid is not None else self.query.duration


def of_few(query: SequencedQuery, steps: Sequence[Step], windows: Windows) -> Iterator[Found]:
    """Yields the sequences of all orders, each searched by itself."""
    tails = Tails([step.starts for step in steps], windows)
    return merge(*(_sequences(steps, order, tails.way(order), BEFORE_ALL) for order in query.orders()))


def of_many(query: SequencedQuery, steps: Sequence[Step], windows: Windows) -> Iterator[Found]:
    """Yields the sequences of all orders, of which only those are looked at that can be finished."""
    orders = Orders(query, windows)
    whole = query.window()
    stretches = Stretches(orders, [step.starts for step in steps], (whole.starts[0], whole.ends[-1]))
    since = stretches.first_start()
    ready: dict[tuple[int, ...], Instant] = {}
    for stretch in stretches.since(since):
        lazy = Tails(() if stretch.exact else stretch.narrowed.steps, windows)
        ways: list[_Way] = []
        for order, way in stretch.orders():
            ready_at = ready.get(order, since)
            if stretch.exact:
                others = _sequences(steps, order, way, ready_at)
                if (found := next(others, None)) is not None:
                    ways.append((*found, others))
            elif (start := way.first_from(ready_at)) != AFTER_ALL:
                end = way.starts_from(start)[-1] + steps[order[-1]].query.duration
                ways.append((start, end, (), order, _lazily(steps, order, lazy, ready_at)))
        for found in _merged(ways, stretch.certain, stretch.end):
            yield found
            start, _, order, _ = found
            ready[order] = start + steps[order[0]].apart


def _merged(ways: list[_Way], until: Instant, ending: Instant) -> Iterator[Found]:
    """Yields the sequences of several orders that start until an instant, and if they start at it, end until another one.

    An order is only looked at when nothing can come before its sequences.
    """
    heapify(ways)
    while ways and ways[0][:2] <= (until, ending):
        start, end, order, starts, others = ways[0]
        if order:
            yield start, end, order, starts
        if (found := next(others, None)) is not None:
            heapreplace(ways, (*found, others))
        else:
            heappop(ways)


def _lazily(steps: Sequence[Step], order: tuple[int, ...], tails: Tails, since: Instant) -> Iterator[Found]:
    """Yields the sequences of one order, whose tails are not made before it is looked at."""
    yield from _sequences(steps, order, tails.way(order), since)


def _sequences(steps: Sequence[Step], order: tuple[int, ...], way: Way, since: Instant) -> Iterator[Found]:
    """Yields the sequences of one order: for each start of its first step the one that ends earliest."""
    apart, lasts = steps[order[0]].apart, steps[order[-1]].query.duration
    start = way.first_from(since)
    while start != AFTER_ALL:
        starts = way.starts_from(start)
        yield start, starts[-1] + lasts, order, starts
        start = way.first_from(start + apart)
