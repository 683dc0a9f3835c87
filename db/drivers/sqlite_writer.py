"""Runs a `ShortWrite` on SQLite: its statements one after the other, by the thread that owns the connection for writing.

Who asks is found out there as well, before them.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from .base import Caller, LockedWrite, Row
from .dialects import SQLITE
from .write_lock import begin_immediate


class UncancellableFuture(asyncio.Future[Row | None]):
    """What a thread is going to return. Whoever waits for it and is cancelled goes on waiting, and is cancelled at the end:
    as `unbroken`, without a task in between."""

    def __init__(self) -> None:
        super().__init__()
        #: written by the event loop's thread, read by the other one
        self.given_up = False

    def cancel(self, msg: object = None) -> bool:
        self.given_up = True
        return False


class SQLiteWriter:
    """The one connection of a pool that has no more. Whoever has the turn to write may use it where it lies in the pool:
    to take it out and to put it back takes as long as the writing."""

    def __init__(self, engine: AsyncEngine, timeout: float) -> None:
        """`patience` is how many seconds it waits for other processes."""
        self._engine = engine
        self._timeout = timeout
        self._driver: Any = None
        #: whether a transaction is at work
        self.in_use = 0
        for name in ("close", "close_detached", "invalidate"):
            event.listen(engine.sync_engine, name, self._gone)

    def _gone(self, *_more: object) -> None:
        self._driver = None

    async def _open(self) -> Any:
        """The connection of aiosqlite."""
        if self._driver is None:
            async with self._engine.connect() as connection:  # which begins nothing before it is given a statement
                self._driver = (await connection.get_raw_connection()).driver_connection
        return self._driver

    async def write(self, given: LockedWrite, values: Sequence[Any], caller: Caller | None) -> Row | None:
        """As `Direct.write`, for whoever has the turn to write.

        Who is cancelled waits until the thread is done with it, so that the next to write finds the connection free; then
        nothing is kept.
        """
        driver = await self._open()
        if not driver._running:
            raise sqlite3.ProgrammingError("the connection is being closed")
        values = [value.isoformat() if isinstance(value, date) else value for value in values]
        done = UncancellableFuture()
        self.in_use += 1
        try:
            # aiosqlite has no public way to run several statements in one go; statement by statement each waits for a
            # thread to wake up, which takes longer than the statement. So this goes where it puts its own.
            driver._tx.put_nowait((done, partial(self._transaction, driver._conn, given, values, caller, done)))
            return await done
        finally:
            self.in_use -= 1

    def _transaction(
        self,
        connection: sqlite3.Connection,
        given: LockedWrite,
        values: Sequence[Any],
        caller: Caller | None,
        done: UncancellableFuture,
    ) -> Row | None:
        """The first row of the write. Nothing is kept if whoever waits for it has given up meanwhile."""

        def rows(statement: str, values: Sequence[Any]) -> list[Row]:
            return connection.execute(SQLITE.positional(statement), values).fetchall()

        begin_immediate(connection, self._timeout)
        try:
            if caller is not None:
                values = [caller.account_key or caller.found(rows(*caller.statement)), *values]
            rows(given.lock, values[: given.lock_params])
            found = rows(f"WITH locked AS ({given.locked_rows}) {given.write}", values)
            connection.execute("ROLLBACK" if done.given_up else "COMMIT")
        except BaseException:
            connection.rollback()
            raise
        return found[0] if found else None
