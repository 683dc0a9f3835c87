"""Counting work instead of time: the lines of the core that run, and the comparisons and sums of instants in it.

They are the same on every machine. From unsorted events to openings, n log n would give 13.7 for ten times the events if
all of it were sorting, and n² 100.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Literal, TypeAlias

import core
from core.durations import Duration
from core.instants import DAY, MINUTE
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.solver import Facts, Opening, solve
from core.spans import Busy, SpanSet
from tests.support.pictures import MIDNIGHT

CORE = str(Path(core.__file__).parent)
FEW = 500
"""A tenth of the events that are claimed: five thousand."""
MOST_GROWTH = 12

Bounds: TypeAlias = Sequence[tuple[int, int]]
Required: TypeAlias = Literal["all"] | int
#: a query, the events of each member, and the working hours of every member
Case: TypeAlias = tuple[AvailabilityQuery, Sequence[Bounds], Bounds | None]


class Counted(int):
    """An instant that counts the operations on it; their results count too."""

    done = 0


def _counted(name: str) -> Callable[..., Any]:
    plain = getattr(int, name)

    def operation(self: int, *others: int) -> object:
        Counted.done += 1
        result = plain(self, *others)
        return Counted(result) if type(result) is int else result

    return operation


for _name in "lt le gt ge eq ne add radd sub rsub neg mul rmul floordiv mod".split():  # noqa: SIM905, a list of words
    setattr(Counted, f"__{_name}__", _counted(f"__{_name}__"))
Counted.__hash__ = int.__hash__


@contextmanager
def lines_counted() -> Iterator[list[int]]:
    """Counts the lines of the core that run in the block, in the only item of a list."""
    count = [0]

    def of_line(frame: FrameType, event: str, argument: Any) -> Any:
        count[0] += event == "line"
        return of_line

    def of_call(frame: FrameType, event: str, argument: Any) -> Any:
        return of_line if frame.f_code.co_filename.startswith(CORE) else None

    before = sys.gettrace()
    sys.settrace(of_call)
    try:
        yield count
    finally:
        sys.settrace(before)


def work(query: AvailabilityQuery, busy: Sequence[Bounds], kept: Bounds | None = None) -> tuple[int, list[Opening]]:
    """The work of answering, from the events as they are read to the openings; members' events in request order.

    `kept` are the working hours of every member.
    """
    counted = [[(Counted(start), Counted(end)) for start, end in bounds] for bounds in busy]
    hours = SpanSet.of((Counted(start), Counted(end)) for start, end in kept) if kept is not None else None
    query = replace(query)  # a copy without cached properties
    Counted.done = 0
    with lines_counted() as lines:
        each = iter(counted)
        facts = [[Facts(Busy.of(next(each)), hours) for _ in group.members] for group in query.participants]
        openings = solve(query, facts)
    return lines[0] + Counted.done, openings


def ask(
    *sizes: int, required: Required = "all", window: int = 35 * DAY, most: int = 20, minutes: int = 30, **fields: Any
) -> AvailabilityQuery:
    """A query with a group of each size, over a window of so many seconds."""
    names = iter(range(sum(sizes)))
    return AvailabilityQuery(
        participants=[Group([Member(f"acc{next(names)}") for _ in range(size)], required) for size in sizes],
        required_duration=Duration(minutes=minutes),
        query_periods=[Period(Counted(MIDNIGHT), Counted(MIDNIGHT + window))],
        max_results=most,
        **fields,
    )


def at(*minutes: float) -> Any:
    return tuple(MIDNIGHT + int(minute * MINUTE) for minute in minutes)


# The shapes: n events each, at most 35 days = 50,400 minutes


def comb(n: int) -> Bounds:
    """Gaps as long as the events: five minutes each for 5,000 of them."""
    step = 50_000 / n
    return [at(event * step, event * step + step / 2) for event in range(n)]


def nested(n: int) -> Bounds:
    """Each inside the previous one."""
    return [at(event * 3, 50_000 - event * 3) for event in range(n)]


def staircase(n: int) -> Bounds:
    """Each overlaps the next hundred."""
    return [at(event * 5, event * 5 + 500) for event in range(n)]


def touching(n: int) -> Bounds:
    """Each begins where the previous one ends: together one busy span."""
    return [at(event * 5, event * 5 + 5) for event in range(n)]


def equal(n: int) -> Bounds:
    """The same meeting, n times."""
    return [at(600, 660)] * n


def shuffled(n: int) -> Bounds:
    """The comb in a scattered order: multiples of a prime."""
    teeth = comb(n)
    return [teeth[event * 7919 % n] for event in range(n)]


SHAPES = [comb, nested, staircase, touching, equal, shuffled]
