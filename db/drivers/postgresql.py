"""Single statements to PostgreSQL, on a few connections of their own."""

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

#: so many connections are kept from those who write
_READ_ONLY_SLOTS = 2
#: seconds that a connection may lie idle: longer, and something on the way may have forgotten it without a word
_IDLE = 300
#: how many statements in a row are sent without asking for the state first, at most
_MAX_SKIPS = 15

#: Which transactions a statement sees, of which server since when. Whoever sees the same ones sees the same rows. A standby
#: does not tell: there, a transaction can come into sight without being named.
_STATE = """
CASE WHEN NOT pg_is_in_recovery() THEN pg_postmaster_start_time()::text || ' ' || pg_current_snapshot()::text END
"""


@cache
def _with_state(statement: str) -> str:
    return f"SELECT found.*, (SELECT {_STATE}) FROM ({statement}) AS found"


class PostgreSQLDriver(Driver):
    """A few connections, of which the one that was used last is used next.

    asyncpg's pool takes longer to lend a connection than the statements take that are sent here: it makes tasks and timers
    for it, because it can do more. Nothing is ever set on these, so nothing has to be reset; who is cancelled ends theirs.

    PostgreSQL says in which state the database is in half the time of a statement, and to many at once. As long as it is
    in the same, the same statement gives the same rows.
    """

    dialect = POSTGRESQL

    def __init__(self, connect_options: dict[str, Any], *, size: int, timeout: float) -> None:
        self._connect_options = connect_options
        self._timeout = timeout
        self._slots = asyncio.Semaphore(size)
        # Who writes may wait for a lock; whoever only reads finds a connection all the same.
        self._write_slots = asyncio.Semaphore(size - _READ_ONLY_SLOTS)
        #: and since when
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._busy: set[asyncpg.Connection] = set()
        #: busy ones, and those that are being opened and closed
        self._in_use = 0
        self._cache = RowCache()
        self._state = SingleFlight(self._ask_state, timeout)
        #: for how many statements the state is not asked for: more each time that it was in vain, since others write
        self._skip_checks = 0
        #: for how many it was not, the last time
        self._last_skip = 0

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        asked = statement, values
        return await self._cached(asked) or await self._read(asked)

    async def _cached(self, asked: StatementKey) -> list[Row] | None:
        """The rows, if they are known and the database is still in the state that they were read in."""
        if asked not in self._cache:
            return None
        if self._skip_checks:
            self._skip_checks -= 1
            return None
        rows = self._cache.get(await self._state.get(), asked)
        self._skip_checks = self._last_skip = 0 if rows else min(2 * self._last_skip + 1, _MAX_SKIPS)
        return rows

    async def _read(self, asked: StatementKey) -> list[Row]:
        statement, values = asked
        found = await self.fetch_many(_with_state(statement), *values)
        rows = [row[:-1] for row in found]
        if found and (state := found[0][-1]) is not None:
            self._cache.put(state, asked, rows)
        return rows

    async def _ask_state(self) -> str | None:
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
            except asyncpg.PostgresError:  # the server has said no, and listens again
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
        self, given: LockedWrite, values: Sequence[Any], *touched: int, caller: Caller | None = None
    ) -> Row | None:
        if caller is not None:
            statement, of_whom = caller.statement
            account = caller.account_key or caller.found(await self.fetch(statement, *of_whom))
            values, touched = [account, *values], (account, *touched)
        written = f"WITH locked AS ({given.lock}), written AS ({given.write})"
        notified = f"SELECT written.*, pg_notify('{CHANNEL}', ${len(values) + 1}) FROM written"
        rows = await self._execute_write(f"{written} {notified}", *values, encode(frozenset(touched)))
        return rows[0][:-1] if rows else None

    async def _execute_write(self, statement: str, *values: Any) -> list[Row]:
        """What a statement gives that writes: it is a transaction by itself."""
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
        # A server that went down may have come back without what it had not made lasting yet.
        self.invalidate()
        return await asyncpg.connect(**self._connect_options)

    def _put_back(self, connection: asyncpg.Connection) -> None:
        if connection in self._busy:  # or else all were closed meanwhile
            self._busy.remove(connection)
            self._idle.append((connection, monotonic()))

    async def _close(self, connection: asyncpg.Connection) -> None:
        """Closes a connection, when the server has called off what it was doing for it."""
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
