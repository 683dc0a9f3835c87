"""Weekly hours: wall-clock times that repeat every week in a zone, and the instants at which clocks show them.

A weekly period is a set of readings of a clock: an instant belongs to it when clocks in the zone then show its weekday,
and a time from its start on and before its end. So a time that clocks skip gives nothing, one that occurs twice counts
both times, and how hours are cut into periods or rules never matters: the hours of two lists of periods together are
the union of the hours of each.

How it is computed
==================

Asking zoneinfo about each bound would cost more than all the rest of an answer. But the window is cut where the zone's
offset changes, a few times a year, and within such a piece the wall clock is the instant plus a constant (`offsets`).
So the bounds of whole weeks are laid out in each piece as sorted lists of integers, and what sticks out of the piece is
cut off. Nothing more is needed for the days when clocks change: a time that they skip lies in no piece, a time that
occurs twice lies in two, and so do the dates that a zone skips or repeats, as Samoa did in 2011 and Kwajalein in 1969.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from operator import lt

from .errors import Key, Path, Problems
from .instants import DAY, MINUTE, Instant
from .offsets import Piece, pieces
from .spans import SpanSet
from .zones import ZoneInfo

#: Wall-clock time is counted in seconds from the midnight of 1970-01-01 on the wall. 1970-01-04 was a Sunday.
_SUNDAY = 3 * DAY
_WEEK = 7 * DAY

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
        for piece in pieces(zone, first, last):
            more_starts, more_ends = _lay_out(week, piece)
            starts += more_starts
            ends += more_ends
    return _union(starts, ends)


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
    """Returns every whole day of UTC that meets the window, so that many spans of one day are laid out once."""
    return SpanSet.of((start // DAY * DAY, -(-end // DAY) * DAY) for start, end in window)


def _lay_out(week: tuple[list[int], list[int]], piece: Piece) -> tuple[list[Instant], list[Instant]]:
    """Returns the sorted starts and ends of the periods in a piece of constant offset, cut to the piece."""
    since, until, offset = piece
    sunday = _SUNDAY - offset
    sundays = range(sunday + (since - sunday) // _WEEK * _WEEK, until, _WEEK)
    starts = [sunday + start for sunday in sundays for start in week[0]]
    ends = [sunday + end for sunday in sundays for end in week[1]]
    inside = slice(bisect_right(ends, since), bisect_left(starts, until))
    starts, ends = starts[inside], ends[inside]
    if starts:
        starts[0], ends[-1] = max(starts[0], since), min(ends[-1], until)
    return starts, ends


def _union(starts: list[Instant], ends: list[Instant]) -> SpanSet:
    """Returns the union of spans in order that may touch. Usually none does: a quick check."""
    if all(map(lt, ends, starts[1:])):
        return SpanSet(starts, ends)
    return SpanSet.of(zip(starts, ends, strict=True))
