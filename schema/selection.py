"""What a document selects: of an explanation, whose events are loaded with the facts, and of what its fields lead on to."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    IntValueNode,
    SelectionSetNode,
    VariableNode,
)
from strawberry import Info

from resolvers.availability import Details
from resolvers.explanation import BLOCKED, EVENTS, Wanted

_Raw: TypeAlias = GraphQLResolveInfo[Any]


def wanted(info: Info[Any], *path: str) -> Wanted | None:
    """Returns what is asked of an explanation below the field at this path; None if it is not selected."""
    raw = cast("_Raw", info._raw_info)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]: the only attribute
    found: Iterator[FieldNode] = iter(raw.field_nodes)
    for name in path:
        found = _selected(raw, found, name)
    explanations = list(found)
    return _wanted(raw, explanations) if explanations else None


def details(info: Info[Any]) -> Details | None:
    """Returns what is asked of an availability answer beside its openings; None if nothing is."""
    raw = cast("_Raw", info._raw_info)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]: the only attribute
    explained = wanted(info, "explanation")
    statuses = next(_selected(raw, raw.field_nodes, "memberStatuses"), None)
    return Details(explained, statuses is not None) if explained is not None or statuses is not None else None


def leads_on(info: Info[Any], name: str) -> bool:
    """Returns whether a field of this name is selected anywhere below the field."""
    raw = cast("_Raw", info._raw_info)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]: the only attribute
    return any(_mentions(raw, node, name) for node in raw.field_nodes)


def _mentions(info: _Raw, node: Any, name: str) -> bool:
    if not _is_included(info, node):
        return False
    inside = info.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
    below: Sequence[Any] = inside.selection_set.selections if inside.selection_set is not None else ()
    return any(_names(info, each, name) or _mentions(info, each, name) for each in below)


def _names(info: _Raw, node: Any, name: str) -> bool:
    return isinstance(node, FieldNode) and node.name.value == name and _is_included(info, node)


def _wanted(info: _Raw, explanations: Sequence[FieldNode]) -> Wanted:
    blocked = list(_selected(info, _selected(info, explanations, "members"), "blocked"))
    events = list(_selected(info, blocked, "events"))
    return Wanted(_most(info, blocked, BLOCKED), _most(info, events, EVENTS)) if events else Wanted()


def _most(info: _Raw, nodes: Sequence[FieldNode], default: int) -> int:
    """Returns the largest `first` of several uses of one field."""
    given = (_argument(info, node, "first") for node in nodes)
    return max(default if first is None else first for first in given)


def _argument(info: _Raw, node: FieldNode | DirectiveNode, name: str) -> Any:
    """Returns the value of an argument that is a number or a boolean; None if it is omitted."""
    for argument in node.arguments or ():
        if argument.name.value == name:
            value = argument.value
            if isinstance(value, VariableNode):
                return _variables(info).get(value.name.value)
            if isinstance(value, IntValueNode):
                return int(value.value)
            return value.value if isinstance(value, BooleanValueNode) else None
    return None


def _selected(info: _Raw, nodes: Any, name: str) -> Iterator[FieldNode]:
    """Yields the fields of this name that are selected below others, also through fragments."""
    for node in nodes:
        if node.selection_set is not None:
            yield from _in(info, node.selection_set, name)


def _in(info: _Raw, selection_set: SelectionSetNode, name: str) -> Iterator[FieldNode]:
    for node in selection_set.selections:
        if isinstance(node, FieldNode):
            if node.name.value == name and _is_included(info, node):
                yield node
        elif isinstance(node, FragmentSpreadNode | InlineFragmentNode) and _is_included(info, node):
            inside = info.fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
            yield from _in(info, inside.selection_set, name)


def _variables(info: _Raw) -> Mapping[str, Any]:
    """Returns the coerced variables. graphql-core's own executor has them in an object, Strawberry's in a dict."""
    given: Any = info.variable_values
    return getattr(given, "coerced", given)


def _is_included(info: _Raw, node: FieldNode | FragmentSpreadNode | InlineFragmentNode) -> bool:
    given = {directive.name.value: _argument(info, directive, "if") for directive in node.directives or ()}
    return not given.get("skip", False) and given.get("include", True)
