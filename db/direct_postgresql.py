"""Single statements to PostgreSQL, on a few connections of their own."""

import asyncio
from contextlib import suppress
from time import monotonic
from typing import Any

import asyncpg

from .direct import Direct, Row
from .spelling import POSTGRESQL
from .turns import enter

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
