"""Events: as drafted by a caller, and as stored."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeAlias
from urllib.parse import urlsplit

from .errors import Key, Path, Problems
from .instants import Instant, Unreadable
from .limits import DESCRIPTION_LENGTH, EXTERNAL_ID_LENGTH, LOCATION_LENGTH, SUMMARY_LENGTH, URL_LENGTH
from .periods import check_instant, check_window, read
from .recurrence_lines import read_recurrence
from .spans import Span
from .texts import check_id, check_text
from .zones import ZoneInfo, check_zone, local_midnight

EventTime: TypeAlias = Instant | date
"""An instant, or the date of an all-day event."""

_DEGREES = re.compile(r"[+-]?\d{1,3}(\.\d{1,20})?", re.ASCII)

#: Front ends render an event's URL as a link; URLs of these schemes would execute their content.
_UNSAFE_SCHEMES = frozenset({"javascript", "data", "vbscript"})


class Transparency(StrEnum):
    """Whether an event blocks: an opaque one does, a transparent one does not."""

    OPAQUE = "opaque"
    TRANSPARENT = "transparent"


class EventStatus(StrEnum):
    """Whether an event is confirmed. A tentative one blocks as well, unless a query ignores tentative events."""

    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"


class FreeBusyStatus(StrEnum):
    """What an event means to a caller that may see only free and busy time."""

    BUSY = "busy"
    TENTATIVE = "tentative"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Location:
    """The place of an event. Latitude and longitude are decimal degrees, stored as they were written."""

    description: str | None = None
    lat: str | None = None
    long: str | None = None

    def check(self, path: Path, problems: Problems) -> None:
        check_text(self.description, (*path, "description"), problems, longest=LOCATION_LENGTH)
        _check_degrees(self.lat, 90, (*path, "lat"), problems)
        _check_degrees(self.long, 180, (*path, "long"), problems)


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event as a caller upserts it. Start and end are both instants, or both dates; the end is exclusive."""

    event_id: str
    summary: str
    start: EventTime | Unreadable
    end: EventTime | Unreadable
    description: str = ""
    #: the IANA time zone; None: that of the account whose calendar it goes to. A stored event always has one
    tzid: str | None = "Etc/UTC"
    location: Location | None = None
    url: str | None = None
    transparency: Transparency = Transparency.OPAQUE
    status: EventStatus = EventStatus.CONFIRMED
    #: of an event that recurs, its lines of RFC 5545
    recurrence: tuple[str, ...] | None = None
    #: of an instance of such an event, its start before it was moved, by which it is named
    recurrence_id: EventTime | Unreadable | None = None

    def check(self, path: Path, problems: Problems) -> None:
        """Reports all problems of the event."""
        check_id(self.event_id, (*path, "event_id"), problems, longest=EXTERNAL_ID_LENGTH)
        check_text(self.summary, (*path, "summary"), problems, longest=SUMMARY_LENGTH)
        check_text(self.description, (*path, "description"), problems, longest=DESCRIPTION_LENGTH)
        if self.tzid is not None:
            check_zone(self.tzid, (*path, "tzid"), problems)
        if self.location is not None:
            self.location.check((*path, "location"), problems)
        _check_url(self.url, (*path, "url"), problems)
        self._check_times(path, problems)
        if isinstance(self.recurrence_id, Unreadable):
            problems.add((*path, "recurrence_id"), Key.INVALID, self.recurrence_id.why)
        if self.recurrence is not None:
            all_day = None if isinstance(self.start, Unreadable) else isinstance(self.start, date)
            read_recurrence(self.recurrence, (*path, "recurrence"), problems, all_day=all_day)

    def _check_times(self, path: Path, problems: Problems) -> None:
        times = {"start": self.start, "end": self.end}
        unreadable = {name: value.why for name, value in times.items() if isinstance(value, Unreadable)}
        for name, why in unreadable.items():
            problems.add((*path, name), Key.INVALID, why)
        if unreadable:
            return
        if isinstance(self.start, date) != isinstance(self.end, date):
            problems.add(
                (*path, "end"), Key.INVALID, "must be a date if the start is one, and a time if the start is one"
            )
        elif self.end <= self.start:  # pyright: ignore[reportOperatorIssue]: both are dates or both are instants
            problems.add((*path, "end"), Key.INVALID, "must be after the start")

    def span(self) -> Span:
        """The time that the checked event covers. An all-day event lasts from local midnight to local midnight.

        Raises ValueError for an all-day event without a zone of its own.
        """
        return Span(self._instant(self.start), self._instant(self.end))

    def _instant(self, value: EventTime | Unreadable) -> Instant:
        return local_midnight(value, ZoneInfo(self.zone)) if isinstance(value, date) else read(value)

    @property
    def zone(self) -> str:
        """The name of the time zone, which every stored event has. Raises ValueError if it is still the account's."""
        if self.tzid is None:
            raise ValueError("the event takes the zone of its account, which is not known here")
        return self.tzid

    @property
    def needs_zone(self) -> bool:
        """Whether the time that the event covers depends on the account's zone."""
        return self.tzid is None and isinstance(self.start, date)


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event: the caller's draft, the time it covers, and its state."""

    draft: EventDraft
    span: Span
    calendar_id: str
    event_uid: str
    deleted: bool
    created: Instant
    updated: Instant

    @property
    def free_busy_status(self) -> FreeBusyStatus:
        if self.deleted or self.draft.transparency is Transparency.TRANSPARENT:
            return FreeBusyStatus.FREE
        if self.draft.status is EventStatus.TENTATIVE:
            return FreeBusyStatus.TENTATIVE
        return FreeBusyStatus.BUSY


@dataclass(frozen=True, slots=True)
class EventWindow:
    """Which events to list: those that start before `to` and end after `from_`. None means no bound."""

    from_: Instant | Unreadable | None = None
    to: Instant | Unreadable | None = None
    #: None: all of the account's calendars
    calendar_ids: Sequence[str] | None = None
    include_deleted: bool = False
    #: only events changed at or after this instant
    last_modified: Instant | Unreadable | None = None

    def check(self, problems: Problems) -> None:
        """Reports unreadable instants, and a window that does not end after its start."""
        check_window(self.from_, self.to, problems)
        if self.last_modified is not None:
            check_instant(self.last_modified, ("last_modified",), problems)


def _check_degrees(text: str | None, most: int, path: Path, problems: Problems) -> None:
    if text is not None and (_DEGREES.fullmatch(text) is None or abs(float(text)) > most):
        problems.add(path, Key.INVALID, f"must be decimal degrees from -{most} to {most}")


def _check_url(url: str | None, path: Path, problems: Problems) -> None:
    if url is None:
        return
    check_text(url, path, problems, longest=URL_LENGTH)
    try:
        parts = urlsplit(url)
    except ValueError:
        whole = False
    else:
        somewhere = parts.netloc if parts.scheme in ("http", "https") else parts.netloc or parts.path
        whole = bool(parts.scheme and somewhere) and parts.scheme not in _UNSAFE_SCHEMES
    if not whole:
        problems.add(path, Key.INVALID, "must be a complete URL such as https://example.com/room")
