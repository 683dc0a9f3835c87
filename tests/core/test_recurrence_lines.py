"""Recurrence lines: what they say, and what is wrong with those that cannot be read."""

from datetime import date

import pytest

from core.errors import Key, Problems, TooManyProblems
from core.instants import HOUR, parse_instant
from core.limits import MAX_RECURRENCE_DATES, MAX_RECURRENCE_LINES
from core.recurrence_lines import read_recurrence
from core.series import Length, Series
from core.zones import ZoneInfo

LONDON = ZoneInfo("Europe/London")
NINE = parse_instant("2027-01-19T09:00:00Z")


def read(*lines: str, all_day: bool = False) -> Series:
    """The series of an event of an hour, on a Tuesday at 9:00 in London, or of that whole day."""
    problems = Problems()
    recurrence = read_recurrence(lines, ("recurrence",), problems, all_day=all_day)
    assert recurrence is not None, problems
    return recurrence.series(date(2027, 1, 19) if all_day else NINE, LONDON, Length(seconds=HOUR))


def problems_of(*lines: str, all_day: bool | None = False) -> list[tuple[str, Key, str]]:
    """What is wrong with these lines: the place, the key and the words."""
    problems = Problems()
    assert read_recurrence(lines, ("recurrence",), problems, all_day=all_day) is None
    return [("".join(f"[{step}]" for step in each.path[1:]), each.key, each.description) for each in problems]


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ("RDATE:20270120T090000Z", "2027-01-20T09:00:00Z"),
        ("rdate:20270120t090000z", "2027-01-20T09:00:00Z"),
        (" RDATE;VALUE=DATE-TIME:20270120T090000 ", "2027-01-20T09:00:00Z"),
        ("RDATE:20270720T090000", "2027-07-20T08:00:00Z"),
        ("RDATE;TZID=Europe/Paris:20270120T090000", "2027-01-20T08:00:00Z"),
        ('RDATE;TZID="Europe/Paris":20270120T090000', "2027-01-20T08:00:00Z"),
        ("RDATE;TZID=Europe/Paris:20270120T090000Z", "2027-01-20T09:00:00Z"),
    ],
)
def test_a_time_is_in_utc_or_in_the_zone_of_its_line_or_of_its_event(line: str, start: str) -> None:
    assert [*read(line).dates] == [parse_instant(start)]


@pytest.mark.parametrize(
    ("value", "length"),
    [
        ("20270120T090000Z/PT90M", Length(seconds=90 * 60)),
        ("20270120T090000Z/P1DT2H", Length(days=1, seconds=2 * HOUR)),
        ("20270120T090000Z/P2W", Length(days=14)),
        ("20270120T090000/20270120T093000", Length(seconds=30 * 60)),
    ],
)
def test_a_period_has_its_own_length(value: str, length: Length) -> None:
    assert [*read(f"RDATE;VALUE=PERIOD:{value}").dates.values()] == [length]


def test_dates_are_read_for_whole_days() -> None:
    """And a date that is left out leaves out all starts of that day."""
    assert [*read("RDATE;VALUE=DATE:20270120,20270122", all_day=True).dates] == [date(2027, 1, 20), date(2027, 1, 22)]
    assert read("EXDATE:20270126").excluded == {date(2027, 1, 26)}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "must be a line such as RRULE:FREQ=WEEKLY;BYDAY=MO"),
        ("FREQ=DAILY", "must be a line such as RRULE:FREQ=WEEKLY;BYDAY=MO"),
        ("RRULE:FREQ=DAILY\nRRULE:FREQ=DAILY", "must be a line such as RRULE:FREQ=WEEKLY;BYDAY=MO"),
        ("EXRULE:FREQ=DAILY", "must not be EXRULE, which RFC 5545 has abolished: list the dates that are left out in EXDATE"),
        ("DTSTART:20270119T090000Z", "must be RRULE, RDATE or EXDATE"),
        ("RRULE;X=1:FREQ=DAILY", "has the unknown parameter 'X'"),
        ("RRULE:FREQ=SOMETIMES", "FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("RRULE:FREQ=SECONDLY", "must not be SECONDLY: events can recur daily, with BYHOUR up to 24 times a day"),
        ("RDATE;VALUE=TEXT:20270120", "has a VALUE other than DATE-TIME, DATE, PERIOD"),
        ("EXDATE;VALUE=PERIOD:20270120T090000Z/PT1H", "has a VALUE other than DATE-TIME, DATE"),
        ("RDATE;TZID=Mars/Olympus:20270120T090000", "has a TZID that is not an IANA time zone such as Europe/London"),
        ("RDATE;LANG=en:20270120T090000", "has the unknown parameter 'LANG'"),
        ("RDATE:20270230T090000", "'20270230T090000' is not a date that exists"),
        ("RDATE:99991231T090000Z", "'99991231T090000Z' lies outside the years 2 to 9998"),
        ("RDATE:00010101T090000Z", "'00010101T090000Z' lies outside the years 2 to 9998"),
        ("RDATE;VALUE=DATE-TIME:20270120", "'20270120' is not of its VALUE, DATE-TIME"),
        ("RDATE;VALUE=PERIOD:20270120T090000Z", "'20270120T090000Z' is not a PERIOD such as 20270119T090000Z/PT1H"),
        ("RDATE:20270120", "must have dates if the event's start is one, and times if the start is one"),
        (
            "RDATE;VALUE=PERIOD:20270120T090000Z/PT0S",
            "'PT0S' is not a duration such as PT1H, between a second and 10,000 days",
        ),
        (
            "RDATE;VALUE=PERIOD:20270120T090000Z/P99999D",
            "'P99999D' is not a duration such as PT1H, between a second and 10,000 days",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_words(line: str, words: str) -> None:
    assert problems_of("RRULE:FREQ=DAILY", line) == [("[1]", Key.INVALID, words)]


def test_every_line_is_looked_at() -> None:
    """All problems are reported at once."""
    assert [place for place, _, _ in problems_of("X", "RRULE:FREQ=DAILY", "RDATE:soon")] == ["[0]", "[2]"]


def test_the_number_of_lines_and_dates_is_bounded() -> None:
    """And that of rules."""
    assert problems_of(*["RRULE:FREQ=DAILY"] * 11) == [("", Key.TOO_MANY, "takes at most 10 RRULE lines")]
    many = problems_of(*["EXDATE:20270120"] * (MAX_RECURRENCE_LINES + 1))
    assert many == [("", Key.TOO_MANY, "takes at most 100 lines")]
    full = "EXDATE:" + ",".join(["20270120"] * 400)
    lines = MAX_RECURRENCE_DATES // 400
    read(*[full] * lines)
    assert problems_of(*[full] * lines, "EXDATE:20270120") == [("", Key.TOO_MANY, "takes at most 10,000 dates")]


def test_a_line_is_bounded() -> None:
    """It is not read beyond that, and a character that cannot be stored is refused."""
    assert [key for _, key, _ in problems_of("RDATE:" + "2" * 5000, "EXDATE:\0")] == [Key.TOO_LONG, Key.INVALID]


def test_more_problems_than_are_reported_are_not_looked_for() -> None:
    with pytest.raises(TooManyProblems):
        problems_of(*["X"] * 200, "Y")


def test_a_period_that_ends_before_it_starts_is_refused_once_its_zone_is_known() -> None:
    with pytest.raises(ValueError, match="has a PERIOD whose end is not after its start"):
        read("RDATE;VALUE=PERIOD:20270120T090000/20270120T080000Z")


def test_lines_of_an_event_whose_start_is_unreadable_are_read_all_the_same() -> None:
    assert [place for place, _, _ in problems_of("RDATE:20270120", "X", all_day=None)] == ["[1]"]
