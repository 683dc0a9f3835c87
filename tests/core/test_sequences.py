"""Sequences: the solver agrees with trying all starts of all steps, in whichever way it has the tails."""

from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from core import sequences as solver
from core import tails
from core.instants import MINUTE
from core.sequences import is_sequence, solve_sequences

from .sequence_cases import sequences, to_sequenced


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


@given(sequences())
def test_tails_are_the_same_as_bits_and_lazily(case):
    """Which of the two is used is a matter of speed."""
    found = solved(case)
    for few in (0, 1000):
        with patch.object(solver, "FEW_ORDERS", few):
            assert solved(case) == found
    with patch.object(tails, "MOST_BITS", 0):
        assert solved(case) == found


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
