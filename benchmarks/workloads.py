"""Made-up calendars. Each workload is the same on every machine and in every run.

A workload has the busy times of each member, unsorted. Ten times as large means as many events a day on ten times as
many days, so that the answer grows with the input.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple, TypeAlias

from core.instants import DAY, HOUR, MINUTE, Instant, parse_instant

#: the first day of every workload
START = parse_instant("2030-06-03T00:00:00Z")
#: days in a workload that is not enlarged: the longest period that a query may ask about
DAYS = 35
#: with this one, all ten of W1 are free for an hour now and then
SEED = 2016

Events: TypeAlias = list[tuple[Instant, Instant]]


class Workload(NamedTuple):
    """The busy times of each member in the days from START on."""

    name: str
    days: int
    members: Sequence[Events]

    @property
    def end(self) -> Instant:
        return START + self.days * DAY

    @property
    def events(self) -> int:
        return sum(map(len, self.members))


def w1(times: int = 1) -> Workload:
    """Ten members, each with ten hour-long events a day that start at random multiples of five minutes."""
    return spread_out("W1", members=10, days=DAYS * times, daily=10)


def w2(times: int = 1) -> Workload:
    """As many events, but all of them half hours between noon and two: much overlap, and long free stretches."""
    days = DAYS * times
    return Workload(
        "W2", days, scattered(10, days, 10, earliest=12 * HOUR, latest=13 * HOUR + HOUR // 2, length=HOUR // 2)
    )


def one_window(times: int = 1) -> Workload:
    """A single member with 5,000 short events and gaps between them, which takes some algorithms exponential time."""
    days = DAYS * times
    chance, count = Random(SEED), 5_000 * times
    starts = [START + chance.randrange(days * DAY // MINUTE - 5) * MINUTE for _ in range(count)]
    return Workload("one member", days, [[(start, start + 5 * MINUTE) for start in starts]])


def small() -> Workload:
    """Two members with ten events each on one day: the most common query, where fixed costs matter."""
    return spread_out("small", members=2, days=1, daily=10)


def year(members: int = 100) -> Workload:
    """A hundred members with twenty events a day for a year: 730,000 events."""
    return spread_out("a year", members=members, days=365, daily=20)


def spread_out(name: str, *, members: int, days: int, daily: int) -> Workload:
    return Workload(name, days, scattered(members, days, daily, earliest=0, latest=DAY - 5 * MINUTE, length=HOUR))


def scattered(members: int, days: int, daily: int, *, earliest: int, latest: int, length: int) -> list[Events]:
    """Events of this length for every member, so many a day, at random starts between two times of the day."""
    chance, step = Random(SEED), 5 * MINUTE
    return [
        [
            (start, start + length)
            for day in range(days)
            for _ in range(daily)
            for start in (START + day * DAY + earliest + chance.randrange((latest - earliest) // step + 1) * step,)
        ]
        for _ in range(members)
    ]


def nested(times: int = 1) -> Workload:
    """Every event lies inside the previous one."""
    return drawn("nested", times, lambda turn, count: (turn * 5 * MINUTE, (2 * count - turn) * 5 * MINUTE))


def staircase(times: int = 1) -> Workload:
    """Every event overlaps the next three; all of them together are one busy span."""
    return drawn("staircase", times, lambda turn, _: (turn * HOUR, turn * HOUR + 4 * HOUR))


def touching(times: int = 1) -> Workload:
    """Every event ends where the next one starts."""
    return drawn("touching", times, lambda turn, _: (turn * HOUR, turn * HOUR + HOUR))


def equal(times: int = 1) -> Workload:
    """The same event over and over."""
    return drawn("equal", times, lambda _turn, _count: (0, DAY))


def comb(times: int = 1) -> Workload:
    """No two events touch, and no two members' bounds coincide: as many pieces of free time as possible."""
    return drawn("comb", times, lambda turn, _: (turn * 2 * HOUR, turn * 2 * HOUR + HOUR // 2))


def drawn(name: str, times: int, event: Callable[[int, int], tuple[int, int]]) -> Workload:
    """Ten members with 350 such events each, every member a few minutes later than the previous one, shuffled."""
    chance, count = Random(SEED), 350 * times
    members: list[Events] = []
    for member in range(10):
        shift = START + DAY + member * 10 * MINUTE
        busy = [(shift + start, shift + end) for start, end in (event(turn, count) for turn in range(count))]
        chance.shuffle(busy)
        members.append(busy)
    return Workload(name, DAYS * times, members)


#: the workloads on which each answer is compared, also at ten times the size
SHAPES = (w1, w2, one_window, nested, staircase, touching, equal, comb)
