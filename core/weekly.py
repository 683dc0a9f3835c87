"""Weekly hours: wall-clock times that come again every week in a zone, and the instants they mean.

A bound such as 09:00 names an instant on a given day as RFC 5545 section 3.3.5 says: a time that clocks jump over is
read with the offset before the jump, one that they show twice is the first of the two. A period is what lies between
its two instants; if the jump leaves nothing between them, that day has no such period. A date that a zone leaves out
altogether, as Samoa did with 2011-12-30, has no hours: read literally they would fall on the day after, a weekday they
were never meant for. Periods of one day that overlap or touch are one period, before any bound is resolved.

How it is computed
==================

Asking zoneinfo about each bound would cost more than all the rest of an answer. But the offset which a wall-clock time
is read with (fold=0 in Python's words, PEP 495) is a step function of the wall clock that changes a few times a year.
So the bounds of whole weeks are laid out as a sorted list of integers, the list is cut where that function steps, and
each piece becomes instants by one subtraction a bound. There is no quick path for ordinary days beside a careful one
for the others, and so none that could differ from it: every bound is its wall-clock time less the offset that zoneinfo
gives for that very time, as in `zones.local_instant`.

Where the function steps zoneinfo does not say. It is asked every other day, and where two answers differ the first
second of the new offset is found by bisection. That misses nothing as long as no zone changes its offset twice within
two days. In all that is recorded or foreseen none does within six: a test reads every zone's file to see it stay true.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from operator import lt
from typing import NamedTuple

from .errors import Key, Path, Problems
from .instants import DAY, EARLIEST, LATEST, MINUTE, Instant
from .spans import SpanSet
from .zones import ZoneInfo

#: Wall-clock time is counted in seconds from the midnight of 1970-01-01 on the wall. 1970-01-04 was a Sunday.
_SUNDAY = 3 * DAY
_WEEK = 7 * DAY

#: How often a zone is asked for its offset, and for how long at a time.
_STEP = 2 * DAY
_CHUNK = 32 * _STEP

#: Every readable time of day in seconds since midnight, 24:00 among them: looking up is quicker than parsing.
_CLOCK = {f"{minute // 60:02}:{minute % 60:02}": minute * MINUTE for minute in range(24 * 60 + 1)}
_TEXTS = {seconds: text for text, seconds in _CLOCK.items()}
_MIDNIGHT_AFTER = "24:00"


class Weekday(StrEnum):
    """The days of the week in the order in which they are listed."""

    SUNDAY = "sunday"
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"


_DAYS = tuple(Weekday)
_MIDNIGHTS = {day: number * DAY for number, day in enumerate(_DAYS)}


@dataclass(frozen=True, slots=True)
class WeeklyPeriod:
    """From `start_time` to `end_time` on every such day: `HH:MM` on a 24-hour clock; 24:00 is the midnight after."""

    day: Weekday
    start_time: str
    end_time: str

    def check(self, path: Path, problems: Problems) -> None:
        """Reports times that cannot be read, and an end that is not after the start."""
        start = _CLOCK.get(self.start_time) if self.start_time != _MIDNIGHT_AFTER else None
        end = _CLOCK.get(self.end_time)
        if start is None:
            problems.add((*path, "start_time"), Key.INVALID, "must be a time of day such as 09:30, up to 23:59")
        if end is None:
            problems.add((*path, "end_time"), Key.INVALID, "must be a time of day such as 17:00, up to 24:00")
        if start is not None and end is not None and end <= start:
            problems.add((*path, "end_time"), Key.INVALID, "must be after the start")


def merge_weekly(periods: Iterable[WeeklyPeriod]) -> list[WeeklyPeriod]:
    """Checked periods, sunday to saturday and by start; those of one day that overlap or touch are one."""
    return [
        WeeklyPeriod(_DAYS[start // DAY], _TEXTS[start % DAY], _TEXTS[end - start // DAY * DAY])
        for start, end in zip(*_week(periods), strict=True)
    ]


def expand(periods: Iterable[WeeklyPeriod], zone: ZoneInfo, window: SpanSet) -> SpanSet:
    """The time that checked periods cover in the zone. Exact within the window; what lies outside it means nothing.

    It is not cut to the window, for who asks will intersect anyway. The cost is linear in the periods and in the days
    of the window, however far apart its spans lie.
    """
    starts: list[Instant] = []
    ends: list[Instant] = []
    week = _week(periods)
    for first, last in _days_around(window):
        stretches = _stretches(zone, first, last)
        local_starts, local_ends = _lay_out(week, first, last)
        for skipped in _skipped_dates(stretches):
            local_starts, local_ends = _without(skipped, local_starts, local_ends)
        starts += _instants(local_starts, stretches)
        ends += _instants(local_ends, stretches)
    return _union(starts, ends)


class _Stretch(NamedTuple):
    """Wall-clock times below `until`, and not below that of the stretch before, are `offset` seconds ahead of UTC."""

    until: int
    offset: int


def _week(periods: Iterable[WeeklyPeriod]) -> tuple[list[int], list[int]]:
    """Starts and ends in seconds since Sunday 00:00, in order, joined within each day and never across midnight."""
    starts: list[int] = []
    ends: list[int] = []
    reached = midnight = -1
    for day, start, end in sorted([(_MIDNIGHTS[p.day], _CLOCK[p.start_time], _CLOCK[p.end_time]) for p in periods]):
        if day != midnight or start > reached:
            starts.append(day + start)
            ends.append(day + end)
            reached = end
        elif end > reached:
            ends[-1] = day + end
            reached = end
        midnight = day
    return starts, ends


def _days_around(window: SpanSet) -> SpanSet:
    """From local midnight to local midnight, every day that can touch the window: no offset is as long as a day."""
    return SpanSet.of(((start - DAY) // DAY * DAY, -(-(end + DAY) // DAY) * DAY) for start, end in window)


def _lay_out(week: tuple[list[int], list[int]], first: int, last: int) -> tuple[list[int], list[int]]:
    """The wall-clock starts and ends, in order, of the periods that lie from one local midnight to another."""
    sundays = range(_SUNDAY + (first - _SUNDAY) // _WEEK * _WEEK, last, _WEEK)
    starts = [sunday + start for sunday in sundays for start in week[0]]
    ends = [sunday + end for sunday in sundays for end in week[1]]
    kept = slice(bisect_left(starts, first), bisect_left(starts, last))
    return starts[kept], ends[kept]


def _instants(local: Sequence[int], stretches: Iterable[_Stretch]) -> list[Instant]:
    """The instants of wall-clock times that are in order."""
    instants: list[Instant] = []
    done = 0
    for until, offset in stretches:
        here = bisect_left(local, until, done)
        instants += [time - offset for time in local[done:here]]
        done = here
    return instants


def _union(starts: list[Instant], ends: list[Instant]) -> SpanSet:
    """Of spans that may be empty, inverted or out of order. Most often none is, and that is seen quickly."""
    if all(map(lt, starts, ends)) and all(map(lt, ends, starts[1:])):
        return SpanSet(starts, ends)
    return SpanSet.of(zip(starts, ends, strict=True))


def _skipped_dates(stretches: Iterable[_Stretch]) -> Iterator[tuple[int, int]]:
    """From the midnight of the first to the midnight after the last of the dates that clocks jump over whole."""
    for (until, before), (_, after) in pairwise(stretches):
        jumped_over = until - (after - before)
        first, last = -(-jumped_over // DAY) * DAY, until // DAY * DAY
        if first < last:
            yield first, last


def _without(dates: tuple[int, int], starts: list[int], ends: list[int]) -> tuple[list[int], list[int]]:
    """The periods that do not lie on the dates."""
    first, last = (bisect_left(starts, midnight) for midnight in dates)
    return starts[:first] + starts[last:], ends[:first] + ends[last:]


def _stretches(zone: ZoneInfo, first: int, last: int) -> list[_Stretch]:
    """The offsets that wall-clock times from `first` to `last`, both included, are read with."""
    chunks = range(first // _CHUNK, last // _CHUNK + 1)
    end = chunks.stop * _CHUNK
    return [
        *(stretch for chunk in chunks for stretch in _changes(zone, chunk)),
        _Stretch(end + 1, _offset(zone, end)),
    ]


# Room for every zone with the two or three chunks that a usual window touches; most are empty tuples.
@lru_cache(maxsize=2048)
def _changes(zone: ZoneInfo, chunk: int) -> tuple[_Stretch, ...]:
    """The stretches that end after the beginning of a chunk of wall-clock time and not after its end."""
    asked = range(chunk * _CHUNK, (chunk + 1) * _CHUNK + 1, _STEP)
    answers = [(local, _offset(zone, local)) for local in asked]
    return tuple(
        _Stretch(_first_other(zone, here, there, offset), offset)
        for (here, offset), (there, other) in pairwise(answers)
        if offset != other
    )


def _first_other(zone: ZoneInfo, here: int, there: int, offset: int) -> int:
    """The first wall-clock time with another offset: after `here`, where it is `offset`, and not after `there`."""
    return here + bisect_left(range(here, there), True, key=lambda local: _offset(zone, local) != offset)


def _offset(zone: ZoneInfo, local: int) -> int:
    """How many seconds ahead of UTC a wall-clock time is read; of two such times the first (fold=0).

    On the first and the last day that a calendar can say, a zone keeps the offset that it has next to it.
    """
    # Within one zone Python adds on the wall clock.
    wall_clock = datetime(1970, 1, 1, tzinfo=zone) + timedelta(seconds=min(max(local, EARLIEST), LATEST))
    offset = wall_clock.utcoffset()
    assert offset is not None  # a ZoneInfo always knows
    return offset.days * DAY + offset.seconds
