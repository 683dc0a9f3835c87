"""The orders of a sequence that are too many to look at each: which can be finished, and their tails.

`sequences` has the theory.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property
from itertools import chain, islice
from math import gcd

from .cells import Cells, CellSet, CellWay
from .instants import Instant
from .sequenced_availability import SequencedQuery
from .spans import Bounds
from .tails import Starts, Windows

FEW_ORDERS = 24
"""So many orders are few: in many cells their tails cost no more than the table, and so does searching each by itself."""

FEW_STARTS = 48
"""So many starts on a grid, or runs of starts without one, are few enough to search each of few orders by itself."""


class Orders:
    """The orders of the steps of a query, and the windows between their starts."""

    def __init__(self, query: SequencedQuery, windows: Windows) -> None:
        self.steps = frozenset(range(len(query.sequence)))
        self.windows = windows
        self.first_of = cache(query.first_of)
        self.last_of = cache(query.last_of)
        bounds = list(chain.from_iterable(windows.values()))
        finite = [bound for bound in bounds if bound is not None]
        #: windows open and close after multiples of it
        self.period = gcd(*finite)
        #: no bound of a window is farther away
        self.farthest = max(finite)
        self.bounded = None not in bounds


class Subsets:
    """The starts of a step from which others can all be reached, in any of their orders, on one side of it."""

    def __init__(
        self,
        starts: Callable[[int, frozenset[int]], int],
        next_to: Callable[[frozenset[int]], Iterable[int]],
        near: Callable[[CellSet, int, int], int],
    ) -> None:
        """Takes the starts that a step may have with others on the one side, which of some others can be next to a step,
        and which cells are near enough to starts of one step for another one.
        """
        self._starts = starts
        self._next_to = next_to
        self._near = near
        self._known: dict[tuple[int, frozenset[int]], CellSet] = {}

    def of(self, step: int, others: frozenset[int]) -> CellSet:
        """Returns the starts of a step that has these others on the one side."""
        if (known := self._known.get((step, others))) is None:
            bits = self._starts(step, others)
            if others and bits:
                near = 0
                for other in self._next_to(others):
                    if (starts := self.of(other, others - {other})).bits:
                        near |= self._near(starts, other, step)
                bits &= near
            known = self._known[step, others] = CellSet(bits)
        return known

    def union(self, steps: int) -> list[int]:
        """Returns for each of so many steps the starts that it has with any of the others that were asked for."""
        union = [0] * steps
        for (step, _), known in self._known.items():
            union[step] |= known.bits
        return union


class Times:
    """What is looked at: disjoint pieces of time, in order, and the starts of each step in them."""

    def __init__(self, steps: Sequence[Starts], pieces: Sequence[Bounds]) -> None:
        self.steps = steps
        self.pieces = pieces
        self.runs = [step.within(pieces) for step in steps]


class Stretch:
    """The sequences of which all starts lie before `end`, the first of them at `certain` or before it.

    Whatever lies elsewhere starts later than at `certain`, or starts there and ends after `end`. If the cells are not
    `exact`, there may be less than is found.
    """

    def __init__(
        self,
        orders: Orders,
        times: Times,
        cells: Cells,
        certain: Instant,
        end: Instant,
        *,
        exact: bool,
        rough: "Stretch | None" = None,
    ) -> None:
        """Takes times that have all starts of such sequences, the cells into which they are cut, and the same stretch in
        rough cells, if there was one before.
        """
        self.times = times
        self.cells = cells
        self.certain = certain
        self.end = end
        self.exact = exact
        self.rough = rough
        self._orders = orders
        self._windows = {pair: cells.over(*window) for pair, window in orders.windows.items()}
        self._firsts = (2 << cells.at(certain)) - 1
        self._steps = [cells.drawn(runs, step.interval) for runs, step in zip(times.runs, times.steps, strict=True)]
        self._followed = Subsets(lambda step, _: self._steps[step], orders.first_of, self._before)
        self._preceded = Subsets(self._finishable, orders.last_of, self._behind)

    def starts(self) -> int:
        """Returns the cells in which sequences start."""
        found = 0
        for step in self._orders.first_of(self._orders.steps):
            found |= self._followed.of(step, self._orders.steps - {step}).bits
        return found & self._firsts

    def first_start(self) -> Instant | None:
        """Returns the start of the first cell in which a sequence starts."""
        starts = self.starts()
        return self.cells.start((starts & -starts).bit_length() - 1) if starts else None

    @cached_property
    def narrowed(self) -> Times:
        """The times of those runs of starts of which some cell takes part in a sequence."""
        for step in self._orders.last_of(self._orders.steps):
            self._preceded.of(step, self._orders.steps - {step})
        parts = self._preceded.union(len(self._steps))
        steps = [
            Starts.of(*self.cells.touched(runs, part), step.interval)
            for step, runs, part in zip(self.times.steps, self.times.runs, parts, strict=True)
        ]
        everything = 0
        for part in parts:
            everything |= part
        return Times(steps, list(self.cells.groups(everything, self._orders.farthest)))

    @property
    def has_few_starts(self) -> bool:
        """Whether so few starts and orders are left that each order is best searched by itself."""
        return sum(step.count() for step in self.narrowed.steps) <= FEW_STARTS and not self.has_many_orders

    @cached_property
    def has_many_orders(self) -> bool:
        """Whether more than a few orders can be finished."""
        return len(list(islice(self.orders(), FEW_ORDERS + 1))) > FEW_ORDERS

    def orders(self) -> Iterator[tuple[tuple[int, ...], CellWay]]:
        """Yields the orders that can be finished, with their sequences."""
        return self._ending((), (), (), self._orders.steps)

    def _ending(
        self, order: tuple[int, ...], tails: tuple[int, ...], leasts: tuple[int, ...], others: frozenset[int]
    ) -> Iterator[tuple[tuple[int, ...], CellWay]]:
        """Yields the orders that end with some steps, which have these tails."""
        if not others:
            yield order, CellWay(self.cells, tails, leasts)
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

    def _finishable(self, step: int, others: frozenset[int]) -> int:
        """Returns the starts of a step that has these others before it, and all the rest behind it.

        Of exact cells, which are many, no table of those is made: tails are made from the back anyway.
        """
        behind = self._orders.steps - others - {step}
        starts = self._steps[step] if self.exact else self._followed.of(step, behind).bits
        return starts if others else starts & self._firsts

    def _before(self, starts: CellSet, one: int, other: int) -> int:
        return starts.before(*self._windows[other, one])

    def _behind(self, starts: CellSet, one: int, other: int) -> int:
        return starts.behind(*self._windows[one, other])
