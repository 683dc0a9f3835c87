"""What a calendar file says about an account's time (RFC 5545), item by item."""

import pytest

from core.calendar_sources import AllDayEvents
from tests.support.calendar_files import BERLIN, calendar, event, how, items, spans

WEEKLY = ("DTSTART;TZID=Europe/Berlin:20270112T090000", "DURATION:PT1H")


@pytest.mark.parametrize(
    ("lines", "covered"),
    [
        (["DTSTART:20270119T090000Z", "DTEND:20270119T100000Z"], ["2027-01-19T09:00/10:00"]),
        (["DTSTART:20270119T090000Z", "DURATION:P1DT1H"], ["2027-01-19T09:00/2027-01-20T10:00"]),
        (["DTSTART;TZID=Europe/Berlin:20270119T090000", "DURATION:PT1H"], ["2027-01-19T08:00/09:00"]),
        (["DTSTART;TZID=W. Europe Standard Time:20270119T090000", "DURATION:PT1H"], ["2027-01-19T08:00/09:00"]),
        (
            ["DTSTART;TZID=/citadel.org/20210210_1/Europe/Berlin:20270119T090000", "DURATION:PT1H"],
            ["2027-01-19T08:00/09:00"],
        ),
        (['DTSTART;TZID="Here":20270719T090000', "DURATION:PT1H"], ["2027-07-19T07:00/08:00"]),
        # Floating, and all-day: the account's zone.
        (["DTSTART:20270119T090000", "DURATION:PT1H"], ["2027-01-19T14:00/15:00"]),
        (["DTSTART;VALUE=DATE:20270119"], ["2027-01-19T05:00/2027-01-20T05:00"]),
        (["DTSTART:20270119", "DTEND:20270121"], ["2027-01-19T05:00/2027-01-21T05:00"]),
        (["DTSTART:20270119", "DTEND:20270119"], ["2027-01-19T05:00/2027-01-20T05:00"]),
        # A zone that nobody knows: from 14 hours before to 12 hours after.
        (["DTSTART;TZID=Nowhere:20270119T120000", "DURATION:PT1H"], ["2027-01-18T22:00/2027-01-20T01:00"]),
        # No time at all, and time that has passed.
        (["DTSTART:20270119T090000Z"], []),
        (["DTSTART:20260119T090000Z", "DURATION:PT1H"], []),
        # A leap second, and a fold inside a character.
        (["DTSTART:20270119T085960Z", "DTEND:20270119T100000Z"], ["2027-01-19T08:59/10:00"]),
        (["DTSTART:2027011\n 9T090000Z", "DURATION:PT1H"], ["2027-01-19T09:00/10:00"]),
    ],
)
def test_times_are_those_of_their_zones(lines: list[str], covered: list[str]) -> None:
    item = items(calendar(BERLIN, event(*lines)), how("America/New_York"))["one"]
    assert (spans(item.events), item.problem, item.is_open) == (covered, None, False)


def test_a_file_can_name_the_zone_of_floating_times() -> None:
    body = calendar("X-WR-TIMEZONE:Asia/Tokyo", event("DTSTART:20270119T090000", "DURATION:PT1H"))
    assert spans(items(body, how("America/New_York"))["one"].events) == ["2027-01-19T00:00/01:00"]


@pytest.mark.parametrize(
    ("lines", "covered"),
    [
        (["RRULE:FREQ=WEEKLY;COUNT=3"], ["2027-01-12T08:00/09:00", "2027-01-19T08:00/09:00", "2027-01-26T08:00/09:00"]),
        # The hour on the wall stays, across a change of clocks.
        (["RRULE:FREQ=MONTHLY;INTERVAL=3;COUNT=2"], ["2027-01-12T08:00/09:00", "2027-04-12T07:00/08:00"]),
        (["RRULE:FREQ=WEEKLY;COUNT=2", "EXDATE:20270112T080000Z"], ["2027-01-19T08:00/09:00"]),
        (["RRULE:FREQ=WEEKLY;COUNT=2", "EXDATE;VALUE=DATE:20270119"], ["2027-01-12T08:00/09:00"]),
        (
            ["RDATE;VALUE=PERIOD:20270113T100000Z/PT2H,20270114T100000Z/20270114T103000Z"],
            ["2027-01-12T08:00/09:00", "2027-01-13T10:00/12:00", "2027-01-14T10:00/10:30"],
        ),
    ],
)
def test_a_series_has_all_of_its_instances(lines: list[str], covered: list[str]) -> None:
    item = items(calendar(event(*WEEKLY, *lines)))["one"]
    assert (spans(item.events), item.problem, item.is_open) == (covered, None, False)


@pytest.mark.parametrize(
    ("override", "covered"),
    [
        (
            ["DTSTART:20270119T150000Z", "DTEND:20270119T153000Z"],
            ["12T08:00/09:00", "19T15:00/15:30", "26T08:00/09:00"],
        ),
        (["DTSTART:20270119T080000Z", "DURATION:PT1H", "TRANSP:TRANSPARENT"], ["12T08:00/09:00", "26T08:00/09:00"]),
        (["DTSTART:20270119T080000Z", "STATUS:CANCELLED"], ["12T08:00/09:00", "26T08:00/09:00"]),
    ],
)
def test_an_override_takes_the_place_of_an_instance(override: list[str], covered: list[str]) -> None:
    series = event(*WEEKLY, "RRULE:FREQ=WEEKLY;COUNT=3")
    body = calendar(event("RECURRENCE-ID;TZID=Europe/Berlin:20270119T090000", *override), series)
    assert [each.removeprefix("2027-01-") for each in spans(items(body)["one"].events)] == covered


@pytest.mark.parametrize("named", ["TZID=Europe/London:20270713T000000", "VALUE=DATE:20270713"])
def test_an_override_names_the_day_of_an_all_day_series(named: str) -> None:
    """Outlook names it by the midnight of a zone."""
    series = event("DTSTART:20270712", "RRULE:FREQ=DAILY;COUNT=2")
    moved = event(f"RECURRENCE-ID;{named}", "DTSTART:20270720")
    item = items(calendar(series, moved))["one"]
    assert spans(item.events) == ["2027-07-12T00:00/2027-07-13T00:00", "2027-07-20T00:00/2027-07-21T00:00"]


def test_an_override_by_a_whole_day_is_on_the_clock_of_whole_days() -> None:
    series = event(*WEEKLY, "RRULE:FREQ=WEEKLY;COUNT=2")
    day = event("RECURRENCE-ID;TZID=Europe/Berlin:20270119T090000", "DTSTART;VALUE=DATE:20270119")
    item = items(calendar(series, day), how("America/New_York"))["one"]
    assert spans(item.events) == ["2027-01-12T08:00/09:00", "2027-01-19T05:00/2027-01-20T05:00"]


def test_an_override_of_all_that_follow_moves_them_and_says_what_they_are() -> None:
    series = event(*WEEKLY, "RRULE:FREQ=WEEKLY;COUNT=3", "SUMMARY:before")
    later = event(
        "RECURRENCE-ID;RANGE=THISANDFUTURE:20270119T080000Z",
        "DTSTART:20270119T100000Z",
        "DURATION:PT2H",
        "SUMMARY:after",
    )
    item = items(calendar(series, later))["one"]
    assert spans(item.events) == ["2027-01-12T08:00/09:00", "2027-01-19T10:00/12:00", "2027-01-26T10:00/12:00"]
    assert [each.summary for each in sorted(item.events, key=lambda each: each.starts_at)] == [
        "before",
        "after",
        "after",
    ]


def test_an_override_without_its_series_is_an_event() -> None:
    body = calendar(event("RECURRENCE-ID:20270119T090000Z", "DTSTART:20270120T090000Z", "DURATION:PT1H"))
    [found] = items(body)["one"].events
    assert (found.event_id, spans([found])) == ("one_20270119T090000Z", ["2027-01-20T09:00/10:00"])


def test_a_series_without_an_end_goes_on_behind_the_horizon() -> None:
    item = items(calendar(event(*WEEKLY, "RRULE:FREQ=DAILY")))["one"]
    assert item.is_open
    assert len(item.events) > 390


@pytest.mark.parametrize(
    ("lines", "blocks"),
    [
        ([], True),
        (["TRANSP:OPAQUE"], True),
        (["TRANSP:TRANSPARENT"], False),
        (["X-MICROSOFT-CDO-BUSYSTATUS:FREE"], False),
        (["X-MICROSOFT-CDO-BUSYSTATUS:OOF"], True),
        (["ATTENDEE;PARTSTAT=DECLINED:mailto:Ada@example.com"], False),
        (["ATTENDEE;PARTSTAT=DECLINED:mailto:ben@example.com"], True),
        (["ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.com"], True),
    ],
)
def test_an_event_blocks_as_it_says(lines: list[str], blocks: bool) -> None:
    body = calendar(event("DTSTART:20270119T090000Z", "DURATION:PT1H", *lines))
    [found] = items(body, how(email="ada@example.com"))["one"].events
    assert found.blocks is blocks


def test_a_cancelled_event_is_none() -> None:
    assert items(calendar(event("DTSTART:20270119T090000Z", "DURATION:PT1H", "STATUS:CANCELLED")))["one"].events == []


@pytest.mark.parametrize(
    ("all_day", "marked", "free"), [("as_marked", True, False), ("block", True, True), ("free", False, False)]
)
def test_a_source_says_whether_all_day_events_block(all_day: str, marked: bool, free: bool) -> None:
    body = calendar(
        event("DTSTART:20270119", uid="marked"), event("DTSTART:20270119", "TRANSP:TRANSPARENT", uid="free")
    )
    found = items(body, how(all_day=AllDayEvents(all_day)))
    assert [found[uid].events[0].blocks for uid in ("marked", "free")] == [marked, free]


@pytest.mark.parametrize(
    ("lines", "covered", "incomplete"),
    [
        # Both times can be read: they block, whatever else cannot be.
        (["DTSTART:20270119T090000Z", "DTEND:20270119T100000Z", "RECURRENCE-ID:yesterday"], ["09:00/10:00"], False),
        (["DTSTART:20270119T090000Z", "DTEND:20270119T100000Z", "RRULE:FREQ=SECONDLY"], ["09:00/10:00"], True),
        (["DTSTART:20270119T090000Z", "DTEND:20270119T100000Z", "RRULE:FREQ=DAILY;INTERVAL=0"], ["09:00/10:00"], True),
        (["DTSTART:20270119T090000Z", "DTEND:20270119T100000Z", "RDATE:soon"], ["09:00/10:00"], True),
        # What is left out cannot be read, so nothing is left out.
        (["DTSTART:20270119T090000Z", "DTEND:20270119T100000Z", "EXDATE:soon"], ["09:00/10:00"], False),
        (["DTSTART:20270119T090000Z", "DTEND:20270119T080000Z"], [], True),
        (["DTSTART:20270119T090000Z", "DURATION:-PT1H"], [], True),
        (["DTSTART:20270119T090000Z", "DTEND:later"], [], True),
        (["DTSTART:20270230T090000Z", "DTEND:20270119T100000Z"], [], True),
        (["DTEND:20270119T100000Z"], [], True),
    ],
)
def test_what_cannot_be_read_is_counted_and_blocks_what_can(
    lines: list[str], covered: list[str], incomplete: bool
) -> None:
    item = items(calendar(event(*lines)))["one"]
    assert [each[11:] for each in spans(item.events)] == covered
    assert item.problem is not None
    assert item.incomplete is incomplete


def test_of_two_versions_of_an_event_the_later_one_counts() -> None:
    old = event("SEQUENCE:1", "DTSTART:20270119T090000Z", "DURATION:PT1H")
    new = event("SEQUENCE:2", "DTSTART:20270120T090000Z", "DURATION:PT1H")
    assert spans(items(calendar(new, old))["one"].events) == ["2027-01-20T09:00/10:00"]


def test_two_events_with_one_uid_both_count() -> None:
    both = [event(f"DTSTART:{day}T090000Z", "DURATION:PT1H") for day in ("20270119", "20270120")]
    assert len(spans(items(calendar(*both))["one"].events)) == 2


def test_an_id_that_is_too_long_is_a_digest() -> None:
    body = calendar(event("DTSTART:20270119T090000Z", "DURATION:PT1H", uid="x" * 300))
    [item] = items(body).values()
    assert len(item.events[0].event_id) == 64


def test_the_order_of_a_file_says_nothing() -> None:
    parts = [
        event(*WEEKLY, "RRULE:FREQ=WEEKLY;COUNT=3"),
        event("RECURRENCE-ID:20270119T080000Z", "DTSTART:20270120T090000Z", "DURATION:PT1H"),
        event("DTSTART:20270119T090000Z", "DURATION:PT1H", uid="two"),
    ]
    assert items(calendar(*parts)) == items(calendar(*reversed(parts)))
