"""Sequences: the solver agrees with trying all starts of all steps, however it searches."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from core import orders, stretches
from core import sequences as solver
from core.instants import MINUTE
from core.sequences import is_sequence, solve_sequences

from .odd_sequences import odd_sequences
from .sequence_cases import sequences, to_sequenced

#: limits of how finely time is cut, and of what is searched at once
cell_counts = st.fixed_dictionaries(
    {
        "FEW_CELLS": st.sampled_from((1 << 17, 2000, 200, 30)),
        "MOST_CELLS": st.sampled_from((1 << 17, 6000, 2000, 100)),
        "ROUGH_CELLS": st.sampled_from((3 << 12, 1000, 200, 30)),
    }
)
few = st.fixed_dictionaries({"FEW_ORDERS": st.sampled_from((24, 3, 0)), "FEW_STARTS": st.sampled_from((1000, 48, 5))})


@contextmanager
def cut(counts, limits) -> Iterator[None]:
    """All orders are taken for many, with such limits."""
    with (
        patch.object(solver, "FEW_ORDERS", 0),
        patch.multiple(stretches, **counts),
        patch.multiple(orders, **limits),
    ):
        yield


def solved(case) -> list[list[tuple[str, int, tuple[str, ...]]]]:
    """The solver's answer, in ticks."""
    _, minutes, first, _ = case
    query, facts = to_sequenced(*case)
    tick = minutes * MINUTE
    found = solve_sequences(query, facts)
    for each in found:
        assert (each.start, each.end) == (each.sequence[0].start, each.sequence[-1].end)
        durations = {step.sequence_id: step.required_duration.seconds for step in query.sequence}
        assert all(step.end - step.start == durations[step.sequence_id] for step in each.sequence)
        assert all((step.start - first) % tick == 0 for step in each.sequence)
    return [
        [(step.sequence_id, (step.start - first) // tick, step.participants) for step in each.sequence]
        for each in found
    ]


@given(sequences())
def test_the_solver_agrees_with_trying_all_starts(case):
    """Orders, gaps, buffers, grids on local clocks and without, own periods, groups and limits."""
    assert solved(case) == case[0].answer()


@given(sequences(), cell_counts, few)
def test_few_orders_and_many_are_searched_alike(case, counts, limits):
    """In exact cells, in rough ones, and lazily: which is used is a matter of speed."""
    found = solved(case)
    with patch.object(solver, "FEW_ORDERS", 1000):
        assert solved(case) == found
    with cut(counts, limits):
        assert solved(case) == found


@given(odd_sequences(), cell_counts, few)
def test_many_orders_with_events_at_odd_seconds(case, counts, limits):
    """Days of events that leave seconds too few, or just enough, in orders that are each searched by itself as well."""
    query, facts = case
    with patch.object(solver, "FEW_ORDERS", 1000):
        found = solve_sequences(query, facts)
    with cut(counts, limits):
        assert solve_sequences(query, facts) == found


@given(sequences(), st.data())
def test_a_sequence_is_recognised_by_its_starts(case, data):
    """Listed or not, in any order that the ordinals allow; near misses are recognised, too."""
    asked, minutes, first, _ = case
    query, facts = to_sequenced(*case)
    everything = {
        tuple(sorted((asked.steps[place].name, start) for place, start in zip(order, starts, strict=True)))
        for order in asked.orders()
        for starts in asked.ways(order)
    }
    for way in data.draw(st.lists(st.sampled_from(sorted(everything)), max_size=3)) if everything else []:
        assert is_sequence(query, facts, {name: first + start * minutes * MINUTE for name, start in way})
        name, start = data.draw(st.sampled_from(way))
        moved = tuple(sorted({**dict(way), name: start + data.draw(st.sampled_from((-1, 1, 2)))}.items()))
        starts = {name: first + start * minutes * MINUTE for name, start in moved}
        assert is_sequence(query, facts, starts) == (moved in everything)
