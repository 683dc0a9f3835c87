"""Readers of leaves: scalars and enums. The texts of instants and the names of enum values are cached."""

# graphql-core's types are generic, with unknown parameters where they refer to each other.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable
from typing import Any

from graphql import GraphQLEnumType, GraphQLLeafType, Undefined

from core.instants import Instant, format_instant

from .variables import NotCompilable

#: maximum cached texts of instants: about a megabyte
_MOST_TEXTS = 10_000


class _Texts(dict[Instant, str]):
    """Cache of the text of instants."""

    def __missing__(self, instant: Instant) -> str:
        if len(self) == _MOST_TEXTS:
            self.clear()
        text = self[instant] = format_instant(instant)
        return text


TEXTS = _Texts()


def read_leaf(kind: GraphQLLeafType) -> Callable[[Any, object], Any]:
    """The reader for a leaf; the texts of instants and enum names are cached."""
    if kind.name in ("DateTime", "EventTime"):
        return lambda value, _shared: TEXTS[value] if value.__class__ is int else _coerced(kind, value)
    if isinstance(kind, GraphQLEnumType):
        names: dict[Any, Any] = {}
        return lambda value, _shared: names.get(value) or names.setdefault(value, _coerced(kind, value))
    return lambda value, _shared: _coerced(kind, value)


def _coerced(kind: GraphQLLeafType, value: Any) -> Any:
    """Coerces a leaf's value with graphql-core. Raises NotCompilable for unusual values."""
    if value is None or isinstance(value, Exception) or hasattr(value, "__await__"):
        raise NotCompilable
    coerced = kind.coerce_output_value(value)
    if coerced is None or coerced is Undefined:
        raise NotCompilable
    return coerced
