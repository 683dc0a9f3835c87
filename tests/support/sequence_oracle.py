"""A brute-force solver of sequences, which the tests compare with the real one: it tries all starts of all steps."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from .oracle import Question


@dataclass(frozen=True)
class Step:
    """A meeting: its starts by itself, and the least and greatest gaps before and after it, in ticks; None for none."""

    name: str
    question: Question
    ordinal: int | None = None
    before: tuple[int, int | None] = (0, None)
    after: tuple[int, int | None] = (0, None)

    @property
    def duration(self) -> int:
        return self.question.duration


@dataclass(frozen=True)
class Asked:
    """The steps in the order of the request."""

    steps: tuple[Step, ...]
    most: int = 20

    def orders(self) -> Iterator[tuple[int, ...]]:
        """All orders of the steps in which those with ordinals come in the order of their ordinals."""
        for order in permutations(range(len(self.steps))):
            ordinals = [o for o in (self.steps[place].ordinal for place in order) if o is not None]
            if ordinals == sorted(ordinals):
                yield order

    def fits(self, one: Step, other: Step, gap: int) -> bool:
        """Whether the gap between one step and the next is neither too short nor too long."""
        greatest = [most for most in (one.after[1], other.before[1]) if most is not None]
        return gap >= one.after[0] and gap >= other.before[0] and all(gap <= most for most in greatest)

    def ways(self, order: tuple[int, ...], starts: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
        """All starts of the steps in this order."""
        if len(starts) == len(order):
            yield starts
            return
        step = self.steps[order[len(starts)]]
        for start in step.question.starts():
            if starts:
                before = self.steps[order[len(starts) - 1]]
                if not self.fits(before, step, start - starts[-1] - before.duration):
                    continue
            yield from self.ways(order, (*starts, start))

    def of_order(self, order: tuple[int, ...]) -> Iterator[tuple[int, int, tuple[int, ...], tuple[int, ...]]]:
        """For each start of the first step the best of all ways; without a grid, only for starts that do not overlap."""
        first, last = self.steps[order[0]], self.steps[order[-1]]
        best: dict[int, tuple[int, tuple[int, ...]]] = {}
        for starts in self.ways(order):
            end = starts[-1] + last.duration
            best[starts[0]] = min(best.get(starts[0], (end, starts)), (end, starts))
        free_from = min(best, default=0)
        for start in sorted(best):
            if first.question.interval is not None or start >= free_from:
                free_from = start + first.duration
                end, starts = best[start]
                yield start, end, order, starts

    def answer(self) -> list[list[tuple[str, int, tuple[str, ...]]]]:
        """Each sequence as the names, starts and people of its steps, in their order."""
        found = sorted(each for order in self.orders() for each in self.of_order(order))[: self.most]
        return [
            [self._placed(self.steps[place], start) for place, start in zip(order, starts, strict=True)]
            for _, _, order, starts in found
        ]

    def _placed(self, step: Step, start: int) -> tuple[str, int, tuple[str, ...]]:
        return step.name, start, step.question.present(start, start + step.duration)
