"""Receives changes by other processes, while there are subscribers: one listener per process.

On PostgreSQL one connection per process uses LISTEN, and is replaced when it is lost. SQLite is polled
several times a second for `PRAGMA data_version`, a number in memory shared by all processes. It does
not name accounts, so a change wakes all subscribers.

All subscribers are woken whenever listening starts, because earlier changes are not received.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from core.errors import TimedOut

from ..drivers.fair_queue import FairQueue
from ..drivers.hosts import Hosts
from .subscribers import CHANNEL, Subscribers, decode

T = TypeVar("T")

log = logging.getLogger("openings")

LISTENER = "openings, listening"
"""Application name of the listening connection in pg_stat_activity."""

#: seconds between two polls of a SQLite file
_INTERVAL = 0.04
#: seconds between two attempts to listen: first and maximum
_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
#: seconds of silence after which the connection is tested, and seconds for the answer to that test
_KEEPALIVE, _TIMEOUT = 15.0, 5.0


class ChangeListener:
    """Runs the listener while there are subscribers."""

    def __init__(self, subscribers: Subscribers, listen: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._listen = listen
        self._current: asyncio.Task[None] | None = None
        #: also cancelled tasks that have not finished yet
        self._tasks: set[asyncio.Task[None]] = set()
        subscribers.on_first, subscribers.on_last = self._begin, self._end

    def _begin(self) -> None:
        self._current = asyncio.create_task(self._listen())
        self._tasks.add(self._current)
        self._current.add_done_callback(self._tasks.discard)

    def _end(self) -> None:
        if self._current is not None:
            self._current.cancel()
        self._current = None

    async def close(self) -> None:
        """Stops listening, and waits for the tasks to finish."""
        self._end()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def listen_postgresql(hosts: Hosts, subscribers: Subscribers) -> None:
    """Listens to PostgreSQL until cancelled. Replaces a lost connection, with exponential backoff."""
    pause = _PAUSE
    while True:
        try:
            async with _connection(hosts, subscribers) as connection:
                subscribers.wake(None)
                pause = _PAUSE
                await _until_lost(connection)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            log.warning("cannot receive changes by other processes, will retry: %s", type(error).__name__)
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, _LONGEST_PAUSE)


@asynccontextmanager
async def _connection(hosts: Hosts, subscribers: Subscribers) -> AsyncGenerator[asyncpg.Connection]:
    """Opens a listening connection outside of the pool."""
    connection = await hosts.connect(server_settings={"application_name": LISTENER})

    def on_notify(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        subscribers.wake(decode(str(payload)))

    try:
        await connection.add_listener(CHANNEL, on_notify)
        yield connection
    finally:
        try:
            await connection.close(timeout=_TIMEOUT)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pass  # already lost
        finally:
            connection.terminate()  # does nothing if it is closed


async def _until_lost(connection: asyncpg.Connection) -> None:
    """Returns when the connection is lost. After some silence a test statement detects an unnoticed loss."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    while not (lost.is_set() or connection.is_closed()):
        try:
            async with asyncio.timeout(_KEEPALIVE):
                await lost.wait()
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=_TIMEOUT)


async def poll_sqlite(engine: AsyncEngine, write_lock: FairQueue, subscribers: Subscribers) -> None:
    """Polls the SQLite file for writes by other processes, until cancelled.

    Uses the writing connection, because its data_version does not change with its own writes.
    """
    seen: tuple[int, int] | None = None
    while True:
        try:
            async with write_lock.slot(None):
                found = await shielded(_data_version(engine))
        except (OSError, SQLAlchemyError, TimedOut) as error:  # includes a file that was locked until the timeout
            log.warning("cannot receive changes by other processes, will retry: %s", type(error).__name__)
            found = None
        if found is None or found != seen:
            subscribers.wake(None)
        seen = found
        await asyncio.sleep(_INTERVAL)


async def _data_version(engine: AsyncEngine) -> tuple[int, int]:
    """The connection's identity and its data_version, which can be compared only within one connection."""
    async with engine.connect() as connection:  # begins no transaction before its first statement
        driver: Any = (await connection.get_raw_connection()).driver_connection
        async with driver.execute("PRAGMA data_version") as cursor:
            [version] = await cursor.fetchone()
    return id(driver), version


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Runs the coroutine to completion even if the caller is cancelled, then raises CancelledError.

    A cancelled coroutine of aiosqlite leaves its thread working on the connection, where the next user
    of that connection would meet it. SQLAlchemy closes the connection instead, which wastes a good one.
    """
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        if not working.cancelled():
            working.exception()  # retrieved, or asyncio logs that it never was
        raise
