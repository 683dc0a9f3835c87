"""Formats refusals as GraphQL errors."""

from collections import defaultdict
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from core import errors
from core.errors import Path, Refusal


def extensions(refusal: Refusal) -> dict[str, Any]:
    """Returns the extensions of the error: the refusal's code, its details, and its problems by path."""
    found: dict[str, Any] = {"code": refusal.code, **refusal.details}
    if not refusal.problems:
        return found
    by_path: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for problem in refusal.problems:
        by_path[spell(problem.path)].append({"key": problem.key.value, "description": problem.description})
    found["errors"] = dict(by_path)
    if refusal.more:
        found["more"] = True
    return found


def spell(path: Path) -> str:
    """Returns the path as text, with GraphQL field names: `participants[0].requiredDuration`."""
    return errors.spell(tuple(to_camel_case(step) if isinstance(step, str) else step for step in path))


def message(refusal: Refusal) -> str:
    """Returns the error message: every problem with its GraphQL path, or the refusal's own message."""
    if not refusal.problems:
        return str(refusal)
    by_path: dict[str, list[dict[str, str]]] = extensions(refusal)["errors"]
    words = [f"{path}: {problem['description']}" for path, found in by_path.items() for problem in found]
    return "; ".join([*words, *(["and more"] if refusal.more else [])])
