"""The grid of starts: on UTC's clock and on local clocks, where they change and where they do not."""

import random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.grids import Grid, rounded_up
from core.instants import DAY, HOUR, MINUTE, format_instant, parse_instant
from core.solver import solve
from tests.support.oracle import Question

from .cases import WIDTH, questions, to_core
from .local_clocks import CHANGES, DIVISORS, wall_minute


@pytest.mark.parametrize(("instant", "interval", "point"), [(0, 30, 0), (1, 30, 30), (30, 30, 30), (-31, 30, -30)])
def test_a_number_is_rounded_up_to_a_multiple(instant, interval, point):
    """Also below zero."""
    assert rounded_up(instant, interval) == point


def test_without_a_zone_the_grid_is_on_the_utc_clock():
    """So the grid is the same on every day."""
    start = parse_instant("2027-01-19T09:07:30Z")
    assert Grid(15 * MINUTE).first_from(start) == parse_instant("2027-01-19T09:15:00Z")
    assert Grid(60 * MINUTE, 10 * MINUTE).first_from(start) == parse_instant("2027-01-19T09:10:00Z")
    assert Grid(60 * MINUTE, 5 * MINUTE).first_from(start) == parse_instant("2027-01-19T10:05:00Z")


@pytest.mark.parametrize(("tzid", "change"), CHANGES)
def test_a_start_is_allowed_by_the_time_that_clocks_show(tzid, change):
    """In the two days around every change, minute by minute, for a few intervals that divide a day, with offsets."""
    zone, chance, middle = ZoneInfo(tzid), random.Random(f"{tzid} {change}"), parse_instant(change)
    shown = {at: wall_minute(zone, at) for at in range(middle - DAY, middle + DAY, MINUTE)}
    for interval in chance.sample(DIVISORS, 6):
        offset = chance.randrange(interval)
        grid = Grid(interval * MINUTE, offset * MINUTE, zone)
        allowed = [at for at, minute in shown.items() if (minute - offset) % interval == 0]
        assert [at for at in shown if at in grid] == allowed
        laid = grid.laid_over([(middle - DAY, middle + DAY - 1, middle + DAY)])
        points = [
            p
            for first, last, _, at in laid
            for p in range(at - (at - first) // interval // MINUTE * interval * MINUTE, last + 1, interval * MINUTE)
        ]
        assert points == allowed
        asked = sorted(chance.sample(range(middle - DAY, middle), 20))
        wanted = [next((at for at in allowed if at >= start), None) for start in asked]
        assert [grid.first_from(start) for start in asked if wanted[asked.index(start)]] == [at for at in wanted if at]


def test_a_daily_start_that_clocks_skip_is_not_moved():
    """03:00 on a daily grid at 02:30 in New York: the day without 02:30 has no start."""
    grid = Grid(DAY, 2 * HOUR + 30 * MINUTE, ZoneInfo("America/New_York"))
    start = grid.first_from(parse_instant("2026-03-07T08:00Z"))
    assert format_instant(start) == "2026-03-09T06:30:00Z"


@st.composite
def local_questions(draw: st.DrawFn) -> tuple[Question, int, int, str]:
    """A query on a local clock around a change, the length of its tick, the instant of tick 0, and the zone."""
    question, _ = draw(questions())
    minutes = draw(st.sampled_from((1, 5, 15)))
    tzid, change = draw(st.sampled_from(CHANGES))
    first = parse_instant(change) - draw(st.integers(0, WIDTH)) * minutes * MINUTE
    interval = draw(st.sampled_from([each // minutes for each in DIVISORS if each % minutes == 0]))
    clock = tuple(
        wall_minute(ZoneInfo(tzid), first + tick * minutes * MINUTE) // minutes for tick in range(2 * WIDTH + 1)
    )
    offset = draw(st.integers(0, interval - 1))
    local = Question(**{**vars(question), "interval": interval, "offset": offset, "clock": clock})
    return local, minutes, first, tzid


@given(local_questions())
def test_the_solver_agrees_with_trying_every_minute_of_a_local_clock(case):
    """All formats, with zones in which minutes are skipped and come twice."""
    question, minutes, first, tzid = case
    query, facts = to_core(question, minutes, midnight=first, tzid=tzid)
    tick = minutes * MINUTE
    found = [((start - first) // tick, (end - first) // tick, who) for start, end, who in solve(query, facts)]
    assert found == question.answer()
    assert all((bound - first) % tick == 0 for opening in solve(query, facts) for bound in opening[:2])


@given(questions(), st.integers(0, 11))
def test_an_offset_moves_the_grid_of_utc(case, offset):
    """Without a zone, too."""
    question, minutes = case
    moved = Question(**{**vars(question), "offset": offset if question.interval and offset < question.interval else 0})
    query, facts = to_core(moved, minutes)
    first = query.window().starts[0] - min(moved.window) * minutes * MINUTE
    tick = minutes * MINUTE
    found = [((start - first) // tick, (end - first) // tick, who) for start, end, who in solve(query, facts)]
    assert found == moved.answer()
