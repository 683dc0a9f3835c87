"""Ten times the events take little more than ten times the work to explain, too, in the worst arrangements we know.

Everything is worked out: blocked spans, held-back minutes, all relaxations, the summary and the picture.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from core.blocked import events_in
from core.candidates import KnownFacts
from core.durations import Buffer, Duration
from core.explanation import Explanation
from core.instants import DAY
from core.query import AvailabilityQuery
from core.relaxations import LATER
from core.solver import Facts, solve
from core.spans import Busy, SpanSet

from .counted_work import MOST_GROWTH, SHAPES, Bounds, Case, Counted, ask, at, comb, lines_counted, nested

FEW = 80
"""A tenth of the events, fewer than of an answer alone: an explanation counts every step of dozens of answers."""


def explaining(query: AvailabilityQuery, busy: Sequence[Bounds], kept: Bounds | None, *, picture: bool = False) -> int:
    """The work of explaining: everything that an explanation has. A fifth of the events are tentative."""
    counted = [sorted((Counted(start), Counted(end)) for start, end in bounds) for bounds in busy]
    hours = SpanSet.of((Counted(start), Counted(end)) for start, end in kept) if kept is not None else None
    shift = 35 * DAY
    query = replace(query)
    each, firm, afterwards = iter(counted), iter(counted), iter(counted)
    known = KnownFacts(
        [[Facts(Busy.of(next(each)), hours) for _ in group.members] for group in query.participants],
        [
            [Busy.of(span for n, span in enumerate(next(firm)) if n % 5) for _ in group.members]
            for group in query.participants
        ],
        [
            [Facts(Busy.of((start + shift, end + shift) for start, end in next(afterwards))) for _ in group.members]
            for group in query.participants
        ],
    )
    openings = solve(query, known.facts)
    Counted.done = 0
    with lines_counted() as lines:
        found = Explanation(query, openings, known, {}, frozenset(query.subs))
        assert [member.blocked(1_000_000) for member in found.members]
        assert [member.held_back_minutes for member in found.members]
        assert found.summary
        if picture:
            assert found.picture("Etc/UTC", 96)
    return lines[0] + Counted.done


def growth(of: Callable[[int], Case], **more: Any) -> float:
    return explaining(*of(10 * FEW), **more) / explaining(*of(FEW), **more)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("required", ["all", 5])
def test_ten_members_with_many_events(shape, required):
    """With buffers and a grid, each member a little later than the one before."""
    buffer = Buffer(Duration(minutes=1), Duration(minutes=1))

    def case(n: int) -> Case:
        query = ask(10, required=required, minutes=10, most=512, start_interval=Duration(minutes=15), buffer=buffer)
        return query, [[(start + late, end + late) for start, end in shape(n // 10)] for late in range(10)], None

    assert growth(case) < MOST_GROWTH


@pytest.mark.parametrize("required", ["all", 1])
def test_as_many_hours_as_events(required):
    """Each span of hours and each event is a blocked span of its own."""

    def case(n: int) -> Case:
        step = 50_000 / n
        hours = [at(each * step, each * step + 0.7 * step) for each in range(n)]
        return ask(2, required=required, minutes=1, most=512), [comb(n // 2), comb(n // 2)[1:]], hours

    assert growth(case, picture=True) < MOST_GROWTH


@pytest.mark.parametrize("required", ["all", 1, 3])
def test_ten_members_who_hold_each_other_back(required):
    """Ten who are busy in turns: at each start somebody else is missing."""

    def case(n: int) -> Case:
        step = 50_000 / n
        turns = [[at(event * step, event * step + step / 2) for event in range(late, n, 10)] for late in range(10)]
        return ask(10, required=required, minutes=1, most=512), turns, None

    assert growth(case) < MOST_GROWTH


def test_many_members_who_are_all_needed():
    """An operator may raise the limit of ten accounts; the relaxations of all together are as many as the events."""

    def case(n: int) -> Case:
        step = 50_000 / n
        turns = [
            [at(event * step, event * step + step / 2) for event in range(late, n, n // 10)] for late in range(n // 10)
        ]
        return ask(n // 10, minutes=1, most=20), turns, None

    assert growth(case) < 2 * MOST_GROWTH


def test_events_of_nested_spans():
    """Of each span few events are given: all together would be quadratic."""

    def work(n: int) -> int:
        events = [(Counted(start), Counted(end), number) for number, (start, end) in enumerate(nested(n))]
        bounds = sorted({bound for event in events for bound in event[:2]})
        Counted.done = 0
        with lines_counted() as lines:
            found = events_in(list(pairwise(bounds)), events, 10)
        assert max(map(len, found)) == 10
        return lines[0] + Counted.done

    assert work(10 * FEW) / work(FEW) < 15  # the heap of ends is sorting


def test_an_empty_window_of_many_days():
    """Only what is there costs something: 35 days later without an event are no more than one."""
    one = explaining(ask(2, window=DAY), [comb(50), comb(50)], None)
    later = explaining(ask(2, window=LATER), [comb(50), comb(50)], None)
    assert later < 20 * one
