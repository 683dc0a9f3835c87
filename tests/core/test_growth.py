"""Ten times the events take little more than ten times the work, in the worst arrangements we know."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.durations import Buffer, Duration
from core.instants import DAY, MINUTE
from core.periods import Period
from core.query import Group, Member, ResponseFormat
from core.solver import Facts, Opening, solve
from core.spans import Busy
from tests.support.pictures import MIDNIGHT

from .counted_work import (
    FEW,
    MOST_GROWTH,
    SHAPES,
    Bounds,
    Case,
    Counted,
    ask,
    at,
    comb,
    lines_counted,
    shuffled,
    staircase,
    work,
)


def growth(of: Callable[[int], Case]) -> float:
    """The ratio of the work for ten times FEW events to that for FEW."""
    return work(*of(10 * FEW))[0] / work(*of(FEW))[0]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("response_format", ResponseFormat)
def test_one_member_with_five_thousand_events_in_one_window(shape, response_format):
    """A naive solver is quadratic or worse when all of them lie in one gap."""
    buffer = Buffer(Duration(minutes=1), Duration(minutes=1))
    query = ask(1, minutes=1, response_format=response_format, buffer=buffer)
    assert growth(lambda n: (query, [shape(n)], None)) < MOST_GROWTH


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("required", ["all", 1, 5])
def test_ten_members_with_five_thousand_events(shape, required):
    """Each member a little later than the one before, so that few bounds coincide."""

    def case(n: int) -> Case:
        query = ask(10, required=required, minutes=1)
        return query, [[(start + late, end + late) for start, end in shape(n // 10)] for late in range(10)], None

    assert growth(case) < MOST_GROWTH


@pytest.mark.parametrize("required", ["all", 1, 250])
def test_many_members_with_ten_events_each(required):
    """An operator may raise the limit of ten accounts; the work then grows with the number of events."""

    def case(n: int) -> Case:
        members = n // 10
        query = ask(members, required=required if required == "all" else max(1, required * n // 5000), minutes=1)
        return query, [[(start + late, end + late) for start, end in comb(10)] for late in range(members)], None

    assert growth(case) < MOST_GROWTH


def test_members_who_are_free_by_turns():
    """Reach changes at every bound: as many steps as possible, with a long period at each."""

    def case(n: int) -> Case:
        step = 50_000 / n
        early = [at(event * step, event * step + step / 4) for event in range(0, n, 2)]
        late = [at(event * step, event * step + step / 4) for event in range(1, n, 2)]
        return ask(2, required=1, minutes=1, most=n), [early, late], None

    assert growth(case) < MOST_GROWTH


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("required", ["all", 1])
def test_as_many_hours_as_events(shape, required):
    """Every span of working hours meets many events, and every event meets many spans."""

    def case(n: int) -> Case:
        step = 50_000 / n
        hours = [at(each * step, each * step + 0.7 * step) for each in range(n)]
        return ask(2, required=required, minutes=1), [shape(n // 2), shape(n // 2)[1:]], hours

    assert growth(case) < MOST_GROWTH


def test_many_members_with_disjoint_free_time():
    """As many results as rooms, each with another participant: results must not be checked against all members."""

    def case(n: int) -> Case:
        members, day = n // 10, 50_000 / 6
        turn = day / members
        busy = [
            [
                at(*span)
                for d in range(5)
                for span in ((d * day, d * day + m * turn), (d * day + (m + 1) * turn, (d + 1) * day))
            ]
            for m in range(members)
        ]
        return ask(members, required=1, minutes=1, most=n, window=int(5 * day) * MINUTE), busy, None

    assert len(work(*case(FEW))[1]) >= FEW // 2
    assert growth(case) < MOST_GROWTH


def test_two_groups_with_many_steps():
    """Both have as many steps as possible, and no bound in common."""

    def case(n: int) -> Case:
        teeth = comb(n // 4)
        busy = [[(start + late, end + late) for start, end in teeth] for late in (0, 1, 2, 3)]
        return ask(2, 2, required=1, minutes=1), busy, None

    assert growth(case) < MOST_GROWTH


def test_many_groups_with_ten_events_each():
    """Merged in pairs, each step is visited log n times: n log n in total, and more than sorting takes."""

    def case(n: int) -> Case:
        groups = n // 10
        teeth = [at(event * 5000, event * 5000 + 1) for event in range(10)]
        busy = [[(start + 120 * late, end + 120 * late) for start, end in teeth] for late in range(groups)]
        return ask(*[1] * groups, minutes=1), busy, None

    assert growth(case) < MOST_GROWTH


def test_many_groups_with_a_choice():
    """One of two in each: the group with the least reach is found without checking all groups."""

    def case(n: int) -> Case:
        groups = n // 20
        teeth = [at(event * 5000, event * 5000 + 1) for event in range(10)]
        busy = [[(start + 120 * late, end + 120 * late) for start, end in teeth] for late in range(2 * groups)]
        return ask(*[2] * groups, required=1, minutes=1), busy, None

    assert growth(case) < MOST_GROWTH


def test_a_group_with_a_choice_beside_one_that_needs_all():
    """Both with as many steps as possible."""

    def case(n: int) -> Case:
        teeth = comb(n // 4)
        busy = [[(start + late, end + late) for start, end in teeth] for late in (0, 1, 2, 3)]
        query = ask(2, 2, minutes=1, most=n)
        host, rooms = query.participants
        return replace(query, participants=[host, replace(rooms, required=1)]), busy, None

    assert growth(case) < MOST_GROWTH


@pytest.mark.parametrize("required", ["all", 1, 2])
def test_events_outside_the_window_cost_nothing(required):
    """A calendar is cached as a whole, and most of it is in the past."""
    query = ask(3, required=required, window=DAY)
    near = [at(hour * 60, hour * 60 + 5) for hour in range(8)]
    far = [at(each * 5, each * 5 + 3) for each in (*range(-1000, -100), *range(1000, 2000))]

    def solving(events: Bounds) -> tuple[int, list[Opening]]:
        facts = [[Facts(Busy.of((Counted(start), Counted(end)) for start, end in events))] * 3]
        Counted.done = 0
        with lines_counted() as lines:
            openings = solve(replace(query), facts)
        return lines[0] + Counted.done, openings

    little, openings = solving(near)
    much, same = solving([*near, *far])
    assert same == openings
    assert much - little <= 3 * 2 * 8  # comparisons: two binary searches per member, each eight steps longer


def test_many_periods_and_many_query_slots():
    """The query's own lists grow as events do."""

    def periods(n: int) -> Case:
        teeth = [Period(Counted(start), Counted(end)) for start, end in shuffled(n)]
        query = replace(ask(1, minutes=1), query_periods=teeth)
        return replace(query, participants=[Group([Member("alice", available_periods=teeth)])]), [staircase(10)], None

    def asked(n: int) -> Case:
        starts = [Counted(start) for start, _ in shuffled(n)]
        return replace(ask(1, minutes=1), query_periods=None, query_slots=starts), [comb(n)], None

    assert growth(periods) < MOST_GROWTH
    assert growth(asked) < MOST_GROWTH


@pytest.mark.parametrize("response_format", ResponseFormat)
def test_few_results_from_a_huge_window_cost_as_much_as_from_a_small_one(response_format):
    """Nothing iterates over minutes: twenty slots of ten years are twenty slots."""
    day = ask(3, required=2, window=DAY, response_format=response_format, start_interval=Duration(minutes=5))
    decade = replace(day, query_periods=[Period(Counted(MIDNIGHT), Counted(MIDNIGHT + 3650 * DAY))])
    busy = [[at(hour * 60 + late, hour * 60 + late + 5) for hour in range(8)] for late in (0, 10, 20)]
    of_day, openings = work(day, busy)
    of_decade, as_many = work(decade, busy)
    assert len(openings) == len(as_many)
    assert of_decade <= of_day * 1.01


def test_the_work_is_really_counted():
    """A counter that stays at zero would pass every test above."""
    lines_and_sums, openings = work(ask(1), [comb(100)])
    assert len(openings) == 20
    assert lines_and_sums > 1000
    with lines_counted() as lines:
        list(range(1000))
    assert lines == [0]


def test_quadratic_work_is_detected():
    """The same measure, applied to comparing every event with every other."""

    def compare_all(n: int) -> int:
        instants = [Counted(instant) for instant in range(n // 10)]
        Counted.done = 0
        assert not any(one > other for at, one in enumerate(instants) for other in instants[at:])
        return Counted.done

    assert compare_all(10 * FEW) / compare_all(FEW) > 90
