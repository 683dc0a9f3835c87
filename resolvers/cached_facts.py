"""Facts as they stand: from memory, where it has them in the version that stands, and else from the database.

When somebody is busy can be read without a snapshot that lasts, for the version is read with it: that there is one which
stands no longer is then seen.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from core.availability_rules import AvailabilityRule
from core.instants import DAY, Instant
from core.spans import SpanSet
from db import availability_rules, available_periods, events
from db.access import Account
from db.database import Session
from db.drivers.base import Statements
from db.events import BusyTime

from .cache import VersionedCache

#: What is read is rounded outwards to so many seconds: whoever asks about the next day, or the same week from a later hour
#: on, finds it there.
_GRAIN = 7 * DAY
#: bytes of a number in a list
_NUMBER = 40


class NeedsSnapshot(LookupError):
    """Something has to be read on one snapshot with the versions, and there is none."""


class CachedFacts:
    """Facts by version. Without a session it has what memory has, and what the reader finds; with one, everything.

    The versions that it is asked for must have been read in the same session: then everything is of one snapshot.
    """

    def __init__(self, memory: VersionedCache, reader: Statements, session: Session | None = None) -> None:
        self._memory = memory
        self._reader = reader
        self._kept_session = session

    @property
    def _session(self) -> Session:
        if self._kept_session is None:
            raise NeedsSnapshot
        return self._kept_session

    async def rules(self, accounts: Collection[Account]) -> dict[int, list[AvailabilityRule]]:
        """The rules of each account, by its key."""
        versions = {account.key: account.version for account in accounts}

        async def read(keys: Collection[int]) -> dict[int, list[AvailabilityRule]]:
            found = await availability_rules.list_rules(self._session, keys)
            return {key: found.get(key, []) for key in keys}

        return await self._facts("rules", versions, (), read, lambda rules: 2000 * len(rules))

    async def periods(self, accounts: Collection[Account], start: Instant, end: Instant) -> dict[int, SpanSet | None]:
        """What each account's stored periods cover, at least between two instants; None for one that has not a single one."""
        versions = {account.key: account.version for account in accounts}
        window = _rounded(start, end)

        async def read(keys: Collection[int]) -> dict[int, tuple[SpanSet | None]]:
            found = await available_periods.cover(self._session, keys, *window)
            return {key: (found.get(key),) for key in keys}

        kept = await self._facts("periods", versions, window, read, lambda kept: 2 * _NUMBER * len(kept[0] or ()))
        return {key: covered for key, (covered,) in kept.items()}

    async def busy(self, versions: Mapping[int, int], start: Instant, end: Instant) -> dict[int, BusyTime]:
        """What blocks on each calendar, at least between two instants. Calendars and their versions, by key."""
        window = _rounded(start, end)

        async def read(keys: Collection[int]) -> dict[int, BusyTime]:
            return await events.busy(self._reader, {key: versions[key] for key in keys}, *window)

        return await self._facts("busy", versions, window, read, lambda busy: 2 * _NUMBER * len(busy))

    async def _facts(
        self,
        kind: str,
        versions: Mapping[int, int],
        window: tuple[Instant, ...],
        read: Callable[[Collection[int]], Awaitable[Mapping[int, Any]]],
        size: Callable[[Any], int],
    ) -> dict[int, Any]:
        found = {key: self._memory.get(kind, (key, *window), version) for key, version in versions.items()}
        missing = [key for key, value in found.items() if value is None]
        if missing:
            for key, value in (await read(missing)).items():
                self._memory.put(kind, (key, *window), versions[key], value, size(value))
                found[key] = value
            if None in found.values():
                raise NeedsSnapshot
        return found


def _rounded(start: Instant, end: Instant) -> tuple[Instant, Instant]:
    return start // _GRAIN * _GRAIN, -(-end // _GRAIN) * _GRAIN
