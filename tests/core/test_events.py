"""Events: validation, the time that they cover, and their effect on free/busy."""

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


def test_a_valid_event_has_no_problem():
    """Timed and all-day."""
    assert found(FINE) == []
    assert found(ALL_DAY) == []


# Validation


@pytest.mark.parametrize(
    ("field", "longest"), [("event_id", 255), ("summary", 1024), ("description", 4096), ("url", 2048)]
)
def test_text_is_limited_in_length(field, longest):
    """The limit is allowed, one more is not; a character counts once, whatever its number of bytes."""
    start = "https://example.com/" if field == "url" else ""
    assert changed(**{field: start + "é" * (longest - len(start))}) == []
    assert changed(**{field: start + "é" * (longest - len(start) + 1)}) == [(field, Key.TOO_LONG)]


@pytest.mark.parametrize("field", ["event_id", "summary", "description"])
@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_databases_cannot_store_is_refused(field, text):
    """It is reported with its path, instead of failing in a statement."""
    assert changed(**{field: text}) == [(field, Key.INVALID)]


def test_an_event_needs_an_id():
    """The caller's own id, by which events are upserted."""
    assert changed(event_id="") == [("event_id", Key.REQUIRED)]


def test_a_summary_may_be_empty():
    """Callers do send events without one."""
    assert changed(summary="") == []


@pytest.mark.parametrize("tzid", ["Mars/Olympus", "", "europe/london", "../../etc/passwd", "GMT+25"])
def test_a_zone_must_be_a_known_iana_name(tzid):
    """Spelled exactly, in upper and lower case."""
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
def test_a_geolocation_is_in_decimal_degrees(lat, long, problems):
    """It is stored as text, but must be a number on the globe."""
    assert changed(location=Location("here", lat, long)) == problems


def test_a_location_may_have_a_description_only():
    """Or be empty. A description that is too long is refused."""
    assert changed(location=Location("x" * 1024)) == []
    assert changed(location=Location()) == []
    assert changed(location=Location("x" * 1025)) == [("location.description", Key.TOO_LONG)]


@pytest.mark.parametrize(
    "url", ["https://example.com/room", "http://localhost:8080", "tel:+44123", "zoommtg://zoom.us/j"]
)
def test_a_url_may_have_any_scheme_that_opens_an_application(url):
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
def test_a_url_must_be_complete_and_must_not_run_code(url):
    """Calendar clients turn it into a link."""
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
def test_an_event_ends_after_it_starts_with_both_of_one_kind(start, end, problems):
    """The end of an all-day event is the day after its last: one day is from the 19th to the 20th."""
    assert changed(start=start, end=end) == problems


def test_an_event_may_lie_in_the_past():
    """Calendars have a history; only queries must lie in the future."""
    assert changed(start=0, end=1) == []


def test_all_problems_are_reported_at_once():
    """With the paths of their fields."""
    draft = EventDraft("", "\0", Unreadable("no"), NINE, tzid="?", url="x", location=Location(lat="x"))
    assert {path for path, _ in found(draft)} == {"event_id", "summary", "start", "tzid", "url", "location.lat"}


# Covered time


def test_a_timed_event_covers_its_own_time():
    """Its zone is for display, and moves nothing."""
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
    """A holiday in Tokyo ends at midnight in Tokyo."""
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
def test_a_day_may_be_longer_or_shorter_than_24_hours(start, end, tzid, hours):
    """Clocks change: by half an hour on Lord Howe, at midnight in São Paulo; Samoa once skipped a whole day."""
    first, last = covered(start, end, tzid)
    assert parse_instant(last) - parse_instant(first) == hours * HOUR


# Free or busy


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
def test_transparency_status_and_deletion_decide_free_or_busy(transparency, status, deleted, meaning):
    """A transparent event is free whatever its status, and so is a deleted one."""
    draft = replace(FINE, transparency=transparency, status=status)
    event = Event(draft, draft.span(), "cal_1", "evt_1", deleted, created=NINE, updated=NINE)
    assert event.free_busy_status is meaning


def test_events_are_opaque_and_confirmed_by_default():
    """The safe default: an event that says nothing is busy."""
    assert (FINE.transparency, FINE.status, FINE.tzid) == (Transparency.OPAQUE, EventStatus.CONFIRMED, "Etc/UTC")


# Windows


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
def test_a_window_may_be_open_but_not_inverted(window, problems):
    """Paths use the caller's field names: `from`, without the underscore that Python needs."""
    collected = Problems()
    window.check(collected)
    assert [(spell(problem.path), problem.key) for problem in collected] == [(name, Key.INVALID) for name in problems]
