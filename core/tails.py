"""Tails of a sequence: from which starts of a step the steps after it can be finished.

`sequences` has the theory. A tail answers one question: which is its first start that is not before an instant? Tails
are asked for lazily, or worked out at once as the bits of one large number; both give the same answers.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import gcd
from typing import Generic, Protocol, TypeAlias, TypeVar

from .grids import OnGrid
from .instants import DAY, Instant
from .reach import AFTER_ALL, BEFORE_ALL

MOST_BITS = 1 << 16
"""The largest number of bits that is worked with: the minutes of 35 days, and some more."""


Windows: TypeAlias = Mapping[tuple[int, int], tuple[int, int | None]]
"""For two steps, how many seconds after the start of the first the second starts, at least and at most, if it is next."""


class Tail(Protocol):
    """A set of starts."""

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first start that is not before the instant; AFTER_ALL if there is none."""
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

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first start that is not before the instant; AFTER_ALL if there is none."""
        if not self.lasts or self.lasts[-1] < instant:
            self.read_until(instant)
        run = bisect_left(self.lasts, instant)
        if run == len(self.lasts):
            return AFTER_ALL
        first = self.firsts[run]
        return first if instant <= first else first - (first - instant) // self.interval * self.interval

    def read_until(self, instant: Instant) -> None:
        """Reads the runs up to the first that ends at the instant or later; those that touch become one."""
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

    def units(self, base: Instant, until: Instant) -> Iterator[int]:
        """Yields seconds whose common divisor divides the distance of every start from `base`, as far as they were read.

        Without a grid, those of the bounds of runs. The end of a run that reaches `until` can still move.
        """
        yield from (first - base for first in self.firsts)
        if self.interval > 1:
            yield self.interval
        else:
            yield from (last - base for last in self.lasts if last < until)


T_co = TypeVar("T_co", bound=Tail, covariant=True)


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


class BitTail:
    """Starts as the bits of a number: bit n is the instant `base + n * unit`."""

    __slots__ = ("_base", "_unit", "bits")

    def __init__(self, bits: int, base: Instant, unit: int) -> None:
        self.bits = bits
        self._base = base
        self._unit = unit

    @classmethod
    def of(cls, starts: Starts, base: Instant, unit: int) -> "BitTail":
        """Makes it of starts that all lie on the unit."""
        stride = max(1, starts.interval // unit)
        point = "1" + "0" * (stride - 1)
        drawn: list[str] = []
        done = 0  # the first digit of a number is its highest bit, so it is drawn backwards
        for first, last in zip(starts.firsts, starts.lasts, strict=True):
            here, upto = (first - base) // unit, (last - base) // unit
            drawn += "0" * (here - done), point * ((upto - here) // stride), "1"
            done = upto + 1
        return cls(int("".join(drawn)[::-1] or "0", 2), base, unit)

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first start that is not before the instant; AFTER_ALL if there is none."""
        here = max(0, -((self._base - instant) // self._unit))
        rest = self.bits >> here
        return self._base + (here + (rest & -rest).bit_length() - 1) * self._unit if rest else AFTER_ALL

    def before(self, behind: "BitTail", least: int, greatest: int | None) -> "BitTail":
        """Returns those of the starts from which one of the tail behind is from `least` to `greatest` seconds away."""
        return BitTail(self.bits & self._reaching(behind.bits, least, greatest), self._base, self._unit)

    def _reaching(self, bits: int, least: int, greatest: int | None) -> int:
        nearest = -(-least // self._unit)
        if greatest is None:
            last = bits.bit_length() - 1
            return (1 << max(0, last - nearest + 1)) - 1
        width = greatest // self._unit - nearest + 1
        if width < 1 or not bits:
            return 0
        # "One of the next `width` bits": each step doubles how many are covered.
        reaching, covered, width = bits >> nearest, 1, min(width, bits.bit_length())
        while 2 * covered <= width:
            reaching |= reaching >> covered
            covered *= 2
        return reaching | reaching >> (width - covered)


class Tails(Generic[T_co]):
    """The tails of all orders of some steps, each made once: orders that end alike share them."""

    def __init__(
        self, single: Sequence[T_co], joined: Callable[[T_co, T_co, int, int | None], T_co], windows: Windows
    ) -> None:
        """Takes the starts of each step, and what keeps those of a tail that reach the tail behind within a window."""
        self._joined = joined
        self._windows = windows
        self._made: dict[tuple[int, ...], T_co] = {(step,): tail for step, tail in enumerate(single)}

    def of(self, order: tuple[int, ...]) -> T_co:
        """Returns the starts of the first of these steps from which the others can be finished, in this order."""
        if (tail := self._made.get(order)) is None:
            # Not all starts of the first step, but those from which all but the last can be finished: they are few where
            # most orders cannot be finished, and then nothing is searched once more for each order.
            tail = self._joined(self.of(order[:-1]), self.of(order[1:]), *self._windows[order[0], order[1]])
            self._made[order] = tail
        return tail


def lazy_tails(steps: Sequence[Starts], windows: Windows) -> Tails[Tail]:
    """Returns the tails of steps with these starts, searched when they are asked for."""
    return Tails[Tail](steps, LazyTail, windows)


def bit_tails(steps: Sequence[Starts], windows: Windows, base: Instant, unit: int) -> Tails[BitTail]:
    """Returns the same as numbers with a bit for each unit of time."""
    return Tails([BitTail.of(starts, base, unit) for starts in steps], BitTail.before, windows)


def common_unit(steps: Sequence[Starts], seconds: Sequence[int]) -> tuple[Instant, int] | None:
    """Returns an instant and a unit of seconds on which all that matters lies; None if that makes too many bits.

    Every step has a start. On a grid, all starts matter. Without one the bounds of their runs do, and then also the
    `seconds` of durations, and from the start of one step to that of another. Runs are read no further than it takes to
    find that there are too many bits.
    """
    base = min(step.first_from(BEFORE_ALL) for step in steps)
    reach = DAY
    while True:
        for step in steps:
            step.read_until(base + reach)
        unit = gcd(*seconds, *(part for step in steps for part in step.units(base, base + reach))) or 1
        last = max(step.lasts[-1] for step in steps)
        if (last - base) // unit >= MOST_BITS:
            return None
        if last < base + reach:
            return base, unit
        reach *= 2
