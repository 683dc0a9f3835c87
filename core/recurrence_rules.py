"""Recurrence rules as RFC 5545 writes them, section 3.3.10: values and parsing.

What a rule can cost is bounded here, by what may be written: no frequency below a day, at most 24 starts a day, an
interval of at most 10,000.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from .instants import DAY, HOUR, MINUTE, Instant

MAX_STARTS_A_DAY = 24
MAX_INTERVAL = 10_000
MAX_COUNT = 1_000_000_000

_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_WEEKDAY = re.compile(rf"([+-]?\d{{1,2}})?({'|'.join(_WEEKDAYS)})", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_MOMENT = re.compile(r"(\d{8})(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_EPOCH_DAY = date(1970, 1, 1).toordinal()

#: lists of numbers: the field of Rule, the largest number, whether numbers can count from the end, the smallest number
_LISTS: Final[Mapping[str, tuple[str, int, bool, int]]] = {
    "BYMONTH": ("months", 12, False, 1),
    "BYWEEKNO": ("weeks", 53, True, 1),
    "BYYEARDAY": ("year_days", 366, True, 1),
    "BYMONTHDAY": ("month_days", 31, True, 1),
    "BYHOUR": ("hours", 23, False, 0),
    "BYMINUTE": ("minutes", 59, False, 0),
    "BYSECOND": ("seconds", 60, False, 0),
    "BYSETPOS": ("positions", 366, True, 1),
}


class Frequency(StrEnum):
    """The period of a rule."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class Until:
    """The last moment at which a rule may start: a wall-clock time, or an instant in UTC."""

    #: No start is later than this wall-clock time. For an instant it is later than any clock shows then.
    wall: int
    instant: Instant | None = None

    @property
    def last_of_day(self) -> int:
        """The last second of the day as it is written, which bounds starts that are dates."""
        written = self.wall if self.instant is None else self.instant
        return written - written % DAY + DAY - 1


@dataclass(frozen=True, slots=True)
class Rule:
    """A recurrence rule. An empty set is a part that the rule leaves out; negative numbers count from the end."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: Until | None = None
    months: frozenset[int] = frozenset()
    weeks: frozenset[int] = frozenset()
    year_days: frozenset[int] = frozenset()
    month_days: frozenset[int] = frozenset()
    #: pairs of a weekday, from 0 for Monday, and its position in the month or the year; 0: every such weekday
    weekdays: frozenset[tuple[int, int]] = frozenset()
    hours: frozenset[int] = frozenset()
    minutes: frozenset[int] = frozenset()
    seconds: frozenset[int] = frozenset()
    positions: frozenset[int] = frozenset()
    #: on which weekday a week begins, from 0 for Monday
    week_start: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or a time as RFC 5545 writes it. One that does not end with Z is on a wall clock."""

    wall: int
    is_date: bool = False
    is_utc: bool = False


def parse_moment(text: str) -> Moment:
    """Parses `20270119`, `20270119T090000` or `20270119T090000Z`. Raises ValueError for anything else."""
    match = _MOMENT.fullmatch(text.upper())
    if match is None:
        raise ValueError(f"{text[:40]!r} is not a date such as 20270119 or a time such as 20270119T090000Z")
    day, hour, minute, second, utc = match.groups()
    try:
        midnight = (date.fromisoformat(day).toordinal() - _EPOCH_DAY) * DAY
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a date that exists") from None
    if hour is None:
        return Moment(midnight, is_date=True)
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60:
        raise ValueError(f"{text[:40]!r} is not a time that exists")
    # A leap second is the second before it (RFC 5545 section 3.3.12).
    return Moment(midnight + int(hour) * HOUR + int(minute) * MINUTE + min(int(second), 59), is_utc=bool(utc))


def parse_rule(text: str) -> Rule:
    """Parses the value of an RRULE, such as `FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10`.

    Raises ValueError, with a message for the caller, for a part that is unknown, given twice or out of its range, and
    for a rule that could start more than 24 times a day.
    """
    fields: dict[str, Any] = {}
    seen: set[str] = set()
    # A semicolon at the end is widespread and says nothing.
    for part in text.strip().removesuffix(";").upper().split(";"):
        name, _, value = part.partition("=")
        if name in seen:
            raise ValueError(f"has {name} twice")
        seen.add(name)
        fields |= _read(name, value)
    if "frequency" not in fields:
        raise ValueError("needs a FREQ such as FREQ=WEEKLY")
    rule = Rule(**fields)
    _check(rule)
    return rule


def _read(name: str, value: str) -> dict[str, Any]:
    """Returns the fields of Rule that a part says."""
    match name:
        case "FREQ":
            return {"frequency": _frequency(value)}
        case "INTERVAL":
            return {"interval": _number(name, value, 1, MAX_INTERVAL)}
        case "COUNT":
            return {"count": _number(name, value, 1, MAX_COUNT)}
        case "UNTIL":
            return {"until": _until(value)}
        case "WKST":
            if value not in _WEEKDAYS:
                raise ValueError("WKST must be a weekday such as MO")
            return {"week_start": _WEEKDAYS.index(value)}
        case "BYDAY":
            return {"weekdays": frozenset(map(_weekday, value.split(",")))}
        case _ if name in _LISTS:
            field, most, signed, least = _LISTS[name]
            return {field: frozenset(_numbers(name, value, least, most, signed=signed))}
        case _:
            raise ValueError(f"has the unknown part {name[:40]!r}")


def _frequency(value: str) -> Frequency:
    if value in ("SECONDLY", "MINUTELY", "HOURLY"):
        raise ValueError(
            f"must not be {value}: events can recur daily, with BYHOUR up to {MAX_STARTS_A_DAY} times a day"
        )
    if value not in Frequency.__members__:
        raise ValueError("FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY")
    return Frequency(value)


def _number(name: str, value: str, least: int, most: int) -> int:
    number = int(value) if _NUMBER.fullmatch(value) else least - 1
    if not least <= number <= most:
        raise ValueError(f"{name} must be a number from {least} to {most:,}")
    return number


def _numbers(name: str, value: str, least: int, most: int, *, signed: bool) -> list[int]:
    numbers = [int(each) if _NUMBER.fullmatch(each) else None for each in value.split(",")]
    if not all(each is not None and (least <= each <= most or (signed and least <= -each <= most)) for each in numbers):
        raise ValueError(
            f"{name} must be numbers from {least} to {most}" + (", or as many from the end" if signed else "")
        )
    # A leap second is the second before it (RFC 5545 section 3.3.10).
    return [min(each, 59) if name == "BYSECOND" else each for each in numbers if each is not None]


def _weekday(text: str) -> tuple[int, int]:
    match = _WEEKDAY.fullmatch(text)
    at = int(match[1] or 0) if match else 0
    if match is None or abs(at) > 53 or (match[1] and not at):
        raise ValueError("BYDAY must be weekdays such as MO, 1MO or -1FR")
    return _WEEKDAYS.index(match[2]), at


def _until(value: str) -> Until:
    moment = parse_moment(value)
    if moment.is_date:
        return Until(moment.wall + DAY - 1)
    # No clock is a day ahead of UTC.
    return Until(moment.wall + DAY, moment.wall) if moment.is_utc else Until(moment.wall)


def _check(rule: Rule) -> None:
    """Raises ValueError for parts that exclude each other, and for too many starts a day."""
    if rule.count is not None and rule.until is not None:
        raise ValueError("has COUNT and UNTIL, of which only one can be given")
    by_month = rule.frequency is Frequency.MONTHLY or (rule.frequency is Frequency.YEARLY and not rule.weeks)
    if any(at for _, at in rule.weekdays) and not by_month:
        raise ValueError("can have positions in BYDAY (1MO) only if it is monthly, or yearly without BYWEEKNO")
    if rule.positions and not any(
        (
            rule.months,
            rule.weeks,
            rule.year_days,
            rule.month_days,
            rule.weekdays,
            rule.hours,
            rule.minutes,
            rule.seconds,
        )
    ):
        raise ValueError("can have BYSETPOS only with another part that begins with BY")
    starts_a_day = max(len(rule.hours), 1) * max(len(rule.minutes), 1) * max(len(rule.seconds), 1)
    if starts_a_day > MAX_STARTS_A_DAY:
        raise ValueError(f"could start {starts_a_day:,} times a day, and at most {MAX_STARTS_A_DAY} are possible")
