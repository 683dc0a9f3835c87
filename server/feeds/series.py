"""Events that recur, as a feed has them: with their rule, so that a program shows them as one event.

Lines say what we mean, whatever programs make of less: UNTIL is an instant, and every start that is left out is listed by
itself. What no program reads as we mean it is no series in a feed: its instances are.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from core.calendar_feeds import FeedEvent, FeedSeries
from core.errors import Problems
from core.events import EventDraft, EventStatus, EventTime, Transparency
from core.instants import DAY, LATEST, Instant, Unreadable, parse_instant
from core.offsets import instants_of, offset_at
from core.recurrence import starts
from core.recurrence_lines import read_recurrence
from core.recurrence_rules import Frequency, parse_moment
from core.recurring_events import length_of
from core.series import MAX_INSTANCES, Series, Start
from core.spans import Span
from core.zones import ZoneInfo, local_midnight

from ..icalendar.lines import moment, time_property, wall

_EARLIEST = parse_instant("1970-01-01T00:00:00Z")
"""Series that begin before are written as their instances: zones are described from then on."""

_UNTIL, _COUNT = (re.compile(rf"{name}=[^;]*", re.IGNORECASE) for name in ("UNTIL", "COUNT"))


class WrittenSeries:
    """An event that recurs, in the lines of iCalendar."""

    def __init__(self, written: FeedSeries, series: Series, rule: str | None) -> None:
        self._written, self._series, self._rule = written, series, rule
        self.event = feed_event(written, written.event.draft)
        self._moved = {
            original: feed_event(written, draft) for original, draft in written.event.moved.items() if draft is not None
        }

    @classmethod
    def of(cls, written: FeedSeries) -> "WrittenSeries | None":
        """Returns the series; None for one whose instances are to be written instead."""
        draft = written.event.draft
        if written.event.following or written.event.splits or isinstance(draft.start, Unreadable):
            return None
        all_day, zone = isinstance(draft.start, date), ZoneInfo(draft.zone)
        recurrence = read_recurrence(draft.recurrence or (), (), Problems(), all_day=all_day)
        assert recurrence is not None  # it is checked
        series = recurrence.series(draft.start, zone, length_of(draft))
        if len(series.rules) > 1 or any(series.dates.values()) or series.first.start < _EARLIEST:
            return None
        if not isinstance(draft.start, date) and not _is_shown_once(draft.start, zone):
            return None
        values = [line.partition(":")[2] for line in draft.recurrence or () if line[:5].upper() == "RRULE"]
        try:
            return cls(written, series, _rule(values[0], series) if values else None)
        except ValueError:  # it costs too much to find its last start
            return None

    @property
    def tzid(self) -> str | None:
        """The zone that the lines name; None for days, and for times in UTC."""
        key = self._series.zone.key
        return None if self._series.all_day or key in ("Etc/UTC", "UTC") else key

    @property
    def start(self) -> Instant:
        """When the series begins."""
        return self._series.first.start

    def is_busy_as_a_whole(self) -> bool:
        """Whether it blocks, so that a feed that says no more than that can have it as a series."""
        return self.event.blocks

    def times(self) -> list[str]:
        """The lines of its start and its end."""
        return [self._time("DTSTART", self.event.start), self._time("DTEND", self.event.end)]

    def lines(self, *, details: bool) -> list[str]:
        """The lines that say when it recurs. Without details, without the instances that do not block."""
        left_out = {*self._excluded(), *(each for each, draft in self._written.event.moved.items() if draft is None)}
        if not details:
            left_out |= {original for original, event in self._moved.items() if not event.blocks}
        lines = [f"RRULE:{self._rule}"] if self._rule is not None else []
        lines += [self._time("RDATE", start) for start in sorted(self._series.dates, key=str)]
        return [*lines, *(self._time("EXDATE", start) for start in sorted(left_out, key=str))]

    def changed(self, *, details: bool) -> Iterator[tuple[str, FeedEvent]]:
        """Yields the instances that were changed, each with the line that names it."""
        for original, event in self._moved.items():
            if details or event.blocks:
                yield self._time("RECURRENCE-ID", original), event

    def _excluded(self) -> Iterator[Start]:
        for start in self._series.excluded:
            if isinstance(start, date) is self._series.all_day:
                yield start
            elif isinstance(start, date):  # all starts on that day
                zone, every = self._series.zone, replace(self._series, excluded=frozenset[Start]())
                day = Span(local_midnight(start, zone), local_midnight(start, zone) + 2 * DAY)
                for each in every.instances(day):
                    if not isinstance(each.start, date) and _day(each.start, zone) == start:
                        yield each.original
            else:
                yield _day(start, self._series.zone)

    def _time(self, name: str, time: EventTime) -> str:
        """The property, on the clock of the zone unless that shows the time twice."""
        zone = self._series.zone
        if isinstance(time, date) or self.tzid is None or not _is_shown_once(time, zone):
            return time_property(name, time)
        return f"{name};TZID={self.tzid}:{wall(time + offset_at(zone, time))}"


def feed_event(written: FeedSeries, draft: EventDraft) -> FeedEvent:
    """Returns what a feed says of a series, or of an instance that was changed."""
    assert not isinstance(draft.start, Unreadable)
    assert not isinstance(draft.end, Unreadable)  # drafts are checked
    place = draft.location
    return FeedEvent(
        written.event_uid,
        draft.start,
        draft.end,
        draft.summary,
        draft.description,
        (place.description or "") if place is not None else "",
        place.lat if place is not None else None,
        place.long if place is not None else None,
        draft.url,
        draft.transparency is Transparency.OPAQUE,
        draft.status is EventStatus.TENTATIVE,
        written.created,
        written.updated,
    )


def _rule(value: str, series: Series) -> str:
    """Returns a rule with UNTIL as other programs read it, and with the month that a day of a year is in."""
    [rule] = series.rules
    found = _UNTIL.search(value)
    if found is not None:
        value = value.replace(found[0], f"UNTIL={_until(found[0][6:], series)}")
    if rule.frequency is Frequency.YEARLY and rule.month_days and not (rule.months or rule.weeks or rule.year_days):
        month = _day(series.first.start, series.zone).month
        value = f"{value};BYMONTH={month}"
    if rule.count is not None and (until := _until_of_count(series)) is not None:
        value = _COUNT.sub(f"UNTIL={until}", value)
    return value


def _until_of_count(series: Series) -> str | None:
    """Returns the last start of a rule with a count, if that does not count the start of the series; None if it does.

    Programs count it in any case. Raises ValueError if there are too many.
    """
    [rule] = series.rules
    all_day = isinstance(series.start, date)
    first = (series.start.toordinal() - _EPOCH_DAY) * DAY if isinstance(series.start, date) else _wall(series)
    if next(iter(starts(rule, first, first, first + 1, all_day=all_day)), None) is not None:
        return None
    if rule.count is None or rule.count > MAX_INSTANCES:
        raise ValueError("has too many instances")
    last = max(starts(rule, first, first, LATEST, all_day=all_day), default=first)
    return wall(last)[:8] if all_day else moment(instants_of([last], series.zone)[0])


def _wall(series: Series) -> int:
    return series.first.start + offset_at(series.zone, series.first.start)


def _until(text: str, series: Series) -> str:
    last = parse_moment(text.strip())
    if series.all_day:
        return wall(last.wall)[:8]
    if last.is_utc:
        return moment(last.wall)
    return moment(instants_of([last.wall + DAY - 1 if last.is_date else last.wall], series.zone)[0])


def _is_shown_once(instant: Instant, zone: ZoneInfo) -> bool:
    """Whether a local time means this instant."""
    return instants_of([instant + offset_at(zone, instant)], zone) == [instant]


def _day(instant: Instant, zone: ZoneInfo) -> date:
    return date.fromordinal(_EPOCH_DAY + (instant + offset_at(zone, instant)) // DAY)


_EPOCH_DAY = date(1970, 1, 1).toordinal()
