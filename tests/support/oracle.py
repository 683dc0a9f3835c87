"""A brute-force solver, which the tests compare with the real one: slow, naive, and written from the specification.

It shares no code and no idea with the real solver. Time is counted in ticks, busy and available time are sets of ticks,
and every query is answered by trying each tick.
"""

from collections.abc import Iterator
from dataclasses import dataclass

Ticks = frozenset[int]


def ticks(*spans: tuple[int, int]) -> Ticks:
    """The ticks of half-open spans."""
    return frozenset(tick for start, end in spans for tick in range(start, end))


@dataclass(frozen=True)
class Person:
    """A member of a group.

    `own` and `hours` are the ticks at which the member is available, by the query and by working hours; None for always.
    `before` and `after` are the buffers around events. With a capacity above 1, `events` has the ticks of each event: the
    member can meet while fewer than so many of them, buffers included, overlap.
    """

    name: str
    busy: Ticks = frozenset()
    own: Ticks | None = None
    hours: Ticks | None = None
    before: int = 0
    after: int = 0
    capacity: int = 1
    events: tuple[Ticks, ...] = ()
    #: where a limit of bookings is reached
    limited: Ticks = frozenset()
    #: from this tick on its events are not known; None: all are
    known_until: int | None = None

    def can_attend(self, start: int, end: int) -> bool:
        """Whether the member is available during the meeting, and has no event in it nor within the buffers around it."""
        available = all(self._is_available(tick) for tick in range(start, end))
        return available and all(self._has_room(tick) for tick in range(start, end))

    def _has_room(self, tick: int) -> bool:
        around = range(tick - self.before, tick + 1 + self.after)
        events = (self.busy,) if self.capacity == 1 else self.events
        return sum(any(each in event for each in around) for event in events) < self.capacity

    def _is_available(self, tick: int) -> bool:
        known = self.known_until is None or tick < self.known_until
        return (
            known
            and tick not in self.limited
            and all(allowed is None or tick in allowed for allowed in (self.own, self.hours))
        )


@dataclass(frozen=True)
class Question:
    """A query: the groups with the number of members that each requires, and the length of the meeting.

    Its starts lie in the window, or are those in `asked`; `interval` is the grid of the starts, `offset` ticks after each of
    its points. `clock` has the time of day that clocks show at each tick, counted in ticks from 0; None for the tick itself.
    """

    groups: tuple[tuple[int, tuple[Person, ...]], ...]
    duration: int
    window: Ticks = frozenset()
    asked: tuple[int, ...] | None = None
    interval: int | None = None
    offset: int = 0
    clock: tuple[int, ...] | None = None
    format: str = "periods"
    most: int = 20

    def possible(self, start: int, end: int) -> bool:
        """Whether the meeting lies in the window or in the asked slots, and enough members of each group can attend it."""
        searched = self.window if self.asked is None else ticks(*((at, at + self.duration) for at in self.asked))
        return all(tick in searched for tick in range(start, end)) and all(
            sum(person.can_attend(start, end) for person in people) >= needed for needed, people in self.groups
        )

    def allowed(self, start: int) -> bool:
        """Whether a meeting can start at this tick: it is possible, and on the grid, which is counted from midnight."""
        shown = start if self.clock is None else self.clock[start]
        on_grid = self.interval is None or (shown - self.offset) % self.interval == 0
        return on_grid and self.possible(start, start + self.duration)

    def starts(self) -> list[int]:
        """All allowed starts in order."""
        return [tick for tick in sorted(self.window) if self.allowed(tick)]

    def latest_end(self, start: int) -> int:
        """The latest end of a meeting with this start, found by making it longer until it is not possible."""
        end = start + self.duration
        while self.possible(start, end + 1):
            end += 1
        return end

    def present(self, start: int, end: int) -> tuple[str, ...]:
        """The names of all members who can attend the meeting, in order and without duplicates."""
        names: list[str] = []
        for _, people in self.groups:
            names += [person.name for person in people if person.can_attend(start, end) and person.name not in names]
        return tuple(names)

    def spans(self) -> Iterator[tuple[int, int]]:
        """The start and the end of every result, in order of time, without a limit."""
        if self.asked is not None:
            candidates = sorted(set(self.asked))
            return ((at, at + self.duration) for at in candidates if self.possible(at, at + self.duration))
        if self.format == "periods":
            return self._periods()
        if self.format == "overlapping_slots" and self.interval is not None:
            return ((at, at + self.duration) for at in self.starts())
        return self._slots()

    def _periods(self) -> Iterator[tuple[int, int]]:
        """Each allowed start with its latest end, except for periods that lie inside of an earlier one."""
        given: list[tuple[int, int]] = []
        for start in self.starts():
            end = self.latest_end(start)
            if not any(end <= earlier_end for _, earlier_end in given):
                given.append((start, end))
                yield start, end

    def _slots(self) -> Iterator[tuple[int, int]]:
        """The earliest slot, then the earliest that does not overlap it, and so on."""
        free_from = min(self.window, default=0)
        for start in self.starts():
            if start >= free_from:
                free_from = start + self.duration
                yield start, free_from

    def answer(self) -> list[tuple[int, int, tuple[str, ...]]]:
        """The first `most` results, with the names of those who can attend."""
        return [(start, end, self.present(start, end)) for start, end in self.spans()][: self.most]

    def most_meetings(self) -> int:
        """The largest number of meetings that fit without overlapping, found by trying all choices of starts."""
        best: dict[int, int] = {}
        for start in reversed(self.starts()):
            later = [best[other] for other in best if other >= start + self.duration]
            best[start] = 1 + max(later, default=0)
        return max(best.values(), default=0)
