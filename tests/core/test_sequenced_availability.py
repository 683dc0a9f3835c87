"""Sequenced queries: their orders, gaps and problems. Answers are tried in test_sequences."""

from dataclasses import replace

import pytest

from core.durations import Duration
from core.errors import spell
from core.instants import DAY, HOUR, MINUTE, Unreadable
from core.limits import Limits
from core.periods import Period
from core.query import Group, Member
from core.sequenced_availability import Gap, SequencedQuery, SequenceStep
from core.sequences import is_sequence, solve_sequences
from core.solver import Facts
from core.spans import Busy, SpanSet
from tests.support.pictures import MIDNIGHT

NOW = MIDNIGHT - DAY
STEP = SequenceStep("a", [Group([Member("ada")])], Duration(minutes=60))
QUERY = SequencedQuery([Period(MIDNIGHT, MIDNIGHT + DAY)], [STEP, replace(STEP, sequence_id="b")])


def minutes(count: int) -> Duration:
    return Duration(minutes=count)


def steps(*ordinals: int | None) -> list[SequenceStep]:
    return [replace(STEP, sequence_id=str(number), ordinal=ordinal) for number, ordinal in enumerate(ordinals)]


def found(query: SequencedQuery, limits: Limits | None = None) -> list[tuple[str, str]]:
    return [(spell(each.path), each.key) for each in query.check(NOW, limits or Limits())]


def changed(**fields) -> list[tuple[str, str]]:
    """The problems of a query whose first step has these fields."""
    return found(replace(QUERY, sequence=[replace(STEP, **fields), QUERY.sequence[1]]))


def orders(*ordinals: int | None) -> list[str]:
    return ["".join(map(str, order)) for order in replace(QUERY, sequence=steps(*ordinals)).orders()]


def test_steps_with_ordinals_come_in_their_order():
    """Any integers, whatever the order of the request; a step without one comes anywhere."""
    assert orders(1, 2, 3) == ["012"]
    assert orders(3, -7, 0) == ["120"]
    assert orders(None, 2, 1) == ["021", "201", "210"]
    assert orders(None, None) == ["01", "10"]
    assert len(orders(*[None] * 6)) == 720
    assert len(orders(*[None] * 3, *range(7))) == 720


@pytest.mark.parametrize(
    ("ordinals", "problems"),
    [
        ([], [("sequence", "errors.too_few")]),
        ([None] * 6, []),
        ([None] * 7, [("sequence", "errors.too_many")]),
        ([None] * 3 + [*range(7)], []),
        ([None] * 4 + [*range(6)], [("sequence", "errors.too_many")]),
        ([*range(10)], []),
        ([*range(11)], [("sequence", "errors.too_many")]),
        ([1, None, 1], [("sequence[2].ordinal", "errors.duplicate")]),
    ],
)
def test_steps_and_their_orders_are_bounded(ordinals, problems):
    """The number of orders is worked out without making them."""
    assert found(replace(QUERY, sequence=steps(*ordinals))) == problems


def test_steps_beyond_the_limit_are_not_read():
    """A request with a million steps costs what one with eleven costs."""
    many = [replace(STEP, sequence_id="", participants=[], ordinal=number) for number in range(1000)]
    assert len(found(replace(QUERY, sequence=many))) == 1 + 9 + 10 + 10
    assert len(replace(QUERY, sequence=many).members()) == 0


@pytest.mark.parametrize("side", ["before", "after"])
def test_the_greatest_gap_is_not_less_than_the_least(side):
    """Within one object; between neighbours it only means that nothing fits."""
    path = f"sequence[0].buffer.{side}"
    assert changed(**{side: Gap(minutes(10), minutes(10))}) == []
    assert changed(**{side: Gap(minutes(10), minutes(9))}) == [(f"{path}.maximum", "errors.conflict")]
    assert changed(**{side: Gap(minutes(-1), minutes(-2))}) == [
        (f"{path}.minimum.minutes", "errors.invalid"),
        (f"{path}.maximum.minutes", "errors.invalid"),
    ]


def test_each_step_is_checked_as_a_query_is():
    """With the limits of one, and with paths of its own."""
    unreadable, past = Unreadable("is no time"), Period(NOW, NOW + HOUR)
    assert changed(query_periods=[past, Period(unreadable, MIDNIGHT)]) == [
        ("sequence[0].query_periods[0].start", "errors.in_past"),
        ("sequence[0].query_periods[1].start", "errors.invalid"),
    ]
    members = [Member(f"acc{number}") for number in range(11)]
    assert changed(participants=[Group(members)]) == [("sequence[0].participants", "errors.too_many")]
    assert changed(participants=[Group([Member("ada", available_periods=[past])])]) == [
        ("sequence[0].participants[0].members[0].available_periods[0].start", "errors.in_past")
    ]
    assert changed(start_interval_tzid="Mars/Olympus", required_duration=Duration()) == [
        ("sequence[0].required_duration", "errors.required"),
        ("sequence[0].start_interval_tzid", "errors.invalid"),
        ("sequence[0].start_interval_tzid", "errors.conflict"),
    ]
    assert found(replace(QUERY, query_periods=[], max_results=0)) == [
        ("query_periods", "errors.too_few"),
        ("max_results", "errors.too_few"),
    ]


def test_an_answer_holds_until_the_earliest_of_all_periods():
    """The query's, those of its steps, and those of its members."""
    later, sooner = Period(MIDNIGHT + 2, MIDNIGHT + DAY), Period(MIDNIGHT + 1, MIDNIGHT + DAY)
    query = replace(QUERY, query_periods=[later])
    assert query.earliest == MIDNIGHT + 2
    assert replace(query, sequence=[replace(STEP, query_periods=[sooner])]).earliest == MIDNIGHT + 1
    member = Member("ada", available_periods=[sooner])
    assert replace(query, sequence=[replace(STEP, participants=[Group([member])])]).earliest == MIDNIGHT + 1


def test_only_the_steps_of_the_query_are_a_sequence_of_it():
    """All of them, each with a start."""
    facts = [[[Facts(Busy())]]] * 2
    ten, eleven = MIDNIGHT + 10 * HOUR, MIDNIGHT + 11 * HOUR
    assert is_sequence(QUERY, facts, {"a": ten, "b": eleven})
    assert is_sequence(QUERY, facts, {"b": ten, "a": eleven + 1})
    assert not is_sequence(QUERY, facts, {"a": ten, "b": eleven - 1})
    assert not is_sequence(QUERY, facts, {"a": ten})
    assert not is_sequence(QUERY, facts, {"a": ten, "b": eleven, "c": eleven + HOUR})


def test_steps_whose_periods_do_not_meet_the_query_s_give_nothing():
    """For which no facts are needed."""
    elsewhere = replace(STEP, sequence_id="b", query_periods=[Period(MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)])
    query = replace(QUERY, sequence=[STEP, elsewhere])
    assert not query.has_time
    assert solve_sequences(query, []) == []
    assert not is_sequence(query, [], {"a": MIDNIGHT, "b": MIDNIGHT + DAY})


def test_taking_the_earliest_start_of_each_step_can_lead_into_a_dead_end():
    """The talk of the theory's drawing: from its first start but one nothing follows in time."""
    talk = replace(STEP, ordinal=1, required_duration=minutes(5), after=Gap(None, minutes(0)))
    tour = replace(STEP, sequence_id="b", ordinal=2, required_duration=minutes(5))
    query = replace(QUERY, sequence=[talk, tour])

    def free(*at: int) -> list[list[Facts]]:
        return [[Facts(Busy(), SpanSet.of((MIDNIGHT + 5 * t * MINUTE, MIDNIGHT + 5 * (t + 1) * MINUTE) for t in at))]]

    (one,) = solve_sequences(query, [free(0, 3, 5), free(2, 6, 9)])
    assert [(step.start - MIDNIGHT) // (5 * MINUTE) for step in one.sequence] == [5, 6]


def test_of_sequences_that_start_together_the_one_that_ends_first_comes_first():
    """Also where its last step starts later, after the time in which sequences are looked for first."""

    def free(*spans: tuple[int, int]) -> list[list[Facts]]:
        return [[Facts(Busy(), SpanSet.of((MIDNIGHT + a * MINUTE, MIDNIGHT + b * MINUTE) for a, b in spans))]]

    gap = Gap(None, minutes(24 * 60))
    lengths = {"a": 60, "b": 60, "c": 60, "d": 5}
    sequence = [
        replace(STEP, sequence_id=name, required_duration=minutes(length), before=gap, after=gap)
        for name, length in lengths.items()
    ]
    facts = [free((0, 60)), free((120, 180)), free((60, 120), (360, 420)), free((60, 65), (370, 375))]
    found = solve_sequences(replace(QUERY, sequence=sequence), facts)
    assert ["".join(step.sequence_id for step in each.sequence) for each in found] == ["acbd", "adbc"]
