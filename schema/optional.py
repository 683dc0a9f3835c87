"""Optional input values."""

from typing import TypeVar

from strawberry import UNSET

T = TypeVar("T")


def or_none(value: T | None) -> T | None:
    """Returns the value, or None if it was omitted or null, which mean the same everywhere in this schema."""
    return None if value is UNSET else value


def or_default(value: T | None, default: T) -> T:
    """Returns the value, or the default if it was omitted or null."""
    return default if value is None or value is UNSET else value
