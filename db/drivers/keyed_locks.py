"""Locks by key within this process, held before a connection is taken."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from core.errors import TimedOut

LockKey: TypeAlias = tuple[Any, ...]
"""What is locked: its kind, its account or client, and its id. Keys of one kind can be compared with each other."""


def calendar_lock(account_key: int, calendar_id: str) -> LockKey:
    """The key of a calendar: with its account, so that nobody can hold the key of a calendar that is not his own."""
    return "calendar", account_key, calendar_id


def account_lock(account_key: int) -> LockKey:
    """The key of an account's rules, stored periods and version."""
    return "account", account_key


def external_id_lock(client_key: int, kind: str, external_id: str) -> LockKey:
    """The key of an account by the id that its client has given it."""
    return "external id", client_key, kind, external_id


def token_lock(client_key: int, token: str) -> LockKey:
    """The key of a refresh token."""
    return "token", client_key, token


def link_lock(client_key: int, scheduling_id: str) -> LockKey:
    """The key of a booking link."""
    return "link", client_key, scheduling_id


class KeyedLocks:
    """Locks by key: first come, first served.

    Requests that write to one calendar wait here, without a connection. In the database they would wait
    for its row lock with one each, and leave none for anybody else.
    """

    def __init__(self, timeout: float) -> None:
        """`timeout` in seconds is for all keys of one caller together."""
        self._timeout = timeout
        #: the callers that wait, in their order, by key; every key that is held is here
        self._waiting: dict[LockKey, dict[asyncio.Future[None], None]] = {}

    @property
    def waiting(self) -> int:
        """Number of callers that wait."""
        return sum(map(len, self._waiting.values()))

    @asynccontextmanager
    async def hold(self, keys: Collection[LockKey]) -> AsyncGenerator[bool]:
        """Holds the locks during the block. Yields whether it had to wait for one of them. Raises TimedOut.

        They are taken in the order of their keys, so that two callers never deadlock.
        """
        held: list[LockKey] = []
        try:
            waited = await self._acquire_all(sorted(set(keys)), held)
            yield waited
        finally:
            for key in held:
                self._release(key)

    async def _acquire_all(self, keys: Collection[LockKey], held: list[LockKey]) -> bool:
        """Acquires the locks and appends each to `held` as soon as it is. Returns whether it had to wait."""
        if self._waiting.keys().isdisjoint(keys):
            held += keys
            self._waiting.update((key, dict[asyncio.Future[None], None]()) for key in keys)
            return False
        try:
            async with asyncio.timeout(self._timeout):
                for key in keys:
                    await self._acquire(key)
                    held.append(key)
        except TimeoutError:
            raise TimedOut(waited_for="lock") from None
        return True

    async def _acquire(self, key: LockKey) -> None:
        if key not in self._waiting:
            self._waiting[key] = {}
            return
        ours: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[key][ours] = None
        try:
            await ours
        except BaseException:
            if ours.done() and not ours.cancelled():  # it got the lock just when it gave up
                self._release(key)
            elif key in self._waiting:
                self._waiting[key].pop(ours, None)
            raise

    def _release(self, key: LockKey) -> None:
        """Hands the lock to the caller that waits longest."""
        waiting = self._waiting[key]
        while waiting:
            first = next(iter(waiting))
            del waiting[first]
            if not first.done():  # else it was cancelled
                first.set_result(None)
                return
        del self._waiting[key]
