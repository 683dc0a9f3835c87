"""The days that a visitor chooses from, a month at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from core.solver import Opening
from resolvers.real_time_scheduling import Offer

from .wording import Formatter

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """The possible meetings by the local day of their start, in order, each day with all of them."""

    meetings: Mapping[date, Sequence[Opening]]
    #: the first day that has not been loaded; None if everything has
    end: date | None

    @classmethod
    def of(cls, offer: Offer, wording: Formatter) -> "Days":
        meetings: dict[date, list[Opening]] = {}
        for opening in offer.openings:
            meetings.setdefault(wording.date_of(opening.start), []).append(opening)
        if offer.more_from is None:
            return cls(meetings, None)
        end = wording.date_of(offer.more_from)
        if all(day >= end for day in meetings):  # this day does not fit into one answer: show the part that does
            end += _DAY
        return cls({day: theirs for day, theirs in meetings.items() if day < end}, end)


@dataclass(frozen=True, slots=True)
class Month:
    """The days of a month that can be chosen, and the months before and after it."""

    first: date
    #: as in Days, for this month
    meetings: Mapping[date, Sequence[Opening]]
    #: the day whose times are shown; None if no day has any
    day: date | None
    #: the day from which this page was loaded, for its links; None if it was loaded from now
    begin: date | None
    earlier: date | None
    later: date | None

    @property
    def shown(self) -> Sequence[Opening]:
        """The meetings of the shown day."""
        return self.meetings[self.day] if self.day is not None else ()


def beginning(day: date | None, since: date | None, end: date | None) -> date | None:
    """The day from which meetings have to be loaded to show what was requested. None if they are loaded already.

    `end` is the first day after the soonest meetings, which are always loaded. `since` counts only if it is in the same
    month as `day` and not after it, as in our own links.
    """
    fits = since is not None and (day is None or (since <= day and _first(since) == _first(day)))
    wish = since if fits and since is not None and (end is None or since >= end) else day
    return wish if wish is not None and end is not None and wish >= end else None


def month(days: Days, day: date | None, since: date | None, begin: date | None) -> Month | None:
    """The requested month, or the first that has times. None if there are no times at all.

    `begin` is the day from which the meetings were loaded; None if they are the soonest.
    """
    wanted = day or since or next(iter(days.meetings), None) or days.end
    if wanted is None or (begin is None and not days.meetings):
        return None
    first = _first(wanted)
    meetings = {on: theirs for on, theirs in days.meetings.items() if _first(on) == first}
    shown = day if day in meetings else next(iter(meetings), None)
    return Month(first, meetings, shown, begin, _earlier(days, first, begin), _later(days, first))


def weeks(first: date, *, sunday_first: bool) -> Iterable[Sequence[date | None]]:
    """The days of a month by week; None for the days of adjacent months."""
    before = (first.weekday() + sunday_first) % 7
    days: list[date | None] = [None] * before
    days += [first + _DAY * number for number in range((_next(first) - first).days)]
    days += [None] * (-len(days) % 7)
    return [days[start : start + 7] for start in range(0, len(days), 7)]


def _earlier(days: Days, first: date, begin: date | None) -> date | None:
    if begin is None:
        before = [day for day in days.meetings if day < first]
        return _first(before[-1]) if before else None
    return first if begin > first else _first(first - _DAY)


def _later(days: Days, first: date) -> date | None:
    after = next((day for day in days.meetings if day >= _next(first)), None)
    if after is not None:
        return _first(after)
    return days.end if days.end is None or _first(days.end) == first else max(_first(days.end), _next(first))


def _first(day: date) -> date:
    return day.replace(day=1)


def _next(first: date) -> date:
    return _first(first + _DAY * 31)
