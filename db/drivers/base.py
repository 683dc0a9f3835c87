"""Single statements, straight to the driver.

Who asks, and what has changed since, is asked before every answer: one statement, which takes a database some twenty
microseconds and a session of the ORM thirty times as long. So it has connections of its own, and no transaction: a
statement by itself sees one snapshot anyway.
"""

from abc import ABC, abstractmethod
from typing import Any, TypeAlias

from sqlmodel.ext.asyncio.session import AsyncSession

from .dialects import POSTGRESQL, SQLITE, Spelling

Row: TypeAlias = tuple[Any, ...]


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


class Snapshot(Reader):
    """A session's connection: statement after statement on the one snapshot of its transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self.spelling = SQLITE if session.get_bind().dialect.name == "sqlite" else POSTGRESQL

    async def rows(self, statement: str, *values: Any) -> list[Row]:
        connection = await self._session.connection()
        return [tuple(row) for row in await connection.exec_driver_sql(self.spelling.numbered(statement), values)]
