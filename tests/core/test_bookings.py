"""Bookings: the choice of participants, the alternatives offered, and the valid starts."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.bookings import NEXT_SLOTS, Assignment, BookingRequest, TargetCalendar, busy_seconds, choose, next_slots
from core.durations import Duration
from core.errors import spell
from core.events import EventDraft
from core.instants import DAY, HOUR, MINUTE, Unreadable
from core.limits import Limits
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.solver import Facts
from core.spans import Busy, SpanSet
from tests.support.oracle import Person, Question, ticks
from tests.support.pictures import MIDNIGHT

from .cases import WIDTH, at, questions, questions_about_slots, to_core

EVENT = EventDraft("e", "Meeting", 0, 1)
NINE = MIDNIGHT + 9 * HOUR
MORNING = Period(NINE, NINE + 3 * HOUR)
QUERY = AvailabilityQuery([Group([Member("acc_a"), Member("acc_b")])], Duration(minutes=60), query_periods=[MORNING])
NOW = MIDNIGHT
#: in a random query every tick is a period
WIDE = Limits(max_query_periods=1000, max_member_periods=1000)


def chosen(question: Question, start: int, *, least_busy: bool = False) -> list[str] | None:
    """The participants, found by brute force: of each group the first who can attend, or the least busy."""
    end = start + question.duration
    names: set[str] = set()
    for needed, people in question.groups:
        can = [person for person in people if person.can_attend(start, end)]
        if len(can) < needed:
            return None
        if least_busy and len(can) > needed:
            can.sort(key=lambda person: len(person.busy & question.window))
        names |= {person.name for person in can[:needed]}
    everybody = dict.fromkeys(person.name for _, people in question.groups for person in people)
    return [name for name in everybody if name in names]


def asked(query: AvailabilityQuery, start: int, assignment: Assignment = Assignment.REQUEST_ORDER) -> BookingRequest:
    return BookingRequest(query, start, EVENT, assignment=assignment)


@given(questions(), st.integers(0, WIDTH), st.booleans())
def test_the_required_number_of_free_members_is_chosen(case, start, least_busy):
    """A choice exists exactly when brute force finds one."""
    question, minutes = case
    query, facts = to_core(question, minutes)
    request = asked(query, at(start, minutes), Assignment.LEAST_BUSY if least_busy else Assignment.REQUEST_ORDER)
    if not question.window >= ticks((start, start + question.duration)) or not on_grid(question, start):
        return  # not a start of the query: refused earlier
    assert choose(request, facts) == chosen(question, start, least_busy=least_busy)


def on_grid(question: Question, start: int) -> bool:
    return question.interval is None or start % question.interval == 0


@given(questions(), st.integers(0, WIDTH))
def test_only_starts_of_the_query_are_accepted(case, start):
    """A start must lie in the query's periods and on its grid; it may be busy."""
    question, minutes = case
    query, _ = to_core(question, minutes)
    is_start = question.window >= ticks((start, start + question.duration)) and on_grid(question, start)
    problems = asked(query, at(start, minutes)).check(MIDNIGHT - DAY, WIDE)
    assert [spell(problem.path) for problem in problems] == ([] if is_start else ["start"])


@given(questions_about_slots())
def test_each_query_slot_is_a_valid_start(case):
    question, minutes = case
    query, facts = to_core(question, minutes)
    for start in range(WIDTH + 1):
        request = asked(query, at(start, minutes))
        is_start = start in (question.asked or ())
        assert (not request.check(MIDNIGHT - DAY, WIDE)) is is_start
        if is_start:
            assert choose(request, facts) == chosen(question, start)


@given(questions() | questions_about_slots(), st.integers(0, WIDTH), st.integers(0, WIDTH))
def test_every_offered_slot_can_be_booked(case, start, earliest):
    """None is too early, no later slot is dropped for an earlier one, and the offer is empty only if nothing fits."""
    question, _ = case
    query, facts = to_core(question, 1)  # because slots begin on full minutes
    offered = next_slots(asked(query, at(start, 1)), facts, at(earliest, 1))
    assert len(offered) <= NEXT_SLOTS
    assert all(one.start < other.start for one, other in pairwise(offered))
    assert all(each.start % MINUTE == 0 for each in offered)
    starts = [(each.start - MIDNIGHT) // MINUTE for each in offered]
    assert all(chosen(question, at_tick) is not None for at_tick in starts)
    assert all(at_tick >= earliest for at_tick in starts)
    possible = [candidate for candidate in range(earliest, 2 * WIDTH) if is_possible(question, candidate)]
    later = [candidate for candidate in possible if candidate >= start]
    earlier = [candidate for candidate in possible if candidate < start]
    assert bool(starts) is bool(later or earlier)
    assert len([each for each in starts if each >= start]) == NEXT_SLOTS or starts[-1:] >= later[:1]
    if later:
        assert later[0] in starts


def is_possible(question: Question, start: int) -> bool:
    if question.asked is not None:
        return start in question.asked and question.possible(start, start + question.duration)
    return question.allowed(start)


def test_a_member_of_two_groups_is_booked_once():
    query = replace(QUERY, participants=[Group([Member("acc_a")]), Group([Member("acc_b"), Member("acc_a")], 1)])
    free = Facts(Busy())
    assert choose(asked(query, NINE), [[free], [free, free]]) == ["acc_a", "acc_b"]


def test_an_offer_from_now_on_begins_on_a_full_minute():
    """Also in a window that has begun, and without a grid."""
    query = replace(QUERY, query_periods=[Period(MIDNIGHT, MIDNIGHT + 3 * HOUR)])
    facts = [[Facts(Busy.of([(MIDNIGHT + 2 * HOUR, MIDNIGHT + 3 * HOUR)])), Facts(Busy())]]
    offered = next_slots(asked(query, MIDNIGHT + 2 * HOUR), facts, MIDNIGHT + 7)
    assert [slot.start for slot in offered] == [MIDNIGHT + MINUTE]


def test_of_equally_busy_members_the_first_is_booked():
    """Overlapping events are counted once; events outside the window are not counted."""
    query = replace(QUERY, participants=[Group([Member("acc_a"), Member("acc_b"), Member("acc_c")], 1)])
    start, hour = NINE, HOUR
    twice = Busy.of([(start, start + hour), (start, start + hour)])
    longer = Busy.of([(start, start + 2 * hour)])
    elsewhere = Busy.of([(start, start + hour), (start + 20 * hour, start + 30 * hour)])
    request = asked(query, start + 2 * hour, Assignment.LEAST_BUSY)
    assert choose(request, [[Facts(longer), Facts(twice), Facts(elsewhere)]]) == ["acc_b"]
    assert choose(request, [[Facts(longer), Facts(elsewhere), Facts(twice)]]) == ["acc_b"]


@pytest.mark.parametrize("weights", [(1, 1, 1), (1, 2), (1, 2, 3), (5, 2, 3), (7, 7, 6, 5), (100, 99)])
def test_those_with_the_fewest_bookings_share_a_thousand_by_weight(weights):
    """Each has its share of the weights within one, at the end as at any time before."""
    members = [Member(f"acc_{n}", weight=weight) for n, weight in enumerate(weights)]
    request = asked(replace(QUERY, participants=[Group(members, 1)]), NINE, Assignment.FEWEST_BOOKINGS)
    counts = [0] * len(weights)
    for number in range(1, 1001):
        facts = [Facts(Busy(), bookings=Busy([NINE] * count, [NINE + HOUR] * count)) for count in counts]
        [chosen] = choose(request, [facts]) or []
        counts[int(chosen.removeprefix("acc_"))] += 1
        shares = [number * weight / sum(weights) for weight in weights]
        assert all(abs(count - share) <= 1 for count, share in zip(counts, shares, strict=True)), (counts, shares)


def test_only_bookings_of_the_month_count_and_those_with_fewer_are_booked_first():
    """The month is that of UTC; a booking belongs to the month in which it starts."""
    members = [Member("acc_a"), Member("acc_b"), Member("acc_c")]
    request = asked(replace(QUERY, participants=[Group(members, 2)]), NINE, Assignment.FEWEST_BOOKINGS)
    january = (MIDNIGHT - 18 * DAY, MIDNIGHT + 13 * DAY)
    before = Busy.of([(january[0] - HOUR, january[0] + HOUR), (january[1], january[1] + HOUR)])
    inside = Busy.of([(january[0], january[0] + HOUR), (january[1] - 1, january[1] + HOUR)])
    facts = [Facts(Busy(), bookings=each) for each in (inside, before, Busy())]
    assert choose(request, [facts]) == ["acc_b", "acc_c"]
    assert choose(request, [[*facts[1:], facts[0]]]) == ["acc_a", "acc_b"]


def test_busy_seconds_are_counted_within_the_window_only():
    window = SpanSet((0, 1000), (100, 1100))
    busy = Busy.of([(-50, 10), (5, 20), (90, 1010), (1090, 2000)])
    assert busy_seconds(window, Facts(busy)) == 20 + 10 + 10 + 10
    assert busy_seconds(window, Facts(Busy())) == 0


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"start": Unreadable("is no time")}, "start"),
        ({"start": MIDNIGHT}, "start"),
        ({"event": replace(EVENT, summary="x" * 2000)}, "event.summary"),
        ({"event": replace(EVENT, event_id="")}, "event.event_id"),
        ({"event": replace(EVENT, start=Unreadable("not known yet"))}, None),
        ({"idempotency_key": ""}, "idempotency_key"),
        ({"idempotency_key": "x" * 256}, "idempotency_key"),
        ({"target_calendars": [TargetCalendar("acc_c", "cal_1")]}, "target_calendars[0].sub"),
        ({"target_calendars": [TargetCalendar("acc_a", "cal_1")] * 2}, "target_calendars[1]"),
        ({"target_calendars": [TargetCalendar("acc_a", f"cal_{n}") for n in range(1001)]}, "target_calendars"),
        ({"query": replace(QUERY, query_periods=[Period(MIDNIGHT - HOUR, MORNING.end)])}, None),
    ],
)
def test_problems_of_a_booking_are_reported_with_their_path(change, path):
    """A query that has begun is no problem: the caller may have queried it a while ago."""
    request = replace(asked(QUERY, NINE), **change)
    assert [spell(problem.path) for problem in request.check(NOW, Limits())] == ([path] if path else [])


def test_the_start_is_not_checked_against_an_invalid_query():
    request = asked(replace(QUERY, required_duration=Duration(minutes=0)), NINE)
    assert request.check(NOW, Limits()) == []
    assert [spell(problem.path) for problem in request.query_problems(Limits())] == ["required_duration"]


def test_a_busy_member_is_not_chosen_by_any_assignment():
    question = Question(((1, (Person("alice", busy=ticks((0, WIDTH))),)),), 2, ticks((0, WIDTH)))
    query, facts = to_core(question, 5)
    for assignment in Assignment:
        assert choose(asked(query, at(4, 5), assignment), facts) is None
