"""In which stretches of time the sequences of many orders are looked for. `sequences` has the theory."""

from collections.abc import Iterator, Sequence
from math import gcd

from .cells import Cells
from .grids import rounded_up
from .instants import Instant
from .orders import Orders, Stretch, Times
from .reach import AFTER_ALL, BEFORE_ALL
from .spans import Bounds
from .tails import Starts

FEW_CELLS = 1 << 15
"""In so many exact cells the tails of all orders can be found; in more, it depends on how many can be finished."""

MOST_CELLS = 1 << 17
"""The largest number of exact cells."""

ROUGH_CELLS = 3 << 12
"""About so many rough cells are made."""

FINER = 4
"""Up to so many times as many rough cells are made if they are then as long as a period: no window is rounded in them."""

GROWTH = 4
"""How many times as long as a stretch of time the next one is."""


class Stretches:
    """The stretches of time that are looked at."""

    def __init__(self, orders: Orders, steps: Sequence[Starts], whole: Bounds) -> None:
        """Takes the starts of each step, all of which lie in the whole time."""
        self._orders = orders
        self._steps = steps
        #: starts on a grid are whole periods apart
        self._period = gcd(orders.period, *(step.interval for step in steps if step.interval > 1))
        #: a sequence has its last start at most so many seconds after its first
        self._longest = (len(steps) - 1) * orders.farthest if orders.bounded else whole[1] - whole[0]
        self._length = 2 * (len(steps) - 1) * max(least for least, _ in orders.windows.values()) + self._period
        #: what was narrowed down last: sequences that start until an instant and end before another one
        self._narrowed: tuple[Instant, Instant, Sequence[Starts]] = BEFORE_ALL, BEFORE_ALL, steps

    def first_start(self) -> Instant:
        """Returns when the first sequence starts, or an instant before that; AFTER_ALL if there is none."""
        since = self._next_start(BEFORE_ALL)
        if (early := self._early_start(since)) is not None:
            if early == since:
                return since
            # What starts before it can be longer.
            stretch = self._stretch(since, early + self._longest + 1, early, tails=False)
            if stretch is not None and (found := stretch.first_start()) is not None:
                return found
            since = self._next_start(early)
        for stretch in self._growing(since, self._longest, to_the_last=True):
            if (found := stretch.first_start()) is not None:
                return found
        return AFTER_ALL

    def _early_start(self, since: Instant) -> Instant | None:
        """Returns when a sequence starts that is shorter than the longest, or about then."""
        length = self._length
        while length < self._longest:
            stretch = self._stretch(since, since + length, since + length, tails=False)
            if stretch is not None and (found := stretch.first_start()) is not None:
                return found
            length *= GROWTH
        return None

    def since(self, since: Instant) -> Iterator[Stretch]:
        """Yields the stretches of time in which sequences start at an instant or later."""
        for stretch in self._growing(since, 0, to_the_last=False):
            many = stretch.cells.count > FEW_CELLS and stretch.has_many_orders
            yield stretch.rough if many and stretch.rough is not None else stretch

    def _growing(self, since: Instant, ahead: int, *, to_the_last: bool) -> Iterator[Stretch]:
        """Yields stretches, of which each begins where what the one before has is no longer certain.

        The first are shorter than a sequence can be, for most sequences are much shorter; unless they have some time
        ahead. They become longer as long as they can be in exact cells.
        """
        length, growth = self._length, GROWTH
        if length >= self._longest:
            ahead = self._longest
        while since != AFTER_ALL:
            end = since + length + ahead
            is_last = self._last_start(end) < end
            certain = end if is_last and to_the_last else max(since, end - self._longest)
            stretch = self._stretch(since, end, certain, tails=not to_the_last)
            if stretch is not None:
                shorter = ahead and self._orders.bounded and length > self._length
                if shorter and not stretch.exact and not stretch.has_few_starts:
                    length, growth = length // 2, 1
                    continue
                yield stretch
            since = self._next_start(certain)
            length *= growth
            if not ahead and length >= self._longest:
                length, ahead = self._length, self._longest

    def _next_start(self, instant: Instant) -> Instant:
        """Returns the first start of any step that is not before the instant; AFTER_ALL if there is none."""
        return min(step.first_from(instant) for step in self._steps)

    def _last_start(self, end: Instant) -> Instant:
        """Returns the last of all starts, or any one that is not before the end."""
        for step in self._steps:
            step.read_until(end)
        return max(step.lasts[-1] for step in self._steps)

    def _stretch(self, since: Instant, end: Instant, certain: Instant, *, tails: bool) -> Stretch | None:
        """Returns a stretch of time, for `tails` or for its table alone; None if rough cells show that it has no sequence."""
        known_certain, known_end, known = self._narrowed
        steps = known if certain <= known_certain and end <= known_end else self._steps
        times = Times(steps, [(since, min(end, self._last_start(end) + 1))])
        rough: Stretch | None = None
        few = FEW_CELLS if tails else MOST_CELLS
        while (cells := self._exact_cells(times)).count > (few if rough is None else MOST_CELLS):
            if rough is not None and (rough.has_few_starts or 2 * _length(times) > _length(rough.times)):
                return rough
            rough = self._rough(times, certain, end)
            if not rough.starts():
                return None
            times = rough.narrowed
            self._narrowed = certain, end, times.steps
        if rough is not None and cells.count > FEW_CELLS and rough.has_few_starts:
            return rough
        return Stretch(self._orders, times, cells, certain, end, exact=True, rough=rough)

    def _exact_cells(self, times: Times) -> Cells:
        """Returns cells of which each step has a start at every instant or at none.

        Periods are cut at the seconds at which runs of starts begin or are over.
        """
        period = self._period
        cuts = [{0} for _ in times.pieces]
        for step, runs in zip(times.steps, times.runs, strict=True):
            for piece, firsts, lasts in runs:
                since = times.pieces[piece][0]
                cuts[piece].update([(first - since) % period for first in firsts])
                cuts[piece].update([(last + 1 - since) % period for last in (firsts if step.interval > 1 else lasts)])
        return Cells(times.pieces, period, [sorted(seconds) for seconds in cuts], self._orders.farthest)

    def _rough(self, times: Times, certain: Instant, end: Instant) -> Stretch:
        """Returns a stretch in cells of about equal length."""
        farthest = self._orders.farthest
        length = -(-sum(until - since + farthest for since, until in times.pieces) // ROUGH_CELLS)
        if self._period < length <= FINER * self._period:
            length = self._period
        period = rounded_up(length, self._period)
        cuts = range(0, period, length if length < self._period else period)
        cells = Cells(times.pieces, period, [cuts] * len(times.pieces), farthest)
        return Stretch(self._orders, times, cells, certain, end, exact=False)


def _length(times: Times) -> int:
    return sum(until - since for since, until in times.pieces)
