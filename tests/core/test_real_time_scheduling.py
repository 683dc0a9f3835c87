"""Links: the states that they can be in, what is wrong with a request for one, and what is offered."""

from dataclasses import fields, replace

import pytest

from core.bookings import EventCreation, TargetCalendar
from core.durations import Duration
from core.errors import Problems, spell
from core.events import EventDraft
from core.instants import DAY, HOUR, MINUTE, Unreadable
from core.limits import Limits
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from core.real_time_scheduling import (
    CallbackKind,
    CallbackUrls,
    ClosedError,
    Completed,
    Disabled,
    Link,
    Open,
    RedirectUrls,
    SchedulingRequest,
    check_display_message,
    completed,
    disabled,
    offers,
)
from core.solver import Facts
from core.spans import Busy

NOW = 1_800_000_000 // DAY * DAY
NINE = NOW + 9 * HOUR
BOOKED = Completed(NINE, NINE + HOUR, ("acc_a",), "Europe/London")
QUERY = AvailabilityQuery(
    [Group([Member("acc_a")]), Group([Member("acc_b"), Member("acc_c")], 1)],
    Duration(hours=1),
    query_periods=[Period(NINE, NINE + 3 * HOUR)],
)
UNKNOWN = Unreadable("is not known yet")
REQUEST = SchedulingRequest(QUERY, EventDraft("e1", "Interview", UNKNOWN, UNKNOWN))


def test_an_open_link_is_completed_or_disabled():
    assert completed(Open(), BOOKED) == BOOKED
    assert disabled(Open(), "Sorry") == Disabled("Sorry")


def test_a_link_is_completed_once():
    """Not even by the same booking again."""
    for state in (BOOKED, Disabled("Sorry")):
        with pytest.raises(ClosedError):
            completed(state, BOOKED)


def test_what_was_booked_is_not_taken_back():
    """A message can be another one, as long as nothing was booked."""
    assert disabled(Disabled("Sorry"), "Gone") == Disabled("Gone")
    with pytest.raises(ClosedError):
        disabled(BOOKED, "Sorry")


@pytest.mark.parametrize(
    ("message", "keys"),
    [
        ("We have found somebody.\nThank you!", []),
        ("<b>not bold</b>", []),
        ("x" * 500, []),
        ("x" * 501, ["errors.too_long"]),
        ("", ["errors.required"]),
        (" \n ", ["errors.required"]),
        ("\0", ["errors.invalid"]),
    ],
)
def test_a_message_has_words(message, keys):
    problems = Problems()
    check_display_message(message, ("display_message",), problems)
    assert [problem.key for problem in problems] == keys


ORGANIZER = [TargetCalendar("acc_a", "cal_a")]
TWO, OTHER = [*ORGANIZER, TargetCalendar("acc_a", "cal_b")], [TargetCalendar("acc_b", "cal_b")]
SINGLE = {"event_creation": EventCreation.SINGLE}
COMPLETED, SUITABLE, DISPLAYED = (f"callback_urls.{kind}_url" for kind in CallbackKind)


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        ({}, []),
        ({"event": replace(REQUEST.event, event_id="", tzid="Mars/Olympus")}, ["event.event_id", "event.tzid"]),
        ({"target_calendars": [TargetCalendar("acc_z", "cal_z")]}, ["target_calendars[0].sub"]),
        ({"minimum_notice": Duration(hours=-1)}, ["minimum_notice.hours"]),
        ({"tzid": "Mars/Olympus"}, ["tzid"]),
        ({"callback_urls": CallbackUrls("http://10.0.0.1/", "ftp://x.com/")}, [COMPLETED, SUITABLE]),
        ({"callback_urls": CallbackUrls(no_times_displayed_url="x")}, [DISPLAYED]),
        ({"redirect_urls": RedirectUrls("javascript:alert(1)")}, ["redirect_urls.completed_url"]),
        ({"redirect_urls": RedirectUrls("http://localhost:3000/booked")}, []),
        (SINGLE, ["target_calendars"]),
        ({**SINGLE, "target_calendars": ORGANIZER}, []),
        ({**SINGLE, "target_calendars": OTHER}, ["target_calendars[0].sub"]),
        ({**SINGLE, "target_calendars": TWO}, ["target_calendars"]),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_request_is_told(change, paths):
    """All of it; and a visitor's browser may well be sent to somebody's own machine, where nobody else sends anything."""
    problems = replace(REQUEST, **change).check(NOW, Limits(), private_callbacks=False)
    assert [spell(problem.path) for problem in problems] == paths


def test_callbacks_may_be_private_where_an_operator_lets_them():
    request = replace(REQUEST, callback_urls=CallbackUrls("http://127.0.0.1:9000/"))
    assert request.check(NOW, Limits(), private_callbacks=True) == []


def test_every_kind_of_callback_has_its_url():
    urls = CallbackUrls("https://a/", "https://b/", "https://c/")
    assert [urls.of(kind) for kind in CallbackKind] == ["https://a/", "https://b/", "https://c/"]


def test_one_who_is_not_the_organizer_has_no_more_than_the_time_and_what_it_is():
    event = replace(REQUEST.event, description="Bring plans", url="https://example.com/")
    request = replace(REQUEST, event=event, event_creation=EventCreation.SINGLE, target_calendars=ORGANIZER)
    whole, hold = (request.booking(NINE).draft_for(sub) for sub in ("acc_a", "acc_b"))
    assert whole == replace(event, start=NINE, end=NINE + HOUR)
    assert hold == replace(REQUEST.event, start=NINE, end=NINE + HOUR)
    request = replace(request, event_creation=EventCreation.DEFAULT)
    assert request.booking(NINE).draft_for("acc_b") == whole


def test_a_field_that_events_gain_later_is_not_shown_to_other_members():
    """The fields they may see are listed; every other one has its default."""
    shown = {"event_id", "summary", "start", "end", "tzid"}
    private = [field.name for field in fields(EventDraft) if field.name not in shown]
    event = replace(REQUEST.event, **dict.fromkeys(private, object()))
    request = replace(REQUEST, event=event, event_creation=EventCreation.SINGLE, target_calendars=ORGANIZER)
    hold = request.booking(NINE).draft_for("acc_b")
    bare = EventDraft(event.event_id, event.summary, NINE, NINE + HOUR)
    assert {name: getattr(hold, name) for name in private} == {name: getattr(bare, name) for name in private}


def starts(request, now, first=0, most=100):
    """When the offered meetings begin, in minutes after nine."""
    facts = [[Facts(Busy())], [Facts(Busy.of([(NINE, NINE + 35 * MINUTE)])), Facts(Busy.of([(NINE, NINE + HOUR)]))]]
    link = Link("sch_1", 1, request, Open())
    return [(opening.start - NINE) // MINUTE for opening in offers(link, facts, first, now, most)]


def on_grid(minutes, **more):
    return replace(REQUEST, query=replace(QUERY, start_interval=Duration(minutes=minutes), **more))


def test_every_start_on_the_grid_is_offered():
    """As many as are wanted, whatever the query's own limit; without a grid they follow one another."""
    assert starts(on_grid(30, max_results=1), NOW) == [60, 90, 120]
    assert starts(on_grid(30), NOW, most=2) == [60, 90]
    assert starts(REQUEST, NOW) == [35, 95]


def test_slots_do_not_overlap_where_they_were_asked_for():
    assert starts(on_grid(30, response_format=ResponseFormat.SLOTS), NOW) == [60, 120]


def test_nothing_is_offered_before_its_notice():
    """To the second; and without any it must not have begun."""
    request = replace(on_grid(30), minimum_notice=Duration(hours=2))
    assert starts(request, NINE - HOUR) == [60, 90, 120]
    assert starts(request, NINE - HOUR + 1) == [90, 120]
    assert starts(on_grid(30), NINE + HOUR) == [90, 120]
    assert starts(on_grid(30), NINE + HOUR, first=NINE + 2 * HOUR) == [120]


def test_where_anything_goes_it_is_a_quarter_that_is_left_of_what_has_begun():
    """And not the minute at which somebody happens to look."""
    assert starts(REQUEST, NINE + 67 * MINUTE) == [75]


def test_starts_that_were_asked_about_are_offered_as_they_are():
    asked = replace(QUERY, query_periods=None, query_slots=[NINE + 37 * MINUTE, NINE + 39 * MINUTE])
    assert starts(replace(REQUEST, query=asked), NINE + 37 * MINUTE) == [39]
