"""The orders of a sequence that are too many to look at each: which can be finished, and their tails.

`sequences` has the theory.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from math import gcd

from .cells import Cells, CellSet, CellWay, spread
from .grids import rounded_up
from .instants import Instant
from .reach import AFTER_ALL, BEFORE_ALL
from .sequenced_availability import SequencedQuery
from .spans import Bounds
from .tails import Starts, Windows

MOST_CELLS = 1 << 17
"""The largest number of cells in which it is found where sequences can start."""

FEW_CELLS = 1 << 15
"""The largest number of cells in which the tails of each order are found."""

GROWTH = 4
"""How many times as long as a stretch of time the next one is."""


class Subsets:
    """The starts of a step from which others can all be reached, in any of their orders, on one side of it."""

    def __init__(
        self,
        steps: Sequence[int],
        outermost: Sequence[int],
        next_to: Callable[[frozenset[int]], Iterable[int]],
        near: Callable[[CellSet, int, int], int],
    ) -> None:
        """Takes the starts of each step, those that it has as the outermost, which of some others can be next to a step,
        and which cells are near enough to starts of one step for another one.
        """
        self._steps = steps
        self._next_to = next_to
        self._near = near
        self._known = {(step, frozenset[int]()): CellSet(bits) for step, bits in enumerate(outermost)}

    def of(self, step: int, others: frozenset[int]) -> CellSet:
        """Returns the starts of a step that has these others on the one side."""
        if (known := self._known.get((step, others))) is None:
            near = 0
            for other in self._next_to(others):
                if (starts := self.of(other, others - {other})).bits:
                    near |= self._near(starts, other, step)
            known = self._known[step, others] = CellSet(self._steps[step] & near)
        return known


class Stretch:
    """The sequences of which all starts lie before `end`, the first of them at `certain` or before it.

    Whatever lies elsewhere starts later than at `certain`, or starts there and ends after `end`. If the cells are not
    `exact`, there may be less than is found.
    """

    def __init__(self, orders: "ManyOrders", cells: Cells, certain: Instant, end: Instant, *, exact: bool) -> None:
        """Takes cells outside of which there are no such sequences."""
        self.certain = certain
        self.end = end
        self.exact = exact
        self._orders = orders
        self._cells = cells
        self._windows = {pair: cells.over(*window) for pair, window in orders.windows.items()}
        self._firsts = (2 << cells.at(certain)) - 1
        steps = [cells.drawn(step) for step in orders.steps]
        self._followed = Subsets(steps, steps, orders.first_of, self._before)
        self._preceded = Subsets(steps, [step & self._firsts for step in steps], orders.last_of, self._behind)

    def starts(self) -> int:
        """Returns the cells in which sequences start."""
        found = 0
        for step in self._orders.first_of(self._orders.all):
            found |= self._followed.of(step, self._orders.all - {step}).bits
        return found & self._firsts

    def first_start(self) -> Instant | None:
        """Returns the start of the first cell in which a sequence starts."""
        starts = self.starts()
        return self._cells.start((starts & -starts).bit_length() - 1) if starts else None

    def orders(self) -> Iterator[tuple[tuple[int, ...], CellWay]]:
        """Yields the orders that can be finished, with their sequences."""
        return self._ending((), (), (), self._orders.all)

    def _ending(
        self, order: tuple[int, ...], tails: tuple[int, ...], leasts: tuple[int, ...], others: frozenset[int]
    ) -> Iterator[tuple[tuple[int, ...], CellWay]]:
        """Yields the orders that end with some steps, which have these tails."""
        if not others:
            yield order, CellWay(self._cells, tails, leasts)
            return
        ends = CellSet(tails[0]) if tails else None
        for step in self._orders.last_of(others):
            rest = others - {step}
            starts = self._preceded.of(step, rest).bits
            least = leasts
            if ends is not None:
                starts &= self._before(ends, order[0], step)
                least = (self._windows[step, order[0]][0], *leasts)
            if starts:
                yield from self._ending((step, *order), (starts, *tails), least, rest)

    def _before(self, starts: CellSet, one: int, other: int) -> int:
        return starts.before(*self._windows[other, one])

    def _behind(self, starts: CellSet, one: int, other: int) -> int:
        return starts.behind(*self._windows[one, other])


class ManyOrders:
    """The orders of the steps of a query, and the stretches of time that are looked at."""

    def __init__(self, query: SequencedQuery, steps: Sequence[Starts], windows: Windows) -> None:
        """Takes the starts of each step, and the windows between them."""
        self.steps = steps
        self.windows = windows
        self.all = frozenset(range(len(steps)))
        self.first_of = cache(query.first_of)
        self.last_of = cache(query.last_of)
        bounds = list(chain.from_iterable(windows.values()))
        finite = [bound for bound in bounds if bound is not None]
        #: windows open and close after whole periods, and starts on a grid are whole periods apart
        self._period = gcd(*finite, *(step.interval for step in steps if step.interval > 1)) or 1
        self._farthest = max(finite, default=0)
        window = query.window()
        #: a sequence has its last start at most so many seconds after its first
        self._longest = window.ends[-1] - window.starts[0] if None in bounds else (len(steps) - 1) * self._farthest
        self._length = 2 * (len(steps) - 1) * max((least for least, _ in windows.values()), default=0) + self._period

    def first_start(self) -> Instant:
        """Returns when the first sequence starts, or an instant before that; AFTER_ALL if there is none."""
        for stretch in self.stretches(self._next_start(BEFORE_ALL), MOST_CELLS):
            if (found := stretch.first_start()) is not None:
                return found
        return AFTER_ALL

    def stretches(self, since: Instant, most: int) -> Iterator[Stretch]:
        """Yields the stretches of time in which sequences start at an instant or later, with at most so many cells.

        The first are shorter than a sequence can be, for most sequences are much shorter. They become longer as long as
        they can be in exact cells.
        """
        length, growth = self._length, GROWTH
        ahead = 0 if length < self._longest else self._longest
        while since != AFTER_ALL:
            end = since + length + ahead
            last = self._last_start(end)
            certain = max(since, end - self._longest) if last >= end else end
            stretch = self._stretch(since, min(end, last + 1), certain, most)
            if stretch is not None and not stretch.exact and ahead and length > self._length:
                length, growth = length // 2, 1
                continue
            if stretch is not None:
                yield stretch
            since = self._next_start(certain)
            length *= growth
            if not ahead and length >= self._longest:
                length, ahead = self._length, self._longest

    def _next_start(self, instant: Instant) -> Instant:
        """Returns the first start of any step that is not before the instant; AFTER_ALL if there is none."""
        return min(step.first_from(instant) for step in self.steps)

    def _last_start(self, end: Instant) -> Instant:
        """Returns the last of all starts, or any one that is not before the end."""
        for step in self.steps:
            step.read_until(end)
        return max(step.lasts[-1] for step in self.steps)

    def _stretch(self, since: Instant, end: Instant, certain: Instant, most: int) -> Stretch | None:
        """Returns a stretch of time; None if rough cells show that there is no sequence in it."""
        cells = self._exact([(since, end)])
        if cells.count > most:
            rough = self._rough(since, end, most // 2)
            stretch = Stretch(self, rough, certain, end, exact=False)
            if not (starts := stretch.starts()):
                return None
            cells = self._exact(list(rough.runs(spread(starts, rough.cover(self._longest)))))
            if cells.count > most:
                return stretch
        return Stretch(self, cells, certain, end, exact=True)

    def _exact(self, pieces: Sequence[Bounds]) -> Cells:
        """Returns cells of which each step has a start at every instant or at none."""
        return Cells(pieces, self._period, [sorted(self._cuts(*piece)) for piece in pieces], self._farthest)

    def _cuts(self, since: Instant, end: Instant) -> set[int]:
        """Returns the seconds of a period at which runs of starts begin or are over."""
        found = {0}
        for step in self.steps:
            firsts, lasts = step.between(since, end)
            found |= {(first - since) % self._period for first in firsts}
            found |= {(last + 1 - since) % self._period for last in (firsts if step.interval > 1 else lasts)}
        return found

    def _rough(self, since: Instant, end: Instant, most: int) -> Cells:
        """Returns about so many cells of the same length."""
        length = -(-(end - since) // most)
        period = rounded_up(length, self._period)
        return Cells([(since, end)], period, [range(0, period, length)])
