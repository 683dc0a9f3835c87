"""Contenders who take turns of a few requests each, so that the machine's moods meet all alike."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import NamedTuple

from .measure import percentile
from .wire import Line, beat, rate

#: how long everybody takes turns, and how many each takes at least
SECONDS, LEAST_TURNS = 5.0, 12
#: A turn: so long, and so many requests at least. Much shorter ones would meet a processor that has just worked for others.
TURN_SECONDS, LEAST_REQUESTS = 0.025, 3
#: for requests a second: on how many connections, how long, how often
LINES, FLOOD_SECONDS, FLOODS = 16, 0.15, 4


class Speed(NamedTuple):
    """Seconds that an answer takes, and how many there are in one when several are asked for at a time."""

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
        """The median over all rounds: a machine that goes slower for a while does so for both, but not in both medians."""
        return median(other / own for other, own in zip(as_other.turns, self.turns, strict=True))

    def times_as_many(self, as_other: "Speed") -> float | None:
        """The same of requests a second; None where there were no floods."""
        pairs = [own / other for other, own in zip(as_other.rates, self.rates, strict=True)]
        return median(pairs) if pairs else None


@dataclass
class Contender:
    """Somebody who answers, and what was found out about it."""

    #: one to each worker
    lines: Sequence[Line]
    requests: Iterator[bytes]
    #: whether an answer is the one that is expected
    right: Callable[[memoryview], bool]
    #: what happens before each request
    before: Callable[[], None] | None = None
    times: list[float] = field(default_factory=list[float])
    #: of each turn
    medians: list[float] = field(default_factory=list[float])
    rates: list[float] = field(default_factory=list[float])

    def turn(self) -> None:
        """A few requests. The first one sees to it that whatever others did meanwhile is behind us."""
        self._ask()
        until, times = perf_counter() + TURN_SECONDS, list[float]()
        while len(times) < LEAST_REQUESTS * len(self.lines) or perf_counter() < until:
            times += self._ask()
        self.times += times
        self.medians.append(percentile(times, 50))

    def flood(self, lines: Sequence[Line]) -> None:
        """As many requests as can be, on these lines."""
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
    """Each of them on lines of its own."""
    for _ in range(FLOODS):
        for name, contender in contenders.items():
            contender.flood(lines[name])
