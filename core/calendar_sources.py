"""Calendar sources: calendars elsewhere that an account's busy time is read from.

What cannot be fetched, read or placed never frees a minute: the events of the last good fetch keep blocking, and a
source that cannot be relied on is not known, which is free at no time.
"""

from dataclasses import dataclass
from enum import StrEnum

from .instants import DAY, HOUR, MINUTE, Instant

MAX_SOURCES = 20
"""Maximum sources of an account (ours)."""

FETCH_INTERVAL = 15 * MINUTE
"""Between two fetches of a source that succeed."""

_ACTIVE_FOR = max(HOUR, 4 * FETCH_INTERVAL)
_KNOWN_FOR = DAY


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
        if self.refused or now - self.synced_at >= _KNOWN_FOR:
            return SyncStatus.DISCONNECTED
        if self.incomplete:
            return SyncStatus.PARTIAL
        return SyncStatus.ACTIVE if now - self.synced_at < _ACTIVE_FOR else SyncStatus.STALE

    def changes_at(self, now: Instant) -> Instant | None:
        """Returns when the status changes if no fetch is tried before; None if it does not."""
        if self.synced_at is None or self.refused:
            return None
        return min((at for age in (_ACTIVE_FOR, _KNOWN_FOR) if (at := self.synced_at + age) > now), default=None)

    def unknown_at(self, now: Instant, partial: PartialSource) -> Instant:
        """Returns the instant from which on nothing of the source counts as known, unless it is fetched again before.

        It is `now` for a source that is not known already.
        """
        if self.synced_at is None or self.refused or (self.incomplete and partial is PartialSource.REFUSE):
            return now
        return self.synced_at + _KNOWN_FOR
