"""Runs `LockedWrite`s on SQLite: all statements of a transaction in one go, in the thread that owns the writing connection.

A caller that is not known yet is looked up in the same transaction.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from ..files import FileGuard
from .base import Row, count_params
from .dialects import SQLITE
from .write_line import QueuedWrite, WriteLine
from .write_lock import begin_immediate


class UncancellableFuture(asyncio.Future[None]):
    """The end of the writer thread's work. It cannot be cancelled: a cancelled caller waits for the thread
    to finish, then raises CancelledError. Does the same as `listener.shielded`, without a task in
    between."""

    def __init__(self, write: QueuedWrite) -> None:
        super().__init__()
        self._write = write

    def cancel(self, msg: object = None) -> bool:
        self._write.given_up = True
        return False


class _GivenUpError(Exception):
    """The caller of a write has been cancelled."""


class SQLiteWriter:
    """Uses the pool's only connection without checking it out, because checking out and in takes as
    long as the write. The caller must hold the write lock."""

    def __init__(self, engine: AsyncEngine, timeout: float, guard: FileGuard) -> None:
        """`timeout` in seconds is for the write lock of other processes."""
        self._engine = engine
        self._guard = guard
        self._timeout = timeout
        self._driver: Any = None
        #: number of running transactions: 0 or 1
        self.in_use = 0
        for name in ("close", "close_detached", "invalidate"):
            event.listen(engine.sync_engine, name, self._forget_connection)

    def _forget_connection(self, *_more: object) -> None:
        self._driver = None

    async def _open(self) -> Any:
        """Returns the connection of aiosqlite, opened when first used."""
        if self._driver is None:
            async with self._engine.connect() as connection:  # begins no transaction before its first statement
                self._driver = (await connection.get_raw_connection()).driver_connection
        return self._driver

    async def write(self, line: WriteLine, leader: QueuedWrite) -> None:
        """Runs the next writes of a line for a caller that holds the write lock. Each of them has its outcome then.

        A cancelled caller waits until the thread has finished, so that the next writer finds the
        connection free. Its write is rolled back unless the thread is done with it.
        """
        try:
            driver = await self._open()
            if not driver._running:
                raise sqlite3.ProgrammingError("the connection is being closed")
        except Exception as error:
            line.fail(error)
            return
        done = UncancellableFuture(leader)
        self.in_use += 1
        try:
            # aiosqlite has no public way to run several statements in one go, and one by one each would
            # wait for its thread to wake up, which takes longer than the statement. So this puts a job
            # into aiosqlite's own queue.
            driver._tx.put_nowait((done, partial(self._write_all, driver._conn, line)))
            await done
        finally:
            self.in_use -= 1

    def _write_all(self, connection: sqlite3.Connection, line: WriteLine) -> None:
        """Runs the transaction. Its error is the outcome of every write that waits."""
        try:
            self._transaction(connection, line)
        except BaseException as error:
            line.fail(error)

    def _transaction(self, connection: sqlite3.Connection, line: WriteLine) -> None:
        """Runs writes of the line and commits them together.

        Raises FileReplacedError if the file is not there any more: before, so that a refused write has no effect, and
        after, so that no lost write is acknowledged.
        """
        self._guard.check()
        begin_immediate(connection, self._timeout)
        try:
            while (write := line.take()) is not None:
                _run(connection, write)
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        self._guard.check()


def _run(connection: sqlite3.Connection, write: QueuedWrite) -> None:
    """Runs one write of a transaction. Its own error undoes it alone; raises what has undone, or may undo, all of them."""
    connection.execute("SAVEPOINT one")
    try:
        write.row = _write(connection, write)
    except Exception as error:
        # After other errors of SQLite there may be no transaction any more.
        if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.IntegrityError):
            raise
        write.error = error
        connection.execute("ROLLBACK TO one")
    connection.execute("RELEASE one")


def _write(connection: sqlite3.Connection, write: QueuedWrite) -> Row | None:
    """Returns the first row written. Raises _GivenUpError if the caller has been cancelled."""

    def rows(statement: str, values: Sequence[Any]) -> list[Row]:
        given = values[: count_params(statement)]
        return connection.execute(SQLITE.positional(statement), given).fetchall()

    locked_write, caller = write.locked_write, write.caller
    values = [value.isoformat() if isinstance(value, date) else value for value in write.values]
    if caller is not None:
        values = [caller.account_key or caller.found(rows(*caller.statement)), *values]
    rows(locked_write.lock, values)
    found: list[Row] = []
    if locked_write.each:
        given = values[: count_params(locked_write.locked_rows)]
        connection.executemany(SQLITE.positional(locked_write.each), [(*given, *row) for row in write.many])
    for statement in (*locked_write.others, locked_write.write):
        found = rows(f"WITH locked AS ({locked_write.locked_rows}) {statement}", values)
    if write.given_up:
        raise _GivenUpError
    return found[0] if found else None
