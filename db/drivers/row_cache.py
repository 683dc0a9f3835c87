"""Rows that a database need not be asked for again: it is still in the state that they were read in."""

from collections.abc import Hashable
from typing import TypeAlias

from .base import Row

#: a statement and its values
StatementKey: TypeAlias = tuple[str, Row]

#: How many rows are known at most, and as one more each question: of a kilobyte each, or less.
_CAPACITY = 10_000


class RowCache:
    """What statements with their values gave in one state of the database; callers choose the values, so it is bounded."""

    def __init__(self) -> None:
        self._state: Hashable = None
        self._rows: dict[StatementKey, list[Row]] = {}
        self._count = 0

    def __contains__(self, asked: StatementKey) -> bool:
        """Whether its rows are known of the state that was last heard of."""
        return asked in self._rows

    def __len__(self) -> int:
        """How many rows are known, and as one more each question."""
        return self._count

    def get(self, state: Hashable, asked: StatementKey) -> list[Row] | None:
        """The rows that were read in this state; None if none were."""
        return self._rows.get(asked) if state == self._state else None

    def put(self, state: Hashable, asked: StatementKey, rows: list[Row]) -> None:
        """Rows that were read in this state, which is the latest."""
        if state != self._state or self._count + len(rows) >= _CAPACITY:
            self.clear()
            self._state = state
        if asked in self._rows:
            self._count -= len(self._rows[asked]) + 1
        self._rows[asked] = rows
        self._count += len(rows) + 1

    def clear(self) -> None:
        """The state of the database has changed for certain."""
        self._rows.clear()
        self._count = 0
