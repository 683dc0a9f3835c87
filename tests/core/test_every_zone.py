"""Weekly hours in every IANA zone, over every change of its offset from 2024 to 2040, minute by minute.

A run takes a few random zones. `OPENINGS_ALL_ZONES=1` takes all of them, which needs a minute or two;
`OPENINGS_SEED=…`, which every failure names, repeats a choice.

The expected answer is found by brute force: zoneinfo converts every minute of UTC to local time, and a minute is inside
when that time is. The core lays out whole weeks on the wall clock between two changes of the offset.
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
from core.offsets import SAMPLED
from core.spans import SpanSet
from core.weekly import Weekday, WeeklyPeriod, expand
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
        #: the minutes in which answers are compared
        self.inside = range(middle - DAY_MINUTES * 3 // 2, middle + DAY_MINUTES * 3 // 2)
        self.local = {minute: minute + offset(zone, minute * MINUTE) // MINUTE for minute in self.inside}


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


def by_the_clock(walk: Walk, periods: dict[int, list[tuple[int, int]]]) -> set[int]:
    """The minutes whose local weekday and time lie in a period."""
    marked = bytearray(WEEK_MINUTES)
    for day, bounds in periods.items():
        for start, end in bounds:
            marked[day * DAY_MINUTES + start : day * DAY_MINUTES + end] = b"\1" * (end - start)
    return {minute for minute in walk.inside if marked[(walk.local[minute] + EPOCH_IN_WEEK) % WEEK_MINUTES]}


@pytest.mark.parametrize("tzid", chosen_zones())
def test_weekly_hours_match_a_minute_by_minute_walk(tzid: str) -> None:
    """At every change from 2024 to 2040, and twice anywhere: a minute is inside when clocks then show it. So hours that
    are cut in two lists of periods are the union of the two, and of the two as one list.
    """
    zone, chance = ZoneInfo(tzid), random.Random(f"{SEED} {tzid}")
    for change in [*changes(zone), *(chance.randrange(FIRST, LAST, HOUR) for _ in range(2))]:
        walk = Walk(zone, change)
        bounds = telling_bounds(chance, walk, change)
        some, more = weekly_periods(chance, bounds), weekly_periods(chance, bounds)
        context = f"OPENINGS_SEED={SEED} {tzid} around {datetime.fromtimestamp(change, zone)}: {some} and {more}"
        hours, others = found(zone, walk, some), found(zone, walk, more)
        assert hours == by_the_clock(walk, some), context
        assert found(zone, walk, {day: some[day] + more[day] for day in range(7)}) == hours | others, context


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
        assert closest > 3 * SAMPLED, f"{tzid} has two changes {closest / DAY:.1f} days apart: use smaller steps"


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
        if instant < parse_instant("1850-01-01T00:00Z"):
            continue
        window = SpanSet.of([(instant - DAY, instant + DAY)])
        assert expand(always, zone, window) & window == hour_by_hour(instant, before, after), f"at {instant}"


def hour_by_hour(instant: int, before: int, after: int) -> SpanSet:
    """59 minutes of every local hour on the day before a change and on the day after it."""
    found: list[tuple[int, int]] = []
    for since, until, ahead in ((instant - DAY, instant, before), (instant, instant + DAY, after)):
        for hour in range((since + ahead) // HOUR * HOUR - ahead, until, HOUR):
            found.append((max(since, hour), min(until, hour + 59 * MINUTE)))
    return SpanSet.of(found)


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
