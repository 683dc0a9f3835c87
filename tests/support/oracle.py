"""When can they meet? Answered by trying everything: slow, naive, and written from the meaning alone.

It shares no line and no idea with the solver. There are no spans and no reach here; time is counted in ticks, and every
question is settled by looking at each tick. What counts for a person is a set of ticks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

Ticks = frozenset[int]


def ticks(*spans: tuple[int, int]) -> Ticks:
    """Every tick of half-open spans."""
    return frozenset(tick for start, end in spans for tick in range(start, end))


@dataclass(frozen=True)
class Person:
    """Somebody in a group. `own` and `hours`: the ticks at which available at all, or None for always."""

    name: str
    busy: Ticks = frozenset()
    own: Ticks | None = None
    hours: Ticks | None = None
    before: int = 0
    after: int = 0

    def can(self, start: int, end: int) -> bool:
        """Free all through the meeting, and away from events for as long as the buffers say."""
        there = all(self._at_work(tick) for tick in range(start, end))
        undisturbed = not any(tick in self.busy for tick in range(start - self.before, end + self.after))
        return there and undisturbed

    def _at_work(self, tick: int) -> bool:
        return all(allowed is None or tick in allowed for allowed in (self.own, self.hours))


@dataclass(frozen=True)
class Question:
    """Groups with how many of each are needed; where to look, or which starts; the meeting's length; the grid."""

    groups: tuple[tuple[int, tuple[Person, ...]], ...]
    duration: int
    window: Ticks = frozenset()
    asked: tuple[int, ...] | None = None
    interval: int | None = None
    format: str = "periods"
    most: int = 20

    def possible(self, start: int, end: int) -> bool:
        """Whether all of the meeting is looked at, and in each group enough people can all of it."""
        looked_at = self.window if self.asked is None else ticks(*((at, at + self.duration) for at in self.asked))
        return all(tick in looked_at for tick in range(start, end)) and all(
            sum(person.can(start, end) for person in people) >= needed for needed, people in self.groups
        )

    def allowed(self, start: int) -> bool:
        """Whether a meeting may start here: it fits, and it is on the grid. Tick 0 is on every grid."""
        on_grid = self.interval is None or start % self.interval == 0
        return on_grid and self.possible(start, start + self.duration)

    def starts(self) -> list[int]:
        """Every allowed start."""
        return [tick for tick in sorted(self.window) if self.allowed(tick)]

    def latest_end(self, start: int) -> int:
        """How long a meeting from here can be made: longer and longer, until it is not possible any more."""
        end = start + self.duration
        while self.possible(start, end + 1):
            end += 1
        return end

    def present(self, start: int, end: int) -> tuple[str, ...]:
        """Everybody who can all of it, in order, each once."""
        names: list[str] = []
        for _, people in self.groups:
            names += [person.name for person in people if person.can(start, end) and person.name not in names]
        return tuple(names)

    def spans(self) -> Iterator[tuple[int, int]]:
        """Start and end of every result, in time order, however many."""
        if self.asked is not None:
            candidates = sorted(set(self.asked))
            return ((at, at + self.duration) for at in candidates if self.possible(at, at + self.duration))
        if self.format == "periods":
            return self._periods()
        if self.format == "overlapping_slots" and self.interval is not None:
            return ((at, at + self.duration) for at in self.starts())
        return self._slots()

    def _periods(self) -> Iterator[tuple[int, int]]:
        """Each allowed start with its latest end, but for those that lie inside an earlier one."""
        given: list[tuple[int, int]] = []
        for start in self.starts():
            end = self.latest_end(start)
            if not any(end <= earlier_end for _, earlier_end in given):
                given.append((start, end))
                yield start, end

    def _slots(self) -> Iterator[tuple[int, int]]:
        """The earliest, then the earliest that does not overlap it, and so on."""
        free_from = min(self.window, default=0)
        for start in self.starts():
            if start >= free_from:
                free_from = start + self.duration
                yield start, free_from

    def answer(self) -> list[tuple[int, int, tuple[str, ...]]]:
        """The first `most` results, with who is there."""
        return [(start, end, self.present(start, end)) for start, end in self.spans()][: self.most]

    def most_meetings(self) -> int:
        """How many meetings can be held one after the other, whichever starts are chosen: all choices are tried."""
        best: dict[int, int] = {}
        for start in reversed(self.starts()):
            later = [best[other] for other in best if other >= start + self.duration]
            best[start] = 1 + max(later, default=0)
        return max(best.values(), default=0)
