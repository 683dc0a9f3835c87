"""Single statements, sent straight to the database driver.

Every request first looks up the caller and the current versions. That statement costs the database
about 20 µs and an ORM session thirty times as much, so it bypasses the ORM. It has connections of its
own and needs no transaction: a single statement sees one snapshot anyway.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeAlias

from sqlmodel.ext.asyncio.session import AsyncSession

from .dialects import POSTGRESQL, SQLITE, Dialect
from .fair_queue import Client

Row: TypeAlias = tuple[Any, ...]

_PARAM = re.compile(r"\$(\d+)")

LOCK_TIMEOUT = "TRUE /* lock timeout */"
"""A condition of the statement that locks rows. The PostgreSQL driver limits the wait for them in its place."""


class Statements(ABC):
    """Interface for running SQL statements: a driver, or a session's snapshot."""

    #: the SQL dialect that statements must be written in
    dialect: Dialect

    @abstractmethod
    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        """Returns the rows of a statement; `$1`, `$2` … are its values. Raises what the driver raises."""

    async def fetch_many(self, statement: str, *values: Any) -> list[Row]:
        """The same for a statement that may read thousands of rows."""
        return await self.fetch(statement, *values)


class LockedWrite(NamedTuple):
    """A transaction that locks a few rows and writes under the lock, in a single trip to the database.

    An ORM session needs five trips for it, and most of its time is not spent in the database. The three
    statements share the values `$1`, `$2` …
    """

    #: an UPDATE with RETURNING, or a SELECT if nothing has to be locked; has the condition LOCK_TIMEOUT
    lock: str
    #: a SELECT that returns the same rows as `lock`
    locked_rows: str
    #: an INSERT or UPDATE with RETURNING; selects from those rows by the name `locked`. On PostgreSQL also a SELECT from the
    #: first of `others` by the name `other_0`, on SQLite from the tables
    write: str
    #: further ones, before `write` and in this order, which select from those rows as well
    others: Sequence[str] = ()
    #: On SQLite, before those: an INSERT that is run for each of many rows. It takes the values of `locked_rows`, then
    #: those of the row.
    each: str = ""


@cache
def count_params(statement: str) -> int:
    """Returns how many of the values a statement takes: up to the one with the greatest number."""
    return max((int(number) for number in _PARAM.findall(statement)), default=0)


def renumbered(statement: str, by: int) -> str:
    """Returns a statement with numbers of its parameters that are greater by so many."""
    return _PARAM.sub(lambda found: f"${int(found[1]) + by}", statement)


class Caller(Protocol):
    """The account that requests a write: known already, or looked up in the write transaction."""

    @property
    def account_key(self) -> int | None:
        """The account's key; None until the caller is looked up."""
        ...

    @property
    def client_key(self) -> int | None:
        """The key of the account's client; None until the caller is looked up."""
        ...

    @property
    def statement(self) -> tuple[str, Row]:
        """The statement that looks up the caller, and its values."""
        ...

    def found(self, rows: Sequence[Row]) -> int:
        """Returns the account's key from the rows of that statement. Raises if the caller may not write."""
        ...

    def found_client(self, rows: Sequence[Row]) -> int | None:
        """The same for the client's key; the caller still counts as not looked up."""
        ...


class WiderStatement(NamedTuple):
    """A statement whose rows begin with the columns of another one."""

    statement: str
    values: Row
    #: the number of these columns
    shared: int


class Connections(Statements):
    """Connections for single statements."""

    #: whether each statement takes a trip over a line, which may be longer than the statement takes
    has_trips = False

    async def fetch_wider(
        self, statement: str, values: Row, wider: WiderStatement | None, *, fresh: bool
    ) -> tuple[list[Row], list[Row]]:
        """Returns the rows of a statement; and those of a wider one that was sent in its place, if it was, else none.

        It is where statements take trips. With `fresh` rows of the moment are read, whether or not others are cached.
        """
        return await self.fetch(statement, *values), []

    @abstractmethod
    def for_client(self, client: Client) -> Statements:
        """Returns the same connections for statements of one client, which waits for one in its turn."""


class Driver(Connections):
    """Connections for single statements, opened when first used."""

    def for_request(self) -> Connections:
        """Returns the same connections for the statements of one request.

        Their rows may be those of the moment of an earlier one of them, if this process has not written since.
        """
        return self

    @abstractmethod
    async def write(
        self,
        locked_write: LockedWrite,
        values: Sequence[Any],
        *changed: int,
        writer: Caller | int | None,
        rows: Sequence[Row] = (),
    ) -> Row | None:
        """Runs a one-trip write and notifies subscribers of the changed accounts. `rows` are for its `each`.

        Returns the first row written, or None if nothing matched the lock; then nothing was written. The
        writer is a client by its key, or a caller who writes to its own calendar, the id of which is the
        first value. A caller's account is added to the changed accounts, and its key is inserted before
        the values. Raises if the caller may not write, and TimedOut.
        """

    @property
    @abstractmethod
    def in_use(self) -> int:
        """Number of busy connections."""

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Number of statements that wait for a connection."""

    def invalidate(self) -> None:
        """Drops the cached rows, after a write by this process."""

    @abstractmethod
    async def close(self) -> None:
        """Closes every connection."""


class ClientStatements(Statements):
    """A driver's statements for one client. Those that look up who calls are sent before the client is known."""

    def __init__(self, driver: Statements, fetch_many: Callable[..., Awaitable[list[Row]]]) -> None:
        """`fetch_many` waits for a connection in the client's turn."""
        self._driver, self._fetch_many = driver, fetch_many
        self.dialect = driver.dialect

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        return await self._driver.fetch(statement, *values)

    async def fetch_many(self, statement: str, *values: Any) -> list[Row]:
        return await self._fetch_many(statement, *values)


class Snapshot(Statements):
    """A session as `Statements`: they all run on the one snapshot of its transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.dialect = SQLITE if session.get_bind().dialect.name == "sqlite" else POSTGRESQL

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        connection = await self._session.connection()
        return [tuple(row) for row in await connection.exec_driver_sql(self.dialect.positional(statement), values)]
