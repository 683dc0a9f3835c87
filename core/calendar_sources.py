"""Calendar sources: calendars elsewhere that an account's busy time is read from.

What cannot be fetched, read or placed never frees a minute: the events of the last good fetch keep blocking, and a
source that cannot be relied on is not known, which is free at no time.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from .accounts import Calendar
from .errors import Problems
from .instants import DAY, HOUR, MINUTE, Instant
from .limits import EXTERNAL_ID_LENGTH, NAME_LENGTH
from .spans import Span
from .texts import check_id
from .urls import check_fetched_url

MAX_SOURCES = 20
"""Maximum sources of an account (ours)."""

MAX_SYNCS = 20
"""Times in a minute that an account may have its sources fetched at once (ours)."""

MAX_BODY = 10 * 1024 * 1024
"""Bytes of a file, uncompressed."""

MAX_ITEMS = 20_000
"""Items of a file."""

MAX_LINE = 256 * 1024
"""Bytes of a line of a file."""

MAX_DATES = 10_000
"""Dates that an item lists, further ones and excluded ones."""

MAX_EVENTS = 100_000
"""Events of a source: instances within the horizon, and single events."""

READ_ONLY = "is read-only: its events are those of a calendar elsewhere"
"""Why nobody but a source writes to its calendar."""

_PAST, _HORIZON = DAY, 402 * DAY

FETCH_INTERVAL = 15 * MINUTE
"""Between two fetches of a source that succeed."""

MASS = 20
"""Future items of which more than half may not disappear at once: a later fetch has to say the same."""

BELIEVED_AFTER = 15 * MINUTE
"""Between a fetch that lacks most items and the first one that is believed when it lacks them, too."""

ACTIVE_FOR, KNOWN_FOR = max(HOUR, 4 * FETCH_INTERVAL), DAY
"""Seconds after a fetch for which a source is active, and for which it counts as known."""


class AllDayEvents(StrEnum):
    """Whether the all-day events of a source block."""

    AS_MARKED = "as_marked"
    BLOCK = "block"
    FREE = "free"


class PartialSource(StrEnum):
    """Whether a source counts as known while some of its items cannot be placed."""

    REFUSE = "refuse"
    ALLOW = "allow"


class SyncStatus(StrEnum):
    """How far a source can be relied on, the worst first."""

    #: never fetched
    PENDING = "pending"
    #: refused, gone, or last fetched more than a day ago
    DISCONNECTED = "disconnected"
    #: some item cannot be placed
    PARTIAL = "partial"
    #: last fetched more than an hour ago
    STALE = "stale"
    ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class SyncState:
    """What the last fetches of a source came to."""

    #: when a fetch last succeeded; None: never
    synced_at: Instant | None
    #: whether the server elsewhere has refused the last fetch, or the calendar is no longer there
    refused: bool = False
    #: whether an item of the last good fetch cannot be placed
    incomplete: bool = False

    def status(self, now: Instant) -> SyncStatus:
        """Returns the status at an instant."""
        if self.synced_at is None:
            return SyncStatus.PENDING
        if self.refused or now - self.synced_at >= KNOWN_FOR:
            return SyncStatus.DISCONNECTED
        if self.incomplete:
            return SyncStatus.PARTIAL
        return SyncStatus.ACTIVE if now - self.synced_at < ACTIVE_FOR else SyncStatus.STALE

    def changes_at(self, now: Instant) -> Instant | None:
        """Returns when the status changes if no fetch is tried before; None if it does not."""
        if self.synced_at is None or self.refused:
            return None
        return min((at for age in (ACTIVE_FOR, KNOWN_FOR) if (at := self.synced_at + age) > now), default=None)

    def unknown_at(self, now: Instant, partial: PartialSource) -> Instant:
        """Returns the instant from which on nothing of the source counts as known, unless it is fetched again before.

        It is `now` for a source that is not known already.
        """
        if self.synced_at is None or self.refused or (self.incomplete and partial is PartialSource.REFUSE):
            return now
        return self.synced_at + KNOWN_FOR


@dataclass(frozen=True, slots=True)
class SourceDraft:
    """A calendar elsewhere as an account names it."""

    source_id: str
    #: of the calendar that its events go to; None: the source's id, or the name that it has
    name: str | None
    url: str
    all_day: AllDayEvents = AllDayEvents.AS_MARKED
    partial: PartialSource = PartialSource.REFUSE

    def check(self, problems: Problems, *, private: bool) -> None:
        """Reports all problems. With `private`, the URL may lead to loopback and private addresses."""
        check_id(self.source_id, ("source_id",), problems, longest=EXTERNAL_ID_LENGTH)
        if self.name is not None:
            check_id(self.name, ("name",), problems, longest=NAME_LENGTH)
        check_fetched_url(self.fetched_url, ("url",), problems, private=private)

    @property
    def fetched_url(self) -> str:
        """The URL that is fetched: `webcal:` says only that a calendar program should open it."""
        scheme, colon, rest = self.url.partition(":")
        url = f"https:{rest}" if colon and scheme.lower() in ("webcal", "webcals") else self.url
        return url.partition("#")[0]


@dataclass(frozen=True, slots=True)
class CalendarSource:
    """A calendar elsewhere that an account's busy time is read from."""

    key: int
    source_id: str
    #: the read-only calendar of the account that has its events
    calendar: Calendar
    state: SyncState
    #: from this instant on its events are not known; None: all are known
    known_until: Instant | None = None
    #: why the last fetch failed, or what could not be read
    problem: str | None = None
    #: number of items of the last good fetch that could not be read
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class StoredItem:
    """What a source says under one UID. Bodies are compressed texts."""

    #: what it last said that could be read; None: it never could be
    body: bytes | None
    #: what it says now, if that cannot be read
    unread: bytes | None
    #: when its last instance ends
    ends_at: Instant
    #: when a fetch first lacked it that is not yet believed
    missing_since: Instant | None = None


class SourceEvent(NamedTuple):
    """An event of a source: a single one, or an instance of a series."""

    event_id: str
    starts_at: Instant
    ends_at: Instant
    #: of an all-day event
    start_date: date | None
    end_date: date | None
    tzid: str
    summary: str
    description: str
    location: str | None
    url: str | None
    blocks: bool
    tentative: bool


def horizon(now: Instant) -> Span:
    """Returns the time in which series are expanded. It moves once a day, and reaches 400 days ahead at least."""
    today = now - now % DAY
    return Span(today - _PAST, today + _HORIZON)


def is_doubtful(future: int, gone: int) -> bool:
    """Whether so many of a source's future items are gone at once that a later fetch has to say the same."""
    return future >= MASS and 2 * gone > future


def wait_after_failures(failures: int) -> int:
    """Returns the seconds until the next fetch after so many failed ones: a minute at first, six hours at most."""
    return min(MINUTE << min(failures - 1, 16), 6 * HOUR)
