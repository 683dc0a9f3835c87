"""A transaction that locks a few rows and writes a few under their lock, in a single trip to the database.

A session of the ORM makes five trips for it, and most of its time is not the database's. On PostgreSQL it is one
statement. On SQLite it is two, run one after the other by the thread that owns the connection for writing; and who asks is
found out there as well, before them.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from ..access import Asking
from ..notifications.subscribers import CHANNEL
from .base import Row
from .dialects import SQLITE
from .postgresql import DirectPostgreSQL
from .write_lock import begin


class ShortWrite(NamedTuple):
    """Three statements; `$1`, `$2` … stand for the same values in each."""

    #: an UPDATE with RETURNING, which takes no more than the first few values
    lock: str
    #: a SELECT of the same that the lock has returned
    locked: str
    #: an INSERT with RETURNING, from what is `locked` by that name
    write: str
    #: how many values the lock takes
    taken: int = 3


async def on_postgresql(direct: DirectPostgreSQL, given: ShortWrite, values: Sequence[Any], word: str) -> Row | None:
    """The first row that the write returns, and None when there was nothing to lock; then nothing was written. Whoever
    listens is told the word."""
    written = f"WITH locked AS ({given.lock}), written AS ({given.write})"
    told = f"SELECT written.*, pg_notify('{CHANNEL}', ${len(values) + 1}) FROM written"
    rows = await direct.written(f"{written} {told}", *values, word)
    return rows[0][:-1] if rows else None


class _Done(asyncio.Future[Row | None]):
    """What a thread is going to return. Whoever waits for it and is cancelled goes on waiting, and is cancelled at the end:
    as `unbroken`, without a task in between."""

    def __init__(self) -> None:
        super().__init__()
        #: written by the event loop's thread, read by the other one
        self.given_up = False

    def cancel(self, msg: object = None) -> bool:
        self.given_up = True
        return False


class OneConnection:
    """The one connection of a pool that has no more. Whoever has the turn to write may use it where it lies in the pool:
    to take it out and to put it back takes as long as the writing."""

    def __init__(self, engine: AsyncEngine, patience: float) -> None:
        """`patience` is how many seconds it waits for other processes."""
        self._engine = engine
        self._patience = patience
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

    async def write(self, given: ShortWrite, values: Sequence[Any], asking: Asking | None) -> Row | None:
        """As `on_postgresql`, by a caller who has its turn to write, and tells whoever listens. The key of the account that is
        asking goes before the values.

        Who is cancelled waits until the thread is done with it, so that the next to write finds the connection free; then
        nothing is kept.
        """
        driver = await self._open()
        if not driver._running:
            raise sqlite3.ProgrammingError("the connection is being closed")
        values = [value.isoformat() if isinstance(value, date) else value for value in values]
        done = _Done()
        self.in_use += 1
        try:
            # aiosqlite has no public way to run several statements in one go; statement by statement each waits for a
            # thread to wake up, which takes longer than the statement. So this goes where it puts its own.
            driver._tx.put_nowait((done, partial(self._transaction, driver._conn, given, values, asking, done)))
            return await done
        finally:
            self.in_use -= 1

    def _transaction(
        self,
        connection: sqlite3.Connection,
        given: ShortWrite,
        values: Sequence[Any],
        asking: Asking | None,
        done: _Done,
    ) -> Row | None:
        """The first row of the write. Nothing is kept if whoever waits for it has given up meanwhile."""

        def rows(statement: str, values: Sequence[Any]) -> list[Row]:
            return connection.execute(SQLITE.numbered(statement), values).fetchall()

        begin(connection, self._patience)
        try:
            if asking is not None:
                values = [asking.account_key or asking.found(rows(*asking.statement)), *values]
            rows(given.lock, values[: given.taken])
            found = rows(f"WITH locked AS ({given.locked}) {given.write}", values)
            connection.execute("ROLLBACK" if done.given_up else "COMMIT")
        except BaseException:
            connection.rollback()
            raise
        return found[0] if found else None
