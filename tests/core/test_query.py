"""Validation of availability queries: every rule, with the path and the key of the problem that breaking it gives."""

from dataclasses import replace
from typing import Any

import pytest

from core.durations import Buffer, Duration
from core.errors import Key, spell
from core.excluded_events import ExcludedEvent
from core.instants import DAY, HOUR, MINUTE, Unreadable, parse_instant
from core.limits import Limits
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat

NOW = parse_instant("2027-01-18T12:00:00Z")
DAY_AFTER = Period(NOW + DAY, NOW + 2 * DAY)
PAST = Period(NOW - DAY, NOW + DAY)
NEGATIVE = Duration(minutes=-1)
DEFAULTS = Limits()

FINE = AvailabilityQuery(
    [Group([Member("alice"), Member("bob")])], required_duration=Duration(minutes=60), query_periods=[DAY_AFTER]
)


def found(query: AvailabilityQuery, limits: Limits = DEFAULTS) -> list[tuple[str, str]]:
    """The path and the key of every problem, as text."""
    return [(spell(problem.path), problem.key.value) for problem in query.check(NOW, limits)]


def changed(**fields: Any) -> list[tuple[str, str]]:
    return found(replace(FINE, **fields))


def of_members(*members: Member, required: Any = "all") -> list[tuple[str, str]]:
    return changed(participants=[Group(members, required)])


def test_a_valid_query_has_no_problem():
    """So every problem below comes from the one change that its test makes."""
    assert found(FINE) == []


def test_omitted_fields_have_their_documented_defaults():
    """Periods, twenty of them, no buffer, starts anywhere."""
    assert (FINE.response_format, FINE.max_results, FINE.grid) == (ResponseFormat.PERIODS, 20, None)
    assert FINE.buffer_of(Member("alice")) == Buffer(Duration(minutes=0), Duration(minutes=0))
    assert (Member("alice").calendar_ids, Member("alice").ignore_tentative) == (None, False)


# Participants


def test_at_least_one_group_is_required():
    """A meeting without participants has no answer."""
    assert changed(participants=[]) == [("participants", "errors.too_few")]


def test_each_group_has_at_least_one_member():
    """`required` of an empty group is not reported as well."""
    assert changed(participants=[Group([Member("alice")]), Group([], 1)]) == [
        ("participants[1].members", "errors.too_few")
    ]


@pytest.mark.parametrize("required", ["all", 1, 2])
def test_any_number_up_to_all_members_of_a_group_may_be_required(required):
    """As a number or as "all"."""
    assert of_members(Member("alice"), Member("bob"), required=required) == []


@pytest.mark.parametrize(
    ("required", "key"),
    [
        (0, "errors.too_few"),
        (-1, "errors.too_few"),
        (3, "errors.too_many"),
        (Unreadable("must be all or a number"), "errors.inclusion"),
    ],
)
def test_no_other_number_of_members_can_be_required(required, key):
    """Three of two people can never meet: that is an error, not an empty answer."""
    assert of_members(Member("alice"), Member("bob"), required=required) == [("participants[0].required", key)]


def test_all_means_the_size_of_the_group():
    """A number means itself."""
    three = [Member("alice"), Member("bob"), Member("carol")]
    assert [Group(three).needed, Group(three, 2).needed] == [3, 2]
    with pytest.raises(TypeError, match="before it was checked"):
        _ = Group(three, Unreadable("no")).needed


def test_an_account_may_not_be_in_a_group_twice():
    """It would count as two people. Each repetition is reported at its own path."""
    assert of_members(Member("alice"), Member("bob"), Member("alice"), Member("alice")) == [
        ("participants[0].members[2].sub", "errors.duplicate"),
        ("participants[0].members[3].sub", "errors.duplicate"),
    ]


def test_an_account_may_be_in_two_groups():
    """Someone can be one of the interviewers and the host."""
    assert changed(participants=[Group([Member("alice")]), Group([Member("alice"), Member("bob")], 1)]) == []


def test_up_to_ten_accounts_over_all_groups_are_allowed():
    """An account in two groups counts once."""
    ten = [Member(f"acc{number}") for number in range(10)]
    assert changed(participants=[Group(ten), Group(ten[:3], 1)]) == []
    assert changed(participants=[Group(ten[:6]), Group([*ten[6:], Member("one more")])]) == [
        ("participants", "errors.too_many")
    ]


def test_members_are_listed_with_their_paths():
    """In request order, group by group."""
    query = replace(FINE, participants=[Group([Member("alice"), Member("bob")]), Group([Member("alice")])])
    assert [(spell(path), member.sub) for path, member in query.members()] == [
        ("participants[0].members[0]", "alice"),
        ("participants[0].members[1]", "bob"),
        ("participants[1].members[0]", "alice"),
    ]


# Members


def test_a_members_own_periods_follow_the_rules_of_query_periods():
    """One to fifty, in the future, from a minute to 35 days long."""
    path = "participants[0].members[0].available_periods"
    assert of_members(Member("alice", available_periods=[DAY_AFTER] * 50)) == []
    assert of_members(Member("alice", available_periods=[])) == [(path, "errors.too_few")]
    assert of_members(Member("alice", available_periods=[DAY_AFTER] * 51)) == [(path, "errors.too_many")]
    assert of_members(Member("alice", available_periods=[DAY_AFTER, PAST])) == [(f"{path}[1].start", "errors.in_past")]
    assert of_members(Member("alice", available_periods=[Period(NOW + 1, NOW + 36 * DAY)])) == [
        (f"{path}[0].end", "errors.too_long")
    ]


def test_a_members_available_periods_are_united():
    """None means always; an empty set does not."""
    touching = [Period(NOW + HOUR, NOW + 2 * HOUR), Period(NOW, NOW + HOUR)]
    own = Member("alice", available_periods=touching).own_time()
    assert own is not None
    assert list(own) == [(NOW, NOW + 2 * HOUR)]
    assert Member("alice").own_time() is None


def test_both_buffers_are_checked():
    """The query's and each member's own."""
    assert changed(buffer=Buffer(before=NEGATIVE)) == [("buffer.before.minutes", "errors.invalid")]
    assert of_members(Member("alice", buffer=Buffer(after=NEGATIVE))) == [
        ("participants[0].members[0].buffer.after.minutes", "errors.invalid")
    ]


def test_a_members_buffer_replaces_the_whole_query_buffer():
    """A half that it omits is zero, and is not taken from the query."""
    query = replace(FINE, buffer=Buffer(Duration(minutes=30), Duration(minutes=15)))
    own = Buffer(after=Duration(minutes=5))
    assert query.buffer_of(Member("alice", buffer=own)) == own
    assert query.buffer_of(Member("alice", buffer=own)).before.seconds == 0
    assert query.buffer_of(Member("alice")) == query.buffer


# Duration, number of results, and starts


@pytest.mark.parametrize(
    ("duration", "problem"),
    [
        (Duration(), ("required_duration", "errors.required")),
        (Duration(hours=0), ("required_duration", "errors.too_short")),
        (Duration(hours=1, minutes=60), ("required_duration.minutes", "errors.invalid")),
        (Duration(hours=-1), ("required_duration.hours", "errors.invalid")),
    ],
)
def test_the_duration_must_be_positive(duration, problem):
    """A duration of zero is an error, unlike a buffer of zero."""
    assert changed(required_duration=duration) == [problem]


@pytest.mark.parametrize("minutes", [5, 10, 15, 30, 60])
def test_these_start_intervals_are_allowed(minutes):
    """One hour may be written either way."""
    assert changed(start_interval=Duration(minutes=minutes)) == []
    assert changed(start_interval=Duration(hours=minutes // 60, minutes=minutes % 60)) == []


@pytest.mark.parametrize(
    "interval", [Duration(), Duration(minutes=0), Duration(minutes=20), Duration(minutes=120), Duration(hours=2)]
)
def test_other_start_intervals_are_refused(interval):
    """The five allowed ones divide the hour, so the grid is the same every day."""
    assert changed(start_interval=interval) == [("start_interval", "errors.inclusion")]


def test_an_invalid_start_interval_is_reported_once():
    """As an invalid duration, not also as a wrong interval."""
    assert changed(start_interval=NEGATIVE) == [("start_interval.minutes", "errors.invalid")]


def test_an_excluded_event_has_exactly_one_id():
    """Which need not exist, but must be possible."""
    both = [("excluded_events[0].event_id", "errors.conflict"), ("excluded_events[0].event_uid", "errors.conflict")]
    for event, problems in (
        (ExcludedEvent(event_id="e"), []),
        (ExcludedEvent(event_uid="evt_0"), []),
        (ExcludedEvent(), [("excluded_events[0].event_id", "errors.required")]),
        (ExcludedEvent("e", "evt_0"), both),
        (ExcludedEvent(event_id=""), [("excluded_events[0].event_id", "errors.required")]),
        (ExcludedEvent(event_uid="x" * 256), [("excluded_events[0].event_uid", "errors.too_long")]),
        (ExcludedEvent(event_id="\0"), [("excluded_events[0].event_id", "errors.invalid")]),
    ):
        assert changed(excluded_events=[event]) == problems


def test_fifty_events_can_be_excluded():
    """Those beyond are not even read."""
    assert changed(excluded_events=[ExcludedEvent("e")] * 50) == []
    assert changed(excluded_events=[ExcludedEvent("e")] * 50 + [ExcludedEvent()]) == [
        ("excluded_events", "errors.too_many")
    ]


def test_on_a_local_clock_the_interval_may_be_whatever_divides_a_day():
    """So the grid is the same every day."""
    for minutes in range(1, 24 * 60 + 2):
        wanted = [] if 24 * 60 % minutes == 0 else [("start_interval", "errors.inclusion")]
        assert changed(start_interval=Duration(minutes=minutes), start_interval_tzid="Europe/London") == wanted
    for wrong in (Duration(), Duration(minutes=0), Duration(hours=48)):
        found = changed(start_interval=wrong, start_interval_tzid="Europe/London")
        assert found == [("start_interval", "errors.inclusion")]


def test_the_zone_of_the_grid_must_exist():
    """An unknown one does not hide that the interval is wrong, too."""
    assert changed(start_interval=Duration(minutes=20), start_interval_tzid="Mars/Olympus") == [
        ("start_interval_tzid", "errors.invalid")
    ]
    assert changed(start_interval=Duration(minutes=7), start_interval_tzid="") == [
        ("start_interval", "errors.inclusion"),
        ("start_interval_tzid", "errors.invalid"),
    ]


def test_an_offset_is_less_than_the_interval():
    """Without a zone, too."""
    for tzid in (None, "Asia/Kathmandu"):
        grid = {"start_interval": Duration(minutes=30), "start_interval_tzid": tzid}
        assert changed(**grid, start_offset=Duration(minutes=0)) == []
        assert changed(**grid, start_offset=Duration(minutes=29)) == []
        for minutes in (30, 60):
            assert changed(**grid, start_offset=Duration(minutes=minutes)) == [("start_offset", "errors.conflict")]
        assert changed(**grid, start_offset=NEGATIVE) == [("start_offset.minutes", "errors.invalid")]


def test_a_zone_or_an_offset_needs_an_interval():
    """They have no meaning without one."""
    assert changed(start_interval_tzid="Europe/London", start_offset=Duration(minutes=5)) == [
        ("start_interval_tzid", "errors.conflict"),
        ("start_offset", "errors.conflict"),
    ]


@pytest.mark.parametrize(
    ("most", "problems"),
    [
        (0, [("max_results", "errors.too_few")]),
        (-5, [("max_results", "errors.too_few")]),
        (1, []),
        (200, []),
        (513, [("max_results", "errors.too_many")]),
    ],
)
def test_one_to_two_hundred_results_are_allowed(most, problems):
    """The bounds are inclusive."""
    assert changed(max_results=most) == problems


# Query periods and slots


@pytest.mark.parametrize("name", ["available_periods", "query_periods"])
def test_query_periods_have_two_names_with_the_same_rules(name):
    """The older name is supported for as long as the newer one."""
    nowhere = replace(FINE, query_periods=None)
    assert found(replace(nowhere, **{name: [DAY_AFTER] * 50})) == []
    assert found(replace(nowhere, **{name: []})) == [(name, "errors.too_few")]
    assert found(replace(nowhere, **{name: [DAY_AFTER] * 51})) == [(name, "errors.too_many")]
    assert found(replace(nowhere, **{name: [DAY_AFTER, PAST]})) == [(f"{name}[1].start", "errors.in_past")]
    assert found(replace(nowhere, **{name: [Period(NOW + 1, NOW + 30)]})) == [(f"{name}[0].end", "errors.too_short")]
    assert list(replace(nowhere, **{name: [DAY_AFTER]}).window()) == [(NOW + DAY, NOW + 2 * DAY)]


def test_query_slots_are_one_to_fifty_starts_in_the_future():
    """Each problem is reported at its start."""
    asked = replace(FINE, query_periods=None)
    assert found(replace(asked, query_slots=[NOW + 1] * 50)) == []
    assert found(replace(asked, query_slots=[])) == [("query_slots", "errors.too_few")]
    assert found(replace(asked, query_slots=[*[NOW + 1] * 50, NOW])) == [("query_slots", "errors.too_many")]
    assert found(replace(asked, query_slots=[NOW + 1, NOW, Unreadable("no")])) == [
        ("query_slots[1].start", "errors.in_past"),
        ("query_slots[2].start", "errors.invalid"),
    ]


def test_periods_or_slots_are_required():
    """The problem names the newer field."""
    assert changed(query_periods=None) == [("query_periods", "errors.required")]


@pytest.mark.parametrize(
    "fields",
    [
        {"available_periods": [DAY_AFTER], "query_periods": [DAY_AFTER]},
        {"query_periods": [DAY_AFTER], "query_slots": [NOW + 1]},
        {"available_periods": [DAY_AFTER], "query_slots": [NOW + 1]},
        {"available_periods": [DAY_AFTER], "query_periods": [DAY_AFTER], "query_slots": [NOW + 1]},
    ],
)
def test_only_one_of_periods_and_slots_is_allowed(fields):
    """Each that is given is reported, as we cannot know which was meant."""
    problems = found(replace(replace(FINE, query_periods=None), **fields))
    assert problems == [(name, "errors.conflict") for name in fields]


def test_query_slots_are_sorted_and_unique():
    """The window is their union, each as long as the meeting."""
    query = replace(FINE, query_periods=None, query_slots=[NOW + 2 * HOUR, NOW + 30 * MINUTE, NOW + 2 * HOUR])
    assert query.asked_starts == [NOW + 30 * MINUTE, NOW + 2 * HOUR]
    assert list(query.window()) == [(NOW + 30 * MINUTE, NOW + 90 * MINUTE), (NOW + 2 * HOUR, NOW + 3 * HOUR)]
    assert query.window() is query.window()  # cached
    assert FINE.asked_starts is None


# All together, and the operator's limits


def test_all_problems_are_reported_at_once():
    """A caller with nine problems needs one request to learn of them."""
    query = AvailabilityQuery(
        participants=[
            Group([Member("alice", available_periods=[PAST], buffer=Buffer(NEGATIVE)), Member("alice")], required=3),
            Group([]),
        ],
        required_duration=Duration(minutes=0),
        query_periods=[PAST, Period(Unreadable("no"), Unreadable("no"))],
        buffer=Buffer(after=NEGATIVE),
        start_interval=Duration(minutes=7),
        max_results=0,
    )
    assert sorted(found(query)) == [
        ("buffer.after.minutes", "errors.invalid"),
        ("max_results", "errors.too_few"),
        ("participants[0].members[0].available_periods[0].start", "errors.in_past"),
        ("participants[0].members[0].buffer.before.minutes", "errors.invalid"),
        ("participants[0].members[1].sub", "errors.duplicate"),
        ("participants[0].required", "errors.too_many"),
        ("participants[1].members", "errors.too_few"),
        ("query_periods[0].start", "errors.in_past"),
        ("query_periods[1].end", "errors.invalid"),
        ("query_periods[1].start", "errors.invalid"),
        ("required_duration", "errors.too_short"),
        ("start_interval", "errors.inclusion"),
    ]


def test_an_operator_can_change_every_limit():
    """The description of each problem names the limit that applies."""
    query = replace(
        FINE,
        participants=[Group([Member("alice", available_periods=[DAY_AFTER] * 3), Member("bob")])],
        query_periods=[Period(NOW + 1, NOW + 8 * DAY), *[DAY_AFTER] * 2],
        max_results=6,
    )
    small = Limits(max_accounts=1, max_query_periods=2, max_member_periods=1, max_period=7 * DAY, max_results=5)
    assert found(query) == []
    assert {spell(problem.path): problem.description for problem in query.check(NOW, small)} == {
        "participants": "takes at most 1 accounts, not 2",
        "participants[0].members[0].available_periods": "takes at most 1 periods, not 3",
        "query_periods": "takes at most 2 periods, not 3",
        "query_periods[0].end": "must be at most 7 days after the start",
        "max_results": "must be at most 5",
    }
    many = [Member(f"acc{number}") for number in range(1000)]
    period = Period(NOW + 1, NOW + 366 * DAY)
    large = Limits(max_accounts=1000, max_results=10_000, max_period=366 * DAY)
    assert found(replace(FINE, participants=[Group(many)], query_periods=[period], max_results=10_000), large) == []


def test_every_key_is_spelled_as_its_name():
    """Programs compare keys as text: published ones never change."""
    assert all(key.value == f"errors.{key.name.lower()}" for key in Key)
    assert {key.value.removeprefix("errors.") for key in Key} >= {
        *("required", "invalid", "in_past", "too_long", "too_short", "too_many", "too_few"),
        *("inclusion", "unknown", "duplicate", "conflict"),
    }


def test_a_query_slot_is_no_longer_than_a_period_may_be():
    """That limits how far a query reaches; otherwise slots would have no such limit."""
    slots = {"query_periods": None, "query_slots": [NOW + DAY]}
    longest = Limits().max_period // HOUR
    assert changed(**slots, required_duration=Duration(hours=longest)) == []
    assert changed(**slots, required_duration=Duration(hours=longest, minutes=1)) == [
        ("required_duration", "errors.too_long")
    ]
    assert changed(**slots, required_duration=Duration(hours=2_000_000_000)) == [
        ("required_duration", "errors.too_long")
    ]
