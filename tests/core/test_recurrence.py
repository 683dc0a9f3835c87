"""Recurrence rules: examples, the vectors of another project, and dateutil as a witness where it is right."""

import os
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from core.instants import DAY
from core.recurrence import is_over, starts
from core.recurrence_rules import Frequency, Until, parse_moment, parse_rule

from .counted_work import lines_counted

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001, on the wall
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
YEAR = 366 * DAY


def wall(text: str) -> int:
    return parse_moment(text).wall


def text(moment: int) -> str:
    return (EPOCH + timedelta(seconds=moment)).strftime("%Y%m%dT%H%M%S")


def listed(rule: str, first: str, years: int = 5) -> list[str]:
    """The starts in the first years, without a time of day where all have that of the first one."""
    found = [text(start) for start in starts(parse_rule(rule), wall(first), wall(first), wall(first) + years * YEAR)]
    return [each.removesuffix(first[8:]) for each in found]


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        ("FREQ=DAILY;COUNT=3", "20270227T090000", "20270227 20270228 20270301"),
        ("FREQ=DAILY;INTERVAL=10;UNTIL=20270320T090000", "20270227T090000", "20270227 20270309 20270319"),
        ("FREQ=DAILY;BYDAY=MO,FR;COUNT=3", "20270119T090000", "20270122 20270125 20270129"),
        ("FREQ=DAILY;BYHOUR=9,12;BYMINUTE=0,30;COUNT=3", "20270119T093000", "20270119 20270119T120000 20270119T123000"),
        ("FREQ=DAILY;BYHOUR=9,12,15;BYSETPOS=-1;COUNT=2", "20270119T150000", "20270119 20270120"),
        ("FREQ=WEEKLY;COUNT=3", "20270119T090000", "20270119 20270126 20270202"),
        ("FREQ=WEEKLY;BYDAY=MO,TU;COUNT=3", "20270119T090000", "20270119 20270125 20270126"),
        # every other week: of Monday to Sunday, of Sunday to Saturday
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=4", "20270119T090000", "20270119 20270124 20270202 20270207"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU;COUNT=4",
            "20270119T090000",
            "20270119 20270131 20270202 20270214",
        ),
        ("FREQ=MONTHLY;COUNT=4", "20270131T090000", "20270131 20270331 20270531 20270731"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3", "20270131T090000", "20270131 20270228 20270331"),
        ("FREQ=MONTHLY;BYDAY=2TU,-1FR;COUNT=4", "20270112T090000", "20270112 20270129 20270209 20270226"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2", "20270129T090000", "20270129 20270226"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=2", "20270101T090000", "20270813 20281013"),
        ("FREQ=YEARLY;COUNT=2", "20280229T090000", "20280229 20320229"),
        ("FREQ=YEARLY;BYMONTH=2,6;COUNT=3", "20270201T090000", "20270201 20270601 20280201"),
        ("FREQ=YEARLY;BYMONTHDAY=1,2;COUNT=3", "20270301T090000", "20270301 20270302 20280301"),
        ("FREQ=YEARLY;BYDAY=1MO,-1SU;COUNT=3", "20270104T090000", "20270104 20271226 20280103"),
        ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=2", "20271125T090000", "20271125 20281123"),
        ("FREQ=YEARLY;BYYEARDAY=1,-1;COUNT=3", "20270101T090000", "20270101 20271231 20280101"),
        # week 1 of 2026 began in 2025; 2026 has a week 53, which ends in 2027
        ("FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO;COUNT=2", "20251229T090000", "20251229 20270104"),
        ("FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SU;COUNT=2", "20270103T090000", "20270103 20280102"),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "20270119T090000", ""),
    ],
)
def test_what_a_rule_gives(rule: str, first: str, expected: str) -> None:
    assert listed(rule, first, years=6) == expected.split()


def test_the_last_start_is_included() -> None:
    """UNTIL as a time is a start if the rule gives it. As a date it includes the starts of that day."""
    for until in ("20270121T090000", "20270121"):
        assert listed(f"FREQ=DAILY;UNTIL={until}", "20270119T090000") == ["20270119", "20270120", "20270121"]
    assert listed("FREQ=DAILY;UNTIL=20270121T085959", "20270119T090000") == ["20270119", "20270120"]
    assert parse_rule("FREQ=DAILY;UNTIL=20270121T090000Z").until == Until(
        wall("20270122T090000"), wall("20270121T090000")
    )


def test_starts_that_are_dates_have_no_time() -> None:
    rule = parse_rule("FREQ=DAILY;BYHOUR=9;BYMINUTE=0,30;UNTIL=20270121T050000Z")
    day = wall("20270119")
    assert list(starts(rule, day, day, day + YEAR, all_day=True)) == [day, day + DAY, day + 2 * DAY]


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("", "has the unknown part ''"),
        ("COUNT=3", "needs a FREQ"),
        ("FREQ=HOURLY", "must not be HOURLY"),
        ("FREQ=SECONDLY;INTERVAL=0", "must not be SECONDLY"),
        ("FREQ=FORTNIGHTLY", "FREQ must be DAILY"),
        ("FREQ=DAILY;FREQ=WEEKLY", "has FREQ twice"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL must be a number from 1 to 10,000"),
        ("FREQ=DAILY;INTERVAL=10001", "INTERVAL must be a number from 1 to 10,000"),
        ("FREQ=DAILY;COUNT=-1", "COUNT must be a number"),
        ("FREQ=DAILY;COUNT=" + "9" * 5000, "COUNT must be a number"),
        ("FREQ=DAILY;COUNT=٣", "COUNT must be a number"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "only one"),
        ("FREQ=DAILY;UNTIL=20270230", "is not a date that exists"),
        ("FREQ=DAILY;UNTIL=20270101T250000", "is not a time that exists"),
        ("FREQ=DAILY;UNTIL=tomorrow", "'TOMORROW' is not a date such as 20270119"),
        ("FREQ=DAILY;WKST=1", "WKST must be a weekday"),
        ("FREQ=WEEKLY;BYDAY=2MO", "only if it is monthly"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=2MO", "or yearly without BYWEEKNO"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY must be weekdays"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY must be weekdays"),
        ("FREQ=MONTHLY;BYDAY=", "BYDAY must be weekdays"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY must be numbers from 1 to 31, or as many from the end"),
        ("FREQ=MONTHLY;BYMONTHDAY=1,,2", "BYMONTHDAY must be numbers"),
        ("FREQ=YEARLY;BYMONTH=-1", "BYMONTH must be numbers from 1 to 12"),
        ("FREQ=YEARLY;BYYEARDAY=367", "BYYEARDAY must be numbers"),
        ("FREQ=DAILY;BYSETPOS=1", "only with another part"),
        ("FREQ=DAILY;RSCALE=HEBREW", "has the unknown part 'RSCALE'"),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4;BYMINUTE=0,1,2,3,4", "could start 25 times a day"),
    ],
)
def test_what_cannot_be_read_is_refused(rule: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        parse_rule(rule)


def test_widespread_forms_are_read() -> None:
    """Lower case, a semicolon at the end, numbers that come twice, and a leap second."""
    assert parse_rule("freq=daily;byhour=9,9;bysecond=59,60;") == parse_rule("FREQ=DAILY;BYHOUR=9;BYSECOND=59")


# --- the vectors of libical ---------------------------------------------------------------------------------------

VECTORS = os.environ.get("OPENINGS_RRULE_VECTORS")


@pytest.mark.skipif(not VECTORS, reason="OPENINGS_RRULE_VECTORS names no file")
def test_the_vectors_of_libical() -> None:
    """Each rule gives what libical says, but for those that are refused on purpose."""
    assert VECTORS
    equal = refused = 0
    for block in re.split(r"\n\s*\n", Path(VECTORS).read_text()):
        lines = dict(re.findall(r"^([A-Z-]+):(.*)$", block, re.MULTILINE))
        if "RRULE" not in lines or lines["INSTANCES"].lstrip().startswith("***"):
            continue  # libical has not implemented it
        dense = (
            re.search("FREQ=(HOURLY|MINUTELY|SECONDLY)", lines["RRULE"])
            or "BYHOUR=1,2,3,4,5,6,7,8,9,10" in lines["RRULE"]
        )
        if dense:
            with pytest.raises(ValueError, match=r"must not be|times a day"):
                parse_rule(lines["RRULE"])
            refused += 1
            continue
        rule, first = parse_rule(lines["RRULE"]), parse_moment(lines["DTSTART"])
        expected = [wall(each) for each in lines["INSTANCES"].split(",")]
        found = starts(rule, first.wall, first.wall, expected[-1] + 20 * YEAR, all_day=first.is_date)
        last = rule.until.instant if rule.until is not None and not first.is_date else None
        assert [each for each in found if last is None or each <= last] == expected, lines
        equal += 1
    assert (equal, refused) == (121, 24)


# --- dateutil, where it is right ----------------------------------------------------------------------------------


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Rules of all parts that dateutil reads as RFC 5545 does.

    Not among them: BYWEEKNO without BYDAY, with BYSETPOS or with INTERVAL, BYMONTHDAY without BYMONTH in a yearly rule, and
    BYSETPOS in the week or the month of the first start, which dateutil counts from the first start on.
    """
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}"]

    def numbers(name: str, most: int, least: int = 1, *, signed: bool = True) -> None:
        values = st.integers(least, most)
        both = values | values.map(lambda value: -value) if signed else values
        parts.append(f"{name}={','.join(map(str, draw(st.lists(both, min_size=1, max_size=4, unique=True))))}")

    by_week = frequency == "YEARLY" and draw(st.integers(0, 3)) == 0
    positioned = frequency in ("MONTHLY", "YEARLY") and not by_week
    if not by_week:
        parts.append(f"INTERVAL={draw(st.sampled_from([1, 1, 2, 3, 7]))}")
    by_month = draw(st.booleans())
    if by_month:
        numbers("BYMONTH", 12, signed=False)
    if frequency != "WEEKLY" and (frequency != "YEARLY" or by_month) and draw(st.booleans()):
        numbers("BYMONTHDAY", 31)
    if frequency == "YEARLY" and not by_month and draw(st.booleans()):
        numbers("BYYEARDAY", 366)
    if by_week:
        numbers("BYWEEKNO", 53)
    if by_week or draw(st.booleans()):
        days = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, max_size=4, unique=True))
        at = draw(st.sampled_from(["", "", "1", "-1", "2", "5", "-5"])) if positioned else ""
        parts.append(f"BYDAY={','.join(at + day for day in days)}")
    if draw(st.booleans()):
        numbers("BYHOUR", 23, 0, signed=False)
        numbers("BYMINUTE", 59, 0, signed=False)
    if len(parts) > 2 and not by_week and draw(st.integers(0, 3)) == 0:
        numbers("BYSETPOS", 5)
    parts.append(f"WKST={draw(st.sampled_from(WEEKDAYS))}")
    return ";".join(parts)


FIRSTS = st.integers(wall("20200101T000000") // 60, wall("20301231T000000") // 60).map(lambda minutes: minutes * 60)


def by_dateutil(rule: str, first: int, since: int, before: int) -> list[int]:
    last = (EPOCH + timedelta(seconds=before - 1)).strftime("%Y%m%dT%H%M%S")
    found = rrulestr(f"{rule};UNTIL={last}", dtstart=EPOCH + timedelta(seconds=first))
    return [start for each in found if (start := round((each - EPOCH).total_seconds())) >= since]


#: days in which the first period has ended, with every interval that is tried
FIRST_PERIOD = {Frequency.DAILY: 8, Frequency.WEEKLY: 60, Frequency.MONTHLY: 250, Frequency.YEARLY: 8 * 366}


#: Where a rule gives nothing, dateutil walks to the end of the calendar, which is not far from here.
LATE_FIRSTS = st.integers(wall("99750101T000000") // 60, wall("99851231T000000") // 60).map(
    lambda minutes: minutes * 60
)


@given(rules(), LATE_FIRSTS, st.integers(0, 800), st.integers(1, 400))
def test_dateutil_agrees(rule: str, first: int, skipped: int, days: int) -> None:
    parsed = parse_rule(rule)
    if "BYSETPOS" in rule:
        skipped += FIRST_PERIOD[parsed.frequency]
    since = first + skipped * DAY
    assert list(starts(parsed, first, since, since + days * DAY)) == by_dateutil(rule, first, since, since + days * DAY)


@given(rules(), FIRSTS, st.integers(1, 60), st.integers(0, 800))
def test_count_counts_from_the_first_start(rule: str, first: int, count: int, skipped: int) -> None:
    """Wherever the window begins, the starts in it are those of all the starts."""
    unbounded, counted = parse_rule(rule), parse_rule(f"{rule};COUNT={count}")
    since, before = first + skipped * DAY, first + (skipped + 400) * DAY
    everything = list(starts(unbounded, first, first, before))[:count]
    assert list(starts(counted, first, since, before)) == [start for start in everything if start >= since]
    if len(everything) == count:
        assert is_over(counted, first, everything[-1] + 1)
        assert not is_over(counted, first, everything[-1])


@given(rules(), FIRSTS, st.lists(st.integers(0, 1200), min_size=3, max_size=3).map(sorted))
def test_a_window_that_is_cut_gives_the_same(rule: str, first: int, days: list[int]) -> None:
    parsed = parse_rule(rule)
    a, b, c = (first + day * DAY for day in days)
    assert [*starts(parsed, first, a, b), *starts(parsed, first, b, c)] == list(starts(parsed, first, a, c))


def test_until_is_when_it_is_over() -> None:
    first, last = wall("20270119T090000"), wall("20270121T090000")
    rule = parse_rule("FREQ=DAILY;UNTIL=20270121T090000")
    assert not is_over(rule, first, last)
    assert is_over(rule, first, last + 1)
    assert not is_over(parse_rule("FREQ=DAILY"), first, wall("97000101T000000"))


# --- what rules may cost ------------------------------------------------------------------------------------------

WINDOW = (wall("20270101T000000"), wall("20280205T000000"))


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY",
        "FREQ=DAILY;COUNT=999999999",
        "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=999999999",
        "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;INTERVAL=10000",
        "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO",
        "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-366",
    ],
)
def test_a_window_costs_no_more_when_the_rule_is_old(rule: str) -> None:
    """Nothing walks from the first start to the window."""
    parsed = parse_rule(rule)
    costs: list[int] = []
    for first in ("20260601T090000", "00030601T090000"):
        with lines_counted() as lines:
            list(starts(parsed, wall(first), *WINDOW))
        costs.append(lines[0])
    assert costs[1] <= costs[0] * 1.5 + 500


def test_count_is_counted_for_so_long_and_no_longer() -> None:
    rule = parse_rule("FREQ=DAILY;BYMONTH=1,2,3;COUNT=999999999")
    assert list(starts(rule, wall("17600101T090000"), *WINDOW))
    with pytest.raises(ValueError, match="begins too long ago"):
        list(starts(rule, wall("17000101T090000"), *WINDOW))
    with pytest.raises(ValueError, match="begins too long ago"):
        is_over(rule, wall("17000101T090000"), WINDOW[0])


def test_nothing_leaves_the_calendar() -> None:
    """Neither at its end nor before the first start."""
    for rule in ("FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY", "FREQ=YEARLY;BYWEEKNO=1,53"):
        late, early = wall("99970601T090000"), wall("00020601T090000")
        for start in starts(parse_rule(rule), late, late, wall("99990101T000000")):
            assert late <= start < wall("99980101T000000")
        assert list(starts(parse_rule(rule), early, -(1 << 40), early)) == []
        for start in starts(parse_rule(f"{rule};INTERVAL=10000"), early, early, wall("99990101T000000")):
            assert early <= start < wall("99980101T000000")
