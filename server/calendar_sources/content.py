"""The content lines of a calendar file (RFC 5545), as far as an account's time depends on them.

A file is cut into items: all components with one UID. An item is a text by itself, with the zones that it needs, so that it
can be read again without the file that it came in, and compared with what a later file says of it. What changes with every
download (DTSTAMP) is left out.

Lines are unfolded as bytes, for a fold may cut a character in two. Only lines that matter are decoded and parsed, so a file
costs little more than its length, whatever it contains.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple, cast

from icalendar.parser import Contentline

from core.calendar_sources import MAX_ITEMS, MAX_LINE

Check = Callable[[], None]
"""Raises an exception when the work takes too long. Called every now and then."""

_NAME = re.compile(rb"[A-Za-z0-9-]+(?=[;:])")
_BLANK = re.compile(r"\A\ufeff?[ \t\r\n]*")
#: lines that are read between two looks at the clock
_TURN = 4096

#: what of an event is read
_OF_EVENTS = frozenset(
    b"UID RECURRENCE-ID SEQUENCE DTSTART DTEND DURATION RRULE RDATE EXDATE EXRULE STATUS TRANSP "
    b"X-MICROSOFT-CDO-BUSYSTATUS SUMMARY DESCRIPTION LOCATION URL ATTENDEE".split()
)
#: what of a zone is read
_OF_ZONES = frozenset(b"TZID DTSTART RRULE RDATE TZOFFSETFROM TZOFFSETTO".split())
#: what of the file itself is read
_OF_FILES = frozenset({b"X-WR-TIMEZONE"})
#: the components that are read, and those inside them
_READ: Mapping[bytes, frozenset[bytes]] = {
    b"VEVENT": _OF_EVENTS,
    b"VTIMEZONE": _OF_ZONES,
    b"STANDARD": _OF_ZONES,
    b"DAYLIGHT": _OF_ZONES,
    b"VCALENDAR": _OF_FILES,
}
#: lines of which only those matter that say this
_DECLINED = re.compile(rb"PARTSTAT=\"?DECLINED", re.IGNORECASE)


class NotACalendarError(ValueError):
    """The file is not a whole calendar. The message says why and quotes nothing of it."""


class Property(NamedTuple):
    """A content line: its name and those of its parameters in capitals, its value as it is written."""

    name: str
    parameters: Mapping[str, str]
    value: str
    line: str


@dataclass(slots=True)
class CalendarFile:
    """A file, cut into items."""

    #: the text of each item, by UID
    items: dict[str, str]


@dataclass(slots=True)
class Component:
    """A component with the lines that matter, and the components inside it."""

    name: str
    lines: list[str] = field(default_factory=list[str])
    inner: list["Component"] = field(default_factory=list["Component"])

    @property
    def text(self) -> str:
        """Its lines, between BEGIN and END."""
        return "\n".join([f"BEGIN:{self.name}", *self.lines, *(each.text for each in self.inner), f"END:{self.name}"])

    def properties(self) -> Iterator[Property]:
        """Yields its lines, parsed. Raises ValueError with a message that names the line."""
        for line in self.lines:
            yield parse_line(line)


def cut(body: bytes, check: Check) -> CalendarFile:
    """Cuts a file into items. Raises NotACalendarError for a file that is not a whole calendar."""
    calendars = _calendars(body, check)
    zones = {_tzid(zone): zone for calendar in calendars for zone in calendar.inner if zone.name == "VTIMEZONE"}
    found: dict[str, list[str]] = {}
    headers: dict[str, list[str]] = {}
    for calendar in calendars:
        for event in calendar.inner:
            if event.name == "VEVENT":
                text = event.text
                uid = _uid(event, text)
                found.setdefault(uid, []).append(text)
                headers.setdefault(uid, calendar.lines)
    if len(found) > MAX_ITEMS:
        raise NotACalendarError(f"has {len(found):,} events, and at most {MAX_ITEMS:,} are read")
    items: dict[str, str] = {}
    for number, (uid, texts) in enumerate(found.items()):
        if number % 256 == 0:
            check()
        named = {name for text in texts for name in _TZID.findall(text)} if zones else set[str]()
        needed = sorted(zone.text for name, zone in zones.items() if name in named)
        items[uid] = "\n".join(["BEGIN:VCALENDAR", *headers[uid][:1], *needed, *sorted(texts), "END:VCALENDAR"])
    return CalendarFile(items)


def components(text: str, check: Check) -> Component:
    """Returns the calendar that the text of an item is."""
    return _calendars(text.encode(), check)[0]


def parse_line(line: str) -> Property:
    """Parses a content line. Raises ValueError."""
    colon = line.find(":")
    if '"' in line[: colon + 1]:
        colon = Contentline(line).value_separator_index()
    if colon < 1:
        raise ValueError("is not a line of a calendar")
    name, parameters = _head(line[:colon])
    return Property(name, parameters, line[colon + 1 :], line)


@lru_cache(maxsize=4096)
def _head(head: str) -> tuple[str, Mapping[str, str]]:
    """Parses what stands before the value: the same for most lines of a file."""
    if ";" not in head:
        return head.strip().upper(), {}
    name, parameters, _ = cast("Any", Contentline(f"{head}:")).raw_parts()
    values = {key.upper(): value if isinstance(value, str) else ",".join(value) for key, value in parameters.items()}
    return name.upper(), values


_TZID = re.compile(r"(?m)^[A-Z-]+[^:\n]*;TZID=\"?([^\";:,\n]+)", re.IGNORECASE)


def _tzid(zone: Component) -> str:
    return next((line.partition(":")[2].strip() for line in zone.lines if line[:4].upper() == "TZID"), "")


def _uid(event: Component, text: str) -> str:
    """Returns the UID of an event; of one without, a digest of what it says."""
    for line in event.lines:
        if line[:3].upper() == "UID" and (uid := line.partition(":")[2].strip()):
            return uid
    return sha256(text.encode()).hexdigest()


def _calendars(body: bytes, check: Check) -> list[Component]:
    """Returns the calendars of a file, usually one, with the components that are read. Raises NotACalendarError."""
    _check_beginning(body)
    reader = _Reader()
    for number, line in enumerate(_unfolded(body)):
        if number % _TURN == 0:
            check()
        reader.read(line)
    if reader.inside or not reader.calendars:
        raise NotACalendarError("ends before its calendar does: it was cut off")
    return reader.calendars


#: components inside each other
_DEEPEST = 8


class _Reader:
    """Builds the components of a file, line by line."""

    def __init__(self) -> None:
        self.calendars: list[Component] = []
        #: the components that have begun and not ended; None for one that is not read
        self.inside: list[tuple[bytes, Component | None]] = []
        self._events = 0

    def read(self, line: bytes) -> None:
        """Reads the next line. Raises NotACalendarError."""
        match = _NAME.match(line)
        name = match[0].upper() if match is not None else b""
        if name == b"BEGIN":
            self._begin(line[6:].strip().upper())
        elif name == b"END":
            if not self.inside or self.inside.pop()[0] != line[4:].strip().upper():
                raise NotACalendarError("is damaged: its components do not end where they should")
        elif self.inside:  # some programs write a remark behind the end
            self._add(name, line)

    def _begin(self, kind: bytes) -> None:
        self._events += kind == b"VEVENT"
        if self._events > 2 * MAX_ITEMS or len(self.inside) == _DEEPEST:
            raise NotACalendarError(f"has more than {2 * MAX_ITEMS:,} events, or components too deep inside each other")
        around = self.inside[-1][1] if self.inside else None
        is_read = kind in _READ and (around is not None if self.inside else kind == b"VCALENDAR")
        component = Component(kind.decode()) if is_read else None
        self.inside.append((kind, component))
        if component is not None:
            (around.inner if around is not None else self.calendars).append(component)

    def _add(self, name: bytes, line: bytes) -> None:
        kind, component = self.inside[-1]
        matters = name != b"ATTENDEE" or _DECLINED.search(line) is not None
        if component is not None and name in _READ[kind] and matters:
            component.lines.append(_decoded(line))


def _check_beginning(body: bytes) -> None:
    """Raises NotACalendarError for a file that does not begin as a calendar."""
    beginning = _BLANK.sub("", body[:4096].decode("utf-8", "replace"))[:15].upper()
    if not beginning:
        raise NotACalendarError("is empty")
    if beginning.startswith("<"):
        raise NotACalendarError("is a web page and not a calendar")
    if beginning != "BEGIN:VCALENDAR":
        raise NotACalendarError("is not a calendar: it does not begin with BEGIN:VCALENDAR")


def _unfolded(body: bytes) -> Iterator[bytes]:
    """Yields the lines, each joined with those that continue it. One that is too long is cut, and cannot be read."""
    pending: list[bytes] = []
    size = 0
    position = 3 if body.startswith(b"\xef\xbb\xbf") else 0
    while position < len(body):
        end = body.find(b"\n", position)
        end = len(body) if end < 0 else end
        line = body[position : min(end, position + MAX_LINE + 2)].rstrip(b"\r")
        position = end + 1
        if line[:1] in (b" ", b"\t"):
            if size <= MAX_LINE:
                pending.append(line[1:])
                size += len(line)
        elif line:
            if pending:
                yield b"".join(pending)
            pending, size = [line], len(line)
    if pending:
        yield b"".join(pending)


def _decoded(line: bytes) -> str:
    if len(line) > MAX_LINE:
        # Not cut where it would still be read, as a list of dates would.
        return line[:_SHOWN].decode("utf-8", "replace") + _TOO_LONG
    try:
        text = line.decode()
    except UnicodeDecodeError:
        text = line.decode("cp1252", "replace")
    return text.replace("\0", "").replace("\r", "")


#: characters of a line that is too long
_SHOWN = 200
_TOO_LONG = "\x1a: this line is too long"
