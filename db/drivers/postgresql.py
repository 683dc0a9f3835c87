"""Single statements to PostgreSQL, on a few connections of their own."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from time import monotonic
from typing import Any

import asyncpg

from ..notifications.subscribers import CHANNEL, spell
from .base import Caller, Direct, Row, ShortWrite
from .dialects import POSTGRESQL
from .row_cache import Asked, KnownRows
from .single_flight import Shared
from .write_lock import enter

#: so many connections are kept from those who write
_READING = 2
#: seconds that a connection may lie idle: longer, and something on the way may have forgotten it without a word
_IDLE = 300
#: how many statements in a row are sent without asking for the state first, at most
_MOST_DOUBT = 15

#: Which transactions a statement sees, of which server since when. Whoever sees the same ones sees the same rows. A standby
#: does not tell: there, a transaction can come into sight without being named.
_STATE = """
CASE WHEN NOT pg_is_in_recovery() THEN pg_postmaster_start_time()::text || ' ' || pg_current_snapshot()::text END
"""


@cache
def _with_state(statement: str) -> str:
    return f"SELECT found.*, (SELECT {_STATE}) FROM ({statement}) AS found"


class DirectPostgreSQL(Direct):
    """A few connections, of which the one that was used last is used next.

    asyncpg's pool takes longer to lend a connection than the statements take that are sent here: it makes tasks and timers
    for it, because it can do more. Nothing is ever set on these, so nothing has to be reset; who is cancelled ends theirs.

    PostgreSQL says in which state the database is in half the time of a statement, and to many at once. As long as it is
    in the same, the same statement gives the same rows.
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
        self._known = KnownRows()
        self._state = Shared(self._ask_state, patience)
        #: for how many statements the state is not asked for: more each time that it was in vain, since others write
        self._doubt = 0
        #: for how many it was not, the last time
        self._vain = 0

    async def rows(self, statement: str, *values: Any) -> list[Row]:
        asked = statement, values
        return await self._find(asked) or await self._read(asked)

    async def _find(self, asked: Asked) -> list[Row] | None:
        """The rows, if they are known and the database is still in the state that they were read in."""
        if asked not in self._known:
            return None
        if self._doubt:
            self._doubt -= 1
            return None
        rows = self._known.find(await self._state.get(), asked)
        self._doubt = self._vain = 0 if rows else min(2 * self._vain + 1, _MOST_DOUBT)
        return rows

    async def _read(self, asked: Asked) -> list[Row]:
        statement, values = asked
        found = await self.much(_with_state(statement), *values)
        rows = [row[:-1] for row in found]
        if found and (state := found[0][-1]) is not None:
            self._known.keep(state, asked, rows)
        return rows

    async def _ask_state(self) -> str | None:
        [[state]] = await self.much(f"SELECT {_STATE}")
        return state

    async def much(self, statement: str, *values: Any) -> list[Row]:
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

    async def write(
        self, given: ShortWrite, values: Sequence[Any], *touched: int, caller: Caller | None = None
    ) -> Row | None:
        if caller is not None:
            statement, of_whom = caller.statement
            account = caller.account_key or caller.found(await self.rows(statement, *of_whom))
            values, touched = [account, *values], (account, *touched)
        written = f"WITH locked AS ({given.lock}), written AS ({given.write})"
        notified = f"SELECT written.*, pg_notify('{CHANNEL}', ${len(values) + 1}) FROM written"
        rows = await self._written(f"{written} {notified}", *values, spell(frozenset(touched)))
        return rows[0][:-1] if rows else None

    async def _written(self, statement: str, *values: Any) -> list[Row]:
        """What a statement gives that writes: it is a transaction by itself."""
        await enter(self._writing, self._patience)
        try:
            return await self.much(statement, *values)
        finally:
            self.forget()
            self._writing.release()

    async def _take(self) -> asyncpg.Connection:
        while self._idle:
            connection, since = self._idle.pop()
            if not connection.is_closed():
                if monotonic() - since < _IDLE:
                    return connection
                await self._end(connection)
        # A server that went down may have come back without what it had not made lasting yet.
        self.forget()
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

    def forget(self) -> None:
        self._known.forget()

    @property
    def in_use(self) -> int:
        return self._in_use

    async def close(self) -> None:
        for connection in (*self._busy, *(idle for idle, _ in self._idle)):
            connection.terminate()
        self._busy.clear()
        self._idle.clear()
