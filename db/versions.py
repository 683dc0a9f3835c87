"""Version numbers of calendars and accounts, which change with every write and are used as cache keys.

The lower part of a version counts changes; the upper part is random and new with each change. A counter
alone is not enough: a database that is restored, or fails over to a lagging replica, returns to an
earlier state and then counts through the same numbers again, with different data. Entries cached under
those numbers would be wrong.
"""

import secrets
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import col

#: size of the counting part, which wraps around
COUNTED = 1 << 20


def random_part() -> int:
    """Returns a new random upper part."""
    return secrets.randbits(42) * COUNTED


def next_version_sql(upper: str) -> str:
    """SQL for the next value of the column `version`; `upper` is the SQL for a new upper part."""
    return f"(version + 1) % {COUNTED} + {upper}"


def random_part_sql() -> str:
    """SQL for the upper part of the column `version`."""
    return f"version - version % {COUNTED}"


def next_version(version: int) -> ColumnElement[int]:
    """Expression for the next value of a version column: the counter plus one, under a new upper part."""
    column: InstrumentedAttribute[Any] = col(version)  # pyright: ignore[reportAssignmentType]
    return (column + 1) % COUNTED + random_part()
