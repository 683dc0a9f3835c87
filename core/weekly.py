"""Weekly hours: wall-clock times that repeat every week in a zone, and the instants they correspond to.

A bound such as 09:00 on a given day is converted to an instant as RFC 5545 section 3.3.5 defines: a time that clocks
skip is read with the offset before the jump, a time that occurs twice is the first of the two. A period is the time
between its two instants; if the jump leaves nothing between them, that day has no such period. A date that a zone skips
altogether, as Samoa did with 2011-12-30, has no hours: read literally they would fall on the day after, a weekday they
were never meant for. Periods of one day that overlap or touch are joined before any bound is resolved.

How it is computed
==================

Calling zoneinfo for each bound would cost more than all the rest of an answer. But the offset of a wall-clock time
(with Python's fold=0, PEP 495) is a step function of the wall clock that changes a few times a year. So the bounds of
whole weeks are laid out as a sorted list of integers, the list is cut where that function steps, and each piece is
converted to instants by one subtraction per bound. There is no separate fast path for ordinary days that could differ
from the general one: every bound is its wall-clock time less the offset that zoneinfo gives for that very time, as in
`zones.local_instant`.

zoneinfo does not tell where the function steps. So its offset is sampled every other day, and where two samples differ,
the first second of the new offset is found by bisection. That misses nothing as long as no zone changes its offset
twice within two days. In all recorded and scheduled changes none does within six; a test checks that in every zone's
file.
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

#: How often a zone's offset is sampled, and how much time is sampled at once.
_STEP = 2 * DAY
_CHUNK = 32 * _STEP

#: Every valid time of day, 24:00 included, in seconds since midnight: a lookup is faster than parsing.
_CLOCK = {f"{minute // 60:02}:{minute % 60:02}": minute * MINUTE for minute in range(24 * 60 + 1)}
_TEXTS = {seconds: text for text, seconds in _CLOCK.items()}
_MIDNIGHT_AFTER = "24:00"


class Weekday(StrEnum):
    """The days of the week, in the order in which periods are sorted."""

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
    """A period on every such day. Times are `HH:MM` on a 24-hour clock; 24:00 is the midnight after."""

    day: Weekday
    start_time: str
    end_time: str

    def check(self, path: Path, problems: Problems) -> None:
        """Reports unreadable times, and an end that is not after the start."""
        start = _CLOCK.get(self.start_time) if self.start_time != _MIDNIGHT_AFTER else None
        end = _CLOCK.get(self.end_time)
        if start is None:
            problems.add((*path, "start_time"), Key.INVALID, "must be a time of day such as 09:30, up to 23:59")
        if end is None:
            problems.add((*path, "end_time"), Key.INVALID, "must be a time of day such as 17:00, up to 24:00")
        if start is not None and end is not None and end <= start:
            problems.add((*path, "end_time"), Key.INVALID, "must be after the start")


def merge_weekly(periods: Iterable[WeeklyPeriod]) -> list[WeeklyPeriod]:
    """Sorts checked periods from Sunday to Saturday and by start; joins those of one day that overlap or touch."""
    return [
        WeeklyPeriod(_DAYS[start // DAY], _TEXTS[start % DAY], _TEXTS[end - start // DAY * DAY])
        for start, end in zip(*_week(periods), strict=True)
    ]


def expand(periods: Iterable[WeeklyPeriod], zone: ZoneInfo, window: SpanSet) -> SpanSet:
    """Returns the time that checked periods cover in the zone: exact within the window, meaningless outside it.

    It is not cut to the window, since callers intersect it anyway. The cost is linear in the periods and in
    the days of the window, however far apart its spans lie.
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
    """Wall-clock times from the `until` of the stretch before to this one are `offset` seconds ahead of UTC."""

    until: int
    offset: int


def _week(periods: Iterable[WeeklyPeriod]) -> tuple[list[int], list[int]]:
    """Returns sorted starts and ends in seconds since Sunday 00:00, joined within a day but never across midnight."""
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
    """Returns every day, midnight to midnight, that can touch the window: every offset is less than a day."""
    return SpanSet.of(((start - DAY) // DAY * DAY, -(-(end + DAY) // DAY) * DAY) for start, end in window)


def _lay_out(week: tuple[list[int], list[int]], first: int, last: int) -> tuple[list[int], list[int]]:
    """Returns the sorted wall-clock starts and ends of the periods between two local midnights."""
    sundays = range(_SUNDAY + (first - _SUNDAY) // _WEEK * _WEEK, last, _WEEK)
    starts = [sunday + start for sunday in sundays for start in week[0]]
    ends = [sunday + end for sunday in sundays for end in week[1]]
    between = slice(bisect_left(starts, first), bisect_left(starts, last))
    return starts[between], ends[between]


def _instants(local: Sequence[int], stretches: Iterable[_Stretch]) -> list[Instant]:
    """Converts sorted wall-clock times to instants."""
    instants: list[Instant] = []
    done = 0
    for until, offset in stretches:
        here = bisect_left(local, until, done)
        instants += [time - offset for time in local[done:here]]
        done = here
    return instants


def _union(starts: list[Instant], ends: list[Instant]) -> SpanSet:
    """Returns the union of spans that may be empty, inverted or out of order. Usually none is: a quick check."""
    if all(map(lt, starts, ends)) and all(map(lt, ends, starts[1:])):
        return SpanSet(starts, ends)
    return SpanSet.of(zip(starts, ends, strict=True))


def _skipped_dates(stretches: Iterable[_Stretch]) -> Iterator[tuple[int, int]]:
    """Yields the dates that clocks skip: the midnight of the first, and the midnight after the last."""
    for (until, before), (_, after) in pairwise(stretches):
        jumped_over = until - (after - before)
        first, last = -(-jumped_over // DAY) * DAY, until // DAY * DAY
        if first < last:
            yield first, last


def _without(dates: tuple[int, int], starts: list[int], ends: list[int]) -> tuple[list[int], list[int]]:
    """Returns the periods that do not lie on the dates."""
    first, last = (bisect_left(starts, midnight) for midnight in dates)
    return starts[:first] + starts[last:], ends[:first] + ends[last:]


def _stretches(zone: ZoneInfo, first: int, last: int) -> list[_Stretch]:
    """Returns the offsets of wall-clock times from `first` to `last`, both included."""
    chunks = range(first // _CHUNK, last // _CHUNK + 1)
    end = chunks.stop * _CHUNK
    return [
        *(stretch for chunk in chunks for stretch in _changes(zone, chunk)),
        _Stretch(end + 1, _offset(zone, end)),
    ]


# Holds every zone with the two or three chunks that a usual window touches; most are empty tuples.
@lru_cache(maxsize=2048)
def _changes(zone: ZoneInfo, chunk: int) -> tuple[_Stretch, ...]:
    """Returns the stretches that end within a chunk of wall-clock time, its beginning excluded and its end included."""
    sampled = range(chunk * _CHUNK, (chunk + 1) * _CHUNK + 1, _STEP)
    samples = [(local, _offset(zone, local)) for local in sampled]
    return tuple(
        _Stretch(_first_other(zone, here, there, offset), offset)
        for (here, offset), (there, other) in pairwise(samples)
        if offset != other
    )


def _first_other(zone: ZoneInfo, here: int, there: int, offset: int) -> int:
    """Returns the first wall-clock time after `here`, and not after `there`, with an offset other than `offset`."""
    return here + bisect_left(range(here, there), True, key=lambda local: _offset(zone, local) != offset)


def _offset(zone: ZoneInfo, local: int) -> int:
    """Returns how many seconds a wall-clock time is ahead of UTC; of two such times, the first (fold=0).

    Beyond EARLIEST and LATEST, where a datetime could overflow, a zone keeps the offset that it has there.
    """
    # Within one zone, datetime arithmetic is on the wall clock.
    wall_clock = datetime(1970, 1, 1, tzinfo=zone) + timedelta(seconds=min(max(local, EARLIEST), LATEST))
    offset = wall_clock.utcoffset()
    assert offset is not None  # a ZoneInfo always knows
    return offset.days * DAY + offset.seconds
