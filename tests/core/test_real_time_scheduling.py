"""Booking links: their states, the validation of requests for them, and the starts that they offer."""

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


def test_an_open_link_can_be_completed_or_disabled():
    assert completed(Open(), BOOKED) == BOOKED
    assert disabled(Open(), "Sorry") == Disabled("Sorry")


def test_a_link_is_completed_only_once():
    """Not even by the same booking again."""
    for state in (BOOKED, Disabled("Sorry")):
        with pytest.raises(ClosedError):
            completed(state, BOOKED)


def test_a_completed_link_cannot_be_disabled():
    """The message of a disabled link can be changed."""
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
def test_a_message_is_text_that_is_not_empty(message, keys):
    problems = Problems()
    check_display_message(message, ("display_message",), problems)
    assert [problem.key for problem in problems] == keys


ORGANIZER = [TargetCalendar("acc_a", "cal_a")]
TWO, OTHER = [*ORGANIZER, TargetCalendar("acc_a", "cal_b")], [TargetCalendar("acc_b", "cal_b")]
SINGLE = {"event_creation": EventCreation.SINGLE}
COMPLETED, SUITABLE, DISPLAYED, *_ = (f"callback_urls.{kind}_url" for kind in CallbackKind)


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
def test_all_problems_of_a_request_are_reported(change, paths):
    """All at once. A redirect may lead to a private address, as only the visitor's browser goes there."""
    problems = replace(REQUEST, **change).check(NOW, Limits(), private_callbacks=False)
    assert [spell(problem.path) for problem in problems] == paths


def test_private_callbacks_are_allowed_by_the_operator():
    request = replace(REQUEST, callback_urls=CallbackUrls("http://127.0.0.1:9000/"))
    assert request.check(NOW, Limits(), private_callbacks=True) == []


def test_every_kind_of_callback_has_its_url():
    given = [f"https://{letter}/" for letter in "abcde"]
    urls = CallbackUrls(*given)
    assert [urls.of(kind) for kind in CallbackKind] == given


def test_members_other_than_the_organizer_see_only_time_and_summary():
    event = replace(REQUEST.event, description="Bring plans", url="https://example.com/")
    request = replace(REQUEST, event=event, event_creation=EventCreation.SINGLE, target_calendars=ORGANIZER)
    whole, hold = (request.booking(NINE).draft_for(sub) for sub in ("acc_a", "acc_b"))
    assert whole == replace(event, start=NINE, end=NINE + HOUR)
    assert hold == replace(REQUEST.event, start=NINE, end=NINE + HOUR)
    request = replace(request, event_creation=EventCreation.DEFAULT)
    assert request.booking(NINE).draft_for("acc_b") == whole


def test_fields_added_to_events_later_are_hidden_from_other_members():
    """The visible fields are listed; all others have their defaults."""
    shown = {"event_id", "summary", "start", "end", "tzid"}
    private = [field.name for field in fields(EventDraft) if field.name not in shown]
    event = replace(REQUEST.event, **dict.fromkeys(private, object()))
    request = replace(REQUEST, event=event, event_creation=EventCreation.SINGLE, target_calendars=ORGANIZER)
    hold = request.booking(NINE).draft_for("acc_b")
    bare = EventDraft(event.event_id, event.summary, NINE, NINE + HOUR)
    assert {name: getattr(hold, name) for name in private} == {name: getattr(bare, name) for name in private}


def starts(request, now, first=0, most=100):
    """The starts of the offered meetings, in minutes after nine."""
    facts = [[Facts(Busy())], [Facts(Busy.of([(NINE, NINE + 35 * MINUTE)])), Facts(Busy.of([(NINE, NINE + HOUR)]))]]
    link = Link("sch_1", 1, request, Open())
    return [(opening.start - NINE) // MINUTE for opening in offers(link, facts, first, now, most)]


def on_grid(minutes, **more):
    return replace(REQUEST, query=replace(QUERY, start_interval=Duration(minutes=minutes), **more))


def test_every_start_on_the_grid_is_offered():
    """Up to the given number, whatever the query's own limit; without a grid one follows the other."""
    assert starts(on_grid(30, max_results=1), NOW) == [60, 90, 120]
    assert starts(on_grid(30), NOW, most=2) == [60, 90]
    assert starts(REQUEST, NOW) == [35, 95]


def test_offers_follow_the_local_clock():
    """Full hours in Nepal are a quarter past in UTC; with an offset of ten minutes, 25 past."""
    assert starts(on_grid(60, start_interval_tzid="Asia/Kathmandu"), NOW) == [75]
    moved = on_grid(60, start_interval_tzid="Asia/Kathmandu", start_offset=Duration(minutes=10))
    assert starts(moved, NOW) == [85]
    assert starts(on_grid(20, start_interval_tzid="Europe/London"), NOW) == [40, 60, 80, 100, 120]


def test_slots_do_not_overlap_if_the_query_wants_slots():
    assert starts(on_grid(30, response_format=ResponseFormat.SLOTS), NOW) == [60, 120]


def test_the_minimum_notice_is_exact():
    """To the second; without a notice, a start must not have passed."""
    request = replace(on_grid(30), minimum_notice=Duration(hours=2))
    assert starts(request, NINE - HOUR) == [60, 90, 120]
    assert starts(request, NINE - HOUR + 1) == [90, 120]
    assert starts(on_grid(30), NINE + HOUR) == [90, 120]
    assert starts(on_grid(30), NINE + HOUR, first=NINE + 2 * HOUR) == [120]


def test_without_a_grid_starts_in_a_window_that_has_begun_are_quarters():
    """They do not depend on the minute at which the page is opened."""
    assert starts(REQUEST, NINE + 67 * MINUTE) == [75]


def test_query_slots_are_offered_as_given():
    asked = replace(QUERY, query_periods=None, query_slots=[NINE + 37 * MINUTE, NINE + 39 * MINUTE])
    assert starts(replace(REQUEST, query=asked), NINE + 37 * MINUTE) == [39]
