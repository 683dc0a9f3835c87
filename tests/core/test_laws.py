"""Properties of every answer: the solver agrees with brute force, and its results are optimal."""

from dataclasses import replace
from itertools import pairwise
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from core import free, reach
from core.free import rooms_of_all, rooms_of_one
from core.instants import MINUTE
from core.reach import group_reach
from core.slots import viable
from core.solver import free_times, query_reach, restrictions, solve
from core.spans import Busy
from tests.support.oracle import Question
from tests.support.pictures import MIDNIGHT

from .cases import WIDTH, at, questions, questions_about_slots, to_core


def solved(question: Question, minutes: int) -> list[tuple[int, int, tuple[str, ...]]]:
    """The solver's answer, in ticks. It lies on ticks because everything in the question does."""
    query, facts = to_core(question, minutes)
    tick = minutes * MINUTE
    assert all((bound - MIDNIGHT) % tick == 0 for opening in solve(query, facts) for bound in opening[:2])
    return [((start - MIDNIGHT) // tick, (end - MIDNIGHT) // tick, who) for start, end, who in solve(query, facts)]


@given(questions())
def test_the_solver_agrees_with_trying_every_minute(case):
    """All formats, groups, buffers, own periods, hours, grids and limits; results and participants are equal."""
    question, minutes = case
    assert solved(question, minutes) == question.answer()


@given(questions_about_slots())
def test_the_solver_agrees_about_query_slots(case):
    """Slots in any order, repeated, touching and overlapping."""
    question, minutes = case
    assert solved(question, minutes) == question.answer()


@given(questions(formats=("periods",)))
def test_no_period_lies_inside_another(case):
    """Both its start and its end are later than those of the previous one."""
    found = solved(*case)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(found))


@given(questions(formats=("periods",)))
def test_every_meeting_that_fits_lies_in_a_period(case):
    """And every period is long enough for a meeting."""
    question, minutes = case
    everything = Question(**{**vars(question), "most": 200})
    found = solved(everything, minutes)
    for start in question.starts():
        assert any(first <= start and start + question.duration <= last for first, last, _ in found)
    assert all(last - first >= question.duration for first, last, _ in found)


@given(questions(formats=("slots",)))
def test_slots_never_overlap_and_no_other_choice_has_more(case):
    """The greedy choice of the earliest slot is as good as the best of all choices."""
    question, minutes = case
    found = solved(Question(**{**vars(question), "most": 200}), minutes)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    assert len(found) == question.most_meetings()


@given(questions())
def test_max_results_returns_the_first_of_all_results(case):
    """It truncates the answer without changing it."""
    question, minutes = case
    everything = solved(Question(**{**vars(question), "most": 200}), minutes)
    assert solved(question, minutes) == everything[: question.most]


@given(questions())
def test_every_result_has_enough_members_of_each_group(case):
    """A caller can invite the participants of any result."""
    question, minutes = case
    for _, _, present in solved(question, minutes):
        assert len(set(present)) == len(present)
        for needed, people in question.groups:
            assert len({person.name for person in people} & set(present)) >= needed


@given(questions())
def test_steps_are_in_order(case):
    """Reach never decreases, in a group or in a query; a later step starts no earlier, and has room for the meeting."""
    query, facts = to_core(*case)
    members = restrictions(query, facts)
    window, duration = query.window(), query.duration
    rooms = [[rooms_of_one(window, member, duration) for member in theirs] for theirs in members]
    of_groups = [group_reach(of, group.needed, duration) for group, of in zip(query.participants, rooms, strict=True)]
    of_query = query_reach(query, members, free_times(query, members))
    for steps in map(list, [*of_groups, of_query]):
        assert all(until - since >= duration for since, until in steps)
        assert all(one[0] <= other[0] and one[1] <= other[1] for one, other in pairwise(steps))


@given(questions())
def test_requiring_all_is_requiring_as_many_as_there_are(case):
    """The faster algorithm for groups that require all members gives the same starts as counting."""
    query, facts = to_core(*case)
    window, duration = query.window(), query.duration
    for theirs in restrictions(query, facts):
        rooms = [rooms_of_one(window, member, duration) for member in theirs]
        counted = group_reach(rooms, len(theirs), duration)
        assert list(viable(rooms_of_all(window, theirs, duration), duration)) == list(viable(counted, duration))


@given(questions(), st.sampled_from([0, 1_000_000]))
def test_the_search_strategy_changes_nothing(case, search):
    """Searching everywhere, or only near the free time of the others, is a matter of speed."""
    query, facts = to_core(*case)
    window, duration = query.window(), query.duration
    for theirs in restrictions(query, facts):
        usual = list(rooms_of_all(window, theirs, duration))
        with patch.object(free, "SEARCH", search):
            assert list(rooms_of_all(window, theirs, duration)) == usual


@given(questions(), st.sampled_from([1, 2, 1_000_000]))
def test_the_size_of_the_first_sorted_batch_changes_nothing(case, first):
    """Sorting a few rooms first, or all of them, is a matter of speed."""
    query, facts = to_core(*case)
    usual = solve(query, facts)
    with patch.object(reach, "FIRST", first):
        assert solve(query, facts) == usual


@given(questions())
def test_the_order_of_members_changes_only_the_order_of_names(case):
    """Times and participants stay the same."""
    question, minutes = case
    turned = tuple((needed, people[::-1]) for needed, people in question.groups[::-1])
    forwards = solved(question, minutes)
    backwards = solved(Question(**{**vars(question), "groups": turned}), minutes)
    assert [(start, end, set(who)) for start, end, who in forwards] == [
        (start, end, set(who)) for start, end, who in backwards
    ]


@given(questions(), st.lists(st.tuples(st.integers(-WIDTH, 2 * WIDTH), st.integers(1, WIDTH)), max_size=4))
def test_busy_time_outside_the_window_changes_nothing(case, elsewhere):
    """A calendar covers much more than the window of a query."""
    question, minutes = case
    query, facts = to_core(question, minutes)
    buffers = max(person.before + person.after for _, people in question.groups for person in people)
    first, last = min(question.window) - buffers, max(question.window) + 1 + buffers
    outside = [
        (at(start, minutes), at(start + length, minutes))
        for start, length in elsewhere
        if start + length <= first or start >= last
    ]
    known = [[replace(each, busy=Busy.merged((each.busy, Busy.of(outside)))) for each in group] for group in facts]
    assert solve(query, known) == solve(query, facts)


@given(questions())
def test_equal_participants_share_one_tuple(case):
    """Serialisation need not compare them name by name."""
    query, facts = to_core(*case)
    people = [opening.participants for opening in solve(query, facts)]
    assert len(set(map(id, people))) == len(set(people))


def test_tick_zero_lies_on_every_grid():
    """The oracle assumes it of the day on which the queries lie."""
    assert at(0, 5) % (60 * MINUTE) == 0
