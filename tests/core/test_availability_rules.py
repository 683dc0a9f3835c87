"""Availability rules and stored available periods: validation and normal form."""

import pytest

from core.availability_rules import AvailabilityRule
from core.available_periods import StoredAvailablePeriod
from core.errors import Key, Path, Problems
from core.identity import OWN_ID_LENGTH
from core.instants import DAY, EARLIEST, LATEST, MINUTE, Instant, Unreadable, parse_instant
from core.limits import Limits
from core.spans import Span
from core.weekly import Weekday, WeeklyPeriod

LONGEST = Limits().max_period
NINE = parse_instant("2027-01-19T09:00Z")
MORNING = WeeklyPeriod(Weekday.MONDAY, "09:30", "12:30")
AFTERNOON = WeeklyPeriod(Weekday.MONDAY, "14:00", "17:00")

REFUSED_IDS = [
    ("", Key.REQUIRED),
    ("a" * 65, Key.TOO_LONG),
    ("büro", Key.INVALID),
    ("two\nlines", Key.INVALID),
    ("nul\0", Key.INVALID),
    ("\ud800", Key.INVALID),
    ("delete\x7f", Key.INVALID),
]


def problems_of_rule(rule: AvailabilityRule) -> list[tuple[Path, Key]]:
    problems = Problems()
    rule.check(problems)
    return [(problem.path, problem.key) for problem in problems]


def problems_of_period(
    start: Instant | Unreadable, end: Instant | Unreadable, period_id: str = "open-day"
) -> list[tuple[Path, Key]]:
    problems = Problems()
    StoredAvailablePeriod(period_id, start, end).check(problems, longest=LONGEST)
    return [(problem.path, problem.key) for problem in problems]


@pytest.mark.parametrize("calendar_ids", [None, ["cal_n23kjnwrw2_jsdfjksn234"], ["cal_1", "cal_2"]])
def test_a_rule_from_the_documentation_is_accepted(calendar_ids: list[str] | None) -> None:
    rule = AvailabilityRule("default", "America/Chicago", [MORNING, AFTERNOON], calendar_ids)
    assert problems_of_rule(rule) == []


def test_a_rule_without_weekly_periods_is_accepted() -> None:
    """It makes the account unavailable: someone on leave empties the rule instead of deleting it."""
    assert problems_of_rule(AvailabilityRule("on-leave", "Europe/London", [])) == []


@pytest.mark.parametrize("rule_id", ["a", "a" * OWN_ID_LENGTH, "work hours", "~/x:1@b"])
def test_an_id_of_printable_ascii_is_accepted(rule_id: str) -> None:
    assert problems_of_rule(AvailabilityRule(rule_id, "UTC", [MORNING])) == []
    assert problems_of_period(NINE, NINE + MINUTE, rule_id) == []


@pytest.mark.parametrize(("own_id", "key"), REFUSED_IDS)
def test_an_invalid_id_is_refused_with_its_reason(own_id: str, key: Key) -> None:
    """Exactly one problem per id."""
    assert problems_of_rule(AvailabilityRule(own_id, "UTC", [])) == [(("availability_rule_id",), key)]
    assert problems_of_period(NINE, NINE + MINUTE, own_id) == [(("available_period_id",), key)]


@pytest.mark.parametrize("tzid", ["", "Mars/Olympus", "europe/london", "+01:00", "../etc/passwd"])
def test_an_unknown_zone_is_refused(tzid: str) -> None:
    assert problems_of_rule(AvailabilityRule("default", tzid, [MORNING])) == [(("tzid",), Key.INVALID)]


def test_an_empty_list_of_calendars_is_refused() -> None:
    """A rule names at least one calendar or omits the list. In a query an empty list means that nothing blocks."""
    assert problems_of_rule(AvailabilityRule("default", "UTC", [MORNING], [])) == [(("calendar_ids",), Key.TOO_FEW)]


def test_a_repeated_calendar_is_reported_at_each_repetition() -> None:
    rule = AvailabilityRule("default", "UTC", [MORNING], ["cal_1", "cal_2", "cal_1", "cal_1"])
    assert problems_of_rule(rule) == [(("calendar_ids", 2), Key.DUPLICATE), (("calendar_ids", 3), Key.DUPLICATE)]


def test_all_problems_of_a_rule_are_reported_at_once() -> None:
    backwards = WeeklyPeriod(Weekday.FRIDAY, "17:00", "09:00")
    unreadable = WeeklyPeriod(Weekday.FRIDAY, "9", "17:00")
    assert problems_of_rule(AvailabilityRule("", "Nowhere", [backwards, MORNING, unreadable], [])) == [
        (("availability_rule_id",), Key.REQUIRED),
        (("tzid",), Key.INVALID),
        (("weekly_periods", 0, "end_time"), Key.INVALID),
        (("weekly_periods", 2, "start_time"), Key.INVALID),
        (("calendar_ids",), Key.TOO_FEW),
    ]


def test_a_normalised_rule_has_sorted_and_merged_periods() -> None:
    """All other fields are unchanged, and normalising again changes nothing."""
    sunday, midday = WeeklyPeriod(Weekday.SUNDAY, "22:00", "24:00"), WeeklyPeriod(Weekday.MONDAY, "12:00", "14:00")
    rule = AvailabilityRule("default", "America/Chicago", [AFTERNOON, midday, MORNING, sunday], ["cal_2", "cal_1"])
    kept = AvailabilityRule(
        "default", "America/Chicago", [sunday, WeeklyPeriod(Weekday.MONDAY, "09:30", "17:00")], ["cal_2", "cal_1"]
    )
    assert rule.normalised() == kept
    assert kept.normalised() == kept


@pytest.mark.parametrize("length", [MINUTE, 35 * DAY])
def test_a_stored_period_of_one_minute_to_35_days_is_accepted(length: int) -> None:
    assert problems_of_period(NINE, NINE + length) == []


@pytest.mark.parametrize("start", [EARLIEST, parse_instant("1999-01-01T00:00Z"), LATEST - MINUTE])
def test_a_stored_period_may_lie_in_the_past(start: Instant) -> None:
    """Upserting a whole list again must not be refused because time has passed."""
    assert problems_of_period(start, start + MINUTE) == []


@pytest.mark.parametrize(
    ("length", "key"),
    [(0, Key.TOO_SHORT), (-DAY, Key.TOO_SHORT), (MINUTE - 1, Key.TOO_SHORT), (35 * DAY + 1, Key.TOO_LONG)],
)
def test_a_stored_period_of_another_length_is_refused(length: int, key: Key) -> None:
    assert problems_of_period(NINE, NINE + length) == [(("end",), key)]


def test_unreadable_values_are_reported_with_all_other_problems() -> None:
    unreadable = Unreadable("must be a time such as 2027-01-19T09:00:00Z")
    assert problems_of_period(unreadable, unreadable, "") == [
        (("available_period_id",), Key.REQUIRED),
        (("start",), Key.INVALID),
        (("end",), Key.INVALID),
    ]


def test_a_valid_stored_period_converts_to_a_span() -> None:
    assert StoredAvailablePeriod("open-day", NINE, NINE + DAY).span() == Span(NINE, NINE + DAY)


def test_an_unreadable_period_raises_when_converted_to_a_span() -> None:
    """Used unchecked, it must not pass for another time."""
    with pytest.raises(TypeError, match="before it was checked"):
        StoredAvailablePeriod("open-day", Unreadable("no time"), NINE).span()
