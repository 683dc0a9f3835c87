"""Rows that a database need not be asked for again: it is still in the state that they were read in."""

from collections.abc import Hashable
from typing import TypeAlias

from .direct import Row

#: a statement and its values
Asked: TypeAlias = tuple[str, Row]

#: how many statements' rows are known at most
_MOST_KNOWN = 500


class KnownRows:
    """What statements with their values gave in one state of the database; callers choose the values, so it is bounded."""

    def __init__(self) -> None:
        self._state: Hashable = None
        self._rows: dict[Asked, list[Row]] = {}

    def __contains__(self, asked: Asked) -> bool:
        """Whether its rows are known of the state that was last heard of."""
        return asked in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, state: Hashable, asked: Asked) -> list[Row] | None:
        """The rows that were read in this state; None if none were."""
        return self._rows.get(asked) if state == self._state else None

    def keep(self, state: Hashable, asked: Asked, rows: list[Row]) -> None:
        """Rows that were read in this state, which is the latest."""
        if state != self._state or len(self._rows) >= _MOST_KNOWN:
            self._rows.clear()
            self._state = state
        self._rows[asked] = rows

    def forget(self) -> None:
        """The state of the database has changed for certain."""
        self._rows.clear()
