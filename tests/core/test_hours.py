"""Managed availability: the selected rules, the hours that they leave, and the calendars that count."""

import pytest

from core.availability_rules import AvailabilityRule
from core.available_periods import StoredAvailablePeriod
from core.errors import Key, Problems
from core.hours import available_hours, chosen_calendars, select_rules
from core.instants import DAY, HOUR, parse_instant
from core.spans import SpanSet
from core.weekly import Weekday, WeeklyPeriod

MONDAY = parse_instant("2027-01-18T00:00Z")
WEEK = SpanSet.of([(MONDAY, MONDAY + 7 * DAY)])


def rule(
    rule_id: str, start: str, end: str, *, tzid: str = "UTC", calendars: list[str] | None = None
) -> AvailabilityRule:
    """Hours on Monday."""
    return AvailabilityRule(rule_id, tzid, [WeeklyPeriod(Weekday.MONDAY, start, end)], calendars)


def monday(*bounds: int) -> SpanSet:
    """Hours of that Monday in UTC: starts and ends, one after the other."""
    instants = [MONDAY + bound * HOUR for bound in bounds]
    return SpanSet.of(zip(instants[::2], instants[1::2], strict=True))


EARLY, LATE = rule("early", "06:00", "10:00"), rule("late", "14:00", "22:00")
NEW_YORK = rule("new-york", "09:00", "17:00", tzid="America/New_York")
NEVER = AvailabilityRule("never", "UTC", [])


def within_week(rules: list[AvailabilityRule], stored: SpanSet | None) -> SpanSet | None:
    found = available_hours(rules, stored, WEEK)
    return None if found is None else found & WEEK


def test_an_account_without_rules_and_periods_is_not_restricted() -> None:
    assert available_hours([], None, WEEK) is None


def test_a_rule_without_weekly_periods_means_never_available() -> None:
    """A selected rule that is empty differs from having no rule."""
    assert within_week([NEVER], None) == SpanSet()


def test_stored_periods_outside_the_window_mean_never_available() -> None:
    """The database finds none within the window, but the account has declared its availability."""
    assert within_week([], SpanSet()) == SpanSet()


def test_hours_are_the_union_of_rules_and_stored_periods() -> None:
    """Each rule in its own zone: nine o'clock in New York is 14:00 UTC in January."""
    assert within_week([EARLY], None) == monday(6, 10)
    assert within_week([EARLY, NEW_YORK], None) == monday(6, 10, 14, 22)
    assert within_week([], monday(8, 9)) == monday(8, 9)
    assert within_week([EARLY, NEVER], monday(9, 12)) == monday(6, 12)
    assert within_week([LATE, EARLY], monday(10, 14)) == monday(6, 22)


def test_a_stored_period_is_added_to_the_rule_of_its_day() -> None:
    """SC157, cal.com date-ranges.test.ts: a Tuesday evening and a rule for Wednesdays, both in New York."""
    wednesdays = AvailabilityRule("default", "America/New_York", [WeeklyPeriod(Weekday.WEDNESDAY, "08:00", "17:00")])
    evening = StoredAvailablePeriod(
        "evening", parse_instant("2023-06-13T22:00-04:00"), parse_instant("2023-06-13T23:00-04:00")
    )
    window = SpanSet.of([(parse_instant("2023-06-12T00:00Z"), parse_instant("2023-06-17T00:00Z"))])
    found = available_hours([wednesdays], SpanSet.of([evening.span()]), window)
    assert found is not None
    assert found & window == SpanSet.of(
        [
            (parse_instant("2023-06-14T02:00Z"), parse_instant("2023-06-14T03:00Z")),
            (parse_instant("2023-06-14T12:00Z"), parse_instant("2023-06-14T21:00Z")),
        ]
    )


@pytest.mark.parametrize(
    ("rule_ids", "meant"),
    [
        (None, [EARLY, LATE]),
        ([], []),
        (["late"], [LATE]),
        (["late", "early"], [LATE, EARLY]),
        (["late", "late"], [LATE]),
    ],
)
def test_omitting_rules_selects_all_of_them_and_a_list_selects_its_own(
    rule_ids: list[str] | None, meant: list[AvailabilityRule]
) -> None:
    """An empty list selects none, as an empty list of calendars does."""
    problems = Problems()
    assert select_rules([EARLY, LATE], rule_ids, ("availability_rule_ids",), problems) == meant
    assert not problems


def test_each_unknown_rule_is_reported() -> None:
    """A misspelled id must not silently change the answer."""
    problems = Problems()
    path = ("participants", 0, "members", 1, "availability_rule_ids")
    assert select_rules([EARLY], ["Early", "early", "late"], path, problems) == [EARLY]
    assert [(problem.path, problem.key) for problem in problems] == [
        ((*path, 0), Key.UNKNOWN),
        ((*path, 2), Key.UNKNOWN),
    ]


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        ([], None),
        ([None], None),
        ([["cal_1", "cal_2"]], ["cal_1", "cal_2"]),
        ([["cal_2"], ["cal_1", "cal_2"]], ["cal_2", "cal_1"]),
        ([["cal_1"], None], None),
    ],
)
def test_the_calendars_of_the_selected_rules_count(named: list[list[str] | None], chosen: list[str] | None) -> None:
    """All calendars of all these rules; a rule without calendars, or no rule, means all of the account's."""
    rules = [rule(f"rule {index}", "09:00", "17:00", calendars=calendars) for index, calendars in enumerate(named)]
    assert chosen_calendars(rules) == chosen
