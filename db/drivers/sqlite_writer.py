"""Runs a `LockedWrite` on SQLite: all statements in one go, in the thread that owns the writing connection.

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
from .base import Caller, LockedWrite, Row, count_params
from .dialects import SQLITE
from .write_lock import begin_immediate


class UncancellableFuture(asyncio.Future[Row | None]):
    """The result of the writer thread. It cannot be cancelled: a cancelled caller waits for the thread
    to finish, then raises CancelledError. Does the same as `listener.shielded`, without a task in
    between."""

    def __init__(self) -> None:
        super().__init__()
        #: whether the caller was cancelled; written by the event loop's thread, read by the writer thread
        self.given_up = False

    def cancel(self, msg: object = None) -> bool:
        self.given_up = True
        return False


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

    async def write(self, locked_write: LockedWrite, values: Sequence[Any], caller: Caller | None) -> Row | None:
        """As `Driver.write`, for a caller that holds the write lock.

        A cancelled caller waits until the thread has finished, so that the next writer finds the
        connection free. The transaction is rolled back unless the commit has begun.
        """
        driver = await self._open()
        if not driver._running:
            raise sqlite3.ProgrammingError("the connection is being closed")
        values = [value.isoformat() if isinstance(value, date) else value for value in values]
        done = UncancellableFuture()
        self.in_use += 1
        try:
            # aiosqlite has no public way to run several statements in one go, and one by one each would
            # wait for its thread to wake up, which takes longer than the statement. So this puts a job
            # into aiosqlite's own queue.
            driver._tx.put_nowait((done, partial(self._transaction, driver._conn, locked_write, values, caller, done)))
            return await done
        finally:
            self.in_use -= 1

    def _transaction(
        self,
        connection: sqlite3.Connection,
        locked_write: LockedWrite,
        values: Sequence[Any],
        caller: Caller | None,
        done: UncancellableFuture,
    ) -> Row | None:
        """Runs the transaction and returns the first row written. Rolls back if the caller has been cancelled.

        Raises FileReplacedError if the file is not there any more: before, so that a refused write has no effect, and
        after, so that no lost write is acknowledged.
        """

        def rows(statement: str, values: Sequence[Any]) -> list[Row]:
            given = values[: count_params(statement)]
            return connection.execute(SQLITE.positional(statement), given).fetchall()

        self._guard.check()
        begin_immediate(connection, self._timeout)
        try:
            if caller is not None:
                values = [caller.account_key or caller.found(rows(*caller.statement)), *values]
            rows(locked_write.lock, values)
            found: list[Row] = []
            for insert in (*locked_write.inserts, locked_write.write):
                found = rows(f"WITH locked AS ({locked_write.locked_rows}) {insert}", values)
            connection.execute("ROLLBACK" if done.given_up else "COMMIT")
        except BaseException:
            connection.rollback()
            raise
        self._guard.check()
        return found[0] if found else None
