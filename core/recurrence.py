"""Recurrence rules of RFC 5545: the wall-clock times that a rule gives.

A rule divides time into periods (days, weeks, months or years, every `interval`-th of them) and selects days of a period
and times of those days. Everything here is wall-clock time without a zone, counted in seconds from the midnight of
1970-01-01 on the wall; `series` brings it onto the clock of a zone.

How it is computed
==================

**Days are filtered.** A day belongs to the rule if it satisfies every part of the rule that says something about days.
RFC 5545 has a table of which part "expands" and which one "limits" at which frequency, and all of that table says the
same: a part that expands selects among the days of the period, and so does one that limits. Only what a rule leaves out
depends on its frequency, and then the missing part is taken from the first start: its weekday for a weekly rule, its day
of the month for a monthly one, its day and month for a yearly one. So a rule is completed once (`_completed`), and from
then on there is a single test for a day (`_has_day`), which sees a few candidates of each period instead of all days.

**Nothing walks from the first start to the window.** The period in which the window begins is found by a division, and
the periods are looked at until the window ends. Two things make that exact: what BYSETPOS counts never leaves a period,
and a rule gives no time outside its period, if the periods of a rule by week numbers are years of weeks rather than of
months. Without COUNT the cost depends on the window alone, and a rule that never gives anything costs no more.

**COUNT is counted.** It says how many starts there are since the first one, so the periods before the window have to be
looked at. Where each of them gives as many (a daily or weekly rule without restrictions to months or days of the month)
that is a multiplication. The others are walked, through at most MAX_PERIODS periods.

**Nothing explodes.** A rule that can be read has at most 24 starts a day, an interval of at most 10,000 and no frequency
below a day (`recurrence_rules`). So the largest cost is that of 24 starts on each day of the window.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import islice, product

from .instants import DAY, HOUR, MINUTE
from .recurrence_rules import Frequency, Rule

MAX_PERIODS = 100_000
"""Periods of a rule that are looked at for one window."""

#: days of a period at most
_DAYS = {Frequency.DAILY: 1, Frequency.WEEKLY: 7, Frequency.MONTHLY: 31, Frequency.YEARLY: 366}

_TOO_LONG_AGO = f"begins too long ago: more than {MAX_PERIODS:,} of its periods would have to be looked at"

_EPOCH_DAY = date(1970, 1, 1).toordinal()
#: Starts lie before this year, so that no date of their periods leaves the calendar.
_YEAR_BEHIND = 9998


def starts(rule: Rule, first: int, since: int, before: int, *, all_day: bool = False) -> Iterator[int]:
    """Yields the starts of a rule in `[since, before)`, in order. All times are wall-clock times in seconds.

    `first` is the first start of the series (DTSTART). It is among the results only if the rule gives it. For an all-day
    series, times of day are ignored, and results are midnights.

    Raises ValueError if more than MAX_PERIODS periods would have to be looked at.
    """
    periods = _Periods(rule, first, all_day=all_day)
    before = min(before, _behind(rule, all_day=all_day))
    if rule.count is None:
        yield from periods.starts(periods.number_of(since), since, before)
        return
    number, left = _counted(rule.count, periods, since)
    for start in islice(periods.starts(number, first, before), max(left, 0)):
        if start >= since:
            yield start


def is_over(rule: Rule, first: int, wall: int, *, all_day: bool = False) -> bool:
    """Whether no start of a rule lies at or after this time. Raises ValueError as `starts` does."""
    if rule.count is None:
        return wall >= _behind(rule, all_day=all_day)
    periods = _Periods(rule, first, all_day=all_day)
    number, left = _counted(rule.count, periods, wall)
    return left <= 0 or next(islice(periods.starts(number, first, wall), left - 1, None), None) is not None


def looked_at(rule: Rule, first: int, since: int, before: int, *, all_day: bool = False) -> int:
    """Returns how many starts are looked at, at most, to find those in `[since, before)`: what it costs."""
    periods = _Periods(rule, first, all_day=all_day)
    number = max(0, periods.number_of(since))
    looked = max(number, periods.number_of(min(before, _behind(rule, all_day=all_day)))) - number + 2
    if rule.count is not None and not periods.are_regular:
        looked += number
    return looked * _DAYS[rule.frequency] * len(periods.times)


def _behind(rule: Rule, *, all_day: bool) -> int:
    """Returns a time before which all starts lie."""
    behind = _midnight(_first_of(_YEAR_BEHIND, 1))
    if rule.until is None:
        return behind
    return min(behind, 1 + (rule.until.last_of_day if all_day else rule.until.wall))


def _counted(count: int, periods: "_Periods", since: int) -> tuple[int, int]:
    """Returns a period before which no start is at or after `since`, and how many starts are left from it on."""
    number = max(0, periods.number_of(since))
    if periods.are_regular:
        return number, count - (len(periods.starts_of(0)) + (number - 1) * len(periods.starts_of(1)) if number else 0)
    for each in range(number):
        if each == MAX_PERIODS:
            raise ValueError(_TOO_LONG_AGO)
        count -= len(periods.starts_of(each))
        if count <= 0:
            break
    return number, count


def _times(rule: Rule, first: int, *, all_day: bool) -> list[int]:
    """Returns the times of day of the starts, in seconds since midnight."""
    if all_day:
        return [0]
    clock = first % DAY
    hours = rule.hours or {clock // HOUR}
    minutes = rule.minutes or {clock % HOUR // MINUTE}
    seconds = rule.seconds or {clock % MINUTE}
    return sorted(hour * HOUR + minute * MINUTE + second for hour, minute, second in product(hours, minutes, seconds))


def _completed(rule: Rule, first: int) -> Rule:
    """Returns the rule with the days that it leaves out, taken from its first start."""
    day = date.fromordinal(_EPOCH_DAY + first // DAY)
    by_day = rule.weeks or rule.year_days or rule.month_days or rule.weekdays
    if rule.frequency is Frequency.WEEKLY and not by_day:
        return replace(rule, weekdays=frozenset({(day.weekday(), 0)}))
    if rule.frequency is Frequency.MONTHLY and not by_day:
        return replace(rule, month_days=frozenset({day.day}))
    if rule.frequency is Frequency.YEARLY:
        if not by_day:
            return replace(rule, months=rule.months or frozenset({day.month}), month_days=frozenset({day.day}))
        if rule.month_days and not rule.months:
            return replace(rule, months=frozenset({day.month}))
        if rule.weeks and not (rule.year_days or rule.month_days or rule.weekdays):
            return replace(rule, weekdays=frozenset({(day.weekday(), 0)}))
    return rule


class _Periods:
    """The periods of a rule, numbered from that of the first start."""

    def __init__(self, rule: Rule, first: int, *, all_day: bool) -> None:
        rule = _completed(rule, first)
        self.rule = rule
        self.first = first
        self.times = _times(rule, first, all_day=all_day)
        self.day = _EPOCH_DAY + first // DAY
        #: whether an ordinal weekday counts in the month rather than in the year
        self.in_month = rule.frequency is Frequency.MONTHLY or bool(rule.months)
        self.origin = self._origin()

    @property
    def are_regular(self) -> bool:
        """Whether all periods but the one of the first start give equally many starts."""
        rule = self.rule
        by_date = rule.months or rule.weeks or rule.year_days or rule.month_days
        return not by_date and (
            rule.frequency is Frequency.WEEKLY or (rule.frequency is Frequency.DAILY and not rule.weekdays)
        )

    def number_of(self, wall: int) -> int:
        """Returns the number of a period before which none gives a start at or after this time. Can be negative."""
        day = max(1, _EPOCH_DAY + wall // DAY)
        match self.rule.frequency:
            case Frequency.DAILY:
                units = day - self.origin
            case Frequency.WEEKLY:
                units = (day - self.origin) // 7
            case Frequency.MONTHLY:
                on = date.fromordinal(day)
                units = on.year * 12 + on.month - 1 - self.origin
            case Frequency.YEARLY:
                # The last days of a calendar year can belong to the first week of the next one, and the first to the last.
                units = date.fromordinal(day).year - 1 - self.origin
        return units // self.rule.interval

    def starts(self, period: int, since: int, before: int) -> Iterator[int]:
        """Yields the starts in `[since, before)` from this period on, none of them before the first start."""
        since = max(since, self.first)
        for number in range(max(period, 0), max(period, 0) + MAX_PERIODS):
            if self._begins(number) >= before:
                return
            for start in self.starts_of(number):
                if start >= before:
                    return
                if start >= since:
                    yield start
        raise ValueError(_TOO_LONG_AGO)

    def starts_of(self, period: int) -> list[int]:
        """Returns the starts of a period, none of them before the first start."""
        days = [_midnight(day) for day in self._candidates(period) if self._has_day(day)]
        starts = [day + time for day in days for time in self.times]
        if self.rule.positions:
            chosen = (at - 1 if at > 0 else len(starts) + at for at in self.rule.positions)
            starts = [starts[at] for at in sorted(set(chosen)) if 0 <= at < len(starts)]
        return starts[bisect_left(starts, self.first) :]

    def _origin(self) -> int:
        """Returns the period of the first start: its day, the first day of its week, its month or its year."""
        on = date.fromordinal(self.day)
        match self.rule.frequency:
            case Frequency.DAILY:
                return self.day
            case Frequency.WEEKLY:
                return self.day - (on.weekday() - self.rule.week_start) % 7
            case Frequency.MONTHLY:
                return on.year * 12 + on.month - 1
            case Frequency.YEARLY:
                # A first start that the rule gives by its week counts in the year of that week.
                return self._week_of(self.day)[0] if self.rule.weeks and self._has_day(self.day) else on.year

    def _begins(self, period: int) -> int:
        """Returns a time before which the period has no start."""
        at = self.origin + period * self.rule.interval
        match self.rule.frequency:
            case Frequency.DAILY:
                day = at
            case Frequency.WEEKLY:
                day = self.origin + 7 * period * self.rule.interval
            case Frequency.MONTHLY:
                day = _first_of(at // 12, at % 12 + 1)
            case Frequency.YEARLY:
                day = _first_of(at, 1) - 3
        return _midnight(day)

    def _candidates(self, period: int) -> Iterator[int]:
        """Yields days of a period in order, among them all that satisfy the rule."""
        rule = self.rule
        at = self.origin + period * rule.interval
        match rule.frequency:
            case Frequency.DAILY:
                yield at
            case Frequency.WEEKLY:
                week = self.origin + 7 * period * rule.interval
                yield from range(week, week + 7)
            case Frequency.MONTHLY:
                yield from self._days_of_month(at // 12, at % 12 + 1)
            case Frequency.YEARLY:
                yield from self._candidates_of_year(at)

    def _candidates_of_year(self, at: int) -> Iterator[int]:
        rule = self.rule
        if rule.weeks:
            begins, behind = self._first_week(at), self._first_week(at + 1)
            weeks = (behind - begins) // 7
            for week in sorted({week - 1 if week > 0 else weeks + week for week in rule.weeks}):
                if 0 <= week < weeks:
                    yield from range(begins + 7 * week, begins + 7 * week + 7)
        elif rule.months:
            for month in sorted(rule.months):
                yield from self._days_of_month(at, month)
        elif rule.year_days:
            begins, behind = _first_of(at, 1), _first_of(at + 1, 1)
            days = {begins + day - 1 if day > 0 else behind + day for day in rule.year_days}
            yield from sorted(day for day in days if begins <= day < behind)
        else:
            yield from range(_first_of(at, 1), _first_of(at + 1, 1))

    def _days_of_month(self, year: int, month: int) -> Iterator[int]:
        begins, behind = _first_of(year, month), _first_of(year + month // 12, month % 12 + 1)
        if not self.rule.month_days:
            yield from range(begins, behind)
            return
        days = {begins + day - 1 if day > 0 else behind + day for day in self.rule.month_days}
        yield from sorted(day for day in days if begins <= day < behind)

    def _has_day(self, day: int) -> bool:
        """Whether the day satisfies all parts of the rule that say something about days."""
        rule = self.rule
        on = date.fromordinal(day)
        if rule.months and on.month not in rule.months:
            return False
        if rule.month_days:
            behind = _first_of(on.year + on.month // 12, on.month % 12 + 1)
            if on.day not in rule.month_days and day - behind not in rule.month_days:
                return False
        if rule.year_days:
            since, behind = _first_of(on.year, 1), _first_of(on.year + 1, 1)
            if day - since + 1 not in rule.year_days and day - behind not in rule.year_days:
                return False
        if rule.weeks:
            _, week, weeks = self._week_of(day)
            if week not in rule.weeks and week - weeks - 1 not in rule.weeks:
                return False
        return not rule.weekdays or self._has_weekday(day, on)

    def _has_weekday(self, day: int, on: date) -> bool:
        weekday, wanted = on.weekday(), self.rule.weekdays
        if (weekday, 0) in wanted:
            return True
        if self.in_month:
            since, behind = _first_of(on.year, on.month), _first_of(on.year + on.month // 12, on.month % 12 + 1)
        else:
            since, behind = _first_of(on.year, 1), _first_of(on.year + 1, 1)
        return (weekday, (day - since) // 7 + 1) in wanted or (weekday, -((behind - 1 - day) // 7 + 1)) in wanted

    def _week_of(self, day: int) -> tuple[int, int, int]:
        """Returns the year of the day's week, the number of the week in it, and how many weeks that year has."""
        year = date.fromordinal(day).year + 1
        while self._first_week(year) > day:
            year -= 1
        begins = self._first_week(year)
        return year, (day - begins) // 7 + 1, (self._first_week(year + 1) - begins) // 7

    def _first_week(self, year: int) -> int:
        """Returns the first day of the first week that has at least four days in the year."""
        fourth = _first_of(year, 1) + 3
        return fourth - (date.fromordinal(fourth).weekday() - self.rule.week_start) % 7


def _first_of(year: int, month: int) -> int:
    """Returns the first day of a month, as an ordinal. A year that is not in the calendar is its last one."""
    return date(min(year, date.max.year), month, 1).toordinal()


def _midnight(day: int) -> int:
    """Returns the wall-clock time at which a day begins, which is given as an ordinal."""
    return (day - _EPOCH_DAY) * DAY
