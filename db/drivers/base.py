"""Single statements, straight to the driver.

Who asks, and what has changed since, is asked before every answer: one statement, which takes a database some twenty
microseconds and a session of the ORM thirty times as long. So it has connections of its own, and no transaction: a
statement by itself sees one snapshot anyway.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from sqlmodel.ext.asyncio.session import AsyncSession

from .dialects import POSTGRESQL, SQLITE, Dialect

Row: TypeAlias = tuple[Any, ...]


class Statements(ABC):
    """Whoever takes a statement in SQL."""

    #: how it wants the statement written
    dialect: Dialect

    @abstractmethod
    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        """What the statement gives; `$1`, `$2` … stand for the values. Raises what the driver raises."""

    async def fetch_many(self, statement: str, *values: Any) -> list[Row]:
        """The same of a statement that may have to read thousands of rows."""
        return await self.fetch(statement, *values)


class LockedWrite(NamedTuple):
    """A transaction that locks a few rows and writes a few under their lock, in a single trip to the database.

    A session of the ORM makes five trips for it, and most of its time is not the database's. Three statements; `$1`, `$2` …
    stand for the same values in each.
    """

    #: an UPDATE with RETURNING, which takes no more than the first few values
    lock: str
    #: a SELECT of the same that the lock has returned
    locked_rows: str
    #: an INSERT with RETURNING, from what is `locked` by that name
    write: str
    #: how many values the lock takes
    lock_params: int = 3


class Caller(Protocol):
    """The account that asks for a write, known already or to be looked up in the transaction that writes."""

    @property
    def account_key(self) -> int | None:
        """The account's key, as soon as it is known."""
        ...

    @property
    def statement(self) -> tuple[str, Row]:
        """The statement that says who it is, and its values."""
        ...

    def found(self, rows: Sequence[Row]) -> int:
        """The account's key, from the rows of that statement. Raises for a caller who may not write."""
        ...


class Driver(Statements):
    """Connections for single statements, made when they are first used."""

    @abstractmethod
    async def write(
        self, given: LockedWrite, values: Sequence[Any], *touched: int, caller: Caller | None = None
    ) -> Row | None:
        """Runs a write, and notifies those who wait for one of the accounts that it touches.

        Returns the first row that was written, and None when there was nothing to lock: then nothing was written. The
        account of the caller is touched as well, and its key is the first of the values. Raises for a caller who may not.
        """

    @property
    @abstractmethod
    def in_use(self) -> int:
        """How many connections are at work."""

    def invalidate(self) -> None:
        """Something was written just now."""

    @abstractmethod
    async def close(self) -> None:
        """Closes every connection."""


class Snapshot(Statements):
    """A session's connection: statement after statement on the one snapshot of its transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.dialect = SQLITE if session.get_bind().dialect.name == "sqlite" else POSTGRESQL

    async def fetch(self, statement: str, *values: Any) -> list[Row]:
        connection = await self._session.connection()
        return [tuple(row) for row in await connection.exec_driver_sql(self.dialect.positional(statement), values)]
