"""Driver for PostgreSQL: single statements on a small pool of asyncpg connections."""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import cache, partial
from time import monotonic
from typing import Any

import asyncpg

from ..notifications.subscribers import CHANNEL, encode
from .base import (
    LOCK_TIMEOUT,
    Caller,
    ClientStatements,
    Connections,
    Driver,
    LockedWrite,
    Row,
    Statements,
    WiderStatement,
)
from .dialects import POSTGRESQL
from .fair_queue import Client, FairQueue
from .hosts import Hosts
from .keyed_locks import KeyedLocks, calendar_lock
from .row_cache import RowCache, SeenState, StatementKey
from .single_flight import SingleFlight

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


#: in place of the state where there is none: rows are not cached
_NO_STATE = "NULL"


@cache
def _with_state(statement: str, state: str) -> str:
    return f"SELECT found.*, (SELECT {state}) FROM ({statement}) AS found"


@cache
def _one_trip(locked_write: LockedWrite, lock_timeout: str, notify: str) -> str:
    """The locked write as one statement, with the expression that notifies other processes as its last column."""
    # PostgreSQL reads its setting when it begins to wait, which is after this condition was evaluated. To
    # set it for the whole connection would be a parameter that PgBouncer refuses.
    lock = locked_write.lock.replace(LOCK_TIMEOUT, f"set_config('lock_timeout', '{lock_timeout}', true) IS NOT NULL")
    notified = f"SELECT written.*, {notify} FROM written"
    others = "".join(f", other_{number} AS ({other})" for number, other in enumerate(locked_write.others))
    return f"WITH locked AS ({lock}){others}, written AS ({locked_write.write}) {notified}"


class PostgreSQLDriver(Driver):
    """A small pool of connections; the most recently used one is used next.

    asyncpg's own pool takes longer to acquire a connection than these statements take to run, because
    it creates tasks and timers. No session settings are changed here, so nothing has to be reset; a
    cancelled statement closes its connection.

    Rows are cached while the snapshot of the database is the same. Reading the snapshot takes half the
    time of a statement, and concurrent callers share it.
    """

    dialect = POSTGRESQL

    def __init__(
        self,
        hosts: Hosts,
        *,
        size: int,
        timeout: float,
        lock_timeout: str,
        locks: KeyedLocks,
        wake: Callable[[Collection[int]], None] | None = None,
    ) -> None:
        """`timeout` in seconds is for a free connection, `lock_timeout` is PostgreSQL's setting.

        With `wake`, which is called after a write with the accounts that it changes, neither NOTIFY nor snapshots are used.
        """
        self._hosts = hosts
        self._timeout = timeout
        self._lock_timeout = lock_timeout
        self._locks = locks
        self._wake = wake
        self._state_sql = _STATE if wake is None else _NO_STATE
        # Without states even a repeated question sends its statement, so that is the narrower one, at the price of a second
        # trip where something has changed.
        self.has_trips = wake is None
        self._queue = FairQueue(size, timeout, most=size - size // 4)
        # Writes may wait for a row lock of another process; reads must still find a free connection, and so
        # must the writes of other clients.
        writing = size - _READ_ONLY_SLOTS
        self._write_queue = FairQueue(writing, timeout, most=writing - writing // 4)
        #: each with the time at which it became idle
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._busy: set[asyncpg.Connection] = set()
        #: busy connections, and those being opened or closed
        self._in_use = 0
        self._cache = RowCache()
        #: how many writes of this process have ended
        self._writes = 0
        self._state = SingleFlight(self._load_state, timeout)
        #: how many statements to send without checking the snapshot first; doubles while other clients
        #: keep writing
        self._skip_checks = 0
        #: the number that `_skip_checks` last started from
        self._last_skip = 0

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        return await self.fetch_as_of(SeenState(), statement, *values)

    async def fetch_as_of(self, seen: SeenState, statement: str, *values: Any) -> list[Row]:
        """Returns the rows of a statement, now or in the state that was seen. What it sees itself is noted there."""
        key = statement, values
        return await self._cached(key, seen) or await self._read(key, seen)

    async def fetch_wider(
        self, statement: str, values: Row, wider: WiderStatement | None, *, fresh: bool
    ) -> tuple[list[Row], list[Row]]:
        return await self.fetch_wider_as_of(SeenState(), (statement, values), wider, fresh=fresh)

    async def fetch_wider_as_of(
        self, seen: SeenState, key: StatementKey, wider: WiderStatement | None, *, fresh: bool
    ) -> tuple[list[Row], list[Row]]:
        """The same, now or in the state that was seen."""
        if not fresh and (rows := await self._cached(key, seen)):
            return rows, []
        found = await self._read(key, seen, wider)
        return ([row[: wider.shared] for row in found], found) if wider is not None else (found, [])

    async def _cached(self, key: StatementKey, seen: SeenState) -> list[Row] | None:
        """Returns the cached rows, or None unless they are of the state that was seen or that the database is in."""
        if key not in self._cache:
            return None
        if seen.writes == self._writes and (rows := self._cache.get(seen.state, key)):
            return rows
        if self._skip_checks:
            self._skip_checks -= 1
            return None
        writes = self._writes  # a write that ends meanwhile may be in the state or not
        state = await self._state.get()
        seen.state, seen.writes = state, writes
        rows = self._cache.get(state, key)
        self._skip_checks = self._last_skip = 0 if rows else min(2 * self._last_skip + 1, _MAX_SKIPS)
        return rows

    async def _read(self, key: StatementKey, seen: SeenState, wider: WiderStatement | None = None) -> list[Row]:
        """Reads the rows of a statement, or of the wider one in its place, and caches those of the statement."""
        statement, values = key if wider is None else (wider.statement, wider.values)
        writes = self._writes
        found = await self.fetch_many(_with_state(statement, self._state_sql), *values)
        rows = [row[:-1] for row in found]
        if found and (state := found[0][-1]) is not None:
            self._cache.put(state, key, rows if wider is None else [row[: wider.shared] for row in rows])
            seen.state, seen.writes = state, writes
        return rows

    async def _load_state(self) -> str | None:
        [[state]] = await self.fetch_many(f"SELECT {self._state_sql}")
        return state

    async def fetch_many(self, statement: str, *values: Any) -> list[Row]:
        return await self.fetch_many_for(None, statement, *values)

    def for_request(self) -> Connections:
        return _RequestStatements(self)

    def for_client(self, client: Client) -> Statements:
        return ClientStatements(self, partial(self.fetch_many_for, client))

    async def fetch_many_for(self, client: Client, statement: str, *values: Any) -> list[Row]:
        """Returns the rows of a statement of this client, in its turn."""
        await self._queue.acquire(client)
        self._in_use += 1
        try:
            connection = await self._take()
            self._busy.add(connection)
            try:
                found = await connection.fetch(statement, *values)
            except asyncpg.ReadOnlySQLTransactionError:
                self._busy.discard(connection)
                self._hosts.doubt(connection)
                raise
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
            self._queue.release(client)

    async def write(
        self,
        locked_write: LockedWrite,
        values: Sequence[Any],
        *changed: int,
        writer: Caller | int | None,
        rows: Sequence[Row] = (),
    ) -> Row | None:
        if writer is None or isinstance(writer, int):
            return await self._write(locked_write, values, changed, writer)
        statement, lookup_values = writer.statement
        account = writer.account_key or writer.found(await self.fetch(statement, *lookup_values))
        async with self._locks.hold([calendar_lock(account, values[0])]):
            return await self._write(locked_write, [account, *values], (account, *changed), writer.client_key)

    async def _write(
        self, locked_write: LockedWrite, values: Sequence[Any], changed: Sequence[int], client: Client
    ) -> Row | None:
        if self._wake is None:
            statement = _one_trip(locked_write, self._lock_timeout, f"pg_notify('{CHANNEL}', ${len(values) + 1})")
            rows = await self._execute_write(client, statement, *values, encode(frozenset(changed)))
        else:
            try:
                rows = await self._execute_write(client, _one_trip(locked_write, self._lock_timeout, "NULL"), *values)
            finally:
                self._wake(changed)
        return rows[0][:-1] if rows else None

    async def _execute_write(self, client: Client, statement: str, *values: Any) -> list[Row]:
        """Runs a writing statement, which is a transaction by itself. Returns its rows."""
        await self._write_queue.acquire(client)
        try:
            return await self.fetch_many_for(client, statement, *values)
        finally:
            self.invalidate()
            self._write_queue.release(client)

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed():
                if monotonic() - since < _IDLE:
                    return connection
                await self._close(connection)
        # A server that crashed may have restarted without its latest commits, if they were not durable yet.
        self.invalidate()
        return await self._hosts.connect()

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
        self._writes += 1

    @property
    def in_use(self) -> int:
        return self._in_use

    @property
    def waiting(self) -> int:
        return self._queue.waiting + self._write_queue.waiting

    async def close(self) -> None:
        for connection in (*self._busy, *(idle for idle, _ in self._idle)):
            connection.terminate()
        self._busy.clear()
        self._idle.clear()


class _RequestStatements(Connections):
    """A driver's statements for one request, which asks once whether anybody has written."""

    dialect = POSTGRESQL

    def __init__(self, driver: PostgreSQLDriver) -> None:
        self.has_trips = driver.has_trips
        self._driver = driver
        self._seen = SeenState()

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        return await self._driver.fetch_as_of(self._seen, statement, *values)

    async def fetch_wider(
        self, statement: str, values: Row, wider: WiderStatement | None, *, fresh: bool
    ) -> tuple[list[Row], list[Row]]:
        return await self._driver.fetch_wider_as_of(self._seen, (statement, values), wider, fresh=fresh)

    async def fetch_many(self, statement: str, *values: Any) -> list[Row]:
        return await self._driver.fetch_many(statement, *values)

    def for_client(self, client: Client) -> Statements:
        return ClientStatements(self, partial(self._driver.fetch_many_for, client))
