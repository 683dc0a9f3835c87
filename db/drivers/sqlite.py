"""Driver for SQLite: single statements on the event loop's own thread."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

from core.errors import TimedOut

from ..files import FileGuard
from .base import Caller, ClientStatements, Driver, LockedWrite, Row, Statements
from .dialects import SQLITE
from .fair_queue import Client, FairQueue
from .row_cache import RowCache
from .sqlite_writer import SQLiteWriter
from .write_line import QueuedWrite, WriteLine

#: threads that read at once; fewer than asyncio has
_THREADS = 4

#: Seconds after which a statement that may read much is interrupted, to begin again in a thread: waking one takes
#: about as long. Checked every so many steps of SQLite's machine.
_BRIEF, _STEPS = 0.0005, 1000


class SQLiteDriver(Driver):
    """One connection on the event loop's own thread.

    The rows read here are in memory, and reading them takes less time than waking another thread. It
    never blocks: in the rare moment when another process has locked the whole file, the statement moves
    to a thread. So do statements that may read thousands of rows, if they turn out to take longer than that is worth.

    Rows are cached while `PRAGMA data_version` shows no other write. Reading it takes a tenth of the
    time of a statement.
    """

    dialect = SQLITE

    def __init__(
        self,
        path: str,
        guard: FileGuard,
        *,
        timeout: float,
        writer: SQLiteWriter,
        write_lock: FairQueue,
        wake: Callable[[frozenset[int]], None],
    ) -> None:
        """`wake` notifies subscribers of accounts, by key. `timeout` in seconds is for locks of other processes."""
        self._writer, self._write_lock, self._wake = writer, write_lock, wake
        self._file = f"{Path(path).absolute().as_uri()}?mode=rw"
        self._guard = guard
        self._timeout = timeout
        #: by client: the writes that wait or are under way
        self._lines: dict[Client, WriteLine] = {}
        #: the number of writes that wait for the transaction of another one
        self._joined = 0
        self._threads = FairQueue(_THREADS, timeout, most=_THREADS - 1)
        self._connection: sqlite3.Connection | None = None
        #: idle connections for use in threads
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        self._cache = RowCache()
        #: when a statement on the event loop's thread is interrupted
        self._interrupt_at = inf
        #: set after our own write: skip the data_version check once
        self._skip_check = False

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        try:
            return self._cached_or_read(self._own(), statement, values)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        return await self.fetch_many(statement, *values)

    async def fetch_many(self, statement: str, *values: Any) -> list[Row]:
        return await self.fetch_many_for(None, statement, *values)

    def for_client(self, client: Client) -> Statements:
        return ClientStatements(self, partial(self.fetch_many_for, client))

    async def fetch_many_for(self, client: Client, statement: str, *values: Any) -> list[Row]:
        """Returns the rows of a statement of this client: at once if it is short, or in its turn."""
        try:
            self._interrupt_at = perf_counter() + _BRIEF
            return self._own().execute(SQLITE.positional(statement), values).fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT):
                raise
        finally:
            self._interrupt_at = inf
        async with self._threads.slot(client):
            return await asyncio.to_thread(self._in_thread, statement, values)

    async def write(
        self,
        locked_write: LockedWrite,
        values: Sequence[Any],
        *changed: int,
        writer: Caller | int | None,
        rows: Sequence[Row] = (),
    ) -> Row | None:
        caller = None if writer is None or isinstance(writer, int) else writer
        client = writer if caller is None else await self._client(caller)
        line = self._lines.get(client)
        if line is None:
            line = self._lines[client] = WriteLine(lambda: not self._write_lock.others_wait(client))
        write = QueuedWrite(locked_write, values, caller, changed, rows)
        if line.add(write) or await self._turn(line, write):
            await self._lead(line, write, client)
        return write.outcome()

    async def _turn(self, line: WriteLine, write: QueuedWrite) -> bool:
        """Waits for the transaction of another write. Returns whether this one was left to lead the next."""
        self._joined += 1
        try:
            return await write.turn
        except asyncio.CancelledError:
            line.discard(write)
            if not write.turn.cancelled() and write.turn.result():  # it was left to lead just when it gave up
                line.go_on()
            raise
        finally:
            self._joined -= 1

    async def _lead(self, line: WriteLine, write: QueuedWrite, client: Client) -> None:
        """Waits for the lock, and has the writes of the line done in one transaction."""
        try:
            await self._write_lock.acquire(client)
            try:
                await self._writer.write(line, write)
            finally:
                self.invalidate()
                self._write_lock.release(client)
        except TimedOut as error:
            line.fail(error)
        except asyncio.CancelledError:
            line.discard(write)
            raise
        finally:
            self._wake(line.go_on())
            if not line.is_led:
                self._lines.pop(client, None)

    async def _client(self, caller: Caller) -> Client:
        """Returns whose turn a write is. The caller is looked up in its transaction, and before only if it has to wait."""
        if caller.account_key is not None or self._write_lock.is_free(None):
            return caller.client_key
        statement, values = caller.statement
        return caller.found_client(await self.fetch(statement, *values))

    def _own(self) -> sqlite3.Connection:
        """Returns the connection of the event loop's thread."""
        if self._connection is None:
            self._connection = self._connect(0)
            self._connection.set_progress_handler(lambda: perf_counter() > self._interrupt_at, _STEPS)
        return self._connection

    def _cached_or_read(self, connection: sqlite3.Connection, statement: str, values: Row) -> list[Row]:
        if self._skip_check:  # not cached: the state that these rows belong to was not read
            self._skip_check = False
            return connection.execute(SQLITE.positional(statement), values).fetchall()
        [state] = connection.execute("PRAGMA data_version").fetchone()
        key = statement, values
        rows = self._cache.get(state, key)
        if rows is None:
            rows = connection.execute(SQLITE.positional(statement), values).fetchall()
            self._cache.put(state, key, rows)
        return rows

    def invalidate(self) -> None:
        self._cache.clear()
        self._skip_check = True

    def _in_thread(self, statement: str, values: Sequence[Any]) -> list[Row]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect(self._timeout)
        try:
            return connection.execute(SQLITE.positional(statement), values).fetchall()
        finally:
            self._idle.append(connection)
            if self._closed:  # while the statement ran
                self._close_idle()

    def _connect(self, timeout: float) -> sqlite3.Connection:
        self._guard.check()
        # Used by one thread at a time, but not always by the same one.
        connection = sqlite3.connect(self._file, timeout, isolation_level=None, uri=True, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        return connection

    @property
    def in_use(self) -> int:
        return self._writer.in_use

    @property
    def waiting(self) -> int:
        return self._threads.waiting + self._joined

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._cache.clear()
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()
