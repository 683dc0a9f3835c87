"""The meeting as a file for the visitor's own calendar (RFC 5545).

Every text can be read back from it as the page shows it, but for control characters, which a file may not contain.
"""

import re
from urllib.parse import quote

import idna

from core.instants import Instant, format_instant
from core.real_time_scheduling import Completed, Link

from .meeting import Meeting

#: maximum length of a line in bytes; a longer one is folded: it continues on the next, after a space
_MAX_LINE = 75

_LINE_BREAK = re.compile(r"\r\n|[\r\v\f]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")

#: scheme and credentials, host and port, and the rest of a URL
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?)([^/?#:]+)(.*)", re.DOTALL)
#: the printable ASCII characters of URIs (RFC 3986); what is percent-encoded stays so
_URI_CHARACTERS = "!#$%&'()*+,-./:;=?@[]_~"


def calendar_file(link: Link, state: Completed, now: Instant) -> bytes:
    """The booked meeting as an iCalendar file. Its UID is the link's id, so importing it twice makes one event."""
    meeting = Meeting.of(link)
    texts = {"SUMMARY": meeting.summary, "DESCRIPTION": meeting.description, "LOCATION": meeting.where}
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
        *([f"GEO:{';'.join(meeting.coordinates)}"] if meeting.coordinates is not None else []),
        *([f"URL:{_uri(meeting.url)}"] if meeting.url is not None else []),
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    return b"".join(map(_folded, lines))


def _moment(instant: Instant) -> str:
    """20300507T143000Z"""
    return re.sub("[-:]", "", format_instant(instant))


def _text(text: str) -> str:
    """The text, escaped for a property value and without control characters."""
    printable = _UNPRINTABLE.sub("", _LINE_BREAK.sub("\n", text))
    return re.sub(r"([\\;,])", r"\\\1", printable).replace("\n", r"\n")


def _uri(url: str) -> str:
    """The URL in ASCII (RFC 3987, 3.1): as browsers do, the host by IDNA, all else percent-encoded as UTF-8."""
    parts = _URL.fullmatch(url)
    if parts is None:
        return quote(url, _URI_CHARACTERS)
    before, host, rest = parts.groups()
    return quote(before, _URI_CHARACTERS) + _ascii_host(host) + quote(rest, _URI_CHARACTERS)


def _ascii_host(host: str) -> str:
    if host.isascii():
        return quote(host, _URI_CHARACTERS)
    try:
        return idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        return quote(host)


def _folded(line: str) -> bytes:
    rows, row = b"", b""
    for character in line:
        encoded = character.encode()
        if len(row) + len(encoded) > _MAX_LINE:
            rows, row = rows + row + b"\r\n", b" "
        row += encoded
    return rows + row + b"\r\n"
