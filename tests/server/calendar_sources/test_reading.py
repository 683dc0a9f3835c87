"""What becomes of a source when a file has come, or a damaged one."""

from collections.abc import Mapping

import pytest

from core.calendar_sources import AllDayEvents, StoredItem
from core.instants import DAY, MINUTE
from server.calendar_sources import reading
from server.calendar_sources.content import NotACalendarError
from server.calendar_sources.reading import Outcome, TookTooLongError, read_file, roll
from tests.support.calendar_files import NOW, calendar, days, event, how, single, spans


def after(stored: Mapping[str, StoredItem], outcome: Outcome) -> dict[str, StoredItem]:
    """The stored items after an outcome."""
    return {key: item for key, item in {**stored, **outcome.items}.items() if key not in outcome.deleted}


def fetched(
    body: bytes, stored: Mapping[str, StoredItem] | None = None, now: int = NOW
) -> tuple[Outcome, dict[str, StoredItem]]:
    """What a file makes of a source with these items."""
    expanded_for = how(now=now).digest if stored is not None else None
    outcome = read_file(body, stored or {}, how(now=now), expanded_for, now, trusted=False)
    return outcome, after(stored or {}, outcome)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is empty"),
        (b" \r\n\r\n", "is empty"),
        (b"<!DOCTYPE html><p>Log in", "web page"),
        (b"secret of another server", "does not begin"),
        (b"BEGIN:VCARD\r\nEND:VCARD\r\n", "does not begin"),
        (calendar(*days(3))[:-16], "cut off"),
        (calendar(*days(3))[:200], "cut off|damaged"),
        (b"BEGIN:VCALENDAR", "cut off"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", "damaged"),
        (calendar(event("DTSTART:x", uid="a"), event("DTSTART:y", uid="b")), "none of which can be read: DTSTART:x"),
        (calendar("\n".join(["BEGIN:VEVENT"] * 50), "\n".join(["END:VEVENT"] * 50)), "too deep"),
        (b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 40_001 + b"END:VCALENDAR\r\n", "40,000"),
    ],
)
def test_a_file_that_is_no_whole_calendar_is_a_failed_fetch(body: bytes, why: str) -> None:
    with pytest.raises(NotACalendarError, match=why) as raised:
        fetched(body)
    assert "secret" not in str(raised.value)


def test_a_calendar_without_events_is_an_empty_calendar() -> None:
    """Whatever a program writes behind its end."""
    outcome, stored = fetched(calendar() + b"X-COMMENT:cached\r\nBEGIN:VCARD\r\nEND:VCARD\r\n")
    assert (outcome.events, outcome.doubtful, stored) == ({}, False, {})


def test_the_same_again_changes_nothing() -> None:
    body = calendar(*days(3))
    _, stored = fetched(body)
    stamped = body.replace(b"UID:", b"DTSTAMP:20270110T120000Z\r\nUID:")
    outcome, again = fetched(stamped, stored)
    assert (outcome.events, outcome.items, again) == (None, {}, stored)


def test_an_item_that_cannot_be_read_any_more_keeps_what_it_was() -> None:
    _, stored = fetched(calendar(single("20270119T090000Z", "20270119T100000Z", "a"), *days(1)))
    moved = event("DTSTART:20270119T150000Z", "DTEND:20270119T160000Z", "RECURRENCE-ID:?", uid="a")
    outcome, stored = fetched(calendar(moved, *days(1)), stored)
    assert outcome.events is not None
    both = ["2027-01-11T09:00/10:00", "2027-01-19T09:00/10:00", "2027-01-19T15:00/16:00"]
    assert spans(outcome.events.values()) == both
    assert (outcome.unreadable, outcome.incomplete, outcome.problem) == (
        1,
        False,
        "RECURRENCE-ID:?: '?' is not a date such as 20270119 or a time such as 20270119T090000Z",
    )
    # And so it stays, while it cannot be read.
    outcome, stored = fetched(calendar(moved.replace("160000", "170000"), *days(1)), stored)
    assert outcome.events is not None
    assert spans(outcome.events.values()) == [*both[:2], "2027-01-19T15:00/17:00"]
    outcome, _ = fetched(calendar(single("20270120T090000Z", "20270120T100000Z", "a"), *days(1)), stored)
    assert outcome.events is not None
    assert spans(outcome.events.values()) == ["2027-01-11T09:00/10:00", "2027-01-20T09:00/10:00"]


def test_a_series_that_cannot_be_read_cannot_be_placed() -> None:
    series = ("DTSTART:20270119T090000Z", "DURATION:PT1H")
    _, stored = fetched(calendar(event(*series, "RRULE:FREQ=DAILY;COUNT=3")))
    outcome, _ = fetched(calendar(event(*series, "RRULE:FREQ=NEVER")), stored)
    assert outcome.events is not None
    assert len({*spans(outcome.events.values())}) == 3
    assert (outcome.incomplete, outcome.unreadable) == (True, 1)


def test_most_events_do_not_disappear_at_once() -> None:
    _, stored = fetched(calendar(*days(20)))
    outcome, stored = fetched(calendar(*days(9)), stored)
    assert outcome.doubtful
    assert outcome.events is not None
    assert len(outcome.events) == 20
    assert "11 events are gone at once" in (outcome.problem or "")
    # A quarter of an hour later, and not before.
    early, stored = fetched(calendar(*days(9)), stored, NOW + 15 * MINUTE - 1)
    assert early.doubtful
    late, stored = fetched(calendar(*days(9)), stored, NOW + 15 * MINUTE)
    assert late.events is not None
    assert (late.doubtful, len(late.events), len(stored)) == (False, 9, 9)


def test_another_half_that_disappears_is_doubted_anew() -> None:
    _, stored = fetched(calendar(*days(20)))
    _, stored = fetched(calendar(*days(9)), stored)
    outcome, stored = fetched(calendar(*days(9, since=22)), stored, NOW + DAY // 24)
    assert outcome.events is not None
    # Neither fetch had these two, so they are gone; the others were in one of them.
    assert outcome.doubtful
    assert len(outcome.events) == 18
    everything, _ = fetched(calendar(*days(20)), stored, NOW + DAY // 12)
    assert (everything.events is not None, everything.doubtful) == (True, False)


@pytest.mark.parametrize(("before", "later"), [(19, 0), (20, 10)])
def test_half_of_the_events_may_disappear_and_all_of_a_few(before: int, later: int) -> None:
    _, stored = fetched(calendar(*days(before)))
    outcome, stored = fetched(calendar(*days(later)), stored)
    assert (outcome.doubtful, len(stored)) == (False, later)


def test_a_horizon_moves_without_a_file() -> None:
    _, stored = fetched(calendar(event("DTSTART:20270111T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY")))
    later = roll(stored, how(now=NOW + 30 * DAY))
    assert later.events is not None
    assert later.is_open
    assert max(later.events) == "one_20280316T090000Z"


def test_the_same_file_is_read_anew_for_another_zone() -> None:
    body = calendar(event("DTSTART:20270119", uid="a"))
    _, stored = fetched(body)
    other = how("Asia/Tokyo", all_day=AllDayEvents.BLOCK)
    outcome = read_file(body, stored, other, how().digest, NOW, trusted=False)
    assert outcome.events is not None
    assert spans(outcome.events.values()) == ["2027-01-18T15:00/2027-01-19T15:00"]


def test_addresses_in_a_line_are_not_shown() -> None:
    line = "DTSTART:http://10.0.0.1/secret ada@example.com " + "x" * 500
    outcome, _ = fetched(calendar(event(line, uid="a"), *days(1)))
    assert outcome.problem is not None
    assert len(outcome.problem) <= 200
    assert "10.0.0.1" not in outcome.problem
    assert "example" not in outcome.problem


HOSTILE = {
    "24 starts a day": ["DTSTART:20000101T000000Z", "RRULE:FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24)))],
    "100,000 dates": ["DTSTART:20270101T000000Z", "RDATE:" + ",".join(["20270101T000000Z"] * 15_000)],
    "a line of 5 MB": ["DTSTART:20270101T000000Z", "RDATE:" + "20270101T000000Z," * 300_000],
    "parameters": ["DTSTART" + ";X=Y" * 20_000 + ":20270119T090000Z"],
    "quotes": ['DTSTART;X="' * 20_000 + ":20270119T090000Z"],
    "blanks": ["DTSTART" + " " * 200_000 + ":20270119T090000Z"],
    "a count": ["DTSTART:00020101T000000Z", "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=100000"],
    "never": ["DTSTART:20270101T000000Z", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"],
    "for ever": ["DTSTART:00020101T000000Z", "DTEND:99980101T000000Z"],
    "long instances": ["DTSTART:20200101T000000Z", "DURATION:P3650D", "RRULE:FREQ=DAILY"],
    "numbers": ["DTSTART:20270101T000000Z", "DURATION:PT" + "9" * 9 + "H"],
    "a zone": ["DTSTART;TZID=Bad:20270119T090000", "DURATION:PT1H"],
}
BAD_ZONE = """BEGIN:VTIMEZONE
TZID:Bad
BEGIN:STANDARD
DTSTART:00020101T000000
TZOFFSETFROM:+0000
TZOFFSETTO:+0100
RRULE:FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9
END:STANDARD
END:VTIMEZONE"""


@pytest.mark.parametrize("lines", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_events_are_read_or_refused_soon(lines: list[str]) -> None:
    """Reading raises TookTooLongError after five seconds of a processor."""
    outcome, _ = fetched(calendar(BAD_ZONE, event(*lines, uid="a"), *days(1)))
    assert outcome.events is not None
    assert any(each.endswith("09:00/10:00") for each in spans(outcome.events.values()))


def test_reading_ends_when_it_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "LEAST_SECONDS", 0)
    monkeypatch.setattr(reading, "SECONDS_A_MEGABYTE", 0)
    with pytest.raises(TookTooLongError):
        fetched(calendar(*days(3)))


def test_too_many_events_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_EVENTS", 300)
    with pytest.raises(NotACalendarError, match="more than 300 events"):
        fetched(calendar(event("DTSTART:20270111T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY")))
