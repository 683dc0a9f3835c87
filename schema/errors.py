"""Refusals as GraphQL spells them."""

from collections import defaultdict
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from core.errors import Refusal, spell


def extensions(refusal: Refusal) -> dict[str, Any]:
    """The extensions of a refusal's error: its code, and its problems by path."""
    found: dict[str, Any] = {"code": refusal.code, **refusal.details}
    if not refusal.problems:
        return found
    errors: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for problem in refusal.problems:
        path = spell(tuple(to_camel_case(step) if isinstance(step, str) else step for step in problem.path))
        errors[path].append({"key": problem.key.value, "description": problem.description})
    return found | {"errors": dict(errors)}


def message(refusal: Refusal) -> str:
    """The refusal in words: what is wrong where, as GraphQL spells the places."""
    if not refusal.problems:
        return str(refusal)
    errors: dict[str, list[dict[str, str]]] = extensions(refusal)["errors"]
    return "; ".join(f"{path}: {problem['description']}" for path, found in errors.items() for problem in found)
