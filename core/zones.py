"""Time zones: conversion of local wall-clock time to instants, and back.

Zones are read from the tzdata package and never from the machine, so that every machine gives the same answer.
"""

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from .errors import Key, Path, Problems
from .instants import DAY, Instant

zoneinfo.reset_tzpath(to=())

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@cache
def known_zones() -> frozenset[str]:
    """Returns the names of all IANA zones."""
    return frozenset(zoneinfo.available_timezones())


@cache
def zones_of_places() -> tuple[str, ...]:
    """Returns the zones to choose from, sorted: one for each place, by its current name."""
    return tuple(sorted(line.split("\t")[2] for line in _table("zone.tab") if not line.startswith("#")))


def todays_name(tzid: str) -> str:
    """Returns the current name of a known zone: browsers still send Asia/Calcutta."""
    while tzid not in zones_of_places() and tzid in _links():
        tzid = _links()[tzid]
    return tzid


@cache
def _links() -> dict[str, str]:
    """Returns a map from alias names to the names of their zones."""
    links = (line.split() for line in _table("tzdata.zi") if line.startswith("L "))
    return {name: target for _, target, name in links}


def _table(name: str) -> list[str]:
    return files("tzdata").joinpath("zoneinfo", name).read_text("utf-8").splitlines()


def check_zone(tzid: str, path: Path, problems: Problems) -> ZoneInfo | None:
    """Returns the zone, or None after reporting an unknown name."""
    if tzid not in known_zones():
        problems.add(path, Key.INVALID, "must be an IANA time zone such as Europe/London")
        return None
    return ZoneInfo(tzid)


def local_instant(day: date, wall_clock: time, zone: ZoneInfo) -> Instant:
    """Returns the instant at which clocks in the zone show this time of this day.

    A time that clocks skip is read with the offset before the jump, a time that occurs twice is the first of
    the two (RFC 5545 section 3.3.5): exactly what fold=0 means in Python (PEP 495).
    """
    since_epoch = datetime.combine(day, wall_clock, zone) - _EPOCH
    return since_epoch.days * DAY + since_epoch.seconds


def local_midnight(day: date, zone: ZoneInfo) -> Instant:
    """Returns the instant at which the day begins in the zone."""
    return local_instant(day, time(), zone)


def local_time(instant: Instant, zone: ZoneInfo) -> datetime:
    """Returns the local time in the zone at the instant."""
    return (_EPOCH + timedelta(seconds=instant)).astimezone(zone)
