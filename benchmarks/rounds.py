"""Contenders that take turns of a few requests each, so that load on the machine affects them all alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import NamedTuple

from .measure import percentile
from .wire import Line, beat, rate

#: the time for all turns, and the minimum number of turns of each contender
SECONDS, LEAST_TURNS = 5.0, 12
#: A turn: seconds and minimum requests. A much shorter one would run on caches that others have just filled.
TURN_SECONDS, LEAST_REQUESTS = 0.025, 3
#: for requests a second: connections, seconds, repetitions
LINES, FLOOD_SECONDS, FLOODS = 16, 0.15, 4


class Speed(NamedTuple):
    """Seconds per answer, and answers a second with concurrent requests."""

    p50: float
    p99: float
    #: of each flood
    rates: Sequence[float]
    #: the median of each turn
    turns: Sequence[float]

    def cells(self) -> tuple[str, str]:
        """`0.31 / 0.52` and `2,900`."""
        each = f"{median(self.rates):,.0f}" if self.rates else "–"
        return f"{self.p50 * 1000:.2f} / {self.p99 * 1000:.2f}", each

    def times_as_fast(self, as_other: "Speed") -> float:
        """The median of the ratios of all rounds: a slow phase of the machine affects both sides of a ratio."""
        return median(other / own for other, own in zip(as_other.turns, self.turns, strict=True))

    def times_as_many(self, as_other: "Speed") -> float | None:
        """The same for requests a second; None if they were not measured."""
        pairs = [own / other for other, own in zip(as_other.rates, self.rates, strict=True)]
        return median(pairs) if pairs else None


@dataclass
class Contender:
    """A server to measure, and its measurements."""

    #: one per worker
    lines: Sequence[Line]
    requests: Iterator[bytes]
    #: whether an answer is the expected one
    right: Callable[[memoryview], bool]
    #: called before each request
    before: Callable[[], None] | None = None
    times: list[float] = field(default_factory=list[float])
    #: of each turn
    medians: list[float] = field(default_factory=list[float])
    rates: list[float] = field(default_factory=list[float])

    def turn(self) -> None:
        """Sends a few requests. The first is not counted: it pays for the effects of other contenders."""
        self._ask()
        until, times = perf_counter() + TURN_SECONDS, list[float]()
        while len(times) < LEAST_REQUESTS * len(self.lines) or perf_counter() < until:
            times += self._ask()
        self.times += times
        self.medians.append(percentile(times, 50))

    def flood(self, lines: Sequence[Line]) -> None:
        """Sends as many requests as possible on these connections."""
        if self.before is None:
            self.rates.append(rate(lines, self.requests, FLOOD_SECONDS))

    def speed(self) -> Speed:
        return Speed(percentile(self.times, 50), percentile(self.times, 99), self.rates, self.medians)

    def _ask(self) -> list[float]:
        if self.before is not None:
            self.before()
        times = beat(self.lines, self.requests)
        if not all(self.right(line.answer) for line in self.lines):
            raise AssertionError("an answer has changed")
        return times


def take_turns(contenders: Sequence[Contender], seconds: float = SECONDS) -> None:
    until, turns = perf_counter() + seconds, 0
    while turns < LEAST_TURNS or perf_counter() < until:
        turns += 1
        for contender in contenders:
            contender.turn()


def take_floods(contenders: Mapping[str, Contender], lines: Mapping[str, Sequence[Line]]) -> None:
    """Each on its own connections."""
    for _ in range(FLOODS):
        for name, contender in contenders.items():
            contender.flood(lines[name])
