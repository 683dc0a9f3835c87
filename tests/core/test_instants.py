"""Parsing and formatting of instants and dates."""

from datetime import date

import pytest

from core.instants import (
    DAY,
    EARLIEST,
    LATEST,
    Unreadable,
    format_instant,
    parse_date,
    parse_instant,
    read_event_time,
    read_instant,
)

NINE = 1_800_349_200  # `date -u -d 2027-01-19T09:00:00Z +%s`


@pytest.mark.parametrize(
    "text",
    [
        "2027-01-19T09:00:00Z",
        "2027-01-19T09:00:00z",
        "2027-01-19t09:00:00Z",
        "2027-01-19 09:00:00Z",
        "2027-01-19T09:00Z",
        "2027-01-19T09:00:00.000Z",
        "2027-01-19T10:00:00+01:00",
        "2027-01-19T10:00:00+0100",
        "2027-01-19T03:30:00-05:30",
        "2027-01-19T09:00:00-00:00",
        "2027-01-18T23:00:00-10:00",
    ],
)
def test_an_instant_is_read_from_every_usual_spelling(text):
    """RFC 3339, with the variants of ISO 8601 that client libraries use; some write a space for the T."""
    assert parse_instant(text) == NINE


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must be a time such as"),
        ("tomorrow", "must be a time such as"),
        ("2027-01-19", "must be a time such as"),
        ("2027-W03-2T09:00:00Z", "must be a time such as"),
        ("20270119T090000Z", "must be a time such as"),
        ("2027-01-19T9:00:00Z", "must be a time such as"),
        ("2027-01-19T09:00:00Z ", "must be a time such as"),
        ("2027-01-19T09:00:00Z\n", "must be a time such as"),
        ("２０27-01-19T09:00:00Z", "must be a time such as"),
        ("2027-01-19T09:00:00[Europe/Paris]", "must be a time such as"),
        ("1800349200", "must be a time such as"),
        ("2027-01-19T09:00:00", "has no time zone"),
        ("2027-01-19T09:00", "has no time zone"),
        ("2027-01-19T09:00:00.5Z", "must be a whole second"),
        ("2027-01-19T09:00:00.000001Z", "must be a whole second"),
        ("2027-02-29T09:00:00Z", "is not a time that exists"),
        ("2027-13-01T09:00:00Z", "is not a time that exists"),
        ("2027-01-19T25:00:00Z", "is not a time that exists"),
        ("2027-01-19T09:60:00Z", "is not a time that exists"),
        ("2016-12-31T23:59:60Z", "is not a time that exists"),
        ("2027-01-19T09:00:00+24:00", "is not a time that exists"),
        ("0000-01-01T00:00:00Z", "is not a time that exists"),
        ("0001-12-31T23:59:59Z", "lies outside the years 2 to 9998"),
        ("0002-01-01T00:00:00+00:01", "lies outside the years 2 to 9998"),
        ("9999-01-01T00:00:00Z", "lies outside the years 2 to 9998"),
        ("9998-12-31T23:59:59-01:00", "lies outside the years 2 to 9998"),
    ],
)
def test_invalid_text_for_an_instant_is_refused_with_the_reason(text, why):
    """A time without a zone is ambiguous, and fractions of a second would be lost silently."""
    with pytest.raises(ValueError, match=why):
        parse_instant(text)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (NINE, "2027-01-19T09:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (EARLIEST, "0002-01-01T00:00:00Z"),
        (LATEST - 1, "9998-12-31T23:59:59Z"),
    ],
)
def test_an_instant_is_written_in_one_way_only(instant, text):
    """Whole seconds and a Z: the C# client reads nothing else. The result can be read back."""
    assert format_instant(instant) == text
    assert parse_instant(text) == instant


def test_a_date_is_read_in_one_way_only():
    """For the start and the end of all-day events."""
    assert parse_date("2027-01-19") == date(2027, 1, 19)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2027-1-19", "must be a date such as"),
        ("20270119", "must be a date such as"),
        ("2027-W03-2", "must be a date such as"),
        ("2027-01-19T00:00:00Z", "must be a date such as"),
        ("2027-01-19\n", "must be a date such as"),
        ("2027-02-30", "is not a date that exists"),
        ("0001-12-31", "lies outside the years 2 to 9998"),
        ("9998-12-31", "lies outside the years 2 to 9998"),
    ],
)
def test_invalid_text_for_a_date_is_refused_with_the_reason(text, why):
    """The last days are refused: the midnight after them must be an instant in every zone."""
    with pytest.raises(ValueError, match=why):
        parse_date(text)


def test_the_first_and_the_last_date_are_read():
    """The bounds are inclusive."""
    assert parse_date("0002-01-01") == date(2, 1, 1)
    assert parse_date("9998-12-30") == date(9998, 12, 30)


def test_an_unreadable_instant_becomes_an_unreadable_value():
    """So that it is reported together with all other problems of the request."""
    assert read_instant("2027-01-19T09:00:00Z") == NINE
    assert read_instant("2027-01-19T09:00:00") == Unreadable(
        "has no time zone: end it with Z or an offset such as +01:00"
    )


def test_an_event_time_is_an_instant_or_a_date():
    """Depending on the format of the text."""
    assert read_event_time("2027-01-19") == date(2027, 1, 19)
    assert read_event_time("2027-01-19T00:00:00Z") == NINE - 9 * DAY // 24
    assert read_event_time("2027-02-30") == Unreadable("is not a date that exists")
    assert read_event_time("2027-02-28 noon") == Unreadable("must be a time such as 2027-01-19T09:00:00Z")
