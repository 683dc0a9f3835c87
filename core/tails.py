"""Tails of a sequence: from which starts of a step the steps after it can be finished.

`sequences` has the theory. A tail answers one question: which is its first start that is not before an instant? Here it
is asked lazily; `cells` has tails that are worked out at once.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Protocol, TypeAlias

from .grids import OnGrid, rounded_up
from .instants import Instant
from .reach import AFTER_ALL
from .spans import Bounds

Windows: TypeAlias = Mapping[tuple[int, int], tuple[int, int | None]]
"""For two steps, how many seconds after the start of the first the second starts, at least and at most, if it is next."""

Runs: TypeAlias = Sequence[tuple[int, Sequence[Instant], Sequence[Instant]]]
"""The first and the last starts of runs in pieces of time: the place of each piece that has some, and these, in order."""


class Tail(Protocol):
    """A set of starts."""

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first start that is not before the instant; AFTER_ALL if there is none."""
        ...


class Way(Protocol):
    """The sequences of an order."""

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first start of a sequence that is not before the instant; AFTER_ALL if there is none."""
        ...

    def starts_from(self, start: Instant) -> tuple[Instant, ...]:
        """Returns the starts of the sequence that starts at this one of the first step and ends earliest."""
        ...


class Starts:
    """The allowed starts of a step by itself: runs, in each of which starts are `interval` seconds apart.

    Runs are read as far as starts are asked for, since finding them costs more than all the rest.
    """

    __slots__ = ("_runs", "firsts", "interval", "lasts")

    def __init__(self, runs: Iterable[OnGrid], interval: int) -> None:
        """Takes runs in time order, whose bounds need not be on the grid."""
        self.interval = interval
        self.firsts: list[Instant] = []
        self.lasts: list[Instant] = []
        self._runs = iter(runs)

    @classmethod
    def of(cls, firsts: list[Instant], lasts: list[Instant], interval: int) -> "Starts":
        """Takes runs by their first and their last starts, in time order."""
        starts = cls((), interval)
        starts.firsts, starts.lasts = firsts, lasts
        return starts

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first start that is not before the instant; AFTER_ALL if there is none."""
        self.read_until(instant)
        run = bisect_left(self.lasts, instant)
        if run == len(self.lasts):
            return AFTER_ALL
        first = self.firsts[run]
        return first if instant <= first else first - (first - instant) // self.interval * self.interval

    def read_until(self, instant: Instant) -> None:
        """Reads the runs up to the first that ends at the instant or later; those that touch become one."""
        if self.lasts and self.lasts[-1] >= instant:
            return
        interval = self.interval
        for first, last, _, at in self._runs:
            start, end = at - (at - first) // interval * interval, last - (last - at) % interval
            if start > end:
                continue
            if self.lasts and start - self.lasts[-1] == interval:
                self.lasts[-1] = end
            else:
                self.firsts.append(start)
                self.lasts.append(end)
            if end >= instant:
                return

    def __contains__(self, instant: Instant) -> bool:
        return self.first_from(instant) == instant

    def between(self, since: Instant, until: Instant) -> tuple[list[Instant], list[Instant]]:
        """Returns the first and the last starts of the runs, as far as they lie in `[since, until)`."""
        self.read_until(until)
        runs = slice(bisect_left(self.lasts, since), bisect_left(self.firsts, until))
        firsts, lasts = self.firsts[runs], self.lasts[runs]
        if firsts and firsts[0] < since:
            firsts[0] += rounded_up(since - firsts[0], self.interval)
        if lasts and lasts[-1] >= until:
            lasts[-1] -= rounded_up(lasts[-1] + 1 - until, self.interval)
        return firsts, lasts

    def within(self, pieces: Sequence[Bounds]) -> Runs:
        """Returns the runs that lie in pieces of time, which are disjoint and in time order."""
        self.read_until(pieces[-1][1])
        runs: list[tuple[int, list[Instant], list[Instant]]] = []
        run = 0
        for piece, (since, until) in enumerate(pieces):
            run = bisect_left(self.lasts, since, run)
            if run == len(self.lasts):
                break
            if self.firsts[run] < until:
                runs.append((piece, *self.between(since, until)))
        return runs

    def count(self) -> int:
        """Returns the number of the starts that have been read; of those without a grid, the number of runs."""
        if self.interval == 1:
            return len(self.firsts)
        return sum((last - first) // self.interval + 1 for first, last in zip(self.firsts, self.lasts, strict=True))


class LazyTail:
    """Those of some starts from which a start of the tail behind is between `least` and `greatest` seconds away.

    Where a start cannot reach the next start of the tail behind it, no start before the first that can does either: the
    search jumps there. What was found is remembered, so nothing is searched twice.
    """

    __slots__ = ("_behind", "_found", "_greatest", "_least", "_since", "_starts")

    def __init__(self, starts: Tail, behind: Tail, least: int, greatest: int | None) -> None:
        self._starts = starts
        self._behind = behind
        self._least = least
        self._greatest = greatest
        #: starts of this tail, in order, and for each an instant from which on it is the first
        self._found: list[Instant] = []
        self._since: list[Instant] = []

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first start that is not before the instant; AFTER_ALL if there is none."""
        place = bisect_left(self._found, instant)
        known = self._since[place] if place < len(self._found) else AFTER_ALL
        if known <= instant:
            return self._found[place]
        start = self._search(instant, known)
        if place < len(self._found) and known <= start <= self._found[place]:
            self._since[place] = instant
            return self._found[place]
        self._found.insert(place, start)
        self._since.insert(place, instant)
        return start

    def _search(self, instant: Instant, known: Instant) -> Instant:
        """Returns the first start, or any instant from `known` on if it lies there."""
        if self._greatest is not None and self._greatest < self._least:
            return AFTER_ALL
        while instant < known:
            start = self._starts.first_from(instant)
            if start >= known:
                return start
            then = self._behind.first_from(start + self._least)
            if then == AFTER_ALL:
                return AFTER_ALL
            if self._greatest is None or then <= start + self._greatest:
                return start
            instant = then - self._greatest
        return instant


class Tails:
    """The lazy tails of all orders of some steps, each made once: orders that end alike share them."""

    def __init__(self, steps: Sequence[Starts], windows: Windows) -> None:
        self._windows = windows
        self._made: dict[tuple[int, ...], Tail] = {(step,): starts for step, starts in enumerate(steps)}

    def of(self, order: tuple[int, ...]) -> Tail:
        """Returns the starts of the first of these steps from which the others can be finished, in this order."""
        if (tail := self._made.get(order)) is None:
            # Not all starts of the first step, but those from which all but the last can be finished: they are few where
            # most orders cannot be finished, and then nothing is searched once more for each order.
            tail = LazyTail(self.of(order[:-1]), self.of(order[1:]), *self._windows[order[0], order[1]])
            self._made[order] = tail
        return tail

    def way(self, order: tuple[int, ...]) -> "LazyWay":
        """Returns the sequences of an order."""
        leasts = [self._windows[pair][0] for pair in pairwise(order)]
        return LazyWay([self.of(order[place:]) for place in range(len(order))], leasts)


class LazyWay:
    """The sequences of an order whose tails are asked for lazily."""

    __slots__ = ("_leasts", "_tails")

    def __init__(self, tails: Sequence[Tail], leasts: Sequence[int]) -> None:
        self._tails = tails
        self._leasts = leasts

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first start of a sequence that is not before the instant; AFTER_ALL if there is none."""
        return self._tails[0].first_from(instant)

    def starts_from(self, start: Instant) -> tuple[Instant, ...]:
        """Returns the starts of the sequence that starts at this one of the first step and ends earliest."""
        starts = [start]
        for least, tail in zip(self._leasts, self._tails[1:], strict=True):
            starts.append(tail.first_from(starts[-1] + least))
        return tuple(starts)
