"""The meeting as a file for the visitor's own calendar (RFC 5545)."""

import re

from core.instants import Instant, format_instant
from core.real_time_scheduling import Completed, Link

#: maximum length of a line in bytes; a longer one is folded: it continues on the next, after a space
_MAX_LINE = 75

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def calendar_file(link: Link, state: Completed, now: Instant) -> bytes:
    """The booked meeting as an iCalendar file. Its UID is the link's id, so importing it twice makes one event."""
    event = link.request.event
    where = event.location.description if event.location is not None else None
    texts = {"SUMMARY": event.summary, "DESCRIPTION": event.description, "LOCATION": where}
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Openings//Booking page//EN",
        "BEGIN:VEVENT",
        f"UID:{link.scheduling_id}",
        f"DTSTAMP:{_moment(now)}",
        f"DTSTART:{_moment(state.start)}",
        f"DTEND:{_moment(state.end)}",
        *(f"{name}:{_text(text)}" for name, text in texts.items() if text),
        *([f"URL:{re.sub('[^!-~]', '', event.url)}"] if event.url is not None else []),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return b"".join(map(_folded, lines))


def _moment(instant: Instant) -> str:
    """20300507T143000Z"""
    return re.sub("[-:]", "", format_instant(instant))


def _text(text: str) -> str:
    """The text, escaped for a property value and without control characters."""
    printable = _UNPRINTABLE.sub("", text.replace("\r\n", "\n"))
    return re.sub(r"([\\;,])", r"\\\1", printable).replace("\n", r"\n")


def _folded(line: str) -> bytes:
    rows, row = b"", b""
    for character in line:
        encoded = character.encode()
        if len(row) + len(encoded) > _MAX_LINE:
            rows, row = rows + row + b"\r\n", b" "
        row += encoded
    return rows + row + b"\r\n"
