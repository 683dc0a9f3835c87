"""Limits of bookings by local day, ISO week and calendar month."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import availability_constraints
from core.availability_constraints import (
    MAX_CONSTRAINTS,
    MAX_LIMIT,
    AvailabilityConstraint,
    ConstraintPeriod,
    check_constraints,
    counted_around,
    reached,
)
from core.errors import Problems
from core.instants import DAY, HOUR, Instant, format_instant, parse_instant
from core.spans import Bounds, Busy, SpanSet
from core.zones import local_time

UTC_ZONE = ZoneInfo("Etc/UTC")
#: a few days around instants at which clocks change, in some zones at midnight or by a whole day
ZONES = {
    "Etc/UTC": "2027-01-30T00:00:00Z",
    "Europe/Paris": "2027-03-26T00:00:00Z",
    "Africa/Cairo": "2027-04-28T00:00:00Z",
    "Asia/Beirut": "2027-10-29T00:00:00Z",
    "America/St_Johns": "2006-10-27T00:00:00Z",
    "Pacific/Apia": "2011-12-28T00:00:00Z",
    "Australia/Lord_Howe": "2027-04-02T00:00:00Z",
}


def instants(*texts: str) -> list[Instant]:
    return [parse_instant(f"2027-{text}:00Z") for text in texts]


def bookings(*texts: str) -> Busy:
    """An hour each."""
    return Busy.of((start, start + HOUR) for start in instants(*texts))


def found(constraint: AvailabilityConstraint, booked: Busy, first: str, last: str, zone: str = "Etc/UTC") -> list[str]:
    start, end = instants(first, last)
    spans = reached([constraint], booked, SpanSet([start], [end]), ZoneInfo(zone)) or SpanSet()
    return [f"{format_instant(start)[5:16]} {format_instant(end)[5:16]}" for start, end in spans]


def limit(count: int, period: str, tzid: str | None = None) -> AvailabilityConstraint:
    return AvailabilityConstraint(count, ConstraintPeriod(period), tzid)


def test_a_day_with_so_many_bookings_is_full() -> None:
    booked = bookings("01-19T09:00", "01-19T14:00", "01-20T09:00", "01-21T23:00", "01-21T08:00")
    assert found(limit(2, "day"), booked, "01-18T00:00", "01-25T00:00") == [
        "01-19T00:00 01-20T00:00",
        "01-21T00:00 01-22T00:00",
    ]
    assert found(limit(3, "day"), booked, "01-18T00:00", "01-25T00:00") == []


def test_a_week_is_from_monday_on_and_a_month_is_the_calendars() -> None:
    booked = bookings("01-31T09:00", "02-01T09:00", "02-07T09:00", "02-28T09:00")
    assert found(limit(2, "week"), booked, "01-01T00:00", "03-31T00:00") == ["02-01T00:00 02-08T00:00"]
    assert found(limit(3, "month"), booked, "01-01T00:00", "03-31T00:00") == ["02-01T00:00 03-01T00:00"]
    assert found(limit(1, "month"), booked, "01-20T00:00", "03-31T00:00") == ["01-01T00:00 03-01T00:00"]


def test_a_booking_counts_in_every_period_that_it_lies_in() -> None:
    """Over midnight, in both days; one that ends at midnight is not in the next."""
    booked = bookings("01-19T23:30", "01-21T23:00")
    assert found(limit(1, "day"), booked, "01-18T00:00", "01-25T00:00") == [
        "01-19T00:00 01-22T00:00",
    ]


def test_days_are_those_of_the_constraints_zone_or_else_of_the_accounts() -> None:
    booked = bookings("01-19T23:00")
    window = ("01-18T00:00", "01-25T00:00")
    assert found(limit(1, "day", "Asia/Tokyo"), booked, *window) == ["01-19T15:00 01-20T15:00"]
    assert found(limit(1, "day"), booked, *window, zone="America/New_York") == ["01-19T05:00 01-20T05:00"]


def test_only_periods_that_meet_the_window_are_returned() -> None:
    """Whole, though the window is in the middle of them."""
    booked = bookings("01-18T09:00", "01-19T09:00", "01-20T09:00")
    assert found(limit(1, "day"), booked, "01-19T12:00", "01-19T13:00") == ["01-19T00:00 01-20T00:00"]
    assert found(limit(3, "week"), booked, "01-23T12:00", "01-23T13:00") == ["01-18T00:00 01-25T00:00"]
    assert found(limit(1, "day"), booked, "01-21T12:00", "01-21T13:00") == []


def test_a_period_is_full_by_bookings_after_the_end_of_the_window() -> None:
    """The search skips to them from an earlier period."""
    booked = bookings("01-20T12:00", "01-20T15:00")
    assert found(limit(2, "day"), booked, "01-19T00:00", "01-20T01:00") == ["01-20T00:00 01-21T00:00"]


def test_several_constraints_all_hold() -> None:
    booked = bookings("01-19T09:00", "01-19T12:00", "01-27T09:00", "01-28T09:00", "01-29T09:00")
    start, end = instants("01-01T00:00", "01-31T00:00")
    spans = reached([limit(2, "day"), limit(3, "week")], booked, SpanSet([start], [end]), UTC_ZONE)
    assert spans is not None
    assert [(format_instant(start)[5:10], format_instant(end)[5:10]) for start, end in spans] == [
        ("01-19", "01-20"),
        ("01-25", "02-01"),
    ]


@cache
def days_of(tzid: str) -> list[tuple[date, Bounds]]:
    """Each date around the change of clocks, with its first instant as found by trying every minute, and the next one's."""
    begin = parse_instant(ZONES[tzid]) - 40 * DAY
    seen: dict[date, Instant] = {}
    for minute in range(begin, begin + 90 * DAY, 60):
        seen.setdefault(datetime.fromtimestamp(minute, UTC).astimezone(ZoneInfo(tzid)).date(), minute)
    dates = sorted(seen)[1:]
    return [(day, (seen[day], seen[after])) for day, after in pairwise(dates)]


@st.composite
def limits_and_bookings(draw: st.DrawFn) -> Any:
    tzid = draw(st.sampled_from(sorted(ZONES)))
    begin = parse_instant(ZONES[tzid])
    drawn = draw(st.binary(max_size=40))
    booked = [
        (begin + start % 192 * HOUR // 2 - DAY, begin + start % 192 * HOUR // 2 - DAY + (1 + length % 90) * HOUR // 2)
        for start, length in zip(drawn[::2], drawn[1::2], strict=False)
    ]
    days = draw(st.sets(st.integers(0, 5), min_size=1))
    window = [(begin + n * DAY, begin + n * DAY + HOUR * draw(st.integers(1, 30))) for n in days]
    return tzid, draw(st.sampled_from(tuple(ConstraintPeriod))), draw(st.integers(1, 6)), booked, SpanSet.of(window)


def first_of(period: ConstraintPeriod, day: date) -> date:
    if period is ConstraintPeriod.MONTH:
        return date(day.year, day.month, 1)
    return day if period is ConstraintPeriod.DAY else day - timedelta(days=day.isoweekday() - 1)


@given(limits_and_bookings())
def test_the_full_periods_are_those_of_counting_in_each(case: Any) -> None:
    """Whatever clocks do at midnight: a day is from the first minute that shows its date to the first of the next date."""
    tzid, period, count, booked, window = case
    periods: dict[date, list[Bounds]] = {}
    for day, bounds in days_of(tzid):
        periods.setdefault(first_of(period, day), []).append(bounds)
    expected: list[Bounds] = []
    for days in periods.values():
        start, end = days[0][0], days[-1][1]
        lie_in_it = [each for each in booked if each[0] < end and each[1] > start]
        if len(lie_in_it) >= count and any(since < end and until > start for since, until in window):
            expected.append((start, end))
    constraint = AvailabilityConstraint(count, period, tzid)
    assert (reached([constraint], Busy.of(booked), window, UTC_ZONE) or SpanSet()) == SpanSet.of(expected)


@pytest.mark.parametrize("tzid", ZONES)
@pytest.mark.parametrize("period", ConstraintPeriod)
def test_what_is_loaded_around_a_window_contains_its_periods(tzid: str, period: ConstraintPeriod) -> None:
    for day, bounds in days_of(tzid):
        first, last = counted_around(bounds)
        for instant in (bounds[0], bounds[1] - 1):
            around = period.around(instant, ZoneInfo(tzid))
            assert first <= around.start <= instant < around.end <= last, day


def test_only_periods_that_can_be_full_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """However far the window reaches beyond the bookings."""
    looked_at = 0

    def counted(*given: Any) -> Any:
        nonlocal looked_at
        looked_at += 1
        return local_time(*given)

    monkeypatch.setattr(availability_constraints, "local_time", counted)
    busy = Busy.of((n * HOUR, n * HOUR + HOUR) for n in range(4800, 7200))
    spans = reached([limit(10, "day")], busy, SpanSet([0], [200_000 * DAY]), UTC_ZONE)
    assert spans == SpanSet([200 * DAY], [300 * DAY])
    assert looked_at <= 102
    assert reached([limit(2401, "day")], busy, SpanSet([0], [200_000 * DAY]), UTC_ZONE) is None
    assert looked_at <= 102


def test_a_constraint_has_bounds() -> None:
    """As has their number; every problem is reported."""
    problems = Problems()
    wrong = [limit(0, "day"), limit(MAX_LIMIT + 1, "day"), limit(1, "day", "Mars/Olympus")]
    check_constraints([*wrong, *[limit(1, "day")] * (MAX_CONSTRAINTS - 2)], ("c",), problems)
    assert [(problem.path, problem.key.value) for problem in problems] == [
        (("c",), "errors.too_many"),
        (("c", 0, "limit"), "errors.too_few"),
        (("c", 1, "limit"), "errors.too_many"),
        (("c", 2, "tzid"), "errors.invalid"),
    ]
