"""Events that recur: laws of their changes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import EventDraft
from core.instants import DAY, HOUR, Instant, parse_instant
from core.recurring_events import (
    KNOWN_DAYS,
    MAX_COST,
    MAX_REQUEST_INSTANCES,
    ExpansionBudget,
    RecurringEvent,
    due_before,
    window_of,
)
from core.series import Start
from core.spans import Span

NOW = parse_instant("2027-01-01T00:00:00Z")
NINE = parse_instant("2027-01-19T09:00:00Z")
#: what is stored of an event, and less than that, which is as good for the laws
STORED = window_of(NOW)
WINDOW = Span(NOW - 30 * DAY, NOW + 150 * DAY)
SUFFICES = ["FREQ=DAILY", "FREQ=DAILY;INTERVAL=3;COUNT=40", "FREQ=WEEKLY;BYDAY=TU,TH", "FREQ=MONTHLY;BYMONTHDAY=19,-1"]


def draft_at(start: Instant, *lines: str, hours: int = 1, **more: str) -> EventDraft:
    """An event of some hours in London."""
    tzid = "Europe/London"
    return EventDraft("standup", "Standup", start, start + hours * HOUR, tzid=tzid, recurrence=lines or None, **more)  # pyright: ignore[reportArgumentType]


EVENTS = st.builds(
    lambda rule, hour: RecurringEvent(draft_at(NINE + hour * HOUR, f"RRULE:{rule}")),
    st.sampled_from(SUFFICES),
    st.integers(0, 100),
)
PLACES = st.integers(0, 200)


def chosen(event: RecurringEvent, place: int) -> Start:
    """One of the originals of an event."""
    return sorted(event.instances(WINDOW))[place % len(event.instances(WINDOW))]


def starts(event: RecurringEvent, window: Span = WINDOW) -> list[tuple[Start, object, object]]:
    """The originals with their times."""
    return sorted((original, draft.start, draft.end) for original, draft in event.instances(window).items())


@given(EVENTS, st.integers(-30 * 24, 150 * 24))
def test_expanding_in_two_steps_is_expanding_at_once(event: RecurringEvent, hour: int) -> None:
    """An instance that lies across the border is found from both sides."""
    border = NOW + hour * HOUR
    both = event.instances(Span(WINDOW.start, border)) | event.instances(Span(border, WINDOW.end))
    assert both == event.instances(WINDOW)


@given(EVENTS, PLACES)
def test_instances_say_which_they_are(event: RecurringEvent, place: int) -> None:
    """By their original start; what else they say is the event's."""
    original = chosen(event, place)
    instance = event.instances(WINDOW)[original]
    expected = replace(event.draft, start=original, end=instance.end, recurrence=None, recurrence_id=original)
    assert instance == expected


@given(EVENTS, PLACES, PLACES)
def test_a_change_of_one_instance_changes_no_other(event: RecurringEvent, place: int, another: int) -> None:
    """In whichever order two are changed."""
    one, other = chosen(event, place), chosen(event, another)
    moved = replace(draft_at(NINE + 5 * HOUR), recurrence_id=one)
    after = event.with_moved({one: moved})
    assert after.instances(WINDOW) == event.instances(WINDOW) | {one: moved}
    deleted = event.with_moved({other: None}).instances(WINDOW)
    assert deleted == {each: draft for each, draft in event.instances(WINDOW).items() if each != other}
    if one != other:
        assert after.with_moved({other: None}) == event.with_moved({other: None}).with_moved({one: moved})


@given(EVENTS, PLACES, st.integers(-50, 50), st.integers(1, 9))
def test_following_instances_move_by_the_same_difference_on_the_wall(
    event: RecurringEvent, place: int, shift: int, hours: int
) -> None:
    """Those before stay; all keep their names."""
    original = chosen(event, place)
    assert isinstance(original, int)
    window = Span(WINDOW.start, WINDOW.end - 4 * DAY)
    after = event.with_following(original, draft_at(original + shift * HOUR, hours=hours)).instances(WINDOW)
    for each, draft in event.instances(window).items():
        assert isinstance(each, int)
        moved = after[each]
        assert isinstance(moved.start, int)
        assert isinstance(moved.end, int)
        if each < original:
            assert moved == draft
        else:
            assert abs(moved.start - each - shift * HOUR) <= HOUR  # an hour where clocks change in between
            assert moved.end - moved.start == hours * HOUR


@given(EVENTS, PLACES)
def test_an_event_that_is_ended_has_what_was_before(event: RecurringEvent, place: int) -> None:
    """And is over from then on."""
    original = chosen(event, place)
    assert isinstance(original, int)
    ended = event.with_split(original, None)
    before = {each: draft for each, draft in event.instances(WINDOW).items() if each < original}  # pyright: ignore[reportOperatorIssue]
    assert ended.instances(WINDOW) == before
    assert ended.is_over(original + 2 * DAY)
    assert all(not event.is_over(each) for each in before if isinstance(each, int))


@given(EVENTS, PLACES, PLACES, st.sampled_from(SUFFICES))
def test_a_split_goes_on_as_an_event_of_its_own(event: RecurringEvent, place: int, later: int, rule: str) -> None:
    """And splitting it at an earlier instance takes the later split away."""
    original = chosen(event, place)
    assert isinstance(original, int)
    goes_on = draft_at(original + HOUR, f"RRULE:{rule}")
    split = event.with_split(original, goes_on)
    behind = RecurringEvent(goes_on).instances(WINDOW)
    assert split.instances(WINDOW) == event.with_split(original, None).instances(WINDOW) | behind
    assert split.with_split(original, None) == event.with_split(original, None)
    assert split.series_at(original + HOUR) == goes_on
    again = chosen(split, later)
    assert split.with_split(again, None).is_over(again + 2 * DAY)  # pyright: ignore[reportOperatorIssue]


@given(EVENTS, PLACES, st.sampled_from(SUFFICES))
def test_an_upsert_of_the_whole_leaves_single_changes_that_still_have_an_instance(
    event: RecurringEvent, place: int, rule: str
) -> None:
    original = chosen(event, place)
    whole = replace(event.draft, recurrence=(f"RRULE:{rule}",))
    originals = RecurringEvent(whole).instances(WINDOW)
    after = event.with_moved({original: None}).replaced_by(whole, originals)
    assert after.instances(WINDOW) == {each: draft for each, draft in originals.items() if each != original}


def test_an_event_is_due_long_before_it_has_to_be_known_further() -> None:
    window = window_of(NOW)
    assert window.end - NOW >= (KNOWN_DAYS + 29) * DAY
    assert due_before(NOW) - NOW > KNOWN_DAYS * DAY
    assert due_before(NOW) < window.end
    assert window_of(NOW, window.end + DAY).end == window.end + DAY


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=MONTHLY;BYDAY=MO,TU;BYHOUR=1,2,3,4,5,6,7,8,9,10,11,12;BYSETPOS=1;COUNT=1000000",
        "FREQ=YEARLY;BYDAY=MO,TU,WE;BYHOUR=1,2,3,4,5,6,7,8,9,10,11,12;BYSETPOS=366;COUNT=1000000",
    ],
)
def test_what_costs_too_much_is_refused_before_it_is_tried(rule: str) -> None:
    """A rule that has to be counted from the year 2 on."""
    event = RecurringEvent(draft_at(parse_instant("0002-01-01T09:00:00Z"), f"RRULE:{rule}"))
    assert event.cost(STORED) > MAX_COST
    budget = ExpansionBudget()
    with pytest.raises(ValueError, match="costs too much to expand: let it begin later"):
        budget.expand(event, STORED)
    assert budget == ExpansionBudget()


def test_events_of_one_request_share_what_they_may_cost() -> None:
    """Together they have at most so many instances."""
    event = RecurringEvent(draft_at(NINE, "RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9,10,11"))
    each = len(event.instances(STORED))
    budget = ExpansionBudget()
    for _ in range(MAX_REQUEST_INSTANCES // each):
        budget.expand(event, STORED)
    with pytest.raises(ValueError, match=r"more than 20,000 instances: send fewer at once"):
        budget.expand(event, STORED)


def test_an_event_with_too_many_instances_is_refused() -> None:
    event = RecurringEvent(draft_at(NINE, "RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9,10,11,12,13"))
    with pytest.raises(ValueError, match=r"has more than 5,000 instances in 83\d days"):
        event.instances(STORED)
