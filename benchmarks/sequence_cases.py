"""Questions for sequences, on friendly calendars and on those that are made to take long."""

from collections.abc import Iterator
from math import factorial
from random import Random
from typing import Literal, NamedTuple

from core.durations import Duration
from core.instants import DAY, HOUR, MINUTE
from core.periods import Period
from core.query import Group, Member
from core.sequenced_availability import Gap, SequencedQuery, SequenceStep
from core.solver import Facts
from core.spans import Busy

from .workloads import DAYS, SEED, START, Events, Workload, comb, spread_out, w2

MEMBERS = 10
#: minutes of the steps, one after the other
MINUTES = (60, 30, 45, 30, 60, 45)
HOURS = (60,) * 6
SHORT = (7, 13) * 3


class Case(NamedTuple):
    """A question: how many steps, in the order given or in any, with a grid in minutes, and the greatest gap."""

    workload: Workload
    steps: int
    ordered: bool
    grid: int | None
    greatest: int | None
    required: Literal["all", 1] = 1
    minutes: tuple[int, ...] = MINUTES
    #: so many of the steps can be any time apart from each other
    free: int = 0

    @property
    def name(self) -> str:
        grid = f"every {self.grid} min" if self.grid is not None else "no grid"
        return f"{self.workload.name}, {grid}, {self.required} of {MEMBERS}"

    @property
    def orders(self) -> int:
        return 1 if self.ordered else factorial(self.steps)

    @property
    def apart(self) -> str:
        if self.greatest is None:
            return "any"
        return f"{self.greatest}, or any" if self.free else str(self.greatest)


def cases() -> Iterator[Case]:
    """Three steps in one order and in six, and six in 720, on friendly calendars and on unfriendly ones."""
    office, lunch = spread_out("10 events a day", members=60, days=DAYS, daily=10), enlarged(w2())
    for workload in (office, lunch):
        for ordered in (True, False):
            yield Case(workload, 3, ordered, 15, 60)
            yield Case(workload, 3, ordered, None, 60)
    yield Case(office, 3, True, 15, None, "all")
    for workload in (office, lunch, enlarged(comb()), hopeless()):
        yield Case(workload, 6, False, 15, 60)
        yield Case(workload, 6, False, None, 60)
        yield Case(at_odd_seconds(workload), 6, False, None, 60)
    for greatest in (0, 60):
        yield Case(blocks("5 h blocks", 5 * HOUR, 0), 6, False, None, greatest, minutes=HOURS)
        yield Case(blocks("6 h less seconds", 6 * HOUR, 60), 6, False, None, greatest, minutes=HOURS)
    yield Case(blocks("1 h less seconds", HOUR, 60, 10 * MINUTE), 6, False, None, 0, minutes=SHORT)
    yield Case(blocks("40 min less seconds", 40 * MINUTE, 60), 6, False, None, 60, minutes=SHORT)
    yield Case(turns(), 6, False, None, 15)
    yield Case(turns(), 6, False, None, 15, free=3)
    yield Case(rarely(), 6, False, None, 240)
    yield Case(rarely(), 6, False, None, 60, free=3)
    yield Case(at_odd_seconds(office), 6, False, None, None)


def enlarged(workload: Workload) -> Workload:
    """The same members six times."""
    return workload._replace(members=[*workload.members] * 6)


def hopeless() -> Workload:
    """Each step has hundreds of starts, but few are ever near enough to others: nearly all has to be looked at."""
    chance = Random(7)
    members = [
        [
            (START + hour * HOUR, START + hour * HOUR + chance.choice((30, 60)) * MINUTE)
            for hour in range(DAYS * 24)
            if hour % 7 != step
        ]
        for step in range(6)
        for _ in range(MEMBERS)
    ]
    return Workload("apart", DAYS, members)


def at_odd_seconds(workload: Workload) -> Workload:
    """The same events, each up to five minutes later and longer."""
    chance = Random(SEED)
    members = [
        [(start + chance.randrange(1, 300), end + chance.randrange(1, 300)) for start, end in events]
        for events in workload.members
    ]
    return workload._replace(name=f"{workload.name}, odd", members=members)


def blocks(name: str, length: int, less: int, apart: int = HOUR) -> Workload:
    """All are free in the same blocks, of which each is up to so many seconds shorter, with some time between them."""
    chance = Random(SEED)
    busy: Events = []
    until = START
    while until < START + DAYS * DAY:
        start = until + length - (chance.randrange(1, less) if less else 0)
        until = start + apart + chance.randrange(1, 300)
        busy.append((start, until))
    return Workload(name, DAYS, [busy] * 6 * MEMBERS)


def turns() -> Workload:
    """Each step has three of every five hours and a half, and no two have quite the same."""
    chance = Random(64)
    length = 90 * MINUTE
    members: list[Events] = []
    for _ in range(6):
        free = set(chance.sample(range(5), 3))
        members += [
            [
                (START + turn * length, START + (turn + 1) * length + chance.randrange(1, 120))
                for turn in range(DAYS * DAY // length)
                if turn % 5 not in free
            ]
            for _ in range(MEMBERS)
        ]
    return Workload("in turns", DAYS, members)


def rarely() -> Workload:
    """Five steps have time at most hours, and the sixth once a week."""
    chance = Random(SEED)
    often: Events = [(hour, hour + chance.randrange(60, HOUR)) for hour in range(START, START + DAYS * DAY, 2 * HOUR)]
    week = 7 * DAY
    noons = [START + number * week + 3 * DAY + 12 * HOUR + chance.randrange(60) for number in range(DAYS // 7)]
    bounds = [START, *(bound for noon in noons for bound in (noon, noon + HOUR)), START + DAYS * DAY]
    rare = list(zip(bounds[::2], bounds[1::2], strict=True))
    return Workload("one rarely", DAYS, [often] * 5 * MEMBERS + [rare] * MEMBERS)


def question(case: Case) -> tuple[SequencedQuery, list[list[list[Facts]]]]:
    """The query, and the facts of ten other members in each step."""
    steps = [step(case, number) for number in range(case.steps)]
    facts = [
        [[Facts(Busy.of(busy)) for busy in case.workload.members[number * MEMBERS :][:MEMBERS]]]
        for number in range(case.steps)
    ]
    return SequencedQuery([Period(START, case.workload.end)], steps), facts


def step(case: Case, number: int) -> SequenceStep:
    bounded = case.greatest is not None and number >= case.free
    gap = Gap(None, Duration(minutes=case.greatest) if bounded else None)
    return SequenceStep(
        str(number),
        [Group([Member(f"acc_{number * MEMBERS + member:024}") for member in range(MEMBERS)], case.required)],
        Duration(minutes=case.minutes[number]),
        number if case.ordered else None,
        before=gap,
        after=gap,
        start_interval=Duration(minutes=case.grid) if case.grid is not None else None,
    )
