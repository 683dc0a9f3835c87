"""The iCalendar file of a feed (RFC 5545)."""

import asyncio
from collections.abc import Sequence

from core.calendar_feeds import FeedEvent, FollowedFeed
from core.instants import DAY, Instant

from ..icalendar.lines import moment, text, time_property, uri, written

#: events after which other requests are served
_TURN = 500

#: how often programs should ask; hardly any listens
_REFRESH = "PT15M"


async def calendar_file(feed: FollowedFeed, events: Sequence[FeedEvent], now: Instant) -> bytes:
    """The file of a feed with these events. Other requests are served in between."""
    file = [written(_head(feed.name))]
    lines_of = _with_details if feed.feed.details else _busy
    for start in range(0, len(events), _TURN):
        file += [written(lines_of(event, now)) for event in events[start : start + _TURN]]
        await asyncio.sleep(0)
    file.append(written(["END:VCALENDAR"]))
    return "".join(file).encode()


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


def _with_details(event: FeedEvent, _now: Instant) -> list[str]:
    coordinates = (event.lat, event.long) if event.lat is not None and event.long is not None else None
    where = event.location or (", ".join(coordinates) if coordinates is not None else "")
    lines = _times(event, event.updated)
    lines += (
        f"CREATED:{moment(event.created)}",
        f"LAST-MODIFIED:{moment(event.updated)}",
        f"SUMMARY:{text(event.summary)}",
    )
    if event.description:
        lines.append(f"DESCRIPTION:{text(event.description)}")
    if where:
        lines.append(f"LOCATION:{text(where)}")
    if coordinates is not None:
        lines.append(f"GEO:{';'.join(coordinates)}")
    if event.url is not None:
        lines.append(f"URL:{uri(event.url)}")
    lines.append("END:VEVENT")
    return lines


def _busy(event: FeedEvent, now: Instant) -> list[str]:
    """The lines of an event of which a feed says no more than when it blocks; not even when it was made."""
    return [*_times(event, now - now % DAY), "SUMMARY:Busy", "END:VEVENT"]


def _times(event: FeedEvent, stamp: Instant) -> list[str]:
    return [
        "BEGIN:VEVENT",
        f"UID:{event.event_uid}",
        f"DTSTAMP:{moment(stamp)}",
        time_property("DTSTART", event.start),
        time_property("DTEND", event.end),
        f"STATUS:{'TENTATIVE' if event.tentative else 'CONFIRMED'}",
        f"TRANSP:{'OPAQUE' if event.blocks else 'TRANSPARENT'}",
    ]
