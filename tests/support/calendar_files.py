"""Calendar files for tests, and how they are read."""

from collections.abc import Iterable

from core.calendar_sources import AllDayEvents, SourceEvent, horizon
from core.instants import Instant, format_instant, parse_instant
from server.calendar_sources.content import cut
from server.calendar_sources.items import Item, Reading, read_item

NOW = parse_instant("2027-01-10T12:00:00Z")

BERLIN = """BEGIN:VTIMEZONE
TZID:Here
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE"""
"""The clocks of Berlin, by a name that only the file explains."""


def event(*lines: str, uid: str = "one") -> str:
    """An event of a file."""
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", *lines, "END:VEVENT"])


def calendar(*parts: str) -> bytes:
    """A file with these components and lines."""
    text = "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *parts, "END:VCALENDAR", ""])
    return text.replace("\n", "\r\n").encode()


def single(start: str, end: str, uid: str) -> str:
    """A single event in UTC, such as 20270119T090000Z to 20270119T100000Z."""
    return event(f"DTSTART:{start}", f"DTEND:{end}", uid=uid)


def days(count: int, *, since: int = 11, prefix: str = "day") -> list[str]:
    """Single events, an hour on each of so many days of January 2027."""
    return [
        single(f"202701{day:02}T090000Z", f"202701{day:02}T100000Z", f"{prefix}{day}")
        for day in range(since, since + count)
    ]


def how(
    tzid: str = "Etc/UTC",
    email: str | None = None,
    all_day: AllDayEvents = AllDayEvents.AS_MARKED,
    now: Instant = NOW,
) -> Reading:
    """How items are read."""
    return Reading(horizon(now), tzid, email, all_day)


def items(body: bytes, reading: Reading | None = None) -> dict[str, Item]:
    """The items of a file, by UID."""
    found = cut(body, lambda: None).items
    return {uid: read_item(uid, text, reading or how(), lambda: None) for uid, text in found.items()}


def spans(events: Iterable[SourceEvent]) -> list[str]:
    """When events block: `2027-01-19T09:00/10:00` or, to another day, with its date."""
    return [_span(event) for event in sorted(events, key=lambda event: event.starts_at) if event.blocks]


def _span(event: SourceEvent) -> str:
    start, end = format_instant(event.starts_at)[:16], format_instant(event.ends_at)[:16]
    return f"{start}/{end[11:] if end[:10] == start[:10] else end}"
