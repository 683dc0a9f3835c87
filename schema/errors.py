"""Refusals as GraphQL spells them."""

from collections import defaultdict
from typing import Any

from strawberry.utils.str_converters import to_camel_case

from core import errors
from core.errors import Path, Refusal


def extensions(refusal: Refusal) -> dict[str, Any]:
    """The extensions of a refusal's error: its code, and its problems by path."""
    found: dict[str, Any] = {"code": refusal.code, **refusal.details}
    if not refusal.problems:
        return found
    by_path: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for problem in refusal.problems:
        by_path[spell(problem.path)].append({"key": problem.key.value, "description": problem.description})
    return found | {"errors": dict(by_path)}


def spell(path: Path) -> str:
    """The path as text, with its fields as GraphQL names them: `participants[0].requiredDuration`."""
    return errors.spell(tuple(to_camel_case(step) if isinstance(step, str) else step for step in path))


def message(refusal: Refusal) -> str:
    """The refusal in words: what is wrong where, as GraphQL spells the places."""
    if not refusal.problems:
        return str(refusal)
    by_path: dict[str, list[dict[str, str]]] = extensions(refusal)["errors"]
    return "; ".join(f"{path}: {problem['description']}" for path, found in by_path.items() for problem in found)
