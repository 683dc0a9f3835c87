"""Limit on the values in a request's variables: coercing one takes microseconds, and a body has room for millions."""

from typing import Any, cast

from graphql import GraphQLError

from .complexity import QUERY_TOO_COMPLEX

MAX_VALUES = 20_000
"""A thousand events with every field set have about 16,000 values."""


def too_many_values(variables: dict[str, Any] | None, most: int) -> GraphQLError | None:
    """Returns an error if the variables have more than `most` values, lists and objects included.

    Counting stops at the limit, so the error has no total.
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
    words = f"The variables have more than {most} values. The operator can raise OPENINGS_MAX_VALUES."
    return GraphQLError(words, extensions={"code": QUERY_TOO_COMPLEX, "limit": "values", "most": most})
