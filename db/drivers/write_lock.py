"""SQLite's write lock between processes, with a timeout. `FairQueue` is the one within a process."""

import asyncio
import sqlite3
from collections.abc import Iterator
from time import monotonic, sleep

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.util import await_only

from ..retries import is_locked

_BEGIN = "BEGIN IMMEDIATE"
"""Takes SQLite's write lock at the start of a transaction. A transaction that reads first and writes
later fails if another writer has committed in between."""

#: seconds between two attempts to take it: first and maximum
_SHORTEST, _LONGEST = 0.00005, 0.005


def begin_immediate(connection: sqlite3.Connection, timeout: float) -> None:
    """Begins a write transaction as soon as no other process has one. Raises OperationalError after
    `timeout` seconds.

    SQLite's own busy handler sleeps at least 1 ms, long enough for three of our transactions, so it
    keeps losing the race. The connection must have no busy timeout of its own.
    """
    for pause in _backoff(timeout):
        try:
            connection.execute(_BEGIN)
        except sqlite3.OperationalError as error:
            if not is_locked(error):
                raise
            sleep(pause)
        else:
            return
    connection.execute(_BEGIN)


def begin_immediate_session(connection: Connection, timeout: float) -> None:
    """The same for a SQLAlchemy connection, sleeping in the event loop instead of a thread."""
    for pause in _backoff(timeout):
        try:
            connection.exec_driver_sql(_BEGIN)
        except OperationalError as error:
            if not is_locked(error):
                raise
            await_only(asyncio.sleep(pause))
        else:
            return
    connection.exec_driver_sql(_BEGIN)


def _backoff(timeout: float) -> Iterator[float]:
    """Yields the seconds to sleep after each attempt, until `timeout` seconds have passed."""
    until, pause = monotonic() + timeout, _SHORTEST
    while monotonic() < until:
        yield pause
        pause = min(2 * pause, _LONGEST)
