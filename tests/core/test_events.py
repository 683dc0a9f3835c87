"""Events: what a caller may write, the time that it covers, and what it means for free and busy."""

from dataclasses import replace
from datetime import date

import pytest

from core.errors import Key, Problems, spell
from core.events import (
    Event,
    EventDraft,
    EventStatus,
    EventWindow,
    FreeBusyStatus,
    Location,
    Transparency,
)
from core.instants import DAY, HOUR, Unreadable, format_instant, parse_instant

NINE = parse_instant("2027-01-19T09:00:00Z")
FINE = EventDraft("stand-up", "Stand-up", NINE, NINE + HOUR)
ALL_DAY = replace(FINE, start=date(2027, 1, 19), end=date(2027, 1, 20))


def found(draft: EventDraft) -> list[tuple[str, Key]]:
    problems = Problems()
    draft.check(("event",), problems)
    return [(spell(problem.path).removeprefix("event."), problem.key) for problem in problems]


def changed(**fields: object) -> list[tuple[str, Key]]:
    return found(replace(FINE, **fields))


def covered(start: str, end: str, tzid: str) -> list[str]:
    draft = replace(FINE, start=date.fromisoformat(start), end=date.fromisoformat(end), tzid=tzid)
    assert found(draft) == []
    return [format_instant(bound) for bound in draft.span()]


def test_an_ordinary_event_has_no_problem():
    """Timed, and all-day."""
    assert found(FINE) == []
    assert found(ALL_DAY) == []


# What may be written


@pytest.mark.parametrize(
    ("field", "longest"), [("event_id", 255), ("summary", 1024), ("description", 4096), ("url", 2048)]
)
def test_text_has_a_longest_length(field, longest):
    """The longest is allowed, one character more is not; a character is one, however many bytes it takes."""
    start = "https://example.com/" if field == "url" else ""
    assert changed(**{field: start + "é" * (longest - len(start))}) == []
    assert changed(**{field: start + "é" * (longest - len(start) + 1)}) == [(field, Key.TOO_LONG)]


@pytest.mark.parametrize("field", ["event_id", "summary", "description"])
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_database_takes_is_refused(field, text):
    """Here, with its path, and not as a fault in the middle of a statement."""
    assert changed(**{field: text}) == [(field, Key.INVALID)]


def test_an_event_needs_an_id():
    """It is the caller's, and what upserting goes by."""
    assert changed(event_id="") == [("event_id", Key.REQUIRED)]


def test_a_summary_may_be_empty():
    """People do that."""
    assert changed(summary="") == []


@pytest.mark.parametrize("tzid", ["Mars/Olympus", "", "europe/london", "../../etc/passwd", "GMT+25"])
def test_a_zone_has_to_be_known(tzid):
    """By its IANA name, letter by letter."""
    assert changed(tzid=tzid) == [("tzid", Key.INVALID)]


@pytest.mark.parametrize(
    ("lat", "long", "problems"),
    [
        ("51.5", "-0.12", []),
        ("90", "180", []),
        ("-90", "-180", []),
        ("90.1", "180.1", [("location.lat", Key.INVALID), ("location.long", Key.INVALID)]),
        ("-90.1", "-180.1", [("location.lat", Key.INVALID), ("location.long", Key.INVALID)]),
        ("north", "", [("location.lat", Key.INVALID), ("location.long", Key.INVALID)]),
        ("nan", "inf", [("location.lat", Key.INVALID), ("location.long", Key.INVALID)]),
        ("1_0", "1e1", [("location.lat", Key.INVALID), ("location.long", Key.INVALID)]),
        (" 10", "10\n", [("location.lat", Key.INVALID), ("location.long", Key.INVALID)]),
        ("٥١", "0." + "1" * 40, [("location.lat", Key.INVALID), ("location.long", Key.INVALID)]),
    ],
)
def test_a_place_is_given_in_decimal_degrees(lat, long, problems):
    """Kept as written, so at least what was written has to be a number on the globe."""
    assert changed(location=Location("here", lat, long)) == problems


def test_a_location_may_be_words_only():
    """Or nothing at all; too many words are too many."""
    assert changed(location=Location("x" * 1024)) == []
    assert changed(location=Location()) == []
    assert changed(location=Location("x" * 1025)) == [("location.description", Key.TOO_LONG)]


@pytest.mark.parametrize(
    "url", ["https://example.com/room", "http://localhost:8080", "tel:+44123", "zoommtg://zoom.us/j"]
)
def test_a_url_may_have_any_scheme_that_opens_something(url):
    """Meetings are held in more than browsers."""
    assert changed(url=url) == []


@pytest.mark.parametrize(
    "url",
    [
        "example.com/room",
        "/room",
        "",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,hello",
        "vbscript:x",
        "https://[not-an-address/",
        "https:",
        "https:///room",
        "zoommtg:",
    ],
)
def test_a_url_must_be_whole_and_must_not_run_anything(url):
    """Somebody's calendar will make a link of it."""
    assert changed(url=url) == [("url", Key.INVALID)]


@pytest.mark.parametrize(
    ("start", "end", "problems"),
    [
        (NINE, NINE, [("end", Key.INVALID)]),
        (NINE, NINE - 1, [("end", Key.INVALID)]),
        (date(2027, 1, 19), date(2027, 1, 19), [("end", Key.INVALID)]),
        (date(2027, 1, 19), NINE + DAY, [("end", Key.INVALID)]),
        (NINE, date(2027, 1, 20), [("end", Key.INVALID)]),
        (Unreadable("no"), NINE, [("start", Key.INVALID)]),
        (Unreadable("no"), Unreadable("no"), [("start", Key.INVALID), ("end", Key.INVALID)]),
    ],
)
def test_an_event_ends_after_it_starts_and_both_are_of_a_kind(start, end, problems):
    """The end of an all-day event is the day after its last: one day is from the 19th to the 20th."""
    assert changed(start=start, end=end) == problems


def test_an_event_may_lie_in_the_past():
    """Calendars have a history; only queries look ahead."""
    assert changed(start=0, end=1) == []


def test_all_problems_are_reported_at_once():
    """With the paths of the fields."""
    draft = EventDraft("", "\0", Unreadable("no"), NINE, tzid="?", url="x", location=Location(lat="x"))
    assert {path for path, _ in found(draft)} == {"event_id", "summary", "start", "tzid", "url", "location.lat"}


# What it covers


def test_a_timed_event_covers_its_own_time():
    """Its zone is for showing it, and moves nothing."""
    assert replace(FINE, tzid="Asia/Tokyo").span() == (NINE, NINE + HOUR)


@pytest.mark.parametrize(
    ("start", "end", "tzid", "span"),
    [
        ("2027-01-19", "2027-01-20", "Etc/UTC", ["2027-01-19T00:00:00Z", "2027-01-20T00:00:00Z"]),
        ("2027-01-19", "2027-01-22", "Asia/Tokyo", ["2027-01-18T15:00:00Z", "2027-01-21T15:00:00Z"]),
        ("2027-07-19", "2027-07-20", "America/New_York", ["2027-07-19T04:00:00Z", "2027-07-20T04:00:00Z"]),
    ],
)
def test_an_all_day_event_runs_from_local_midnight_to_local_midnight(start, end, tzid, span):
    """A holiday in Tokyo is over when it is over in Tokyo."""
    assert covered(start, end, tzid) == span


@pytest.mark.parametrize(
    ("start", "end", "tzid", "hours"),
    [
        ("2027-03-28", "2027-03-29", "Europe/London", 23),
        ("2027-10-31", "2027-11-01", "Europe/London", 25),
        ("2027-10-03", "2027-10-04", "Australia/Lord_Howe", 23.5),
        ("2018-11-04", "2018-11-05", "America/Sao_Paulo", 23),
        ("2011-12-30", "2011-12-31", "Pacific/Apia", 0),
    ],
)
def test_a_day_is_as_long_as_it_is(start, end, tzid, hours):
    """Clocks change: by half an hour on Lord Howe, at midnight in São Paulo; and Samoa once left out a whole day."""
    first, last = covered(start, end, tzid)
    assert parse_instant(last) - parse_instant(first) == hours * HOUR


# What it means


@pytest.mark.parametrize(
    ("transparency", "status", "deleted", "meaning"),
    [
        (Transparency.OPAQUE, EventStatus.CONFIRMED, False, FreeBusyStatus.BUSY),
        (Transparency.OPAQUE, EventStatus.TENTATIVE, False, FreeBusyStatus.TENTATIVE),
        (Transparency.TRANSPARENT, EventStatus.CONFIRMED, False, FreeBusyStatus.FREE),
        (Transparency.TRANSPARENT, EventStatus.TENTATIVE, False, FreeBusyStatus.FREE),
        (Transparency.OPAQUE, EventStatus.CONFIRMED, True, FreeBusyStatus.FREE),
        (Transparency.OPAQUE, EventStatus.TENTATIVE, True, FreeBusyStatus.FREE),
    ],
)
def test_what_an_event_says_about_its_owner_s_time(transparency, status, deleted, meaning):
    """A transparent event takes no time however sure it is, and a deleted one takes none at all."""
    draft = replace(FINE, transparency=transparency, status=status)
    event = Event(draft, draft.span(), "cal_1", "evt_1", deleted, created=NINE, updated=NINE)
    assert event.free_busy_status is meaning


def test_events_are_opaque_and_confirmed_unless_they_say_otherwise():
    """The safe side: who says nothing is busy."""
    assert (FINE.transparency, FINE.status, FINE.tzid) == (Transparency.OPAQUE, EventStatus.CONFIRMED, "Etc/UTC")


# Which to list


@pytest.mark.parametrize(
    ("window", "problems"),
    [
        (EventWindow(), []),
        (EventWindow(from_=NINE), []),
        (EventWindow(to=NINE), []),
        (EventWindow(from_=NINE, to=NINE + 1, last_modified=NINE), []),
        (EventWindow(from_=NINE, to=NINE), ["to"]),
        (EventWindow(from_=NINE, to=NINE - 1), ["to"]),
        (
            EventWindow(Unreadable("no"), Unreadable("no"), last_modified=Unreadable("no")),
            ["from", "to", "last_modified"],
        ),
    ],
)
def test_a_window_may_be_open_but_not_turned_round(window, problems):
    """Paths are the fields as callers know them: `from`, without the underscore that Python needs."""
    collected = Problems()
    window.check(collected)
    assert [(spell(problem.path), problem.key) for problem in collected] == [(name, Key.INVALID) for name in problems]
