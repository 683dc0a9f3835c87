"""The few differences between SQLite and PostgreSQL in hand-written SQL."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import orjson
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession


class Dialect(ABC):
    """SQL dialect. Lists are passed as one parameter and returned as one column."""

    #: suffix of a SELECT that locks its rows until the end of the transaction
    row_lock: str

    def positional(self, statement: str) -> str:
        """Returns the statement with its `$1`, `$2` … in the placeholder style of the driver."""
        return statement

    @abstractmethod
    def in_array(self, number: int, kind: str) -> str:
        """Condition "is in the list" for the parameter of this number, a list of `bigint` or `text`."""

    @abstractmethod
    def zip_arrays(self, first: tuple[int, str, str], second: tuple[int, str, str], name: str) -> str:
        """A table from two lists of equal length; each is given as parameter number, type and column name."""

    @abstractmethod
    def enumerate_array(self, number: int, kind: str, name: str) -> str:
        """A table from a list, with the columns `position`, from 0, and `value`."""

    @abstractmethod
    def array_param(self, values: Sequence[Any]) -> Hashable:
        """Converts a list to one parameter."""

    @abstractmethod
    def array_agg(self, column: str, condition: str) -> str:
        """Aggregate of a group's column into one list, over the rows that match the condition."""

    @abstractmethod
    def read_array(self, stored: Any) -> list[Any]:
        """Decodes a list from `array_agg`."""


class _SQLite(Dialect):
    """Lists are JSON texts. A writer locks the whole file, so there are no row locks."""

    row_lock = ""

    def positional(self, statement: str) -> str:
        return statement.replace("$", "?")

    def in_array(self, number: int, kind: str) -> str:
        return f"IN (SELECT value FROM json_each(${number}))"

    def zip_arrays(self, first: tuple[int, str, str], second: tuple[int, str, str], name: str) -> str:
        (one, _, one_name), (other, _, other_name) = first, second
        columns = f"one.value AS {one_name}, other.value AS {other_name}"
        return (
            f"(SELECT {columns} FROM json_each(${one}) AS one JOIN json_each(${other}) AS other USING (key)) AS {name}"
        )

    def enumerate_array(self, number: int, kind: str, name: str) -> str:
        return f"(SELECT key AS position, value FROM json_each(${number})) AS {name}"

    def array_param(self, values: Sequence[Any]) -> Hashable:
        return orjson.dumps(values).decode()

    def array_agg(self, column: str, condition: str) -> str:
        return f"json_group_array({column}) FILTER (WHERE {condition})"

    def read_array(self, stored: Any) -> list[Any]:
        return orjson.loads(stored)


class _PostgreSQL(Dialect):
    """Lists are arrays; `array_agg` returns an empty one as NULL."""

    row_lock = "FOR NO KEY UPDATE"

    def in_array(self, number: int, kind: str) -> str:
        return f"= ANY(${number}::{kind}[])"

    def zip_arrays(self, first: tuple[int, str, str], second: tuple[int, str, str], name: str) -> str:
        (one, one_kind, one_name), (other, other_kind, other_name) = first, second
        return f"unnest(${one}::{one_kind}[], ${other}::{other_kind}[]) AS {name}({one_name}, {other_name})"

    def enumerate_array(self, number: int, kind: str, name: str) -> str:
        ordered = f"unnest(${number}::{kind}[]) WITH ORDINALITY AS listed(value, number)"
        return f"(SELECT number - 1 AS position, value FROM {ordered}) AS {name}"

    def array_param(self, values: Sequence[Any]) -> Hashable:
        return tuple(values)

    def array_agg(self, column: str, condition: str) -> str:
        return f"array_agg({column}) FILTER (WHERE {condition})"

    def read_array(self, stored: Any) -> list[Any]:
        return stored or []


SQLITE = _SQLite()
POSTGRESQL = _PostgreSQL()


def insert(session: AsyncSession, table: type[SQLModel]) -> Any:
    """An INSERT with ON CONFLICT, which both databases support and SQLAlchemy's generic one lacks."""
    dialect = session.get_bind().dialect.name
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)
