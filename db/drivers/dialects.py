"""How a statement that is written by hand is spelled: the few places where the two databases differ."""

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any

import orjson
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession


class Dialect(ABC):
    """Lists go in as one value, and come out as one."""

    #: at the end of a SELECT: what it finds stays as it is until the end of the transaction
    row_lock: str

    def positional(self, statement: str) -> str:
        """The statement with its `$1`, `$2` … as the driver wants them."""
        return statement

    @abstractmethod
    def in_array(self, number: int, kind: str) -> str:
        """The condition that something is in the list of `bigint` or `text` that this value is."""

    @abstractmethod
    def zip_arrays(self, first: tuple[int, str, str], second: tuple[int, str, str], name: str) -> str:
        """A table of this name from two lists of one length: of each the value's number, the kind, and the column's name."""

    @abstractmethod
    def array_param(self, values: Sequence[Any]) -> Hashable:
        """A list as one value."""

    @abstractmethod
    def array_agg(self, column: str, condition: str) -> str:
        """All values of a group's column, where the condition holds, as one list."""

    @abstractmethod
    def read_array(self, gathered: Any) -> list[int]:
        """Such a list of numbers, as it came."""


class _SQLite(Dialect):
    """Lists are texts of JSON. Who writes holds the whole file, so there is nothing to lock."""

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

    def array_param(self, values: Sequence[Any]) -> Hashable:
        return orjson.dumps(values).decode()

    def array_agg(self, column: str, condition: str) -> str:
        return f"json_group_array({column}) FILTER (WHERE {condition})"

    def read_array(self, gathered: Any) -> list[int]:
        return orjson.loads(gathered)


class _PostgreSQL(Dialect):
    """Lists are arrays, and an empty one comes out as nothing."""

    row_lock = "FOR NO KEY UPDATE"

    def in_array(self, number: int, kind: str) -> str:
        return f"= ANY(${number}::{kind}[])"

    def zip_arrays(self, first: tuple[int, str, str], second: tuple[int, str, str], name: str) -> str:
        (one, one_kind, one_name), (other, other_kind, other_name) = first, second
        return f"unnest(${one}::{one_kind}[], ${other}::{other_kind}[]) AS {name}({one_name}, {other_name})"

    def array_param(self, values: Sequence[Any]) -> Hashable:
        return tuple(values)

    def array_agg(self, column: str, condition: str) -> str:
        return f"array_agg({column}) FILTER (WHERE {condition})"

    def read_array(self, gathered: Any) -> list[int]:
        return gathered or []


SQLITE = _SQLite()
POSTGRESQL = _PostgreSQL()


def insert(session: AsyncSession, table: type[SQLModel]) -> Any:
    """An INSERT that knows ON CONFLICT, which both databases have and SQLAlchemy's common one has not."""
    dialect = session.get_bind().dialect.name
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)
