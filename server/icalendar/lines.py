"""Values and lines of an iCalendar file."""

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from urllib.parse import quote

import idna

from core.instants import DAY, HOUR, MINUTE, Instant, format_instant

#: maximum length of a line in bytes, without its end
_MAX_LINE = 75

_LINE_BREAK = re.compile(r"\r\n|[\r\v\f]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
#: what is not a plain character of a text
_SPECIAL = re.compile(r"[\x00-\x1f\x7f\\;,]")

#: scheme and credentials, host and port, and the rest of a URL
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#]*@)?)([^/?#:]+)(.*)", re.DOTALL)
#: the printable ASCII characters of URIs (RFC 3986); what is percent-encoded stays so
_URI_CHARACTERS = "!#$%&'()*+,-./:;=?@[]_~"
_PLAIN_URI = re.compile(rf"[A-Za-z0-9{re.escape(_URI_CHARACTERS)}]*", re.ASCII)


def moment(instant: Instant) -> str:
    """20300507T143000Z"""
    midnight = instant - instant % DAY
    return f"{_day(midnight)}T{_clock(instant - midnight)}Z"


def wall(seconds: int) -> str:
    """20300507T143000: a time on the clock of a zone, as the instant at which UTC's shows it."""
    return moment(seconds)[:-1]


@lru_cache(maxsize=1024)
def _day(midnight: Instant) -> str:
    return format_instant(midnight)[:10].replace("-", "")


@lru_cache(maxsize=2048)
def _clock(seconds: int) -> str:
    return f"{seconds // HOUR:02}{seconds % HOUR // MINUTE:02}{seconds % MINUTE:02}"


def time_property(name: str, time: Instant | date) -> str:
    """The property with a time, or with a date: `DTSTART;VALUE=DATE:20300507`."""
    return f"{name};VALUE=DATE:{time:%Y%m%d}" if isinstance(time, date) else f"{name}:{moment(time)}"


def text(value: str) -> str:
    """The text, escaped for a property value and without control characters."""
    if _SPECIAL.search(value) is None:
        return value
    printable = _UNPRINTABLE.sub("", _LINE_BREAK.sub("\n", value))
    return re.sub(r"([\\;,])", r"\\\1", printable).replace("\n", r"\n")


def uri(url: str) -> str:
    """The URL in ASCII (RFC 3987, 3.1): as browsers do, the host by IDNA, all else percent-encoded as UTF-8."""
    if _PLAIN_URI.fullmatch(url) is not None:
        return url
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


def written(lines: Sequence[str]) -> str:
    """The lines with their ends. A longer one is folded: it continues on the next, after a space."""
    plain = "\r\n".join(lines) + "\r\n"
    if plain.isascii() and max(map(len, lines)) <= _MAX_LINE:
        return plain
    return "".join(map(_folded, lines))


def _folded(line: str) -> str:
    if len(line) <= _MAX_LINE and line.isascii():
        return f"{line}\r\n"
    rows: list[str] = []
    size = first = 0
    for position, character in enumerate(line):
        width = len(character.encode())
        if size + width > _MAX_LINE:
            rows.append(line[first:position])
            first, size = position, 1
        size += width
    return "\r\n ".join([*rows, line[first:]]) + "\r\n"
