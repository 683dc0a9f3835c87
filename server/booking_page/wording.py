"""Days and times as text, in the visitor's regional format. The page is in English."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from core.instants import DAY, HOUR, MINUTE, Instant
from core.real_time_scheduling import HourFormat
from core.zones import ZoneInfo, local_time

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Written: TypeAlias = tuple[str, str]
"""An instant as text, and its offset if the text alone is ambiguous."""

#: English-speaking regions with a 12-hour clock; with weeks that begin on Sunday; with the month before the day
_TWELVE_HOURS = {"AU", "BD", "CA", "HK", "IN", "JM", "MY", "NZ", "PH", "PK", "PR", "SG", "TT", "US"}
_SUNDAY_FIRST = {"BD", "CA", "HK", "IN", "JM", "PH", "PK", "PR", "SG", "US", "ZA"}
_MONTH_FIRST = {"PH", "PR", "US"}

#: zones that are an offset and no place
_FIXED = re.compile(r"(Etc/)?(UTC|UCT|Zulu|Universal|Greenwich|GMT((?P<sign>[+-])(?P<hours>\d+)|0)?)")
#: names that would be hard to read
_CITIES = {"DumontDUrville": "Dumont d’Urville"}

#: how many languages of a header are read: a client may send any number
_MOST_LANGUAGES = 20


@dataclass(frozen=True, slots=True)
class RegionalFormat:
    """The regional conventions for dates and times."""

    hours: HourFormat = HourFormat.H24
    sunday_first: bool = False
    month_first: bool = False

    @classmethod
    def of(cls, accept_language: str, hours: HourFormat | None) -> "RegionalFormat":
        """The format for the visitor's language. `hours`, if given, overrides its hour format."""
        region = _region(accept_language)
        by_region = HourFormat.H12 if region in _TWELVE_HOURS else HourFormat.H24
        return cls(hours or by_region, region in _SUNDAY_FIRST, region in _MONTH_FIRST)


@dataclass(frozen=True, slots=True)
class Formatter:
    """Formats instants in a zone."""

    tzid: str
    regional: RegionalFormat = RegionalFormat()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.tzid)

    def clock(self, offset: str = "") -> str:
        """Paris time, GMT+2, or the offset alone if the zone is named after it."""
        named = place(self.tzid)
        return f"{named} time{f', {offset}' if offset else ''}" if _FIXED.fullmatch(self.tzid) is None else named

    def date_of(self, instant: Instant) -> date:
        return local_time(instant, self.zone).date()

    def month(self, day: date) -> str:
        """May 2030"""
        return f"{MONTHS[day.month - 1]} {day.year}"

    def day(self, day: date) -> str:
        """Tuesday 7 May, or Tuesday, May 7 if the month comes first"""
        weekday, month = WEEKDAYS[day.weekday()], MONTHS[day.month - 1]
        return f"{weekday}, {month} {day.day}" if self.regional.month_first else f"{weekday} {day.day} {month}"

    def whole_day(self, day: date) -> str:
        """As `day`, with the year."""
        return f"{self.day(day)}{',' if self.regional.month_first else ''} {day.year}"

    def time(self, instant: Instant) -> str:
        """14:30, or 2:30 pm. Seconds only if they are not zero."""
        shown = local_time(instant, self.zone)
        seconds = f":{shown.second:02}" if shown.second else ""
        if self.regional.hours is HourFormat.H24:
            return f"{shown.hour:02}:{shown.minute:02}{seconds}"
        return f"{(shown.hour - 1) % 12 + 1}:{shown.minute:02}{seconds} {'am' if shown.hour < 12 else 'pm'}"

    def moment(self, instant: Instant) -> str:
        """Tuesday 7 May, 14:30"""
        return f"{self.day(self.date_of(instant))}, {self.time(instant)}"

    def offset(self, instant: Instant) -> str:
        """GMT+5:30"""
        delta = local_time(instant, self.zone).utcoffset()
        minutes = round(delta.total_seconds() / MINUTE) if delta is not None else 0
        hours, rest = divmod(abs(minutes), 60)
        sign = "+" if minutes > 0 else "−"
        return f"GMT{sign}{hours}{f':{rest:02}' if rest else ''}" if minutes else "GMT"

    def span(self, start: Instant, end: Instant) -> str:
        """14:30 – 15:30. Names the day of the end if it differs, and both offsets if clocks change in between."""
        later = f"{self.moment(end)}" if self.date_of(end) != self.date_of(start) else self.time(end)
        if self.offset(start) == self.offset(end):
            return f"{self.time(start)} – {later}"
        return f"{self.time(start)} {self.offset(start)} – {later} {self.offset(end)}"

    def apart(self, instants: Iterable[Instant], written: Callable[[Instant], str]) -> list[Written]:
        """The instants as text, each with its offset if another one reads the same."""
        texts = [(written(instant), instant) for instant in instants]
        often = Counter(text for text, _ in texts)
        return [(text, self.offset(instant) if often[text] > 1 else "") for text, instant in texts]


def place(tzid: str) -> str:
    """The place that a zone is named after: Buenos Aires for America/Argentina/Buenos_Aires

    GMT−5 for Etc/GMT+5, whose sign is the opposite of the usual one; UTC for the other names of UTC.
    """
    fixed = _FIXED.fullmatch(tzid)
    if fixed is None:
        return city(tzid.rpartition("/")[2])
    sign, hours = fixed["sign"], fixed["hours"]
    return f"GMT{'−' if sign == '+' else '+'}{hours}" if hours not in (None, "0") else "UTC"


def city(name: str) -> str:
    """The last part of a zone's name, as people write it."""
    return _CITIES.get(name) or name.replace("_", " ")


def duration(seconds: int) -> str:
    """1 hour 30 minutes; 1 day 6 hours; empty for less than half a minute"""
    hours, minutes = divmod(round(seconds / MINUTE), HOUR // MINUTE)
    days, hours = divmod(hours, DAY // HOUR)
    return " ".join(part for part in (_many(days, "day"), _many(hours, "hour"), _many(minutes, "minute")) if part)


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}" if number else ""


def _region(accept_language: str) -> str:
    """The region of the preferred language if that is English, else empty: US for `en-US,de;q=0.5`"""
    languages = [_liked(part) for part in accept_language.split(",")[:_MOST_LANGUAGES]]
    _, tag = max(languages, key=lambda liked: liked[0])
    language, *rest = tag.strip().split("-")
    return rest[-1].upper() if language.lower() == "en" and rest else ""


def _liked(part: str) -> tuple[float, str]:
    tag, _, quality = part.partition(";")
    try:
        return float(quality.partition("=")[2] or 1), tag
    except ValueError:
        return 0.0, tag
