"""Current facts: from the cache if it has them in the current version, otherwise from the database.

Busy time can be read outside a transaction because each row carries its calendar's version: a mismatch is
detected, and the read repeated.
"""

from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

from core.availability_rules import AvailabilityRule
from core.excluded_events import ExcludedEvent
from core.instants import DAY, Instant
from core.spans import SpanSet
from db import availability_rules, available_periods, busy_time, counted_bookings
from db.access import Account
from db.busy_time import BusyTime
from db.counted_bookings import CountedBookings
from db.database import Session
from db.drivers.base import Snapshot, Statements

from .cache import VersionedCache
from .context import Context

#: Windows are rounded outwards to multiples of this many seconds, so that a query for the next day, or for
#: the same week from a later hour on, finds them in the cache.
_GRAIN = 7 * DAY
#: bytes of a number in a list
_NUMBER = 40
#: bytes of a booking: a text, two numbers and what holds them together
_BOOKING = 250


class NeedsSnapshot(LookupError):
    """The facts must be read in one snapshot with the versions, and there is no session."""

    def __init__(self, client_key: int | None) -> None:
        super().__init__()
        #: the client that needs it
        self.client_key = client_key


class CachedFacts:
    """Facts by version. Without a session, only those in the cache and busy time from the reader; with one, all.

    With a session, the versions passed in must have been read in it, so that everything is of one snapshot.
    """

    def __init__(self, ctx: Context, reader: Statements, session: Session | None, client_key: int | None) -> None:
        self._ctx = ctx
        self._reader = reader
        self._client_key = client_key
        self._optional_session = session

    @property
    def now(self) -> Instant:
        """The request's instant."""
        return self._ctx.now

    @property
    def _session(self) -> Session:
        if self._optional_session is None:
            raise NeedsSnapshot(self._client_key)
        return self._optional_session

    async def rules(self, accounts: Collection[Account]) -> dict[int, list[AvailabilityRule]]:
        """Returns the rules of each account, by its key. Raises NeedsSnapshot."""
        versions = {account.key: account.version for account in accounts}

        async def read(keys: Collection[int]) -> dict[int, list[AvailabilityRule]]:
            found = await availability_rules.list_rules(self._session, keys)
            return {key: found.get(key, []) for key in keys}

        return await self._facts("rules", versions, (), read, lambda rules: 2000 * len(rules))

    async def periods(self, accounts: Collection[Account], start: Instant, end: Instant) -> dict[int, SpanSet | None]:
        """Returns what each account's stored periods cover, at least from `start` to `end`; None if it has none at all.

        Raises NeedsSnapshot.
        """
        versions = {account.key: account.version for account in accounts}
        window = rounded(start, end)

        async def read(keys: Collection[int]) -> dict[int, tuple[SpanSet | None]]:
            found = await available_periods.cover(self._session, keys, *window)
            return {key: (found.get(key),) for key in keys}

        found = await self._facts("periods", versions, window, read, lambda found: 2 * _NUMBER * len(found[0] or ()))
        return {key: covered for key, (covered,) in found.items()}

    async def busy(self, versions: Mapping[int, int], start: Instant, end: Instant) -> dict[int, BusyTime]:
        """Returns the busy time of each calendar, at least from `start` to `end`. `versions` is by calendar key.

        Raises NeedsSnapshot if a calendar has another version by now.
        """
        window = rounded(start, end)

        async def read(keys: Collection[int]) -> dict[int, BusyTime]:
            return await busy_time.busy(self._reader, {key: versions[key] for key in keys}, *window, self._ctx.now)

        found = await self._facts("busy", versions, window, read, _size, self._is_current)
        self._ctx.record_lapses(busy.lapses_at for busy in found.values())
        return found

    async def excluded(
        self, versions: Mapping[int, int], start: Instant, end: Instant, excluded: Sequence[ExcludedEvent]
    ) -> dict[int, BusyTime]:
        """Returns the part of `busy` that these events are, of each calendar. Raises NeedsSnapshot as `busy` does."""
        window = rounded(start, end)
        ids = tuple(sorted({event.event_id for event in excluded if event.event_id is not None}))
        uids = tuple(sorted({event.event_uid for event in excluded if event.event_uid is not None}))

        async def read(keys: Collection[int]) -> dict[int, BusyTime]:
            current = {key: versions[key] for key in keys}
            return await busy_time.busy_of(
                self._reader, current, *window, self._ctx.now, event_ids=ids, event_uids=uids
            )

        size = sum(map(len, (*ids, *uids)))
        return await self._facts(
            "excluded", versions, (*window, ids, uids), read, lambda found: size + _size(found), self._is_current
        )

    async def bookings(self, versions: Mapping[int, int], start: Instant, end: Instant) -> dict[int, CountedBookings]:
        """Returns the bookings of each calendar, at least from `start` to `end`. Raises NeedsSnapshot as `busy` does."""
        window = rounded(start, end)

        async def read(keys: Collection[int]) -> dict[int, CountedBookings]:
            current = {key: versions[key] for key in keys}
            return await counted_bookings.of_calendars(self._reader, current, *window, self._ctx.now)

        def size(found: CountedBookings) -> int:
            return _BOOKING * len(found.bookings)

        found = await self._facts("bookings", versions, window, read, size, self._is_current)
        self._ctx.record_lapses(bookings.lapses_at for bookings in found.values())
        return found

    async def excluded_bookings(self, calendars: Collection[int], excluded: Sequence[ExcludedEvent]) -> frozenset[str]:
        """Returns the ids of the bookings that have one of these events. Raises NeedsSnapshot."""
        ids = [event.event_id for event in excluded if event.event_id is not None]
        uids = [event.event_uid for event in excluded if event.event_uid is not None]
        return await counted_bookings.of_events(Snapshot(self._session), calendars, ids, uids)

    def _is_current(self, found: BusyTime | CountedBookings) -> bool:
        """Whether it is that of the request's instant, which may be earlier than that of the request that has read it."""
        return found.is_current(self._ctx.now)

    async def _facts(
        self,
        kind: str,
        versions: Mapping[int, int],
        window: tuple[Hashable, ...],
        read: Callable[[Collection[int]], Awaitable[Mapping[int, Any]]],
        size: Callable[[Any], int],
        is_current: Callable[[Any], bool] = lambda _: True,
    ) -> dict[int, Any]:
        memory = self._ctx.cache
        found = {key: memory.get(kind, (key, *window), version, is_current) for key, version in versions.items()}
        missing = [key for key, value in found.items() if value is None]
        if missing:
            for key, value in (await read(missing)).items():
                memory.put(kind, (key, *window), versions[key], value, size(value))
                found[key] = value
            if None in found.values():
                raise NeedsSnapshot(self._client_key)
        return found


def put_busy(cache: VersionedCache, key: int, window: tuple[Instant, Instant], version: int, busy: BusyTime) -> None:
    """Caches the busy time of a calendar in a window, which is rounded."""
    cache.put("busy", (key, *window), version, busy, _size(busy))


def _size(busy: BusyTime) -> int:
    return 2 * _NUMBER * len(busy)


def rounded(start: Instant, end: Instant) -> tuple[Instant, Instant]:
    """Returns the window for which busy time is loaded that is asked for between two instants."""
    return start // _GRAIN * _GRAIN, -(-end // _GRAIN) * _GRAIN
