"""Events that recur: laws of their changes."""

from collections.abc import Mapping
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


def followed(
    listed: Mapping[int, tuple[int, str, int, bool]], original: int, start: Instant, summary: str
) -> dict[int, tuple[int, str, int, bool]]:
    """What becomes of an instance that begins at `start` now, and of those that follow from the same lines after it."""
    part = listed[original][2]
    return {
        each: (each + start - original, summary, part, False)
        for each, (_, _, of, own) in listed.items()
        if each == original or (each > original and of == part and not own)
    }


def test_what_goes_on_earlier_can_be_changed_between_its_start_and_the_instance_that_it_was_split_at() -> None:
    """The weekly event goes on daily from five days before its third instance."""
    event = RecurringEvent(draft_at(NINE, "RRULE:FREQ=WEEKLY"))
    third = NINE + 14 * DAY
    goes_on = third - 5 * DAY
    split = event.with_split(third, draft_at(goes_on, "RRULE:FREQ=DAILY"))
    daily = [goes_on + number * DAY for number in range(3)]
    for changed in (
        split.with_split(daily[2], None),
        split.with_following(third, draft_at(third)).with_split(daily[2], None),
    ):
        assert sorted(changed.instances(WINDOW)) == [NINE, NINE + 7 * DAY, *daily[:2]]
    assert sorted(split.with_split(third, None).instances(WINDOW))[2:] == [
        goes_on + number * DAY for number in range(5)
    ]
    later = split.with_following(third + DAY, draft_at(third + DAY, hours=5))
    changed = later.with_following(daily[1], draft_at(daily[1], hours=2))
    lengths = [draft.span().end - draft.span().start for draft in changed.instances(WINDOW).values()]
    assert lengths[:4] == [HOUR, HOUR, HOUR, 2 * HOUR]
    assert {*lengths[4:]} == {2 * HOUR}
    again = split.with_split(daily[1], draft_at(daily[1] + HOUR, "RRULE:FREQ=DAILY;COUNT=2"))
    assert sorted(again.instances(WINDOW)) == [NINE, NINE + 7 * DAY, daily[0], daily[1] + HOUR, daily[2] + HOUR]


@given(st.data())
def test_changes_one_after_the_other_come_to_what_they_do_to_a_list(data: st.DataObject) -> None:
    """Each is made in a list of all instances as well, one by one. A part is what follows from the same lines."""
    tzid = "Etc/UTC"

    def drawn(start: Instant, *lines: str) -> EventDraft:
        return EventDraft(
            "standup", data.draw(st.sampled_from("abc")), start, start + HOUR, tzid=tzid, recurrence=lines or None
        )

    def listed(draft: EventDraft, step: int, part: int) -> dict[int, tuple[int, str, int, bool]]:
        assert isinstance(draft.start, int)
        return {
            each: (each, draft.summary, part, False) for each in range(draft.start, WINDOW.end + 9 * DAY, step * DAY)
        }

    steps = st.sampled_from([1, 2, 5])
    step = data.draw(steps)
    event = RecurringEvent(drawn(NINE, f"RRULE:FREQ=DAILY;INTERVAL={step}"))
    expected = listed(event.draft, step, 0)
    for part in range(1, data.draw(st.integers(1, 6))):
        known = sorted(each for each in expected if each < WINDOW.end - 9 * DAY)
        if not known:
            break
        original = known[data.draw(PLACES) % len(known)]
        start = original + data.draw(st.integers(-100, 100)) * HOUR
        match data.draw(st.sampled_from(["move", "follow", "split", "end"])):
            case "move":
                draft = replace(drawn(start), recurrence_id=original)
                event = event.with_moved({original: draft})
                expected[original] = (start, draft.summary, expected[original][2], True)
            case "follow":
                draft = drawn(start)
                event = event.with_following(original, draft)
                expected |= followed(expected, original, start, draft.summary)
            case "end":
                event = event.with_split(original, None)
                expected = {each: said for each, said in expected.items() if each < original}
            case _:
                if start > max((each for each in expected if each < original), default=0):
                    step = data.draw(steps)
                    draft = drawn(start, f"RRULE:FREQ=DAILY;INTERVAL={step}")
                    event = event.with_split(original, draft)
                    before = {each: said for each, said in expected.items() if each < original}
                    expected = before | listed(draft, step, part)
        window = Span(WINDOW.start - 400 * DAY, WINDOW.end - 9 * DAY)
        found = {each: (draft.start, draft.summary) for each, draft in event.instances(window).items()}
        inside = {
            each: said[:2]
            for each, said in expected.items()
            if said[3] or (window.start < said[0] + HOUR and said[0] < window.end)
        }
        assert found == inside


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
