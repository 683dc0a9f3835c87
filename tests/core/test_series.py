"""Series: their instances on the clocks of a zone, with exceptions, overrides and splits."""

import os
import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.instants import DAY, HOUR, MINUTE, format_instant, parse_instant
from core.offsets import instants_of, pieces
from core.recurrence_rules import parse_rule
from core.series import Instance, Length, Override, Series, Start
from core.spans import Span
from core.zones import ZoneInfo, known_zones, local_instant, local_time

from .local_clocks import CHANGES

NEW_YORK = ZoneInfo("America/New_York")
HALF_AN_HOUR = Length(seconds=30 * MINUTE)
ALWAYS = Span(parse_instant("2026-01-01T00:00Z"), parse_instant("2029-01-01T00:00Z"))
SEED = int(os.environ["OPENINGS_SEED"])


def local(text: str, zone: ZoneInfo = NEW_YORK) -> int:
    """The instant at which clocks in the zone show this."""
    at = datetime.fromisoformat(text)
    return local_instant(at.date(), at.time(), zone)


def series(start: Start, rule: str | None, *, zone: ZoneInfo = NEW_YORK, length: Length = HALF_AN_HOUR) -> Series:
    return Series(start, zone, length, (parse_rule(rule),) if rule else ())


def shown(instances: list[Instance], zone: ZoneInfo = NEW_YORK) -> list[str]:
    """The starts as clocks in the zone show them."""
    return [local_time(each.span.start, zone).strftime("%m-%d %H:%M") for each in instances]


class TestClocks:
    """New York's clocks skip 02:00 to 03:00 on 2027-03-14, and show 01:00 to 02:00 twice on 2027-11-07."""

    def test_an_instance_stays_at_its_wall_clock_time(self) -> None:
        daily = series(local("2027-03-13T09:00"), "FREQ=DAILY;COUNT=3")
        assert [format_instant(each.span.start) for each in daily.instances(ALWAYS)] == [
            "2027-03-13T14:00:00Z",
            "2027-03-14T13:00:00Z",
            "2027-03-15T13:00:00Z",
        ]

    def test_a_time_that_is_skipped_is_read_with_the_offset_before(self) -> None:
        daily = series(local("2027-03-13T02:30"), "FREQ=DAILY;COUNT=3")
        assert shown(daily.instances(ALWAYS)) == ["03-13 02:30", "03-14 03:30", "03-15 02:30"]
        assert {each.span.end - each.span.start for each in daily.instances(ALWAYS)} == {30 * MINUTE}

    def test_of_a_time_that_occurs_twice_the_first_counts(self) -> None:
        daily = series(local("2027-11-06T01:30"), "FREQ=DAILY;COUNT=3")
        assert [format_instant(each.span.start) for each in daily.instances(ALWAYS)][1] == "2027-11-07T05:30:00Z"

    def test_the_first_start_is_what_it_is(self) -> None:
        """Also where it is the second of two times that clocks show alike."""
        second = local("2027-11-07T01:30") + HOUR
        daily = series(second, "FREQ=DAILY;COUNT=2")
        assert [each.span.start for each in daily.instances(ALWAYS)] == [second, local("2027-11-08T01:30")]

    @pytest.mark.parametrize(
        ("length", "hours"), [(Length(seconds=24 * HOUR), 24), (Length(days=1), 23), (Length(days=1, seconds=HOUR), 24)]
    )
    def test_a_day_is_local_and_24_hours_are_exact(self, length: Length, hours: int) -> None:
        [only] = series(local("2027-03-13T12:00"), None, length=length).instances(ALWAYS)
        assert only.span.end - only.span.start == hours * HOUR

    def test_all_day_instances_last_from_midnight_to_midnight(self) -> None:
        weekly = series(date(2027, 11, 1), "FREQ=WEEKLY;BYDAY=SU;COUNT=2", length=Length(days=1))
        first, sunday, last = weekly.instances(ALWAYS)
        assert (first.original, sunday.start, last.start) == (date(2027, 11, 1), date(2027, 11, 7), date(2027, 11, 14))
        assert sunday.span == Span(local("2027-11-07T00:00"), local("2027-11-08T00:00"))
        assert sunday.span.end - sunday.span.start == 25 * HOUR


class TestWhatBelongsToASeries:
    def test_the_first_start_does_even_if_no_rule_gives_it(self) -> None:
        weekly = series(local("2027-01-19T09:00"), "FREQ=WEEKLY;BYDAY=WE;COUNT=2")
        assert shown(weekly.instances(ALWAYS)) == ["01-19 09:00", "01-20 09:00", "01-27 09:00"]

    def test_until_an_instant(self) -> None:
        """It is compared as an instant: no clock could tell 02:30, which is skipped, from 03:30."""
        for until, count in (("20270314T072959Z", 1), ("20270314T073000Z", 2)):
            daily = series(local("2027-03-13T02:30"), f"FREQ=DAILY;UNTIL={until}")
            assert len(daily.instances(ALWAYS)) == count

    def test_further_and_excluded_dates(self) -> None:
        first = local("2027-01-19T09:00")
        daily = Series(
            first,
            NEW_YORK,
            HALF_AN_HOUR,
            (parse_rule("FREQ=DAILY;BYHOUR=9,15;COUNT=6"),),
            dates={local("2027-01-25T10:00"): None, local("2027-01-26T10:00"): Length(seconds=HOUR), first: None},
            excluded=frozenset({local("2027-01-19T15:00"), date(2027, 1, 20), local("2027-01-21T08:59")}),
        )
        found = daily.instances(ALWAYS)
        assert shown(found) == ["01-19 09:00", "01-21 09:00", "01-21 15:00", "01-25 10:00", "01-26 10:00"]
        assert [each.span.end - each.span.start for each in found][-2:] == [30 * MINUTE, HOUR]

    def test_of_an_all_day_series_an_instant_is_its_local_date(self) -> None:
        daily = Series(
            date(2027, 1, 19),
            NEW_YORK,
            Length(days=1),
            (parse_rule("FREQ=DAILY;COUNT=3"),),
            dates={parse_instant("2027-01-26T03:00Z"): None},
            excluded=frozenset({parse_instant("2027-01-21T03:00Z")}),
        )
        assert [each.start for each in daily.instances(ALWAYS)] == [date(2027, 1, day) for day in (19, 21, 25)]

    def test_several_rules_give_a_start_once(self) -> None:
        both = Series(
            local("2027-01-19T09:00"),
            NEW_YORK,
            HALF_AN_HOUR,
            (parse_rule("FREQ=DAILY;COUNT=3"), parse_rule("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=2")),
        )
        assert shown(both.instances(ALWAYS)) == ["01-19 09:00", "01-20 09:00", "01-21 09:00"]


class TestOverrides:
    FIRST = local("2027-01-18T09:00")

    def overridden(self, overrides: dict[Start, Override], rule: str = "FREQ=DAILY;COUNT=5") -> Series:
        return Series(self.FIRST, NEW_YORK, HALF_AN_HOUR, (parse_rule(rule),), overrides=overrides)

    def test_one_instance_is_moved_and_one_does_not_take_place(self) -> None:
        moved = self.overridden(
            {
                local("2027-01-19T09:00"): Override(local("2027-01-30T12:00"), Length(seconds=HOUR)),
                local("2027-01-21T09:00"): Override(None),
            }
        )
        found = moved.instances(ALWAYS)
        assert shown(found) == ["01-18 09:00", "01-20 09:00", "01-22 09:00", "01-30 12:00"]
        assert found[-1].original == local("2027-01-19T09:00")

    def test_a_window_finds_what_was_moved_into_it_alone(self) -> None:
        moved = self.overridden({local("2027-01-19T09:00"): Override(local("2027-06-01T12:00"), HALF_AN_HOUR)})
        assert shown(moved.instances(Span(local("2027-05-01T00:00"), local("2027-07-01T00:00")))) == ["06-01 12:00"]
        assert moved.instances(Span(local("2027-01-19T00:00"), local("2027-01-20T00:00"))) == []

    def test_an_override_of_nothing_is_an_event_of_its_own(self) -> None:
        """It blocks rather than not."""
        moved = self.overridden({local("2027-01-19T11:11"): Override(local("2027-01-19T12:00"), HALF_AN_HOUR)})
        assert shown(moved.instances(ALWAYS))[1:3] == ["01-19 09:00", "01-19 12:00"]

    def test_all_following_instances_move_on_the_wall_clock(self) -> None:
        weekly = self.overridden(
            {
                local("2027-03-08T09:00"): Override(local("2027-03-09T10:30"), Length(seconds=HOUR), following=True),
                local("2027-03-29T09:00"): Override(local("2027-03-29T08:00"), HALF_AN_HOUR),
            },
            "FREQ=WEEKLY;COUNT=11",
        )
        found = weekly.instances(Span(local("2027-02-25T00:00"), local("2027-12-01T00:00")))
        assert shown(found) == ["03-01 09:00", "03-09 10:30", "03-16 10:30", "03-23 10:30", "03-29 08:00"]
        assert [(each.span.end - each.span.start) // MINUTE for each in found] == [30, 60, 60, 60, 30]

    def test_all_following_instances_do_not_take_place(self) -> None:
        ended = self.overridden({local("2027-01-20T09:00"): Override(None, following=True)})
        assert shown(ended.instances(ALWAYS)) == ["01-18 09:00", "01-19 09:00"]

    def test_two_splits(self) -> None:
        twice = self.overridden(
            {
                local("2027-01-19T09:00"): Override(local("2027-01-19T10:00"), HALF_AN_HOUR, following=True),
                local("2027-01-21T09:00"): Override(local("2027-01-21T08:00"), HALF_AN_HOUR, following=True),
            }
        )
        assert shown(twice.instances(ALWAYS)) == [
            "01-18 09:00",
            "01-19 10:00",
            "01-20 10:00",
            "01-21 08:00",
            "01-22 08:00",
        ]


class TestBounds:
    def test_many_instances_are_refused(self) -> None:
        dense = series(local("2027-01-01T00:00"), f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))}")
        with pytest.raises(ValueError, match="has more than 5,000 instances in 400 days"):
            dense.instances(Span(ALWAYS.start + 365 * DAY, ALWAYS.start + 765 * DAY))
        assert len(dense.instances(Span(ALWAYS.start + 365 * DAY, ALWAYS.start + 565 * DAY))) < 5_000

    @pytest.mark.parametrize(
        ("rule", "last"),
        [("FREQ=DAILY;COUNT=3", "01-20"), ("FREQ=DAILY;UNTIL=20270120T170000Z", "01-20"), (None, "01-18")],
    )
    def test_it_is_over_behind_its_last_instance(self, rule: str | None, last: str) -> None:
        short = series(local("2027-01-18T09:00"), rule)
        assert shown(short.instances(ALWAYS))[-1] == f"{last} 09:00"
        assert not short.is_over(local(f"2027-{last}T09:00"))
        assert short.is_over(local("2027-01-23T09:00"))

    def test_what_goes_on_is_never_over(self) -> None:
        assert not series(local("2027-01-18T09:00"), "FREQ=YEARLY").is_over(local("2999-01-01T09:00"))
        for later in (local("2028-01-18T09:00"), date(2028, 1, 18)):
            moved = Series(
                ALWAYS.start, NEW_YORK, HALF_AN_HOUR, overrides={ALWAYS.start: Override(later, HALF_AN_HOUR)}
            )
            assert not moved.is_over(local("2028-01-01T00:00"))
            further = Series(ALWAYS.start, NEW_YORK, HALF_AN_HOUR, dates={later: None})
            assert not further.is_over(local("2028-01-01T00:00"))


# --- laws ---------------------------------------------------------------------------------------------------------


@given(st.sampled_from(CHANGES), st.lists(st.integers(-3000, 3000), min_size=1, max_size=20).map(sorted))
def test_a_time_on_the_wall_is_that_instant(change: tuple[str, str], minutes: list[int]) -> None:
    """instants_of, which reads many at once, says what zoneinfo says of each."""
    zone, around = ZoneInfo(change[0]), parse_instant(change[1])
    walls = [around + minute * MINUTE for minute in minutes]
    at = [datetime.fromtimestamp(wall, UTC) for wall in walls]
    assert instants_of(walls, zone) == [local_instant(each.date(), each.time(), zone) for each in at]


RULES = st.sampled_from(
    [
        "FREQ=DAILY",
        "FREQ=DAILY;BYHOUR=0,2,23;COUNT=9",
        "FREQ=WEEKLY;BYDAY=MO,SU",
        "FREQ=MONTHLY;BYDAY=-1SU;COUNT=5",
        "FREQ=DAILY;INTERVAL=3;UNTIL=20270401T000000Z",
    ]
)


@st.composite
def any_series(draw: st.DrawFn) -> Series:
    zone = ZoneInfo(draw(st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Etc/UTC"])))
    first = parse_instant("2027-03-01T00:00Z") + draw(st.integers(0, 20 * 24 * 60)) * MINUTE
    all_day = draw(st.booleans())
    start: Start = local_time(first, zone).date() if all_day else first
    length = Length(days=draw(st.integers(1, 3))) if all_day else Length(seconds=draw(st.integers(1, 2000)) * MINUTE)
    plain = Series(start, zone, length, (parse_rule(draw(RULES)),))
    originals = [each.original for each in plain.instances(Span(first - DAY, first + 60 * DAY))]
    some = st.lists(st.sampled_from(originals), max_size=3, unique=True)

    def another() -> Start:
        minutes = draw(st.integers(-5000, 5000))
        return start + timedelta(days=minutes // 500) if isinstance(start, date) else start + minutes * MINUTE

    overrides = {
        original: Override(draw(st.none() | st.just(another())), length, following=draw(st.integers(0, 3)) == 0)
        for original in draw(some)
    }
    dates = {another(): None for _ in draw(st.lists(st.none(), max_size=2))}
    return Series(start, zone, length, plain.rules, dates, frozenset(draw(some)), overrides)


@given(any_series(), st.lists(st.integers(-10, 90), min_size=3, max_size=3, unique=True).map(sorted))
def test_windows_together_find_what_one_finds(any_: Series, days: list[int]) -> None:
    """Each instance is in every window that it meets, with the same times."""
    origin = parse_instant("2027-03-01T00:00Z")
    a, b, c = (origin + day * DAY for day in days)
    whole = any_.instances(Span(a, c))
    assert sorted(whole) == sorted({*any_.instances(Span(a, b)), *any_.instances(Span(b, c))})
    everything = any_.instances(Span(origin - 400 * DAY, origin + 400 * DAY))
    assert whole == [each for each in everything if each.span.start < c and a < each.span.end]
    assert len({each.original for each in everything}) == len(everything)


@pytest.mark.parametrize(
    "name",
    sorted(known_zones())
    if os.environ.get("OPENINGS_ALL_ZONES")
    else random.Random(SEED).sample(sorted(known_zones()), 6),
)
def test_daily_and_weekly_series_over_every_change(name: str) -> None:
    """Each instance is where clocks show its time, or where they would have without the jump that skips it."""
    zone = ZoneInfo(name)
    changes = [after.since for before, after in pairwise(pieces(zone, *YEARS)) if before.offset != after.offset]
    for change in changes:
        at = local_time(change, zone)
        for minutes in (-45, -15, 0, 15, 45):
            clock = (at + timedelta(minutes=minutes)).time()
            first = local_instant(at.date() - timedelta(days=7), clock, zone)
            for rule, step in (("FREQ=DAILY", 1), ("FREQ=WEEKLY", 7)):
                found = series(first, rule, zone=zone).instances(Span(first, change + 10 * DAY))
                days = [at.date() + timedelta(days=day) for day in range(-7, 11, step)]
                expected = [local_instant(day, clock, zone) for day in days]
                assert [each.span.start for each in found] == [each for each in expected if each < change + 10 * DAY]


YEARS = (parse_instant("2024-01-01T00:00Z"), parse_instant("2041-01-01T00:00Z"))
