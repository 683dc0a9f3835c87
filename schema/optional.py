"""Optional input: what the caller left out."""

from typing import TypeVar

from strawberry import UNSET

T = TypeVar("T")


def or_none(value: T | None) -> T | None:
    """The value; None when it was left out, and when it was null, which mean the same everywhere in this schema."""
    return None if value is UNSET else value


def or_default(value: T | None, default: T) -> T:
    """The value, or the default when it was left out or null."""
    return default if value is None or value is UNSET else value
