"""States of calendar sources: what is known of the calendars that they fill, and whether that should be looked at again."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from core.calendar_sources import ACTIVE_FOR, KNOWN_FOR, SyncState, SyncStatus
from core.instants import Instant

from .drivers.base import Statements
from .drivers.dialects import Dialect


@dataclass(frozen=True, slots=True)
class SourceState:
    """A source of a calendar, and how its last fetches went."""

    key: int
    sync: SyncState
    #: from when on the events of its calendar are not known, because its series are expanded no further
    known_until: Instant | None
    #: when a fetch was last begun; None: never
    tried_at: Instant | None
    #: whether fetches have failed since the last success, or one is under way
    is_failing: bool
    #: whether a fetch is under way
    is_fetched: bool


async def of_calendars(statements: Statements, calendar_keys: Collection[int]) -> dict[int, SourceState]:
    """Returns the source of each of these calendars that has one, by the calendar's key. One statement."""
    rows = await statements.fetch(_sql(statements.dialect), statements.dialect.array_param([*calendar_keys]))
    return {
        calendar_key: SourceState(
            key,
            SyncState(synced_at, refused=bool(refused), incomplete=bool(incomplete)),
            known_until,
            tried_at,
            is_failing=attempts > 0,
            is_fetched=claim is not None,
        )
        for calendar_key, key, synced_at, refused, incomplete, known_until, tried_at, attempts, claim in rows
    }


async def count(statements: Statements, now: Instant) -> dict[SyncStatus, int]:
    """Returns how many sources have each status, without those that no source has. One statement."""
    # Not by `fetch`, which remembers rows: the same statement comes again with another instant.
    return {SyncStatus(status): number for status, number in await statements.fetch_many(_COUNT, now)}


#: as `SyncState.status` says
_COUNT = f"""
SELECT CASE WHEN synced_at IS NULL THEN '{SyncStatus.PENDING}'
            WHEN refused OR synced_at <= $1 - {KNOWN_FOR} THEN '{SyncStatus.DISCONNECTED}'
            WHEN incomplete THEN '{SyncStatus.PARTIAL}'
            WHEN synced_at <= $1 - {ACTIVE_FOR} THEN '{SyncStatus.STALE}'
            ELSE '{SyncStatus.ACTIVE}' END AS status, COUNT(*)
FROM calendar_sources GROUP BY 1
"""


@cache
def _sql(dialect: Dialect) -> str:
    return f"""
SELECT calendar_key, calendar_sources.key, synced_at, refused, incomplete, known_until, tried_at, attempts, claim
FROM calendar_sources JOIN calendars ON calendars.key = calendar_key
WHERE calendar_key {dialect.in_array(1, "bigint")}
"""
