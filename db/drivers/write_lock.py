"""Waiting for one's turn, and not for ever."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import nullcontext
from time import monotonic, sleep

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.util import await_only

from ..retries import is_locked

_BEGIN = "BEGIN IMMEDIATE"
"""Takes SQLite's lock for writing at the start of a transaction. One that read first, and then found itself behind another
writer, could only fail."""

#: seconds between two tries to take it, at first and at last
_SHORTEST, _LONGEST = 0.00005, 0.005


async def acquire(slots: asyncio.Semaphore, timeout: float) -> None:
    """Waits for a place, and not for ever. Raises TimeoutError."""
    # No timer for whoever need not wait: to make one takes as long as much else here.
    async with asyncio.timeout(timeout) if slots.locked() else nullcontext():
        await slots.acquire()


class WriteLock:
    """Whose turn it is to write: first come, first served, where SQLite's own waiting is a lottery. Raises TimeoutError."""

    def __init__(self, timeout: float) -> None:
        # A lock would not say that somebody is waiting for it who has been promised it.
        self._free = asyncio.Semaphore(1)
        self._timeout = timeout

    async def __aenter__(self) -> None:
        await acquire(self._free, self._timeout)

    async def __aexit__(self, *_raised: object) -> None:
        self._free.release()


def begin_immediate(connection: sqlite3.Connection, timeout: float) -> None:
    """Begins a transaction that writes, as soon as no other process is in one. Raises OperationalError when none ends in time.

    SQLite by itself waits for a millisecond at least, in which three of our transactions are done, and so it waits again. The
    connection must have no timeout of its own.
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
    """The same for SQLAlchemy, without keeping a thread waiting."""
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
    """How long to wait after each try, until so many seconds are over."""
    until, pause = monotonic() + timeout, _SHORTEST
    while monotonic() < until:
        yield pause
        pause = min(2 * pause, _LONGEST)
