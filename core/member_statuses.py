"""Member statuses: how far the calendars of the members of a query can be relied on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .calendar_sources import SyncStatus
from .instants import Instant

_WORST_FIRST = list(SyncStatus)


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """How far the chosen calendars of a member can be relied on."""

    sub: str
    #: that of its worst source; ACTIVE for a member without sources
    status: SyncStatus = SyncStatus.ACTIVE
    #: when the source that was not fetched for longest was fetched; None if one never was, or there is none
    synced_at: Instant | None = None
    #: from when on one of its calendars is not known; None: all are known
    known_until: Instant | None = None
    #: whether it has sources, and nothing is known of one of its calendars at present
    has_sources: bool = False
    is_lost: bool = False

    @classmethod
    def of(
        cls,
        sub: str,
        sources: Collection[tuple[SyncStatus, Instant | None]],
        known_until: Collection[Instant],
        *,
        is_lost: bool,
    ) -> "MemberStatus":
        """Makes the status of a member with these sources, and calendars that are known up to these instants."""
        synced = [synced_at for _, synced_at in sources]
        return cls(
            sub,
            min((status for status, _ in sources), key=_WORST_FIRST.index, default=SyncStatus.ACTIVE),
            None if not synced or None in synced else min(at for at in synced if at is not None),
            min(known_until, default=None),
            bool(sources),
            is_lost,
        )


@dataclass(frozen=True, slots=True)
class CalendarNotKnown:
    """The start would be possible if all calendars were known. Nothing was written."""

    member_statuses: Sequence[MemberStatus]
