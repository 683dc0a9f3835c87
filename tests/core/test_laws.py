"""What has to hold for every question: the solver agrees with trying everything, and its results are as good as can be."""

from itertools import pairwise

from hypothesis import given

from core.instants import MINUTE
from core.reach import group_reach
from core.solver import free_times, query_reach, solve
from tests.core.cases import at, questions, questions_about_slots, to_core
from tests.oracle import Question
from tests.pictures import MIDNIGHT


def solved(question: Question, minutes: int) -> list[tuple[int, int, tuple[str, ...]]]:
    """The solver's answer, in ticks. It lies on ticks because everything in the question does."""
    query, facts = to_core(question, minutes)
    tick = minutes * MINUTE
    assert all((bound - MIDNIGHT) % tick == 0 for opening in solve(query, facts) for bound in opening[:2])
    return [((start - MIDNIGHT) // tick, (end - MIDNIGHT) // tick, who) for start, end, who in solve(query, facts)]


@given(questions())
def test_the_solver_agrees_with_trying_every_minute(case):
    """All formats, groups, buffers, own periods, hours, grids, limits: result by result, participant by participant."""
    question, minutes = case
    assert solved(question, minutes) == question.answer()


@given(questions_about_slots())
def test_the_solver_agrees_about_slots_that_are_asked_about(case):
    """In any order, more than once, touching and overlapping."""
    question, minutes = case
    assert solved(question, minutes) == question.answer()


@given(questions(formats=("periods",)))
def test_no_period_lies_inside_another(case):
    """Both its start and its end are later than those of the one before."""
    found = solved(*case)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(found))


@given(questions(formats=("periods",)))
def test_every_meeting_that_fits_lies_in_some_period(case):
    """And every period has room for one."""
    question, minutes = case
    everything = Question(**{**vars(question), "most": 200})
    found = solved(everything, minutes)
    for start in question.starts():
        assert any(first <= start and start + question.duration <= last for first, last, _ in found)
    assert all(last - first >= question.duration for first, last, _ in found)


@given(questions(formats=("slots",)))
def test_slots_never_overlap_and_no_choice_gives_more(case):
    """Taking the earliest each time is as good as trying all choices."""
    question, minutes = case
    found = solved(Question(**{**vars(question), "most": 200}), minutes)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    assert len(found) == question.most_meetings()


@given(questions())
def test_fewer_results_are_the_first_of_more(case):
    """`max_results` cuts the answer, and does not change it."""
    question, minutes = case
    everything = solved(Question(**{**vars(question), "most": 200}), minutes)
    assert solved(question, minutes) == everything[: question.most]


@given(questions())
def test_enough_of_each_group_are_in_every_result(case):
    """Whoever gets a result can invite the people in it and be done."""
    question, minutes = case
    for _, _, present in solved(question, minutes):
        assert len(set(present)) == len(present)
        for needed, people in question.groups:
            assert len({person.name for person in people} & set(present)) >= needed


@given(questions())
def test_reach_is_in_order_and_looks_ahead(case):
    """Steps are disjoint, in time order, none empty, and none reaches back into itself; nor does reach ever fall."""
    query, facts = to_core(*case)
    free = free_times(query, facts)
    groups = [group_reach(members, group.needed) for group, members in zip(query.participants, free, strict=True)]
    for steps in [*groups, query_reach(query, free)]:
        assert all(step.start < step.end <= step.reach for step in steps)
        assert all(one.end <= other.start and one.reach <= other.reach for one, other in pairwise(steps))


@given(questions())
def test_the_order_of_the_members_changes_nobody_s_time(case):
    """Only the order in which they are named."""
    question, minutes = case
    turned = tuple((needed, people[::-1]) for needed, people in question.groups[::-1])
    forwards = solved(question, minutes)
    backwards = solved(Question(**{**vars(question), "groups": turned}), minutes)
    assert [(start, end, set(who)) for start, end, who in forwards] == [
        (start, end, set(who)) for start, end, who in backwards
    ]


def test_tick_zero_lies_on_every_grid():
    """What the oracle takes for granted about the day that the questions are asked on."""
    assert at(0, 5) % (60 * MINUTE) == 0
