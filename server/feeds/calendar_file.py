"""The iCalendar file of a feed (RFC 5545)."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from core.calendar_feeds import FeedEvent, FeedSeries, FollowedFeed, window_of
from core.instants import DAY, Instant
from core.zones import ZoneInfo, local_midnight, local_time

from ..icalendar.lines import moment, text, time_property, uri, written
from ..icalendar.zones import zone_lines
from .series import WrittenSeries

_UTC = ZoneInfo("Etc/UTC")

#: events, and series, after which other requests are served
_TURN, _FEW = 500, 20

#: how often programs should ask; hardly any listens
_REFRESH = "PT15M"


async def calendar_file(
    feed: FollowedFeed, events: Sequence[FeedEvent], series: Mapping[tuple[int, str], FeedSeries], now: Instant
) -> bytes:
    """The file of a feed with these events, and the series that some of them are instances of.

    Other requests are served in between.
    """
    details = feed.feed.details
    present = {event.series for event in events}
    written_series = _written({key: each for key, each in series.items() if key in present}, details=details)
    zones: dict[str, Instant] = {}
    for each in written_series.values():
        if each.tzid is not None:
            zones[each.tzid] = min(zones.get(each.tzid, each.start), each.start)
    file = [written([*_head(feed.name), *_zones(zones, now)])]
    for start in range(0, len(events), _TURN):
        turn = [event for event in events[start : start + _TURN] if event.series not in written_series]
        file += [written(_event_lines(event, now, details=details)) for event in turn]
        await asyncio.sleep(0)
    for number, each in enumerate(written_series.values()):
        file += [written(lines) for lines in _series_lines(each, now, details=details)]
        if number % _FEW == 0:
            await asyncio.sleep(0)
    file.append(written(["END:VCALENDAR"]))
    return "".join(file).encode()


def _written(
    series: Mapping[tuple[int, str], FeedSeries], *, details: bool
) -> dict[tuple[int, str] | None, WrittenSeries]:
    """Returns the series that can be written as such."""
    found: dict[tuple[int, str] | None, WrittenSeries] = {}
    for key, each in series.items():
        lines = WrittenSeries.of(each)
        if lines is not None and (details or lines.is_busy_as_a_whole()):
            found[key] = lines
    return found


def _zones(zones: Mapping[str, Instant], now: Instant) -> Iterator[str]:
    """Yields the lines of zones, each from the year on that its first series begins in."""
    until = _year(window_of(now).end, 2)
    for tzid, first in zones.items():
        yield from zone_lines(tzid, _year(first, -1), until)


def _year(instant: Instant, years: int) -> Instant:
    """Returns the beginning of the year, or of one so many years later."""
    return local_midnight(date(local_time(instant, _UTC).year + years, 1, 1), _UTC)


def _series_lines(series: WrittenSeries, now: Instant, *, details: bool) -> Iterator[list[str]]:
    """Yields the lines of a series, and those of its instances that were changed."""
    head, times, rest = _parts(series.event, now, details=details)
    yield [*head, *series.times(), *series.lines(details=details), *rest]
    for name, event in series.changed(details=details):
        head, times, rest = _parts(event, now, details=details)
        yield [*head, name, *times, *rest]


def _event_lines(event: FeedEvent, now: Instant, *, details: bool) -> list[str]:
    head, times, rest = _parts(event, now, details=details)
    return [*head, *times, *rest]


def _parts(event: FeedEvent, now: Instant, *, details: bool) -> tuple[list[str], list[str], list[str]]:
    """Returns the lines of an event before its times, of its times, and after them.

    Without details a feed says no more of it than when it blocks; not even when it was made.
    """
    stamp = event.updated if details else now - now % DAY
    head = ["BEGIN:VEVENT", f"UID:{event.event_uid}", f"DTSTAMP:{moment(stamp)}"]
    times = [time_property("DTSTART", event.start), time_property("DTEND", event.end)]
    rest = [
        f"STATUS:{'TENTATIVE' if event.tentative else 'CONFIRMED'}",
        f"TRANSP:{'OPAQUE' if event.blocks else 'TRANSPARENT'}",
        *(_details(event) if details else ("SUMMARY:Busy",)),
        "END:VEVENT",
    ]
    return head, times, rest


def _head(name: str) -> list[str]:
    return [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Openings//Calendar feed//EN",
        f"NAME:{text(name)}",
        f"X-WR-CALNAME:{text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{_REFRESH}",
        f"X-PUBLISHED-TTL:{_REFRESH}",
    ]


def _details(event: FeedEvent) -> list[str]:
    coordinates = (event.lat, event.long) if event.lat is not None and event.long is not None else None
    where = event.location or (", ".join(coordinates) if coordinates is not None else "")
    lines = [
        f"CREATED:{moment(event.created)}",
        f"LAST-MODIFIED:{moment(event.updated)}",
        f"SUMMARY:{text(event.summary)}",
    ]
    if event.description:
        lines.append(f"DESCRIPTION:{text(event.description)}")
    if where:
        lines.append(f"LOCATION:{text(where)}")
    if coordinates is not None:
        lines.append(f"GEO:{';'.join(coordinates)}")
    if event.url is not None:
        lines.append(f"URL:{uri(event.url)}")
    return lines
