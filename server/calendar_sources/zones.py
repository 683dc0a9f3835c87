"""The zones of a calendar file: names as programs write them, and zones that a file describes itself.

A name is an IANA zone, or a Windows one by CLDR's table, or ends with an IANA zone as paths do
(`/citadel.org/20210210_1/Europe/Berlin`). Rules of such a zone are tzdata's, whatever the file says of it. Of other names
the file's own VTIMEZONE counts. Its rules are expanded by `core.recurrence`, which no rule can make endless.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from itertools import islice
from typing import Any, cast

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from core.instants import DAY, HOUR, MINUTE, Instant
from core.recurrence import starts
from core.recurrence_rules import parse_moment, parse_rule
from core.zones import ZoneInfo, known_zones

from .content import Component

#: changes of a zone's offset that are read
_MOST_CHANGES = 2_000
#: seconds around the window in which a zone is described
_BEFORE, _AFTER = 30 * 366 * DAY, 2 * 366 * DAY
#: hours that a clock can be away from UTC
_FURTHEST = 16 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?", re.ASCII)


@cache
def _by_name() -> dict[str, str]:
    """Returns the IANA zone of each name that is known without a file, in lower case."""
    windows = {name.lower(): zone for name, zone in WINDOWS_TO_OLSON.items() if zone in known_zones()}
    return {**windows, **{name.lower(): name for name in known_zones()}}


@lru_cache(maxsize=4096)
def named_zone(name: str) -> ZoneInfo | None:
    """Returns the zone with a name as programs write it; None for one that is unknown."""
    parts = name.strip().strip('"').lower().split("/")
    for first in (0, *range(max(1, len(parts) - 3), len(parts))):
        if (known := _by_name().get("/".join(parts[first:]))) is not None:
            return ZoneInfo(known)
    return None


class DescribedZone(tzinfo):
    """A zone of which a file lists the changes."""

    def __init__(self, first: int, changes: list[tuple[Instant, int]]) -> None:
        """Takes the offset before all changes, and the changes in order: from when on clocks have which offset."""
        self._instants = [instant for instant, _ in changes]
        self._offsets = [first, *(offset for _, offset in changes)]
        around = list(zip(self._instants, self._offsets, self._offsets[1:], strict=False))
        #: Until when clocks that show a time for the first time have the offset before; and for the second time.
        self._walls = [max(before, after) + instant for instant, before, after in around]
        self._second = [min(before, after) + instant for instant, before, after in around]

    def utcoffset(self, dt: datetime | None) -> timedelta:
        assert dt is not None
        wall = _seconds(dt.replace(tzinfo=UTC))
        return timedelta(seconds=self._offsets[bisect_right(self._second if dt.fold else self._walls, wall)])

    def fromutc(self, dt: datetime) -> datetime:
        instant = _seconds(dt.replace(tzinfo=UTC))
        at = bisect_right(self._instants, instant)
        offset = self._offsets[at]
        is_second = at > 0 and instant - self._instants[at - 1] < self._offsets[at - 1] - offset
        return (dt + timedelta(seconds=offset)).replace(fold=int(is_second))

    def dst(self, dt: datetime | None) -> timedelta | None:
        return None

    def tzname(self, dt: datetime | None) -> str | None:
        return None


def described_zone(zone: Component, since: Instant, until: Instant) -> ZoneInfo:
    """Returns the zone that a VTIMEZONE describes, from long before a window to some time after it.

    Raises ValueError for one that cannot be read.
    """
    changes: dict[Instant, int] = {}
    first: tuple[Instant, int] | None = None
    for part in zone.inner:
        before, after = (_offset(_value(part, name)) for name in ("TZOFFSETFROM", "TZOFFSETTO"))
        start = parse_moment(_value(part, "DTSTART")).wall
        walls = {start, *_walls(part, start, before, max(start, since - _BEFORE), until + _AFTER)}
        changes.update({wall - before: after for wall in walls})
        if len(changes) > _MOST_CHANGES:
            raise ValueError(f"describes a zone with more than {_MOST_CHANGES:,} changes")
        if first is None or start - before < first[0]:
            first = start - before, before
    if first is None:
        raise ValueError("describes a zone without any offset")
    # It is used as a ZoneInfo is: its offset at an instant, and nothing else.
    return cast("ZoneInfo", DescribedZone(first[1], sorted(changes.items())))


def _value(part: Component, name: str) -> str:
    for each in part.properties():
        if each.name == name:
            return each.value
    raise ValueError(f"describes a zone without {name}")


def _walls(part: Component, start: int, before: int, since: int, until: int) -> Iterator[int]:
    """Yields what clocks show at the changes of a part, before they change."""
    for each in part.properties():
        if each.name == "RRULE":
            rule = parse_rule(each.value)
            last = rule.until.instant if rule.until is not None else None
            for wall in islice(starts(rule, start, since, until), _MOST_CHANGES + 1):
                if last is None or wall - before <= last:
                    yield wall
        elif each.name == "RDATE":
            yield from (parse_moment(text).wall for text in each.value.split(",")[: _MOST_CHANGES + 1])


def _offset(text: str) -> int:
    match = _OFFSET.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text[:20]!r} is not an offset such as +0100")
    offset = int(match[2]) * HOUR + int(match[3]) * MINUTE + int(match[4] or 0)
    if offset > _FURTHEST:
        raise ValueError(f"{text[:20]!r} is further from UTC than any clock")
    return offset if match[1] == "+" else -offset


def _seconds(moment: Any) -> int:
    since_epoch = moment - _EPOCH
    return since_epoch.days * DAY + since_epoch.seconds
