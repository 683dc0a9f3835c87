"""Response formats, applied to steps. Whole answers are drawn in test_solver."""

from itertools import islice

from core.grids import Grid
from core.reach import Step
from core.slots import asked_slots, overlapping_slots, periods, slots, viable

#: reach jumps from 40 to 90 at 20, and nobody is free between 90 and 95
STEPS: list[Step] = [(0, 40), (20, 90), (95, 120)]


def test_a_start_is_viable_while_the_meeting_ends_within_reach():
    """Both bounds of a viable stretch are starts, because instants are whole seconds."""
    assert list(viable(STEPS, 25)) == [(0, 15, 40), (20, 65, 90), (95, 95, 120)]


def test_a_start_belongs_to_the_step_it_lies_in():
    """From 19 on a meeting of ten would still end within reach, but from 20 on the next step reaches further."""
    assert list(viable(STEPS, 10)) == [(0, 19, 40), (20, 80, 90), (95, 110, 120)]


def test_a_step_that_is_too_short_is_not_viable():
    """The last one is a second too short."""
    assert list(viable(STEPS, 26)) == [(0, 14, 40), (20, 64, 90)]
    assert list(viable(STEPS, 71)) == []


def test_periods_start_where_a_longer_one_becomes_possible():
    """The later one reaches further: neither lies inside the other."""
    assert list(periods(STEPS, 25, None)) == [(0, 40), (20, 90), (95, 120)]


def test_periods_start_on_the_grid():
    """One that is too short from its first grid point on is left out."""
    assert list(periods(STEPS, 20, Grid(15))) == [(0, 40), (30, 90)]
    assert list(periods(STEPS, 15, Grid(15))) == [(0, 40), (30, 90), (105, 120)]


def test_a_step_without_a_grid_point_begins_no_period():
    """The first grid point lies in the next step, so there is one period of full length, not two."""
    assert list(periods([(1, 40), (10, 90)], 20, Grid(15))) == [(15, 90)]


def test_a_period_inside_another_is_left_out():
    """A step with the same reach, which can come from another group, adds no period."""
    assert list(periods([(0, 50), (10, 50)], 10, None)) == [(0, 50)]


def test_each_slot_starts_where_the_previous_one_ends():
    """Also across steps: the third starts at 30, where the second ends, and not where the step starts."""
    assert list(slots(STEPS, 15, None)) == [(0, 15), (15, 30), (30, 45), (45, 60), (60, 75), (75, 90), (95, 110)]


def test_each_slot_on_a_grid_starts_at_the_next_grid_point():
    """After the end of the previous one: results never overlap."""
    assert list(slots(STEPS, 15, Grid(10))) == [(0, 15), (20, 35), (40, 55), (60, 75), (100, 115)]


def test_overlapping_slots_start_on_every_grid_point():
    """As often as the meeting fits."""
    assert list(overlapping_slots(STEPS, 40, Grid(10))) == [(0, 40), (20, 60), (30, 70), (40, 80), (50, 90)]


def test_overlapping_slots_without_a_grid_are_slots():
    """Without a grid there is no distance at which to overlap."""
    assert list(overlapping_slots(STEPS, 15, None)) == list(slots(STEPS, 15, None))


def test_query_slots_are_results_where_they_are_viable():
    """Off any grid; the very last instant of a stretch counts, the second after it does not."""
    starts = [-5, 0, 15, 16, 19, 20, 65, 66, 94, 95, 96, 200]
    assert [start for start, _ in asked_slots(STEPS, 25, starts)] == [0, 15, 20, 65, 95]


def test_results_are_computed_lazily():
    """Twenty slots of a thousand years cost as much as twenty slots of a day."""
    forever = [(0, 1 << 40)]
    assert len(list(islice(slots(forever, 60, None), 20))) == 20
    assert len(list(islice(overlapping_slots(forever, 60, Grid(5)), 20))) == 20
