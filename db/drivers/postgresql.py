"""Driver for PostgreSQL: single statements on a small pool of asyncpg connections."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from time import monotonic
from typing import Any

import asyncpg

from ..notifications.subscribers import CHANNEL, encode
from .base import Caller, Driver, LockedWrite, Row
from .dialects import POSTGRESQL
from .row_cache import RowCache, StatementKey
from .single_flight import SingleFlight
from .write_lock import acquire

#: connections that writes may not use
_READ_ONLY_SLOTS = 2
#: maximum seconds of idleness before reuse: after that a firewall or proxy may have dropped the connection silently
_IDLE = 300
#: maximum number of statements in a row that are sent without checking the snapshot first
_MAX_SKIPS = 15

#: The server's start time and the snapshot of running transactions: equal states mean equal rows. NULL
#: on a standby, where a transaction can become visible without appearing in the snapshot.
_STATE = """
CASE WHEN NOT pg_is_in_recovery() THEN pg_postmaster_start_time()::text || ' ' || pg_current_snapshot()::text END
"""


@cache
def _with_state(statement: str) -> str:
    return f"SELECT found.*, (SELECT {_STATE}) FROM ({statement}) AS found"


class PostgreSQLDriver(Driver):
    """A small pool of connections; the most recently used one is used next.

    asyncpg's own pool takes longer to acquire a connection than these statements take to run, because
    it creates tasks and timers. No session settings are changed here, so nothing has to be reset; a
    cancelled statement closes its connection.

    Rows are cached while the snapshot of the database is the same. Reading the snapshot takes half the
    time of a statement, and concurrent callers share it.
    """

    dialect = POSTGRESQL

    def __init__(self, connect_options: dict[str, Any], *, size: int, timeout: float) -> None:
        self._connect_options = connect_options
        self._timeout = timeout
        self._slots = asyncio.Semaphore(size)
        # Writes may wait for a row lock; reads must still find a free connection.
        self._write_slots = asyncio.Semaphore(size - _READ_ONLY_SLOTS)
        #: each with the time at which it became idle
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._busy: set[asyncpg.Connection] = set()
        #: busy connections, and those being opened or closed
        self._in_use = 0
        self._cache = RowCache()
        self._state = SingleFlight(self._load_state, timeout)
        #: how many statements to send without checking the snapshot first; doubles while other clients
        #: keep writing
        self._skip_checks = 0
        #: the number that `_skip_checks` last started from
        self._last_skip = 0

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        key = statement, values
        return await self._cached(key) or await self._read(key)

    async def _cached(self, key: StatementKey) -> list[Row] | None:
        """Returns the cached rows, or None unless the database is still in the state that they were read in."""
        if key not in self._cache:
            return None
        if self._skip_checks:
            self._skip_checks -= 1
            return None
        rows = self._cache.get(await self._state.get(), key)
        self._skip_checks = self._last_skip = 0 if rows else min(2 * self._last_skip + 1, _MAX_SKIPS)
        return rows

    async def _read(self, key: StatementKey) -> list[Row]:
        statement, values = key
        found = await self.fetch_many(_with_state(statement), *values)
        rows = [row[:-1] for row in found]
        if found and (state := found[0][-1]) is not None:
            self._cache.put(state, key, rows)
        return rows

    async def _load_state(self) -> str | None:
        [[state]] = await self.fetch_many(f"SELECT {_STATE}")
        return state

    async def fetch_many(self, statement: str, *values: Any) -> list[Row]:
        await acquire(self._slots, self._timeout)
        self._in_use += 1
        try:
            connection = await self._take()
            self._busy.add(connection)
            try:
                found = await connection.fetch(statement, *values)
            except asyncpg.PostgresError:  # refused by the server; the connection is still usable
                self._put_back(connection)
                raise
            except BaseException:
                await self._close(connection)
                raise
            self._put_back(connection)
            return [tuple(record) for record in found]
        finally:
            self._in_use -= 1
            self._slots.release()

    async def write(
        self, locked_write: LockedWrite, values: Sequence[Any], *changed: int, caller: Caller | None = None
    ) -> Row | None:
        if caller is not None:
            statement, lookup_values = caller.statement
            account = caller.account_key or caller.found(await self.fetch(statement, *lookup_values))
            values, changed = [account, *values], (account, *changed)
        written = f"WITH locked AS ({locked_write.lock}), written AS ({locked_write.write})"
        notified = f"SELECT written.*, pg_notify('{CHANNEL}', ${len(values) + 1}) FROM written"
        rows = await self._execute_write(f"{written} {notified}", *values, encode(frozenset(changed)))
        return rows[0][:-1] if rows else None

    async def _execute_write(self, statement: str, *values: Any) -> list[Row]:
        """Runs a writing statement, which is a transaction by itself. Returns its rows."""
        await acquire(self._write_slots, self._timeout)
        try:
            return await self.fetch_many(statement, *values)
        finally:
            self.invalidate()
            self._write_slots.release()

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed():
                if monotonic() - since < _IDLE:
                    return connection
                await self._close(connection)
        # A server that crashed may have restarted without its latest commits, if they were not durable yet.
        self.invalidate()
        return await asyncpg.connect(**self._connect_options)

    def _put_back(self, connection: asyncpg.Connection) -> None:
        if connection in self._busy:  # otherwise close() has terminated it
            self._busy.remove(connection)
            self._idle.append((connection, monotonic()))

    async def _close(self, connection: asyncpg.Connection) -> None:
        """Closes a connection after the server has cancelled the statement that runs on it."""
        self._busy.discard(connection)
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=self._timeout)

    def invalidate(self) -> None:
        self._cache.clear()

    @property
    def in_use(self) -> int:
        return self._in_use

    async def close(self) -> None:
        for connection in (*self._busy, *(idle for idle, _ in self._idle)):
            connection.terminate()
        self._busy.clear()
        self._idle.clear()
