"""Time zones: local wall-clock time to instants, and back.

Zones come from the tzdata package and never from the machine, so that every machine gives the same answer.
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
    """The names of all IANA zones."""
    return frozenset(zoneinfo.available_timezones())


@cache
def zones_of_places() -> tuple[str, ...]:
    """The zones that somebody chooses from, in order: one for each place, by its name of today."""
    return tuple(sorted(line.split("\t")[2] for line in _table("zone.tab") if not line.startswith("#")))


def todays_name(tzid: str) -> str:
    """The name that a known zone goes by today: browsers still say Asia/Calcutta."""
    while tzid not in zones_of_places() and tzid in _links():
        tzid = _links()[tzid]
    return tzid


@cache
def _links() -> dict[str, str]:
    """From names that stand for another zone to that one's."""
    links = (line.split() for line in _table("tzdata.zi") if line.startswith("L "))
    return {name: target for _, target, name in links}


def _table(name: str) -> list[str]:
    return files("tzdata").joinpath("zoneinfo", name).read_text("utf-8").splitlines()


def check_zone(tzid: str, path: Path, problems: Problems) -> ZoneInfo | None:
    """The zone, or None after reporting that there is none of that name."""
    if tzid not in known_zones():
        problems.add(path, Key.INVALID, "must be an IANA time zone such as Europe/London")
        return None
    return ZoneInfo(tzid)


def local_instant(day: date, wall_clock: time, zone: ZoneInfo) -> Instant:
    """The instant at which clocks in the zone show this time of this day.

    A time that clocks jump over is read with the offset before the jump, one that they show twice is the first of the
    two (RFC 5545 section 3.3.5): exactly what fold=0 means to Python (PEP 495).
    """
    since_epoch = datetime.combine(day, wall_clock, zone) - _EPOCH
    return since_epoch.days * DAY + since_epoch.seconds


def local_midnight(day: date, zone: ZoneInfo) -> Instant:
    """The instant at which the day begins in the zone."""
    return local_instant(day, time(), zone)


def local_time(instant: Instant, zone: ZoneInfo) -> datetime:
    """What clocks in the zone show at the instant."""
    return (_EPOCH + timedelta(seconds=instant)).astimezone(zone)
