"""Values of content lines: times with their zones, lengths, texts."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from core.calendar_sources import MAX_DATES
from core.instants import DAY, EARLIEST, HOUR, LATEST, MINUTE, Instant
from core.offsets import instants_of
from core.recurrence_rules import parse_moment
from core.series import Length, Start
from core.texts import is_storable
from core.zones import ZoneInfo

from .content import Property

_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})S)?)?", re.ASCII
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_EPOCH_DAY = date(1970, 1, 1)

#: days that an event can last
_LONGEST = 3_660


@dataclass(frozen=True, slots=True)
class Zones:
    """The zones of an item."""

    #: finds a zone by its name; None for one that is unknown
    find: Callable[[str], ZoneInfo | None]
    #: of floating times and of dates
    own: ZoneInfo
    #: what times in a zone that nobody knows are read in
    unknown: ZoneInfo


@dataclass(frozen=True, slots=True)
class Time:
    """A time of an item: an instant or a date, on the clock of a zone."""

    start: Start
    zone: ZoneInfo
    #: whether its zone is unknown, so that it may be up to 14 hours earlier or 12 hours later
    vague: bool = False

    @property
    def instant(self) -> Instant:
        """The instant; of a date, the midnight at which it begins."""
        if not isinstance(self.start, date):
            return self.start
        return instants_of([(self.start - _EPOCH_DAY).days * DAY], self.zone)[0]


def read_times(line: Property, zones: Zones) -> list[Time]:
    """Returns the times of a line: a list, separated by commas. Raises ValueError."""
    texts = _list(line)
    return [_time(text, line, zones) for text in texts]


def read_time(line: Property, zones: Zones) -> Time:
    """Returns the time of a line. Raises ValueError."""
    return _time(line.value.strip(), line, zones)


def read_periods(line: Property, zones: Zones) -> Iterator[tuple[Time, Length | None]]:
    """Yields the further starts of a line (RDATE), those of periods with their lengths. Raises ValueError."""
    for text in _list(line):
        first, slash, last = text.partition("/")
        start = _time(first, line, zones)
        if not slash:
            yield start, None
        elif last[:1] in ("P", "p", "+"):
            yield start, read_duration(last)
        else:
            yield start, length_between(start, _time(last, line, zones))


def read_duration(text: str) -> Length:
    """Returns a length: weeks and days are local days, hours and below are exact. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip().upper())
    if match is None or not any(match.groups()[1:]):
        raise ValueError(f"{text[:40]!r} is not a duration such as PT1H")
    sign, *numbers = match.groups()
    weeks, days, hours, minutes, seconds = (int(number or 0) for number in numbers)
    length = Length(7 * weeks + days, hours * HOUR + minutes * MINUTE + seconds)
    if sign == "-" and length != Length():
        raise ValueError("has a negative duration")
    return _checked(length)


def length_between(start: Time, end: Time) -> Length:
    """Returns the length from a start to an end. Raises ValueError."""
    if isinstance(start.start, date) and isinstance(end.start, date):
        days = (end.start - start.start).days
        if days < 0:
            raise ValueError("ends before it starts")
        # Many programs write an end that is not exclusive.
        return _checked(Length(max(days, 1)))
    if isinstance(start.start, date) or isinstance(end.start, date):
        raise ValueError("starts with a date and ends with a time, or the other way round")
    if end.start < start.start:
        raise ValueError("ends before it starts")
    return _checked(Length(0, end.start - start.start))


def text_of(line: Property | None, longest: int) -> str:
    """Returns the text of a line as it is stored: without escapes, and cut where it is too long."""
    if line is None:
        return ""
    text = _ESCAPED.sub(lambda match: "\n" if match[1] in "nN" else match[1], line.value[: 2 * longest])[:longest]
    return text if is_storable(text) else _UNSTORABLE.sub("", text)


def _list(line: Property) -> list[str]:
    texts = [text.strip() for text in line.value.split(",") if text.strip()]
    if len(texts) > MAX_DATES:
        raise ValueError(f"lists more than {MAX_DATES:,} dates")
    return texts


def _time(text: str, line: Property, zones: Zones) -> Time:
    moment = parse_moment(text)
    if not EARLIEST + DAY <= moment.wall < LATEST - DAY:
        raise ValueError(f"{text[:40]!r} lies outside the years 2 to 9998")
    if moment.is_date:
        return Time(_EPOCH_DAY + timedelta(seconds=moment.wall), zones.own)
    name = line.parameters.get("TZID")
    if moment.is_utc:
        zone = zones.find(name) if name is not None else None
        return Time(moment.wall, zone or _UTC)
    zone = zones.own if name is None else zones.find(name)
    if zone is None:
        return Time(moment.wall, zones.unknown, vague=True)
    return Time(instants_of([moment.wall], zone)[0], zone)


def _checked(length: Length) -> Length:
    if length.days + length.seconds // DAY > _LONGEST:
        raise ValueError(f"lasts longer than {_LONGEST:,} days")
    return length


_UTC = ZoneInfo("Etc/UTC")
