"""Cells of time: which of them hold a start, and what lies near them."""

from hypothesis import given
from hypothesis import strategies as st

from core.cells import Cells, CellSet
from core.grids import Grid
from core.tails import Starts

PERIOD = 6

cuts = st.sets(st.integers(1, PERIOD - 1), max_size=2).map(lambda cuts: [0, *sorted(cuts)])


@st.composite
def cells(draw: st.DrawFn) -> tuple[Cells, list[tuple[int, int]]]:
    """Cells of one or two pieces of time, and the pieces."""
    bounds = sorted(draw(st.sets(st.integers(0, 60), min_size=2, max_size=4)))
    pieces = list(zip(bounds[::2], bounds[1::2], strict=False))
    return Cells(pieces, PERIOD, [draw(cuts) for _ in pieces], draw(st.integers(0, 10))), pieces


@given(
    cells(),
    st.lists(st.tuples(st.integers(-5, 65), st.sampled_from((1, 1, 2, 12))), min_size=4),
    st.sampled_from((1, 1, 1, 4, 6, 12)),
)
def test_a_cell_is_drawn_if_a_start_lies_in_it(made, spans, interval):
    """In a piece of time, and every second belongs to one cell; where starts are far apart, others may be drawn, too."""
    time, pieces = made
    starts = {at for start, length in spans for at in range(start, start + length) if at % interval == 0}
    runs = [(at, at, at) for at in sorted(starts)]
    steps = Starts(Grid(interval).laid_over(runs), interval)
    drawn = time.drawn(steps.within(pieces), interval)
    inside = {at for at in starts if any(since <= at < until for since, until in pieces)}
    expected = {time.at(at) for at in inside}
    found = {cell for cell in range(drawn.bit_length()) if drawn >> cell & 1}
    assert all(time.start(time.at(at)) <= at for at in inside)
    assert found >= expected
    if interval == 1 or interval % PERIOD == 0:
        # Empty cells, which no second belongs to, may lie between those of a run.
        seconds = [at for since, until in pieces for at in range(since, until)]
        assert {at for at in seconds if time.at(at) in found} == {at for at in seconds if time.at(at) in expected}


@given(st.sets(st.integers(0, 30), min_size=1), st.integers(1, 9), st.none() | st.integers(-1, 40))
def test_what_lies_near_a_set_of_cells(places, least, width):
    """Behind one of them, or before one, by `least` cells and up to `width` more."""
    near = CellSet(sum(1 << place for place in places))

    def within(distance: int) -> bool:
        return least <= distance and (width is None or distance <= least + width)

    behind = {cell for cell in range(100) if any(within(cell - place) for place in places)}
    before = {cell for cell in range(100) if any(within(place - cell) for place in places)}
    assert {cell for cell in range(100) if near.behind(least, width) >> cell & 1} == behind
    assert {cell for cell in range(100) if near.before(least, width) >> cell & 1} == before
