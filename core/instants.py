"""Parsing and formatting of instants and dates.

An *instant* is a whole second in UTC, as the number of seconds since 1970-01-01T00:00:00Z. A plain integer
sorts, subtracts and passes through a database driver without losing a time zone on the way, and no fraction
of a second can fall between two half-open spans.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

Instant: TypeAlias = int

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1)

# The first and the last year are excluded: an offset or a duration could leave the calendar there.
EARLIEST: Instant = (date(2, 1, 1) - _EPOCH_DAY).days * DAY
LATEST: Instant = (date(9999, 1, 1) - _EPOCH_DAY).days * DAY

# RFC 3339, and what ISO 8601 also allows: a space for the T, no seconds, an offset without a colon.
_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[Tt ](?P<clock>\d\d:\d\d(?::\d\d)?)(?P<fraction>\.\d+)?(?P<zone>[Zz]|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Placeholder for a value that could not be parsed, so that it is reported with all other problems."""

    why: str


def parse_instant(text: str) -> Instant:
    """Parses an ISO 8601 text with `Z` or an offset.

    Raises ValueError, with a message for the caller, for text of another format, without a zone, with a
    date that does not exist, or with a fraction of a second that is not zero.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError("must be a time such as 2027-01-19T09:00:00Z")
    if match["zone"] is None:
        raise ValueError("has no time zone: end it with Z or an offset such as +01:00")
    if match["fraction"] and match["fraction"].strip(".0"):
        raise ValueError("must be a whole second")
    try:
        moment = datetime.fromisoformat(f"{match['date']}T{match['clock']}{match['zone'].upper()}")
    except ValueError:
        raise ValueError("is not a time that exists") from None
    since_epoch = moment - _EPOCH
    instant = since_epoch.days * DAY + since_epoch.seconds
    if not EARLIEST <= instant < LATEST:
        raise ValueError("lies outside the years 2 to 9998")
    return instant


def format_instant(instant: Instant) -> str:
    """Formats the instant as `2027-01-19T09:00:00Z`."""
    return (_EPOCH + timedelta(seconds=instant)).isoformat()[:19] + "Z"


def parse_date(text: str) -> date:
    """Parses a date such as `2027-01-19`. Raises ValueError, with a message for the caller, for anything else."""
    if _DATE.fullmatch(text) is None:
        raise ValueError("must be a date such as 2027-01-19")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date that exists") from None
    if not EARLIEST <= (day - _EPOCH_DAY).days * DAY < LATEST - DAY:
        raise ValueError("lies outside the years 2 to 9998")
    return day


def read_instant(text: str) -> Instant | Unreadable:
    """As parse_instant, but returns Unreadable instead of raising."""
    try:
        return parse_instant(text)
    except ValueError as error:
        return Unreadable(str(error))


def read_event_time(text: str) -> Instant | date | Unreadable:
    """Parses an instant, or a date for an all-day event. Returns Unreadable instead of raising."""
    try:
        return parse_date(text) if _DATE.fullmatch(text) else parse_instant(text)
    except ValueError as error:
        return Unreadable(str(error))
