"""A transaction that locks a few rows and writes a few under their lock, in a single trip to the database.

A session of the ORM makes five trips for it, and most of its time is not the database's. On PostgreSQL it is one
statement. On SQLite it is two, run one after the other by the thread that owns the connection for writing.
"""

import sqlite3
from collections.abc import Sequence
from datetime import date
from threading import Event
from typing import Any, NamedTuple

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from .changes import CHANNEL
from .direct import DirectPostgreSQL, Row
from .spelling import SQLITE
from .unbroken import unbroken


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


class OneConnection:
    """The one connection of a pool that has no more. Whoever has the turn to write may use it where it lies in the pool:
    to take it out and to put it back takes as long as the writing."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
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

    async def execute(self, steps: Sequence[tuple[str, Sequence[Any]]]) -> Row | None:
        """What the last of the steps returns; together they are a transaction.

        Who is cancelled waits until the thread is done with it, so that the next to write finds the connection free; then
        nothing is kept.
        """
        driver, given_up = await self._open(), Event()
        self.in_use += 1
        try:
            # aiosqlite has no public way to run several statements in one go; statement by statement each waits for a
            # thread to wake up, which takes longer than the statement.
            return await unbroken(driver._execute(_transaction, driver._conn, steps, given_up), given_up.set)
        finally:
            self.in_use -= 1


async def on_sqlite(connection: OneConnection, given: ShortWrite, values: Sequence[Any]) -> Row | None:
    """As above; the caller has to have its turn to write, and tells whoever waits."""
    values = [value.isoformat() if isinstance(value, date) else value for value in values]
    steps = [(given.lock, values[: given.taken]), (f"WITH locked AS ({given.locked}) {given.write}", values)]
    return await connection.execute(steps)


def _transaction(
    connection: sqlite3.Connection, steps: Sequence[tuple[str, Sequence[Any]]], given_up: Event
) -> Row | None:
    """What the last of the steps returns. Nothing is kept if the caller has given up meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        rows: list[Row] = []
        for statement, values in steps:
            rows = connection.execute(SQLITE.numbered(statement), values).fetchall()
        connection.execute("ROLLBACK" if given_up.is_set() else "COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return rows[0] if rows else None
