"""Sets of starts as the bits of large numbers, each for a cell of time. `sequences` has the theory."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from .instants import Instant
from .reach import AFTER_ALL
from .spans import Bounds
from .tails import Runs


class Cells:
    """Some pieces of time, cut into cells. A cell has its start, and all that comes before the start of the next.

    Cells are numbered in time order, and as many make a period everywhere. So what is some periods later is the same
    number of cells further.
    """

    __slots__ = ("_cuts", "_firsts", "_per_period", "_period", "_pieces", "_sinces", "count")

    def __init__(self, pieces: Sequence[Bounds], period: int, cuts: Sequence[Sequence[int]], apart: int = 0) -> None:
        """Takes disjoint pieces in time order, and where each of their periods is cut: at second 0, and others in order.

        Behind each piece are cells for `apart` seconds in which nothing lies, so that no window reaches the next piece.
        """
        most = max(map(len, cuts), default=0)
        self._pieces = pieces
        self._sinces = [since for since, _ in pieces]
        self._period = period
        self._per_period = most
        # Where a period has fewer cuts, its last cells are empty.
        self._cuts = [[*each, *[period] * (most - len(each))] for each in cuts]
        #: the first cell of each piece
        self._firsts: list[int] = []
        self.count = 0
        for since, until in pieces:
            self._firsts.append(self.count)
            self.count += -(-(until - since + apart) // period) * most

    def over(self, least: int, greatest: int | None) -> tuple[int, int | None]:
        """Returns how many cells later a start can be that is from `least` to `greatest` seconds later.

        At least so many, and up to so many more; None: any number more; -1: there is none.
        """
        if greatest is not None and greatest < least:
            return 0, -1
        nearest = least // self._period * self._per_period
        return nearest, self.cover(greatest) - nearest if greatest is not None else None

    def cover(self, seconds: int) -> int:
        """Returns how many cells later a cell can be that is up to so many seconds later, at most all of them."""
        return min(-(-seconds // self._period) * self._per_period, self.count)

    def at(self, instant: Instant) -> int:
        """Returns the cell in which an instant lies; outside of all pieces, the first cell of the next."""
        piece = bisect_right(self._sinces, instant) - 1
        if piece < 0:
            return 0
        since, until = self._pieces[piece]
        if instant >= until:
            return self._firsts[piece + 1] if piece + 1 < len(self._firsts) else self.count
        periods, second = divmod(instant - since, self._period)
        return self._firsts[piece] + periods * self._per_period + bisect_right(self._cuts[piece], second) - 1

    def start(self, cell: int) -> Instant:
        """Returns the first instant of a cell."""
        piece = bisect_right(self._firsts, cell) - 1
        periods, cut = divmod(cell - self._firsts[piece], self._per_period)
        return self._sinces[piece] + periods * self._period + self._cuts[piece][cut]

    def drawn(self, runs: Runs, interval: int) -> int:
        """Returns the cells in which a start lies, of these runs."""
        periods, rest = divmod(interval, self._period)
        stride = periods * self._per_period if not rest else 1
        point = "1" + "0" * (stride - 1)
        drawn: list[str] = []
        done = 0  # the first digit of a number is its highest bit, so it is drawn backwards
        for piece, *run in runs:
            bounds = [self._in_piece(piece, each) for each in run]
            for here, upto in zip(*bounds, strict=True):
                if here < done:  # the last run ended in the same cell
                    here += stride
                if here <= upto:
                    drawn += "0" * (here - done), point * ((upto - here) // stride), "1"
                    done = upto + 1
        return int("".join(drawn)[::-1] or "0", 2)

    def touched(self, runs: Runs, bits: int) -> tuple[list[Instant], list[Instant]]:
        """Returns the first and the last starts of those runs of which some start lies in these cells."""
        found: tuple[list[Instant], list[Instant]] = [], []
        text = f"{bits:b}"[::-1]
        for piece, firsts, lasts in runs:
            heres, uptos = self._in_piece(piece, firsts), self._in_piece(piece, lasts)
            for first, last, here, upto in zip(firsts, lasts, heres, uptos, strict=True):
                if text.find("1", here, upto + 1) >= 0:
                    found[0].append(first)
                    found[1].append(last)
        return found

    def _in_piece(self, piece: int, instants: Iterable[Instant]) -> list[int]:
        since, cuts, period, most = self._sinces[piece], self._cuts[piece], self._period, self._per_period
        before = self._firsts[piece] - 1
        return [
            before + (instant - since) // period * most + bisect_right(cuts, (instant - since) % period)
            for instant in instants
        ]

    def runs(self, bits: int) -> Iterator[Bounds]:
        """Yields the spans of time of a set of cells, in order."""
        for run in re.finditer("1+", f"{bits:b}"[::-1]):
            yield self.start(run.start()), self.start(run.end())

    def groups(self, bits: int, apart: int) -> Iterator[Bounds]:
        """Yields the spans of time from the first to the last of those cells that are up to so many seconds apart."""
        reach = self.cover(apart)
        for run in re.finditer("1+", f"{CellSet(bits).behind(0, reach):b}"[::-1]):
            yield self.start(run.start()), self.start(run.end() - reach)


class CellSet:
    """The starts of a step in some cells, as bits, and which cells are near them. It is asked for these if it has any."""

    __slots__ = ("_doubled", "_spread", "bits")

    def __init__(self, bits: int) -> None:
        self.bits = bits
        #: the cells that lie from 0 to 0, 1, 3, 7 … cells behind a start, once two widths are asked for
        self._doubled: list[int] | None = None
        self._spread: dict[int, int] = {}

    def behind(self, least: int, width: int | None) -> int:
        """Returns the cells that lie `least` cells behind a start, or up to `width` more; None: or any number more."""
        if width is None:
            return -((self.bits & -self.bits) << least)
        return self._wide(width) << least if width >= 0 else 0

    def before(self, least: int, width: int | None) -> int:
        """Returns the cells that lie as far before a start."""
        if width is None:
            return (1 << max(0, self.bits.bit_length() - least)) - 1
        return self._wide(width) >> least + width if width >= 0 else 0

    def _wide(self, width: int) -> int:
        """Returns the cells that lie from 0 to `width` cells behind a start."""
        if (wide := self._spread.get(width)) is None:
            wide = self._spread[width] = self._widened(width) if self._spread else spread(self.bits, width)
        return wide

    def _widened(self, width: int) -> int:
        """Returns the same as `spread`, from what all widths have in common."""
        if width >= self.bits.bit_length():
            return spread(self.bits, width)
        doubled = self._doubled = self._doubled or [self.bits]
        level = (width + 1).bit_length() - 1
        while len(doubled) <= level:
            doubled.append(doubled[-1] | doubled[-1] << (1 << len(doubled) - 1))
        return doubled[level] | doubled[level] << width + 1 - (1 << level)


def spread(bits: int, width: int) -> int:
    """Returns the cells that lie from 0 to `width` cells behind one of these, of which there is at least one."""
    if width >= bits.bit_length():
        return (1 << bits.bit_length() + width) - (bits & -bits)
    covered = 1  # each step doubles how many are covered
    while 2 * covered <= width + 1:
        bits |= bits << covered
        covered *= 2
    return bits | bits << width + 1 - covered


class CellWay:
    """The sequences of an order whose tails are sets of cells."""

    __slots__ = ("_cells", "_leasts", "_tails")

    def __init__(self, cells: Cells, tails: Sequence[int], leasts: Sequence[int]) -> None:
        """Takes the tails as bits, and how many cells later than a step the next one starts, at least."""
        self._cells = cells
        self._tails = tails
        self._leasts = leasts

    def first_from(self, instant: Instant) -> Instant:
        """Returns the first start of a sequence that is not before the instant; AFTER_ALL if there is none."""
        cell = self._cells.at(instant)
        rest = self._tails[0] >> cell
        if rest & 1:
            return max(instant, self._cells.start(cell))
        return self._cells.start(cell + (rest & -rest).bit_length() - 1) if rest else AFTER_ALL

    def starts_from(self, start: Instant) -> tuple[Instant, ...]:
        """Returns the starts of the sequence that starts at this one of the first step and ends earliest."""
        cell = self._cells.at(start)
        late = start - self._cells.start(cell)
        starts = [start]
        for least, tail in zip(self._leasts, self._tails[1:], strict=True):
            cell += least
            rest = tail >> cell
            if not rest & 1:
                cell += (rest & -rest).bit_length() - 1
                late = 0
            starts.append(self._cells.start(cell) + late)
        return tuple(starts)
