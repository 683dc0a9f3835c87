"""How many values a request's variables hold: coercing each takes microseconds, and a body has room for millions."""

from typing import Any, cast

from graphql import GraphQLError

from .complexity import QUERY_TOO_COMPLEX

MAX_VALUES = 20_000
"""A thousand events with all that an event can have are some 16,000."""


def too_many_values(variables: dict[str, Any] | None, most: int) -> GraphQLError | None:
    """The refusal of variables that hold more values than that, counting lists and objects as well as what is in them.

    Stops as soon as there are too many: it is not told how many there would have been.
    """
    found = 0
    walk: list[object] = [variables or {}]
    while walk:
        value = walk.pop()
        if not isinstance(value, dict | list):
            continue
        held = cast("dict[str, object] | list[object]", value)
        found += len(held)
        if found > most:
            return _refusal(most)
        walk += held.values() if isinstance(held, dict) else held
    return None


def _refusal(most: int) -> GraphQLError:
    words = f"The variables hold too much: more than {most} values. OPENINGS_MAX_VALUES allows more."
    return GraphQLError(words, extensions={"code": QUERY_TOO_COMPLEX, "limit": "values", "most": most})
