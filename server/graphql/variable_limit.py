"""Limit on the values in a request's variables: coercing one takes microseconds, and a body has room for millions."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

from graphql import DocumentNode, GraphQLError, VariableNode, Visitor, visit

from .complexity import QUERY_TOO_COMPLEX

MAX_VALUES = 20_000
"""A thousand events with every field set have about 16,000 values."""


def variable_uses(document: DocumentNode) -> Mapping[str, int]:
    """Returns how often each variable occurs in a document, its definition included."""
    uses: Counter[str] = Counter()

    class Uses(Visitor):
        def enter_variable(self, node: VariableNode, *_more: Any) -> None:
            uses[node.name.value] += 1

    visit(document, Uses())
    return uses


def too_many_values(variables: dict[str, Any] | None, uses: Mapping[str, int], most: int) -> GraphQLError | None:
    """Returns an error if the variables have more than `most` values, lists and objects included.

    A variable counts for every use, because it is converted and checked for each. Counting stops at the limit, so the
    error has no total.
    """
    found = 0
    for name, value in (variables or {}).items():
        times = max(1, uses.get(name, 0) - 1)  # one of them is its definition
        found += times
        walk: list[object] = [value]
        while walk and found <= most:
            held = walk.pop()
            if isinstance(held, dict | list):
                inside = cast("dict[str, object] | list[object]", held)
                found += times * len(inside)
                walk += inside.values() if isinstance(inside, dict) else inside
        if found > most:
            return _refusal(most)
    return None


def _refusal(most: int) -> GraphQLError:
    words = f"The variables have more than {most} values, counted for every use. The operator can raise OPENINGS_MAX_VALUES."
    return GraphQLError(words, extensions={"code": QUERY_TOO_COMPLEX, "limit": "values", "most": most})
