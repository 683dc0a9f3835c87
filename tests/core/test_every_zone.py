"""Weekly hours in every IANA zone, over every change of its offset from 2024 to 2040, minute by minute.

A run takes a few random zones. `OPENINGS_ALL_ZONES=1` takes all of them, which needs two or three minutes;
`OPENINGS_SEED=…`, which every failure names, repeats a choice.

The expected answer is found by brute force: zoneinfo converts every minute of UTC to local time. The core converts in
the other direction, so the two share neither code nor a rule for gaps and overlaps.
"""

import os
import random
import re
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib import resources
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.instants import DAY, HOUR, MINUTE, parse_instant
from core.spans import SpanSet
from core.weekly import _STEP, Weekday, WeeklyPeriod, expand
from core.zones import known_zones

SEED = int(os.environ["OPENINGS_SEED"])
#: Half hours and hours, two hours, no midnight, an odd quarter, winter time called summer, two changes within a week.
NOTABLE = ["Australia/Lord_Howe", "Antarctica/Troll", "Africa/Cairo", "Pacific/Chatham", "Europe/Dublin", "Asia/Gaza"]

FIRST, LAST = parse_instant("2024-01-01T00:00Z"), parse_instant("2041-01-01T00:00Z")
DAY_MINUTES = DAY // MINUTE
WEEK_MINUTES = 7 * DAY_MINUTES
#: 1970-01-01 was a Thursday: this many minutes of its week had passed.
EPOCH_IN_WEEK = 4 * DAY_MINUTES


def chosen_zones() -> list[str]:
    if os.environ.get("OPENINGS_ALL_ZONES"):
        return sorted(known_zones())
    return sorted({*random.Random(SEED).sample(sorted(known_zones()), 4), *NOTABLE})


def offset(zone: ZoneInfo, instant: int) -> int:
    """The offset from UTC at an instant, in seconds."""
    moved = datetime.fromtimestamp(instant, zone).utcoffset()
    assert moved is not None
    return moved.days * DAY + moved.seconds


def changes(zone: ZoneInfo) -> list[int]:
    """The first minutes with a new offset, found by checking four times a day and then every minute."""
    asked = range(FIRST, LAST, 6 * HOUR)
    offsets = [offset(zone, instant) for instant in asked]
    return [
        next(minute for minute in range(here, here + asked.step + 1, MINUTE) if offset(zone, minute) != before)
        for here, before, after in zip(asked, offsets, offsets[1:], strict=False)
        if before != after
    ]


class Walk:
    """The local times of a zone in the days around an instant. All in minutes; `local` is wall-clock time."""

    def __init__(self, zone: ZoneInfo, instant: int) -> None:
        middle = instant // MINUTE
        #: the minutes in which answers are compared; the walk covers these completely
        self.inside = range(middle - DAY_MINUTES * 3 // 2, middle + DAY_MINUTES * 3 // 2)
        walked = range(self.inside.start - DAY_MINUTES * 3 // 2, self.inside.stop + DAY_MINUTES * 3 // 2)
        self.local = {minute: minute + offset(zone, minute * MINUTE) // MINUTE for minute in walked}
        self.last_shown = {local: minute for minute, local in self.local.items()}
        self.first_shown = {local: minute for minute, local in reversed(self.local.items())}
        days = sorted({local // DAY_MINUTES for local in self.first_shown})
        #: every date of which the walk covers the whole local day
        self.dates = days[1:-1]

    def instant_of(self, local: int) -> int:
        """The first minute with this local time. A time in a gap is counted on from the last one before it, as if the
        offset had not changed."""
        missing = 0
        while local - missing not in self.first_shown:
            missing += 1
        return self.first_shown[local - missing] + missing

    def is_shown_once(self, minute_of_day: int) -> bool:
        """Whether this time of day occurs exactly once on each of the dates."""
        return all(
            self.first_shown.get(local, 0) == self.last_shown.get(local, 1)
            for local in (date * DAY_MINUTES + minute_of_day for date in self.dates)
        )


def clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def weekly_periods(chance: random.Random, bounds: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
    """Up to four periods, in minutes, on each day of the week from Sunday; they may overlap."""
    return {day: [_period(chance, bounds) for _ in range(chance.randrange(5))] for day in range(7)}


def _period(chance: random.Random, bounds: Sequence[int]) -> tuple[int, int]:
    start, end = sorted(chance.sample(bounds, 2))
    return start, end


def telling_bounds(chance: random.Random, walk: Walk, change: int) -> list[int]:
    """Times of day at and near the bounds of the clock change, and some random ones."""
    edges = [walk.local[change // MINUTE - 1] + 1, walk.local[change // MINUTE]]
    near = [edge + chance.choice([-60, -30, -15, -1, 0, 0, 1, 15, 30, 60, 120]) for edge in edges for _ in range(6)]
    anywhere = [chance.randrange(DAY_MINUTES) for _ in range(6)]
    return sorted({0, DAY_MINUTES, *anywhere, *(bound % DAY_MINUTES for bound in near)})


def found(zone: ZoneInfo, walk: Walk, periods: dict[int, list[tuple[int, int]]]) -> set[int]:
    """The minutes inside the hours, by the core."""
    days = list(Weekday)
    given = [WeeklyPeriod(days[day], clock(a), clock(b)) for day, bounds in periods.items() for a, b in bounds]
    window = SpanSet.of([(walk.inside.start * MINUTE, walk.inside.stop * MINUTE)])
    answer = expand(given, zone, window) & window
    assert all(bound % MINUTE == 0 for span in answer for bound in span)
    return {minute for start, end in answer for minute in range(start // MINUTE, end // MINUTE)}


def between_bounds(walk: Walk, periods: dict[int, list[tuple[int, int]]]) -> set[int]:
    """The minutes between the instants of each period's bounds; the periods of a day are merged first."""
    inside: set[int] = set()
    for date in walk.dates:
        marked = bytearray(DAY_MINUTES + 2)  # from the minute before midnight to the one after the next
        for start, end in periods[(date + EPOCH_IN_WEEK // DAY_MINUTES) % 7]:
            marked[start + 1 : end + 1] = b"\1" * (end - start)
        bounds = [minute for minute, (one, next_) in enumerate(pairwise(marked)) if one != next_]
        for start, end in zip(bounds[::2], bounds[1::2], strict=True):
            midnight = date * DAY_MINUTES
            inside.update(range(walk.instant_of(midnight + start), walk.instant_of(midnight + end)))
    return inside.intersection(walk.inside)


def by_the_clock(walk: Walk, periods: dict[int, list[tuple[int, int]]]) -> set[int]:
    """The minutes whose local weekday and time lie in a period."""
    marked = bytearray(WEEK_MINUTES)
    for day, bounds in periods.items():
        for start, end in bounds:
            marked[day * DAY_MINUTES + start : day * DAY_MINUTES + end] = b"\1" * (end - start)
    return {minute for minute in walk.inside if marked[(walk.local[minute] + EPOCH_IN_WEEK) % WEEK_MINUTES]}


@pytest.mark.parametrize("tzid", chosen_zones())
def test_weekly_hours_match_a_minute_by_minute_walk(tzid: str) -> None:
    """At every change from 2024 to 2040, and twice anywhere.

    Bounds in a gap or an overlap are read as the first minute that shows them, or counted on from the last minute
    before the gap. All other bounds need no rule: a minute is inside when its local time is.
    """
    zone, chance = ZoneInfo(tzid), random.Random(f"{SEED} {tzid}")
    for change in [*changes(zone), *(chance.randrange(FIRST, LAST, HOUR) for _ in range(2))]:
        walk = Walk(zone, change)
        bounds = telling_bounds(chance, walk, change)
        periods = weekly_periods(chance, bounds)
        context = f"OPENINGS_SEED={SEED} {tzid} around {datetime.fromtimestamp(change, zone)}: {periods}"
        assert found(zone, walk, periods) == between_bounds(walk, periods), context
        periods = weekly_periods(chance, [minute for minute in bounds if walk.is_shown_once(minute % DAY_MINUTES)])
        assert found(zone, walk, periods) == by_the_clock(walk, periods), context


# Distances between changes in the zone files, on which the fast expansion depends.


def zone_file(tzid: str) -> bytes:
    return resources.files("tzdata.zoneinfo").joinpath(*tzid.split("/")).read_bytes()


def recorded_changes(tzid: str) -> Iterator[tuple[int, int, int]]:
    """Yields instant, offset before and offset after of every change of offset in the zone's TZif file (RFC 8536)."""
    file = zone_file(tzid)
    at = block_end(file, 0, 4)  # the second block has 64-bit instants
    times, types = counts(file, at)[3:5]
    instants = struct.unpack_from(f">{times}q", file, at + 44)
    kinds = file[at + 44 + 8 * times :][:times]
    offsets = [struct.unpack_from(">l", file, at + 44 + 9 * times + 6 * number)[0] for number in range(types)]
    before = offsets[0]
    for instant, kind in zip(instants, kinds, strict=True):
        if offsets[kind] != before:
            yield instant, before, offsets[kind]
        before = offsets[kind]


def counts(file: bytes, at: int) -> tuple[int, ...]:
    """The counts in the header of the block at `at`: UTC and standard marks, leap seconds, times, types, letters."""
    return struct.unpack_from(">6l", file, at + 20)


def block_end(file: bytes, at: int, width: int) -> int:
    """The end of a block with instants of `width` bytes."""
    utc, standard, leap, times, types, letters = counts(file, at)
    return at + 44 + times * (width + 1) + types * 6 + letters + leap * (width + 4) + standard + utc


def test_no_zone_changes_its_offset_twice_between_two_lookups() -> None:
    """The core looks up a zone's offset at fixed steps; two changes within one step could cancel each other. The
    closest recorded changes are a week less an hour apart (Gaza, Brazil in 2000), so there is room."""
    for tzid in known_zones():
        cuts = [instant + max(before, after) for instant, before, after in recorded_changes(tzid)]
        closest = min((later - earlier for earlier, later in pairwise(cuts)), default=DAY * 365)
        assert closest > 3 * _STEP, f"{tzid} has two changes {closest / DAY:.1f} days apart: use smaller steps"


def test_yearly_changes_are_months_apart() -> None:
    """After the last recorded change a zone's file has at most two a year, each in a named month."""
    for tzid in known_zones():
        footer = zone_file(tzid).rsplit(b"\n", 2)[1].decode()
        months = [int(month) for month in re.findall(r",M(\d+)\.", footer)]
        assert len(months) == footer.count(","), f"{tzid} has a rule that this test cannot read: {footer}"
        assert all(2 <= (later - earlier) % 12 <= 10 for earlier, later in pairwise(months)), f"{tzid}: {footer}"


@pytest.mark.parametrize("tzid", chosen_zones())
def test_every_recorded_change_is_found_to_the_second(tzid: str) -> None:
    """Including those of local mean time, with offsets in seconds: the hours on both sides are right."""
    zone = ZoneInfo(tzid)
    always = [WeeklyPeriod(day, clock(hour * 60), clock(hour * 60 + 59)) for day in Weekday for hour in range(24)]
    for instant, before, after in recorded_changes(tzid):
        if not parse_instant("1850-01-01T00:00Z") < instant or after - before >= DAY:
            continue
        window = SpanSet.of([(instant - DAY, instant + DAY)])
        assert expand(always, zone, window) & window == hour_by_hour(zone, instant) & window, f"at {instant}"


def hour_by_hour(zone: ZoneInfo, instant: int) -> SpanSet:
    """59 minutes of every local hour, each bound converted by zoneinfo."""
    first = instant // DAY * DAY - 3 * DAY
    return SpanSet.of(
        (read_by(zone, local), read_by(zone, local + 59 * MINUTE)) for local in range(first, first + 7 * DAY, HOUR)
    )


def read_by(zone: ZoneInfo, local: int) -> int:
    return local - offset_of_wall(zone, local)


def offset_of_wall(zone: ZoneInfo, local: int) -> int:
    """The offset that zoneinfo uses for a wall-clock time."""
    moved = datetime.fromtimestamp(local, ZoneInfo("UTC")).replace(tzinfo=zone).utcoffset()
    assert moved is not None
    return moved.days * DAY + moved.seconds


# The machine's own zone.

SCRIPT = """
import time
from core.spans import SpanSet
from core.weekly import Weekday, WeeklyPeriod, expand
from core.zones import ZoneInfo

year = SpanSet.of([(1798761600, 1798761600 + 365 * 86400)])
periods = [WeeklyPeriod(day, "00:30", "08:15") for day in Weekday]
for tzid in ("America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"):
    print(tzid, expand(periods, ZoneInfo(tzid), year) & year)
"""


def test_the_machine_s_own_zone_changes_nothing() -> None:
    """Other implementations depend on TZ; our output must be identical."""
    root = Path(__file__).parents[2]
    answers = set[str]()
    for machine in ("UTC", "America/New_York", "Pacific/Apia"):
        environment = {**os.environ, "TZ": machine, "PYTHONPATH": str(root)}
        done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=root, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answers.add(done.stdout)
    (answer,) = answers
    assert answer.count("/2027-") > 5 * 360
