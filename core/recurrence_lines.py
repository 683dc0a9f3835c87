"""Recurrence lines of RFC 5545, as an event gives them: RRULE, RDATE and EXDATE.

A line is read without the zone of its event, which may still be the account's: times without one of their own are
resolved by `Recurrence.series` (RFC 5545 sections 3.8.5.1 to 3.8.5.3).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from .errors import Key, Path, Problems
from .instants import DAY, HOUR, MINUTE
from .limits import MAX_RECURRENCE_DATES, MAX_RECURRENCE_LINES, RECURRENCE_LINE_LENGTH
from .offsets import instants_of
from .recurrence_rules import Moment, Rule, parse_moment, parse_rule
from .series import Length, Series, Start
from .texts import check_text
from .zones import ZoneInfo, known_zones

MAX_RULES = 10
"""RRULE lines of an event. One is usual."""

_LINE = re.compile(r"([A-Za-z-]+)((?:;[A-Za-z-]+=(?:\"[^\"]*\"|[^\";:]*))*):(.*)", re.ASCII)
_PARAMETER = re.compile(r";([A-Za-z-]+)=(?:\"([^\"]*)\"|([^\";:]*))", re.ASCII)
_DURATION = re.compile(
    r"\+?P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,7})S)?)?",
    re.ASCII,
)
_EPOCH_DAY = date(1970, 1, 1)


class ZonedMoment(NamedTuple):
    """A date or a time with the zone that its line names. None: that of the event."""

    moment: Moment
    tzid: str | None

    def start(self, zone: ZoneInfo) -> Start:
        """Returns the date or the instant, for an event in this zone."""
        if self.moment.is_date:
            return _EPOCH_DAY + timedelta(seconds=self.moment.wall)
        if self.moment.is_utc:
            return self.moment.wall
        return instants_of([self.moment.wall], ZoneInfo(self.tzid) if self.tzid is not None else zone)[0]


class FurtherStart(NamedTuple):
    """A start that a series has beside those of its rules. A PERIOD also has an end, or a length."""

    start: ZonedMoment
    end: ZonedMoment | None = None
    length: Length | None = None

    def length_in(self, zone: ZoneInfo) -> Length | None:
        """Returns the length of its own, if it has one. Raises ValueError for an end that is not after the start."""
        if self.end is None:
            return self.length
        start, end = self.start.start(zone), self.end.start(zone)
        assert not isinstance(start, date)  # those of a PERIOD are times
        assert not isinstance(end, date)
        if end <= start:
            raise ValueError("has a PERIOD whose end is not after its start")
        return Length(seconds=end - start)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What the recurrence lines of an event say."""

    rules: tuple[Rule, ...]
    dates: tuple[FurtherStart, ...]
    excluded: tuple[ZonedMoment, ...]

    def series(self, start: Start, zone: ZoneInfo, length: Length) -> Series:
        """Returns the series of an event that begins at this start. Raises ValueError as `length_in` does."""
        dates = {each.start.start(zone): each.length_in(zone) for each in self.dates}
        excluded = frozenset(each.start(zone) for each in self.excluded)
        return Series(start, zone, length, self.rules, dates, excluded)


def read_recurrence(lines: Sequence[str], path: Path, problems: Problems, *, all_day: bool | None) -> Recurrence | None:
    """Returns what the lines say, or None after reporting all that is wrong with them.

    `all_day` says whether the event's start is a date; None: that cannot be read.
    """
    before = len(problems)
    if len(lines) > MAX_RECURRENCE_LINES:
        problems.add(path, Key.TOO_MANY, f"takes at most {MAX_RECURRENCE_LINES} lines")
    rules: list[Rule] = []
    dates: list[FurtherStart] = []
    excluded: list[ZonedMoment] = []
    for index, line in enumerate(lines[:MAX_RECURRENCE_LINES]):
        place = (*path, index)
        found = len(problems)
        check_text(line, place, problems, longest=RECURRENCE_LINE_LENGTH)
        if len(problems) > found:
            continue
        try:
            name, parameters, value = _parts(line)
            if name == "RRULE":
                rules.append(_rule(parameters, value))
            elif name == "RDATE":
                dates += _dates(parameters, value, all_day=all_day)
            else:
                excluded += _excluded(parameters, value)
        except ValueError as error:
            problems.add(place, Key.INVALID, str(error))
    if len(rules) > MAX_RULES:
        problems.add(path, Key.TOO_MANY, f"takes at most {MAX_RULES} RRULE lines")
    if len(dates) + len(excluded) > MAX_RECURRENCE_DATES:
        problems.add(path, Key.TOO_MANY, f"takes at most {MAX_RECURRENCE_DATES:,} dates")
    return Recurrence(tuple(rules), tuple(dates), tuple(excluded)) if len(problems) == before else None


def _parts(line: str) -> tuple[str, Mapping[str, str], str]:
    """Returns the name, the parameters and the value of a line. Raises ValueError, as all that follow do."""
    match = _LINE.fullmatch(line.strip())
    if match is None:
        raise ValueError("must be a line such as RRULE:FREQ=WEEKLY;BYDAY=MO")
    name = match[1].upper()
    if name == "EXRULE":
        raise ValueError("must not be EXRULE, which RFC 5545 has abolished: list the dates that are left out in EXDATE")
    if name not in ("RRULE", "RDATE", "EXDATE"):
        raise ValueError("must be RRULE, RDATE or EXDATE")
    parameters = {each[1].upper(): each[2] or each[3] or "" for each in _PARAMETER.finditer(match[2])}
    return name, parameters, match[3]


def _rule(parameters: Mapping[str, str], value: str) -> Rule:
    if parameters:
        raise ValueError(f"has the unknown parameter {min(parameters)[:40]!r}")
    return parse_rule(value)


def _dates(parameters: Mapping[str, str], value: str, *, all_day: bool | None) -> Iterator[FurtherStart]:
    kind, tzid = _kind_and_zone(parameters, ("DATE-TIME", "DATE", "PERIOD"))
    for text in value.split(","):
        found = _period(text, tzid) if kind == "PERIOD" else FurtherStart(_moment(text, kind, tzid))
        if all_day is not None and found.start.moment.is_date is not all_day:
            raise ValueError("must have dates if the event's start is one, and times if the start is one")
        yield found


def _excluded(parameters: Mapping[str, str], value: str) -> list[ZonedMoment]:
    kind, tzid = _kind_and_zone(parameters, ("DATE-TIME", "DATE"))
    return [_moment(text, kind, tzid) for text in value.split(",")]


def _kind_and_zone(parameters: Mapping[str, str], kinds: Sequence[str]) -> tuple[str | None, str | None]:
    unknown = parameters.keys() - {"VALUE", "TZID"}
    if unknown:
        raise ValueError(f"has the unknown parameter {min(unknown)[:40]!r}")
    kind = parameters["VALUE"].upper() if "VALUE" in parameters else None
    if kind is not None and kind not in kinds:
        raise ValueError(f"has a VALUE other than {', '.join(kinds)}")
    tzid = parameters.get("TZID")
    if tzid is not None and tzid not in known_zones():
        raise ValueError("has a TZID that is not an IANA time zone such as Europe/London")
    return kind, tzid


def _moment(text: str, kind: str | None, tzid: str | None) -> ZonedMoment:
    moment = parse_moment(text.strip())
    if kind is not None and moment.is_date is not (kind == "DATE"):
        raise ValueError(f"{text.strip()[:40]!r} is not of its VALUE, {kind}")
    # The first and the last year are excluded, as in all times: an offset could leave the calendar there.
    if not 2 <= (_EPOCH_DAY + timedelta(seconds=moment.wall)).year <= 9998:
        raise ValueError(f"{text.strip()[:40]!r} lies outside the years 2 to 9998")
    return ZonedMoment(moment, tzid)


def _period(text: str, tzid: str | None) -> FurtherStart:
    begins, separator, ends = text.strip().partition("/")
    if not separator:
        raise ValueError(f"{text.strip()[:40]!r} is not a PERIOD such as 20270119T090000Z/PT1H")
    start = _moment(begins, "DATE-TIME", tzid)
    if ends[:1].upper() in ("P", "+"):
        return FurtherStart(start, length=_duration(ends))
    return FurtherStart(start, _moment(ends, "DATE-TIME", tzid))


def _duration(text: str) -> Length:
    match = _DURATION.fullmatch(text.upper())
    found = {name: int(number) for name, number in match.groupdict(default="0").items()} if match else {}
    days = found.get("weeks", 0) * 7 + found.get("days", 0)
    seconds = found.get("hours", 0) * HOUR + found.get("minutes", 0) * MINUTE + found.get("seconds", 0)
    if not 0 < days * DAY + seconds <= 10_000 * DAY:
        raise ValueError(f"{text[:40]!r} is not a duration such as PT1H, between a second and 10,000 days")
    return Length(days, seconds)
