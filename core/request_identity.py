"""What identifies a request that has an idempotency key: a repeated request must be the same, in later versions as well."""

from collections.abc import Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, cast

from .identity import digest

ADDED: frozenset[str] = frozenset(
    {"visitor", "labels", "hold_for", "availability_constraints", "weight", "recurrence", "recurrence_id"}
)
"""Fields that requests did not always have, by their names: left out at their defaults, or the keys of earlier requests
would be refused. Every new field of what can be booked belongs here."""


def request_digest(request: object) -> bytes:
    """Returns a digest of everything that a request says."""
    return digest(_text(request))


def _text(value: Any) -> str:
    """The `repr` of a value, without added fields at their defaults."""
    if is_dataclass(value):
        given = [(field.name, getattr(value, field.name)) for field in fields(value) if not _is_left_out(field, value)]
        return f"{type(value).__qualname__}({', '.join(f'{name}={_text(each)}' for name, each in given)})"
    if type(value) is list:
        return f"[{', '.join(map(_text, cast('list[Any]', value)))}]"
    if type(value) is tuple:
        items = cast("Sequence[Any]", value)
        return f"({', '.join(map(_text, items))}{',' if len(items) == 1 else ''})"
    return repr(value)


def _is_left_out(field: Any, value: Any) -> bool:
    return field.name in ADDED and field.default is not MISSING and getattr(value, field.name) == field.default
