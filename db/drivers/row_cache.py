"""Cache of the rows of statements, valid while the database stays in the state they were read in."""

from collections.abc import Hashable
from typing import TypeAlias

from .base import Row

#: a statement and its values; the key of a cache entry
StatementKey: TypeAlias = tuple[str, Row]

#: Capacity: rows, plus one per cached statement. A row takes a kilobyte or less.
_CAPACITY = 10_000


class SeenState:
    """The state in which a request has seen the database, which its further statements may be answered as of."""

    __slots__ = ("state", "writes")

    def __init__(self) -> None:
        self.state: Hashable = None
        #: how many writes of this process had ended before the state was read
        self.writes = -1


class RowCache:
    """The rows of statements in one state of the database. Bounded, because API callers choose the values."""

    def __init__(self) -> None:
        self._state: Hashable = None
        self._rows: dict[StatementKey, list[Row]] = {}
        self._count = 0

    def __contains__(self, key: StatementKey) -> bool:
        """Whether the statement's rows are cached for the latest known state."""
        return key in self._rows

    def __len__(self) -> int:
        """Number of cached rows, plus one per statement."""
        return self._count

    def get(self, state: Hashable, key: StatementKey) -> list[Row] | None:
        """Returns the rows read in this state, or None if there are none."""
        return self._rows.get(key) if state == self._state else None

    def put(self, state: Hashable, key: StatementKey, rows: list[Row]) -> None:
        """Stores rows that were read in this state. Drops the rows of an earlier state."""
        if state != self._state or self._count + len(rows) >= _CAPACITY:
            self.clear()
            self._state = state
        if key in self._rows:
            self._count -= len(self._rows[key]) + 1
        self._rows[key] = rows
        self._count += len(rows) + 1

    def clear(self) -> None:
        """Drops all rows, after the database has changed for certain."""
        self._rows.clear()
        self._count = 0
