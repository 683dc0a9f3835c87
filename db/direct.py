"""Single statements, straight to the driver.

Who asks, and what has changed since, is asked before every answer: one statement, which takes a database some twenty
microseconds and a session of the ORM thirty times as long. So it has connections of its own, and no transaction: a
statement by itself sees one snapshot anyway.
"""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

import asyncpg
from sqlmodel.ext.asyncio.session import AsyncSession

from .spelling import POSTGRESQL, SQLITE, Spelling

Row: TypeAlias = tuple[Any, ...]

#: how many statements' rows are known at most
_MOST_KNOWN = 500


class Reader(ABC):
    """Whoever takes a statement in SQL."""

    #: how it wants the statement written
    spelling: Spelling

    @abstractmethod
    async def rows(self, statement: str, *values: Any) -> list[Row]:
        """What the statement gives; `$1`, `$2` … stand for the values. Raises what the driver raises."""

    async def much(self, statement: str, *values: Any) -> list[Row]:
        """The same of a statement that may have to read thousands of rows."""
        return await self.rows(statement, *values)


class Direct(Reader):
    """Connections for single statements, made when they are first used."""

    @property
    @abstractmethod
    def in_use(self) -> int:
        """How many connections are at work."""

    def forget(self) -> None:
        """Something was written just now."""

    @abstractmethod
    async def close(self) -> None:
        """Closes every connection."""


class DirectSQLite(Direct):
    """One connection on the event loop's own thread.

    What is read here lies in memory, and is read in less time than it takes to wake another thread. Nobody is ever
    waited for: in the rare moment when another process holds the whole file, a thread does the waiting. What is read by
    the thousand is read in a thread, too.

    SQLite says whether anybody has written since it was last asked, which takes it a tenth of the time of a statement. As
    long as nobody has, the same statement gives the same rows.
    """

    spelling = SQLITE

    def __init__(self, path: str, *, patience: float) -> None:
        self._file = f"{Path(path).absolute().as_uri()}?mode=rw"
        self._patience = patience
        self._connection: sqlite3.Connection | None = None
        #: of threads, and not in use
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        #: what statements with their values gave in this state of the database
        self._known: dict[tuple[str, Row], list[Row]] = {}
        self._state = 0
        #: whether there is nothing to ask SQLite, since somebody has written for certain
        self._outdated = False

    async def rows(self, statement: str, *values: Any) -> list[Row]:
        try:
            if self._connection is None:
                self._connection = self._connect(0)
            return self._known_or_read(self._connection, statement, values)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
        return await self.much(statement, *values)

    async def much(self, statement: str, *values: Any) -> list[Row]:
        return await asyncio.to_thread(self._in_thread, statement, values)

    def _known_or_read(self, connection: sqlite3.Connection, statement: str, values: Row) -> list[Row]:
        if self._outdated:  # and in what state these rows are, nobody has asked: they are not to be known later
            self._outdated = False
            return connection.execute(SQLITE.numbered(statement), values).fetchall()
        [state] = connection.execute("PRAGMA data_version").fetchone()
        if state != self._state or len(self._known) == _MOST_KNOWN:
            self._state = state
            self._known.clear()
        rows = self._known.get((statement, values))
        if rows is None:
            rows = connection.execute(SQLITE.numbered(statement), values).fetchall()
            self._known[statement, values] = rows
        return rows

    def forget(self) -> None:
        self._known.clear()
        self._outdated = True

    def _in_thread(self, statement: str, values: Sequence[Any]) -> list[Row]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect(self._patience)
        try:
            return connection.execute(SQLITE.numbered(statement), values).fetchall()
        finally:
            self._idle.append(connection)
            if self._closed:  # meanwhile
                self._close_idle()

    def _connect(self, patience: float) -> sqlite3.Connection:
        # Never in two threads at once; but whoever comes next may be another one.
        connection = sqlite3.connect(self._file, patience, isolation_level=None, uri=True, check_same_thread=False)
        connection.execute("PRAGMA query_only = ON")
        return connection

    @property
    def in_use(self) -> int:
        return 0

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._known.clear()
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()


async def enter(places: asyncio.Semaphore, patience: float) -> None:
    """Waits for a place, and not for ever. Raises TimeoutError."""
    # No timer for whoever need not wait: to make one takes as long as much else here.
    async with asyncio.timeout(patience) if places.locked() else nullcontext():
        await places.acquire()


#: so many connections are kept from those who write
_READING = 2
#: seconds that a connection may lie idle: longer, and something on the way may have forgotten it without a word
_IDLE = 300


class DirectPostgreSQL(Direct):
    """A few connections, of which the one that was used last is used next.

    asyncpg's pool takes longer to lend a connection than the statements take that are sent here: it makes tasks and timers
    for it, because it can do more. Nothing is ever set on these, so nothing has to be reset; who is cancelled ends theirs.
    """

    spelling = POSTGRESQL

    def __init__(self, given: dict[str, Any], *, size: int, patience: float) -> None:
        self._given = given
        self._patience = patience
        self._places = asyncio.Semaphore(size)
        # Who writes may wait for a lock; whoever only reads finds a connection all the same.
        self._writing = asyncio.Semaphore(size - _READING)
        #: and since when
        self._idle: list[tuple[asyncpg.Connection, float]] = []
        self._busy: set[asyncpg.Connection] = set()
        #: busy ones, and those that are being opened and closed
        self._in_use = 0

    async def rows(self, statement: str, *values: Any) -> list[Row]:
        await enter(self._places, self._patience)
        self._in_use += 1
        try:
            connection = await self._take()
            self._busy.add(connection)
            try:
                found = await connection.fetch(statement, *values)
            except asyncpg.PostgresError:  # the server has said no, and listens again
                self._put_back(connection)
                raise
            except BaseException:
                await self._end(connection)
                raise
            self._put_back(connection)
            return [tuple(record) for record in found]
        finally:
            self._in_use -= 1
            self._places.release()

    async def written(self, statement: str, *values: Any) -> list[Row]:
        """What a statement gives that writes: it is a transaction by itself."""
        await enter(self._writing, self._patience)
        try:
            return await self.rows(statement, *values)
        finally:
            self._writing.release()

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed():
                if monotonic() - since < _IDLE:
                    return connection
                await self._end(connection)
        return await asyncpg.connect(**self._given)

    def _put_back(self, connection: asyncpg.Connection) -> None:
        if connection in self._busy:  # or else all were closed meanwhile
            self._busy.remove(connection)
            self._idle.append((connection, monotonic()))

    async def _end(self, connection: asyncpg.Connection) -> None:
        """Closes a connection, when the server has called off what it was doing for it."""
        self._busy.discard(connection)
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await connection.close(timeout=self._patience)

    @property
    def in_use(self) -> int:
        return self._in_use

    async def close(self) -> None:
        for connection in (*self._busy, *(idle for idle, _ in self._idle)):
            connection.terminate()
        self._busy.clear()
        self._idle.clear()


class Snapshot(Reader):
    """A session's connection: statement after statement on the one snapshot of its transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.spelling = SQLITE if session.get_bind().dialect.name == "sqlite" else POSTGRESQL

    async def rows(self, statement: str, *values: Any) -> list[Row]:
        connection = await self._session.connection()
        return [tuple(row) for row in await connection.exec_driver_sql(self.spelling.numbered(statement), values)]
