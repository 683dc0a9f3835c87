"""Weekly hours, and their expansion where clocks change."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import offsets
from core.errors import Key, Problem, Problems
from core.grids import Grid
from core.instants import DAY, HOUR, parse_instant
from core.slots import slots
from core.spans import SpanSet
from core.weekly import Weekday, WeeklyPeriod, expand, merge_weekly

NEW_YORK = ZoneInfo("America/New_York")
ALWAYS = [WeeklyPeriod(day, "00:00", "24:00") for day in Weekday]

# Cases of other projects and their bugs, by their ids in the collection they come from.
WALL = [
    # cal.com packages/features/schedules/lib/date-ranges.test.ts
    ("SC127", "America/New_York", "2023-11-06", "09:00", "17:00", "2023-11-06T14:00Z", "2023-11-06T22:00Z"),
    # wrong in cal.com's platform-libraries 0.0.360
    ("SC129", "America/New_York", "2026-03-08", "13:00", "18:00", "2026-03-08T17:00Z", "2026-03-08T22:00Z"),
    ("SC131", "America/New_York", "2026-03-08", "02:30", "08:30", "2026-03-08T07:00Z", "2026-03-08T12:30Z"),
    ("SC135", "Africa/Cairo", "2026-04-24", "00:00", "08:00", "2026-04-23T22:00Z", "2026-04-24T05:00Z"),
    # zoneinfo, and medplum's sweep over zones
    ("SC137", "Europe/London", "2026-03-29", "09:00", "17:00", "2026-03-29T08:00Z", "2026-03-29T16:00Z"),
    ("SC139", "Australia/Lord_Howe", "2026-04-05", "01:00", "03:00", "2026-04-04T14:00Z", "2026-04-04T16:30Z"),
    ("SC141", "Asia/Kathmandu", "2026-07-01", "09:00", "17:00", "2026-07-01T03:15Z", "2026-07-01T11:15Z"),
    ("SC143", "Antarctica/Troll", "2026-03-29", "00:00", "06:00", "2026-03-29T00:00Z", "2026-03-29T04:00Z"),
    # recal-dev/scheduling-sdk tests/availability/timezone-*.test.ts, which expects an hour more
    ("SC145", "America/New_York", "2024-03-10", "03:00", "04:00", "2024-03-10T07:00Z", "2024-03-10T08:00Z"),
    # ours: midnight that does not exist, in zones of which the list above has none
    ("Havana", "America/Havana", "2026-03-08", "00:00", "08:00", "2026-03-08T05:00Z", "2026-03-08T12:00Z"),
    ("Asuncion", "America/Asuncion", "2023-10-01", "00:00", "08:00", "2023-10-01T04:00Z", "2023-10-01T11:00Z"),
    ("twice", "America/New_York", "2026-11-01", "01:00", "02:00", "2026-11-01T05:00Z", "2026-11-01T07:00Z"),
    # ours: a start and an end in the gap
    ("start", "America/New_York", "2026-03-08", "02:45", "03:15", "2026-03-08T07:00Z", "2026-03-08T07:15Z"),
    ("end", "America/New_York", "2026-03-08", "01:45", "02:15", "2026-03-08T06:45Z", "2026-03-08T07:00Z"),
]


def around(day: str, days: int = 1) -> SpanSet:
    """`days` days from this one, and one more at either end."""
    start = parse_instant(f"{day}T00:00Z")
    return SpanSet.of([(start - DAY, start + (days + 1) * DAY)])


def weekday(day: date) -> Weekday:
    return list(Weekday)[day.isoweekday() % 7]


def spans(*texts: str) -> SpanSet:
    """A set from alternating starts and ends."""
    bounds = [parse_instant(text) for text in texts]
    return SpanSet.of(zip(bounds[::2], bounds[1::2], strict=True))


@pytest.mark.parametrize(
    ("tzid", "day", "start", "end", "begins", "ends"), [pytest.param(*c[1:], id=c[0]) for c in WALL]
)
def test_a_day_has_the_hours_that_its_clocks_show(
    tzid: str, day: str, start: str, end: str, begins: str, ends: str
) -> None:
    """Including the two days a year on which other implementations are wrong by an hour."""
    period = WeeklyPeriod(weekday(date.fromisoformat(day)), start, end)
    window = around(day)
    assert expand([period], ZoneInfo(tzid), window) & window == spans(begins, ends)


def test_a_local_time_that_comes_twice_counts_both_times() -> None:
    """SC133: half past one is shown at 05:30 and at 06:30 UTC, and what clocks show in between is not in the hours."""
    window = around("2026-11-01")
    found = expand([WeeklyPeriod(Weekday.SUNDAY, "01:30", "07:30")], NEW_YORK, window) & window
    assert found == spans("2026-11-01T05:30Z", "2026-11-01T06:00Z", "2026-11-01T06:30Z", "2026-11-01T12:30Z")
    found = expand([WeeklyPeriod(Weekday.SUNDAY, "01:15", "01:45")], NEW_YORK, window) & window
    assert found == spans("2026-11-01T05:15Z", "2026-11-01T05:45Z", "2026-11-01T06:15Z", "2026-11-01T06:45Z")


def test_a_period_that_clocks_skip_gives_nothing() -> None:
    """However it is written: alone, in pieces, or at the edge of a longer one."""
    window = around("2026-03-08")
    for bounds in (("02:00", "03:00"), ("02:15", "02:45")):
        assert expand([WeeklyPeriod(Weekday.SUNDAY, *bounds)], NEW_YORK, window) & window == SpanSet()
    cut = [WeeklyPeriod(Weekday.SUNDAY, "02:00", "02:30"), WeeklyPeriod(Weekday.SUNDAY, "02:31", "03:00")]
    assert expand(cut, NEW_YORK, window) & window == SpanSet()


def test_slots_skip_the_hour_that_does_not_exist() -> None:
    """SC147, recal-dev/scheduling-sdk: four half hours from 01:00 to 04:00, not six."""
    window = around("2024-03-10")
    (span,) = expand([WeeklyPeriod(Weekday.SUNDAY, "01:00", "04:00")], NEW_YORK, window) & window
    starts = [start for start, _ in slots([span], HOUR // 2, Grid(HOUR // 2))]
    wanted = ["2024-03-10T06:00Z", "2024-03-10T06:30Z", "2024-03-10T07:00Z", "2024-03-10T07:30Z"]
    assert starts == [parse_instant(text) for text in wanted]


def test_hours_over_midnight_are_one_span() -> None:
    """SC149, medplum scheduling.test.ts: ten hours from 15:20 are two weekly periods without a gap between them."""
    periods = [WeeklyPeriod(Weekday.MONDAY, "15:20", "24:00"), WeeklyPeriod(Weekday.TUESDAY, "00:00", "01:20")]
    window = around("2025-12-01")
    assert expand(periods, NEW_YORK, window) & window == spans("2025-12-01T20:20Z", "2025-12-02T06:20Z")


@pytest.mark.parametrize(
    ("start", "end", "begins", "ends"),
    [
        pytest.param("10:00", "16:00", "2025-11-02T15:00Z", "2025-11-02T21:00Z", id="SC151"),
        pytest.param("00:30", "06:30", "2025-11-02T04:30Z", "2025-11-02T11:30Z", id="SC153, by the wall"),
    ],
)
def test_the_day_clocks_are_put_back_is_an_hour_longer(start: str, end: str, begins: str, ends: str) -> None:
    """medplum scheduling.test.ts. The second counts six hours elapsed; ours are local times, as its note says."""
    window = around("2025-11-02")
    assert expand([WeeklyPeriod(Weekday.SUNDAY, start, end)], NEW_YORK, window) & window == spans(begins, ends)


def test_a_day_until_23_59_leaves_a_gap_and_one_until_24_00_does_not() -> None:
    """SC155, nittei schedule.rs: the reason for 24:00."""
    window = spans("2021-03-31T22:00Z", "2021-04-01T22:00Z")
    daily = [WeeklyPeriod(day, "00:00", "23:59") for day in Weekday]
    hole = spans("2021-03-31T22:00Z", "2021-03-31T23:59Z", "2021-04-01T00:00Z", "2021-04-01T22:00Z")
    assert expand(daily, ZoneInfo("UTC"), window) & window == hole
    assert expand(ALWAYS, ZoneInfo("UTC"), window) & window == window


def test_periods_with_the_same_end_are_merged() -> None:
    """SC225, cal.com date-ranges.expansion.test.ts."""
    periods = [WeeklyPeriod(Weekday.MONDAY, "08:00", "12:00"), WeeklyPeriod(Weekday.MONDAY, "10:00", "12:00")]
    window = spans("2023-06-12T00:00Z", "2023-06-13T00:00Z")
    assert expand(periods, ZoneInfo("UTC"), window) & window == spans("2023-06-12T08:00Z", "2023-06-12T12:00Z")


@pytest.mark.parametrize(
    ("tzid", "skipped", "midnight"),
    [
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z"),
        ("Pacific/Fakaofo", "2011-12-30", "2011-12-30T11:00Z"),
        ("Pacific/Kwajalein", "1993-08-21", "1993-08-21T12:00Z"),
        ("Pacific/Kiritimati", "1994-12-31", "1994-12-31T10:00Z"),
    ],
)
def test_a_date_that_a_zone_skips_has_no_hours(tzid: str, skipped: str, midnight: str) -> None:
    """They do not move to the day after, which has its own: the evening before meets the morning after."""
    day, window = date.fromisoformat(skipped), around(skipped)
    before, after = weekday(day - timedelta(days=1)), weekday(day + timedelta(days=1))
    assert expand([WeeklyPeriod(weekday(day), "09:00", "17:00")], ZoneInfo(tzid), window) & window == SpanSet()
    beside = [WeeklyPeriod(before, "20:00", "24:00"), WeeklyPeriod(after, "00:00", "08:00")]
    met = parse_instant(midnight)
    assert expand(beside, ZoneInfo(tzid), window) & window == SpanSet.of([(met - 4 * HOUR, met + 8 * HOUR)])


def test_a_repeated_date_has_its_hours_twice() -> None:
    """Kwajalein went back 23 hours at midnight: all of that Tuesday came twice, except for its first hour."""
    window = around("1969-09-30", days=2)
    found = expand([WeeklyPeriod(Weekday.TUESDAY, "09:00", "24:00")], ZoneInfo("Pacific/Kwajalein"), window) & window
    first, again = ("1969-09-29T22:00Z", "1969-09-30T13:00Z"), ("1969-09-30T21:00Z", "1969-10-01T12:00Z")
    assert found == spans(*first, *again)


@pytest.mark.parametrize("tzid", ["UTC", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Gaza"])
@pytest.mark.parametrize(
    "window", [("0002-01-01T00:00Z", "0002-01-20T00:00Z"), ("9998-12-10T00:00Z", "9998-12-31T23:59:59Z")]
)
def test_hours_reach_the_first_and_the_last_day_of_the_calendar(tzid: str, window: tuple[str, str]) -> None:
    """A query may include either."""
    assert expand(ALWAYS, ZoneInfo(tzid), spans(*window)) & spans(*window) == spans(*window)


def test_an_empty_window_or_no_periods_give_no_hours() -> None:
    assert expand(ALWAYS, NEW_YORK, SpanSet()) == SpanSet()
    assert expand([], NEW_YORK, around("2026-03-08")) == SpanSet()


def test_time_between_the_spans_of_a_window_costs_nothing() -> None:
    """Two days that are years apart cost two days, and not the years between them."""
    far_apart = spans("2030-01-01T00:00Z", "2030-01-02T00:00Z", "3030-01-01T00:00Z", "3030-01-02T00:00Z")
    assert len(expand([WeeklyPeriod(day, "09:00", "17:00") for day in Weekday], NEW_YORK, far_apart)) <= 2 * 5


def test_the_cache_is_bounded() -> None:
    """Queries about ever new years must not fill the memory."""
    assert offsets._pieces_of.cache_info().maxsize == 2048


# Laws

clocks = st.integers(0, 1440).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
weekly_periods = st.builds(
    lambda day, bounds: WeeklyPeriod(day, *sorted(bounds)),
    st.sampled_from(Weekday),
    st.lists(clocks, min_size=2, max_size=2, unique=True),
)
zones = st.sampled_from(
    [
        *("UTC", "America/New_York", "America/Havana", "America/Nuuk", "America/St_Johns", "Africa/Cairo"),
        *("Africa/Casablanca", "Europe/Dublin", "Asia/Gaza", "Asia/Kathmandu", "Australia/Lord_Howe"),
        *("Antarctica/Troll", "Pacific/Apia", "Pacific/Chatham"),
    ]
).map(ZoneInfo)
windows = st.builds(
    lambda start, days: SpanSet.of([(start, start + days * DAY)]),
    st.integers(parse_instant("1971-01-01T00:00Z"), parse_instant("2099-01-01T00:00Z")),
    st.integers(1, 40),
)


@given(st.lists(weekly_periods, max_size=8), st.lists(weekly_periods, max_size=8), zones, windows)
def test_the_hours_of_two_lists_are_the_union_of_the_hours_of_each(
    some: list[WeeklyPeriod], more: list[WeeklyPeriod], zone: ZoneInfo, window: SpanSet
) -> None:
    """So it does not matter how hours are cut into periods and rules."""
    together = expand(some, zone, window) | expand(more, zone, window)
    assert expand([*some, *more], zone, window) & window == together & window


@given(st.lists(weekly_periods, max_size=8), zones, windows, st.data())
def test_an_instant_is_in_the_hours_when_clocks_then_show_it(
    periods: list[WeeklyPeriod], zone: ZoneInfo, window: SpanSet, data: st.DataObject
) -> None:
    """Asked at the bounds of the hours, a second before them, and anywhere."""
    hours = expand(periods, zone, window) & window
    (start, end), bounds = next(iter(window)), [bound for span in hours for bound in span]
    anywhere = data.draw(st.lists(st.integers(start, end - 1), max_size=20))
    for instant in {*anywhere, *bounds, *(bound - 1 for bound in bounds)}:
        if start <= instant < end:
            assert bool(hours & SpanSet((instant,), (instant + 1,))) == any(shows(zone, instant, p) for p in periods)


def shows(zone: ZoneInfo, instant: int, period: WeeklyPeriod) -> bool:
    """Whether clocks in the zone show a time of the period."""
    local = datetime.fromtimestamp(instant, zone)
    text = f"{local:%H:%M}"
    return period.day == weekday(local.date()) and period.start_time <= text < period.end_time


@given(st.lists(weekly_periods, max_size=8), zones, windows, windows)
def test_a_wider_window_changes_nothing_within_the_narrower_one(
    periods: list[WeeklyPeriod], zone: ZoneInfo, window: SpanSet, other: SpanSet
) -> None:
    """The hours within a window do not depend on the window."""
    assert expand(periods, zone, window | other) & window == expand(periods, zone, window) & window


@given(st.lists(weekly_periods, max_size=8), zones, windows)
def test_merging_periods_changes_no_hours(periods: list[WeeklyPeriod], zone: ZoneInfo, window: SpanSet) -> None:
    """A stored rule has merged periods, and must mean what its caller wrote."""
    assert expand(merge_weekly(periods), zone, window) == expand(periods, zone, window)


@given(st.lists(weekly_periods, max_size=12))
def test_merged_periods_are_sorted_and_disjoint(periods: list[WeeklyPeriod]) -> None:
    """They cover the same minutes as the given ones."""
    result = merge_weekly(periods)
    keys = [(list(Weekday).index(period.day), period.start_time, period.end_time) for period in result]
    assert all(day < next_day or end < next_start for (day, _, end), (next_day, next_start, _) in pairwise(keys))
    assert keys == sorted(keys)
    assert minutes(result) == minutes(periods)


def minutes(periods: list[WeeklyPeriod]) -> set[tuple[Weekday, int]]:
    def minute(text: str) -> int:
        return int(text[:2]) * 60 + int(text[3:])

    return {
        (period.day, passed)
        for period in periods
        for passed in range(minute(period.start_time), minute(period.end_time))
    }


def test_periods_that_touch_are_merged_within_a_day_and_not_over_midnight() -> None:
    periods = [
        WeeklyPeriod(Weekday.TUESDAY, "00:00", "01:00"),
        WeeklyPeriod(Weekday.MONDAY, "12:00", "24:00"),
        WeeklyPeriod(Weekday.MONDAY, "09:00", "12:00"),
        WeeklyPeriod(Weekday.MONDAY, "10:00", "11:00"),
    ]
    assert merge_weekly(periods) == [
        WeeklyPeriod(Weekday.MONDAY, "09:00", "24:00"),
        WeeklyPeriod(Weekday.TUESDAY, "00:00", "01:00"),
    ]


# Validation


def problems_of(start: str, end: str) -> list[Problem]:
    problems = Problems()
    WeeklyPeriod(Weekday.MONDAY, start, end).check(("weekly_periods", 3), problems)
    return list(problems)


@pytest.mark.parametrize(
    ("start", "end"), [("09:00", "17:00"), ("00:00", "24:00"), ("23:59", "24:00"), ("00:00", "00:01")]
)
def test_times_of_a_24_hour_clock_are_accepted(start: str, end: str) -> None:
    assert problems_of(start, end) == []


@pytest.mark.parametrize(
    "text",
    ["", "9:00", "09:60", "24:01", "25:00", "09:00:00", "09:00Z", " 09:00", "0900", "9am", "٠٩:٠٠", "-1:00", "09:00\n"],
)
def test_other_times_are_refused(text: str) -> None:
    """Both bounds are reported, and nothing about their order."""
    assert [(problem.path, problem.key) for problem in problems_of(text, text)] == [
        (("weekly_periods", 3, "start_time"), Key.INVALID),
        (("weekly_periods", 3, "end_time"), Key.INVALID),
    ]


def test_a_period_may_not_start_at_24_00() -> None:
    """Nothing could follow it."""
    (problem,) = problems_of("24:00", "24:00")
    assert problem.path == ("weekly_periods", 3, "start_time")


@pytest.mark.parametrize(("start", "end"), [("17:00", "09:00"), ("09:00", "09:00"), ("09:00", "00:00")])
def test_a_period_must_end_after_it_starts(start: str, end: str) -> None:
    """Hours over midnight are two periods: one to 24:00, one from 00:00."""
    (problem,) = problems_of(start, end)
    assert (problem.path, problem.key) == (("weekly_periods", 3, "end_time"), Key.INVALID)
