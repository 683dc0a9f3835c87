"""A transaction that locks one row and writes one under its lock, in a single trip to the database.

A session of the ORM makes five trips for it, and most of its time is not the database's. On PostgreSQL it is one
statement. On SQLite it is two, run one after the other by the thread that owns the connection for writing.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import date
from threading import Event
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from .changes import CHANNEL
from .direct import Row
from .spelling import SQLITE


class ShortWrite(NamedTuple):
    """Three statements; `$1`, `$2` … stand for the same values in each."""

    #: an UPDATE with RETURNING, which finds its row by `$1` and `$2` and takes no other value but `$3`
    lock: str
    #: a SELECT of the same that the lock returns
    locked: str
    #: an INSERT with RETURNING, from what is `locked` by that name
    write: str


async def on_postgresql(engine: AsyncEngine, given: ShortWrite, values: Sequence[Any], word: str) -> Row | None:
    """What the write returns, which is None when there was nothing to lock; then nothing was written. Whoever listens is
    told the word."""
    written = f"WITH locked AS ({given.lock}), written AS ({given.write})"
    told = f"SELECT written.*, pg_notify('{CHANNEL}', ${len(values) + 1}) FROM written"
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        row = (await connection.exec_driver_sql(f"{written} {told}", (*values, word))).first()
    return tuple(row)[:-1] if row is not None else None


async def on_sqlite(engine: AsyncEngine, given: ShortWrite, values: Sequence[Any]) -> Row | None:
    """As above; the caller has to have its turn to write, and tells whoever waits."""
    values = [value.isoformat() if isinstance(value, date) else value for value in values]
    steps = [(given.lock, values[:3]), (f"WITH locked AS ({given.locked}) {given.write}", values)]
    given_up = Event()
    async with engine.connect() as connection:  # which begins nothing before it is given a statement
        driver: Any = (await connection.get_raw_connection()).driver_connection
        try:
            # aiosqlite has no public way to run several statements in one go; statement by statement each waits for a
            # thread to wake up, which takes longer than the statement.
            return await driver._execute(_transaction, driver._conn, steps, given_up)
        except asyncio.CancelledError:
            given_up.set()
            raise


def _transaction(
    connection: sqlite3.Connection, steps: Sequence[tuple[str, Sequence[Any]]], given_up: Event
) -> Row | None:
    """What the last step returns. Nothing is kept when the caller has given up meanwhile."""
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
