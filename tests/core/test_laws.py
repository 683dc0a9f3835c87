"""What has to hold for every question: the solver agrees with trying everything, and its results are as good as can be."""

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
def test_steps_are_in_order(case):
    """Reach never falls, of a group as of the whole query; a later step starts no earlier, and has room for the meeting."""
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
def test_needing_all_is_needing_as_many_as_there_are(case):
    """What is quicker for a group that needs all of its members gives no other starts than counting them."""
    query, facts = to_core(*case)
    window, duration = query.window(), query.duration
    for theirs in restrictions(query, facts):
        rooms = [rooms_of_one(window, member, duration) for member in theirs]
        counted = group_reach(rooms, len(theirs), duration)
        assert list(viable(rooms_of_all(window, theirs, duration), duration)) == list(viable(counted, duration))


@given(questions(), st.sampled_from([0, 1_000_000]))
def test_where_members_are_looked_at_changes_nothing(case, search):
    """Everywhere, or only near what the others left: which of the two is quicker."""
    query, facts = to_core(*case)
    window, duration = query.window(), query.duration
    for theirs in restrictions(query, facts):
        usual = list(rooms_of_all(window, theirs, duration))
        with patch.object(free, "SEARCH", search):
            assert list(rooms_of_all(window, theirs, duration)) == usual


@given(questions(), st.sampled_from([1, 2, 1_000_000]))
def test_how_many_rooms_are_put_in_order_at_first_changes_nothing(case, first):
    """The first few, or all: which of the two is quicker."""
    query, facts = to_core(*case)
    usual = solve(query, facts)
    with patch.object(reach, "FIRST", first):
        assert solve(query, facts) == usual


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


@given(questions(), st.lists(st.tuples(st.integers(-WIDTH, 2 * WIDTH), st.integers(1, WIDTH)), max_size=4))
def test_busy_time_outside_of_the_window_changes_nothing(case, elsewhere):
    """A calendar knows of much more than a query asks about."""
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
def test_the_same_people_are_one_and_the_same_tuple(case):
    """Whoever writes an answer out need not compare them name by name."""
    query, facts = to_core(*case)
    people = [opening.participants for opening in solve(query, facts)]
    assert len(set(map(id, people))) == len(set(people))


def test_tick_zero_lies_on_every_grid():
    """What the oracle takes for granted about the day that the questions are asked on."""
    assert at(0, 5) % (60 * MINUTE) == 0
