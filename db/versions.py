"""Versions: under which state of a calendar or an account something was read.

The lower part of a version counts changes, the upper part is drawn at random for each. Counting alone would not do: a
database that is restored, or fails over to a replica that lags, goes back to an earlier state, and counting on from there
gives the same numbers to other states; what is remembered under them would be wrong.
"""

import secrets
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute
from sqlmodel import col

#: how many numbers the counting part has; then it begins anew
COUNTED = 1 << 20


def random_part() -> int:
    """The upper part of a new version."""
    return secrets.randbits(42) * COUNTED


def next_version_sql(drawn: str) -> str:
    """What the column `version` becomes with a change, in SQL; `drawn` stands there for a new upper part."""
    return f"(version + 1) % {COUNTED} + {drawn}"


def random_part_sql() -> str:
    """The upper part of the column `version`, in SQL."""
    return f"version - version % {COUNTED}"


def next_version(version: int) -> ColumnElement[int]:
    """What the column of a version becomes with a change: one change more, and a number that nothing has had before."""
    column: InstrumentedAttribute[Any] = col(version)  # pyright: ignore[reportAssignmentType]
    return (column + 1) % COUNTED + random_part()
