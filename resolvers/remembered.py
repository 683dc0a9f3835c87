"""Facts as they stand: from memory, where it has them in the version that stands, and else from the database."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from core.instants import DAY, Instant
from core.rules import AvailabilityRule
from core.spans import SpanSet
from db import availability_rules, available_periods, events
from db.database import Session
from db.events import BusyTime
from db.standing import Account

from .memory import Memory

#: What is read is rounded outwards to so many seconds: whoever asks about the next day, or the same week from a later hour
#: on, finds it there.
_GRAIN = 7 * DAY
#: bytes of a number in a list
_NUMBER = 40


class NotRememberedError(LookupError):
    """Something has to be read, and there is no session to read it with."""


class Remembered:
    """Facts by version. Without a session it has what memory has; with one, whatever is missing is read in it.

    The versions that it is asked for must have been read in the same session: then everything is of one snapshot.
    """

    def __init__(self, memory: Memory, session: Session | None = None) -> None:
        self._memory = memory
        self._session = session

    async def rules(self, accounts: Collection[Account]) -> dict[int, list[AvailabilityRule]]:
        """The rules of each account, by its key."""
        versions = {account.key: account.version for account in accounts}

        async def read(session: Session, keys: Collection[int]) -> dict[int, list[AvailabilityRule]]:
            found = await availability_rules.of_accounts(session, keys)
            return {key: found.get(key, []) for key in keys}

        return await self._facts("rules", versions, (), read, lambda rules: 2000 * len(rules))

    async def periods(self, accounts: Collection[Account], start: Instant, end: Instant) -> dict[int, SpanSet | None]:
        """What each account's stored periods cover, at least between two instants; None for one that has not a single one."""
        versions = {account.key: account.version for account in accounts}
        window = _rounded(start, end)

        async def read(session: Session, keys: Collection[int]) -> dict[int, tuple[SpanSet | None]]:
            found = await available_periods.covered(session, keys, *window)
            return {key: (found.get(key),) for key in keys}

        kept = await self._facts("periods", versions, window, read, lambda kept: 2 * _NUMBER * len(kept[0] or ()))
        return {key: covered for key, (covered,) in kept.items()}

    async def busy(self, versions: Mapping[int, int], start: Instant, end: Instant) -> dict[int, BusyTime]:
        """What blocks on each calendar, at least between two instants. Calendars and their versions, by key."""
        window = _rounded(start, end)

        async def read(session: Session, keys: Collection[int]) -> dict[int, BusyTime]:
            return await events.busy(session, keys, *window)

        return await self._facts("busy", versions, window, read, lambda busy: 2 * _NUMBER * len(busy))

    async def _facts(
        self,
        kind: str,
        versions: Mapping[int, int],
        window: tuple[Instant, ...],
        read: Callable[[Session, Collection[int]], Awaitable[Mapping[int, Any]]],
        size: Callable[[Any], int],
    ) -> dict[int, Any]:
        found = {key: self._memory.get(kind, (key, *window), version) for key, version in versions.items()}
        missing = [key for key, value in found.items() if value is None]
        if missing and self._session is None:
            raise NotRememberedError
        if missing and self._session is not None:
            for key, value in (await read(self._session, missing)).items():
                self._memory.put(kind, (key, *window), versions[key], value, size(value))
                found[key] = value
        return found


def _rounded(start: Instant, end: Instant) -> tuple[Instant, Instant]:
    return start // _GRAIN * _GRAIN, -(-end // _GRAIN) * _GRAIN
