"""Sequences: ten times the events take little more than ten times the work, also where nothing or little fits."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.durations import Duration
from core.instants import DAY, MINUTE
from core.periods import Period
from core.query import Group, Member
from core.sequenced_availability import Gap, SequencedQuery, SequenceStep
from core.sequences import PlacedSequence, solve_sequences
from core.solver import Facts
from core.spans import Busy
from tests.support.pictures import MIDNIGHT

from .counted_work import FEW, MOST_GROWTH, SHAPES, Bounds, Counted, comb, lines_counted

#: more than there are
ALL = 1_000_000


def ask(count: int, *, ordered: bool = True, greatest: int | None = None, most: int = 20, **fields) -> SequencedQuery:
    """So many steps of a minute, with one member each, in the given order or in any, at most so many minutes apart."""
    gap = Gap(None, Duration(minutes=greatest) if greatest is not None else None)
    step = SequenceStep("", [Group([Member("ada")])], Duration(minutes=1), before=gap, after=gap, **fields)
    steps = [replace(step, sequence_id=str(n), ordinal=n if ordered else None) for n in range(count)]
    return SequencedQuery([Period(Counted(MIDNIGHT), Counted(MIDNIGHT + 35 * DAY))], steps, most)


def work(query: SequencedQuery, busy: list[Bounds]) -> tuple[int, list[PlacedSequence]]:
    """The work of answering, from the events of each step's member."""
    query = replace(query)  # a copy without cached properties
    Counted.done = 0
    with lines_counted() as lines:
        facts = [[[Facts(Busy.of((Counted(start), Counted(end)) for start, end in events))]] for events in busy]
        found = solve_sequences(query, facts)
    return lines[0] + Counted.done, found


def growth(of: Callable[[int], tuple[SequencedQuery, list[Bounds]]]) -> float:
    return work(*of(10 * FEW))[0] / work(*of(FEW))[0]


def later(events: Bounds, seconds: int) -> Bounds:
    return [(start + seconds, end + seconds) for start, end in events]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("greatest", [None, 0, 3])
def test_three_steps_with_five_thousand_events(shape, greatest):
    """Each member a little later than the one before, with all results."""

    def case(n: int) -> tuple[SequencedQuery, list[Bounds]]:
        query = ask(3, greatest=greatest, most=min(n, FEW))
        return query, [later(shape(n // 3), 61 * step) for step in range(3)]

    assert growth(case) < MOST_GROWTH


@pytest.mark.parametrize("ordered", [True, False])
def test_steps_that_are_never_near_enough(ordered):
    """The second is never free just before or after the others: every hole is looked at, and nothing found."""

    def case(n: int) -> tuple[SequencedQuery, list[Bounds]]:
        teeth = comb(n // 3)
        length = (teeth[1][0] - teeth[0][0]) // 4
        first = [(start, end + length) for start, end in teeth]  # free in the last quarter before the next tooth
        query = replace(ask(3, ordered=ordered, greatest=0), query_periods=[Period(MIDNIGHT, Counted(first[-1][1]))])
        return query, [first, later(first, 2 * length), first]

    assert work(*case(FEW))[1] == []
    assert growth(case) < MOST_GROWTH


def test_six_steps_in_any_order():
    """In cells: the number of orders is multiplied with the grid's points, and not with the events."""

    def case(n: int) -> tuple[SequencedQuery, list[Bounds]]:
        events = [later(comb(n // 6), 300 * step) for step in range(6)]
        return ask(6, ordered=False, greatest=5, start_interval=Duration(minutes=5)), events

    assert growth(case) < MOST_GROWTH


def test_few_results_from_a_long_time_cost_as_much_as_from_a_short_one():
    """Nothing iterates over minutes, and runs of starts are read as far as they are asked for."""
    free = [later(comb(10), 0), later(comb(10), 3600)]
    day = ask(2, greatest=30, most=5)
    decade = replace(day, query_periods=[Period(Counted(MIDNIGHT), Counted(MIDNIGHT + 3650 * DAY))])
    of_day, found = work(day, free)
    of_decade, as_many = work(decade, free)
    assert len(found) == len(as_many) == 5
    assert of_decade <= of_day * 1.1


@pytest.mark.parametrize("count", [2, 4])
def test_steps_that_can_never_be_neighbours_are_not_looked_for(count):
    """The second may start at once or not at all, and needs a pause before it: no start is tried after another."""

    def case(days: int) -> tuple[SequencedQuery, list[Bounds]]:
        query = ask(count, ordered=False)
        at_once, pause = Gap(None, Duration(minutes=0)), Gap(Duration(minutes=1))
        steps = [replace(step, before=pause, after=at_once) for step in query.sequence]
        periods = [Period(Counted(MIDNIGHT), Counted(MIDNIGHT + days * DAY))]
        return replace(query, sequence=steps, query_periods=periods), [[] for _ in range(count)]

    of_day, found = work(*case(1))
    assert found == []
    assert work(*case(3650))[0] <= of_day * 4


def test_the_work_is_really_counted():
    """A counter that stays at zero would pass every test above."""
    query = ask(3, most=ALL, start_interval=Duration(minutes=60))
    lines, found = work(query, [later(comb(100), step * MINUTE) for step in range(3)])
    assert len(found) > 100
    assert lines > 1000
