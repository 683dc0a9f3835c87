"""How a statement that is written by hand is spelled: the few places where the two databases differ."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import orjson


class Spelling(ABC):
    """Lists go in as one value, and come out as one."""

    def numbered(self, statement: str) -> str:
        """The statement with its `$1`, `$2` … as the driver wants them."""
        return statement

    @abstractmethod
    def among(self, number: int, kind: str) -> str:
        """The condition that something is in the list of `bigint` or `text` that this value is."""

    @abstractmethod
    def listed(self, values: Sequence[Any]) -> Any:
        """A list as one value."""

    @abstractmethod
    def gathered(self, column: str, condition: str) -> str:
        """All values of a group's column, where the condition holds, as one list."""

    @abstractmethod
    def read(self, gathered: Any) -> list[int]:
        """Such a list of numbers, as it came."""


class _SQLite(Spelling):
    """Lists are texts of JSON."""

    def numbered(self, statement: str) -> str:
        return statement.replace("$", "?")

    def among(self, number: int, kind: str) -> str:
        return f"IN (SELECT value FROM json_each(${number}))"

    def listed(self, values: Sequence[Any]) -> Any:
        return orjson.dumps(values).decode()

    def gathered(self, column: str, condition: str) -> str:
        return f"json_group_array({column}) FILTER (WHERE {condition})"

    def read(self, gathered: Any) -> list[int]:
        return orjson.loads(gathered)


class _PostgreSQL(Spelling):
    """Lists are arrays, and an empty one comes out as nothing."""

    def among(self, number: int, kind: str) -> str:
        return f"= ANY(${number}::{kind}[])"

    def listed(self, values: Sequence[Any]) -> Any:
        return values

    def gathered(self, column: str, condition: str) -> str:
        return f"array_agg({column}) FILTER (WHERE {condition})"

    def read(self, gathered: Any) -> list[int]:
        return gathered or []


SQLITE = _SQLite()
POSTGRESQL = _PostgreSQL()
