"""Hearing of what other processes change, as long as anybody in this one waits for a change: once for all of them.

PostgreSQL tells: one connection of each process listens, and when it is lost another one does. SQLite has to be asked,
whether any other connection has written: that is a number in memory that it shares with its other processes, and is
looked at a few times a second. It does not say who was touched, so then everybody looks again.

However it begins, everybody looks again at the beginning: what happened before is not heard of.
"""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from .subscribers import CHANNEL, Subscribers, decode

T = TypeVar("T")

log = logging.getLogger("openings")

LISTENER = "openings, listening"
"""How the connection that listens is to be told from others in pg_stat_activity."""

#: seconds between two looks at a SQLite file
_INTERVAL = 0.04
#: seconds between two tries to listen: at first, and at most
_PAUSE, _LONGEST_PAUSE = 0.05, 5.0
#: seconds after which a line that says nothing is tried, and that it then has to answer in
_KEEPALIVE, _TIMEOUT = 15.0, 5.0


class ChangeListener:
    """Hears of the changes by other processes while there is anybody to be told."""

    def __init__(self, changes: Subscribers, watching: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._watching = watching
        self._current: asyncio.Task[None] | None = None
        #: those as well that have been told to end and are at it
        self._tasks: set[asyncio.Task[None]] = set()
        changes.on_first, changes.on_last = self._begin, self._end

    def _begin(self) -> None:
        self._current = asyncio.create_task(self._watching())
        self._tasks.add(self._current)
        self._current.add_done_callback(self._tasks.discard)

    def _end(self) -> None:
        if self._current is not None:
            self._current.cancel()
        self._current = None

    async def close(self) -> None:
        """Ends it, and waits for the end."""
        self._end()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def listen_postgresql(engine: AsyncEngine, changes: Subscribers) -> None:
    """Listens to PostgreSQL for ever; a line that is lost is replaced, soon at first and then with more patience."""
    pause = _PAUSE
    while True:
        try:
            async with _connection(engine, changes) as connection:
                changes.wake(None)
                pause = _PAUSE
                await _until_lost(connection)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("changes by other processes are not heard of just now: %s", type(error).__name__)
        await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(2 * pause, _LONGEST_PAUSE)


@asynccontextmanager
async def _connection(engine: AsyncEngine, changes: Subscribers) -> AsyncGenerator[asyncpg.Connection]:
    """A connection beside the pool, that listens."""
    options: dict[str, Any] = {"timeout": _TIMEOUT, "server_settings": {"application_name": LISTENER}}
    options.update(engine.dialect.create_connect_args(engine.url)[1])
    connection = await asyncpg.connect(**options)

    def heard(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        changes.wake(decode(str(payload)))

    try:
        await connection.add_listener(CHANNEL, heard)
        yield connection
    finally:
        try:
            await connection.close(timeout=_TIMEOUT)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pass  # it is lost already
        finally:
            connection.terminate()  # which does nothing to one that was closed


async def _until_lost(connection: asyncpg.Connection) -> None:
    """Comes back when the connection is lost; one that is lost without a word is found out by a word of ours."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    while not (lost.is_set() or connection.is_closed()):
        try:
            async with asyncio.timeout(_KEEPALIVE):
                await lost.wait()
        except TimeoutError:
            await connection.execute("SELECT 1", timeout=_TIMEOUT)


async def poll_sqlite(engine: AsyncEngine, write_lock: AbstractAsyncContextManager[None], changes: Subscribers) -> None:
    """Looks for ever whether another process has written to the SQLite file.

    Through the connection that writes, because the number that tells does not change by what that one writes itself.
    """
    seen: tuple[int, int] | None = None
    while True:
        try:
            async with write_lock:
                found = await shielded(_data_version(engine))
        except (OSError, SQLAlchemyError) as error:  # of which one is that the file was locked all the time
            log.warning("changes by other processes are not heard of just now: %s", type(error).__name__)
            found = None
        if found is None or found != seen:
            changes.wake(None)
        seen = found
        await asyncio.sleep(_INTERVAL)


async def _data_version(engine: AsyncEngine) -> tuple[int, int]:
    """Which connection it is, and its number for what others have written: only together do they mean something."""
    async with engine.connect() as connection:  # which begins no transaction before it is given a statement
        driver: Any = (await connection.get_raw_connection()).driver_connection
        async with driver.execute("PRAGMA data_version") as cursor:
            [version] = await cursor.fetchone()
    return id(driver), version


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """What the work gives. Whoever is cancelled meanwhile is cancelled when the work has ended.

    A coroutine of aiosqlite that is cancelled leaves its thread at work on the connection. Whoever was handed that
    connection next would meet it there, and closing the connection instead, as SQLAlchemy does, gives up a good one.
    """
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        if not working.cancelled():
            working.exception()  # looked at, so that nobody is told that it was not
        raise
