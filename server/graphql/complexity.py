"""The size of a document, measured before validation; a document over a limit is refused.

    depth        levels of nested fields; fields below `__schema` and `__type` do not count
    root fields  of its largest operation: each is a query or a transaction of its own
    aliases      fields with an alias
    directives   in total, and on the node with the most
    selections   fields, inline fragments and spreads
    overlaps     pairs of fields of one name, or of fragments, in one selection set: validation compares each with each
    definitions  operations and fragments

The counts are those of the document with every fragment expanded, but nothing is expanded: each definition is
walked once, and a fragment's total is added wherever it is spread. Ninety fragments that each spread the next one
twice cost ninety steps. Sums stop at MANY. A fragment that contains itself adds nothing; validation refuses it.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from math import comb
from typing import NamedTuple, TypeAlias

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
)

QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX"

MANY = 1_000_000  # sums are capped here

MAX_DEPTH = 15
MAX_ROOT_FIELDS = 50
MAX_DIRECTIVES = 50
MAX_DIRECTIVES_IN_ONE_PLACE = 5
MAX_SELECTIONS = 2_000
MAX_OVERLAPS = 2_000
MAX_DEFINITIONS = 100

_Definition: TypeAlias = OperationDefinitionNode | FragmentDefinitionNode


class Size(NamedTuple):
    """The counts of a definition."""

    depth: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0
    directives_in_one_place: int = 0
    selections: int = 0


class _Spread(NamedTuple):
    """A spread of a fragment: its depth, and whether it is below a meta field (`hidden`) or at the root."""

    node: FragmentSpreadNode
    depth: int
    hidden: bool
    at_root: bool


@dataclass(frozen=True, slots=True)
class _Own:
    """A definition without the fragments that it spreads."""

    size: Size
    spreads: Sequence[_Spread]


def too_complex(document: DocumentNode, *, max_root_fields: int = MAX_ROOT_FIELDS) -> GraphQLError | None:
    """The error for the first limit that the document exceeds, with count and limit; None if it exceeds none."""
    most = {
        "definitions": MAX_DEFINITIONS,
        "depth": MAX_DEPTH,
        "root_fields": max_root_fields,
        "aliases": 2 * max_root_fields,
        "directives": MAX_DIRECTIVES,
        "directives_in_one_place": MAX_DIRECTIVES_IN_ONE_PLACE,
        "selections": MAX_SELECTIONS,
        "overlaps": MAX_OVERLAPS,
    }
    for limit, found in _amounts(document):
        if found > most[limit]:
            return _refusal(limit, found, most[limit])
    return None


def _refusal(limit: str, found: int, most: int) -> GraphQLError:
    amount = str(found) if found < MANY else f"{MANY} or more"
    return GraphQLError(
        f"The query is too complex: its {limit.replace('_', ' ')} come to {amount}; at most {most} are allowed.",
        extensions={"code": QUERY_TOO_COMPLEX, "limit": limit, "found": found, "most": most},
    )


def _amounts(document: DocumentNode) -> Iterator[tuple[str, int]]:
    """Yields each count with its name. Overlaps come last, counted only if the caller accepts the selections."""
    yield "definitions", len(document.definitions)
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    own_sizes = {name: _own(node) for name, node in fragments.items()}
    order, closing = _dependency_order(own_sizes)
    totals: dict[str, Size] = {}
    for name in order:
        totals[name] = _total(own_sizes[name], totals)
    own_operations = [_own(node) for node in operations]
    unused = _unused(own_operations, own_sizes, order)
    sizes = [_total(own, totals) for own in own_operations]
    yield from _document_size(sizes, [totals[name] for name in unused])._asdict().items()
    yield (
        "overlaps",
        sum(_overlaps(node, fragments, closing) for node in (*operations, *(fragments[name] for name in unused))),
    )


def _document_size(operations: Sequence[Size], unused: Sequence[Size]) -> Size:
    """The document's size, including unused fragments, since they are validated too."""
    everything = [*operations, *unused]
    return Size(
        depth=max((size.depth for size in operations), default=0),
        root_fields=max((size.root_fields for size in operations), default=0),
        aliases=sum(size.aliases for size in everything),
        directives=sum(size.directives for size in everything),
        directives_in_one_place=max((size.directives_in_one_place for size in everything), default=0),
        selections=sum(size.selections for size in everything),
    )


def _unused(operations: Sequence[_Own], own_sizes: Mapping[str, _Own], order: Sequence[str]) -> list[str]:
    """The fragments that no operation reaches, without those reached from another unused one."""
    reached: set[str] = set()
    unused: list[str] = []
    for name, own in [*(("", own) for own in operations), *((name, own_sizes[name]) for name in reversed(order))]:
        if name in reached:
            continue
        unused += [name] if name else []
        walk = [own]
        while walk:
            named = {spread.node.name.value for spread in walk.pop().spreads} - reached
            reached |= named
            walk += [own_sizes[found] for found in named if found in own_sizes]
    return unused


def _own(definition: _Definition) -> _Own:
    """Counts a definition without the fragments that it spreads, and collects the spreads."""
    deepest = root_fields = aliases = selections = 0
    directives = [len(definition.directives or ())]
    spreads: list[_Spread] = []
    walk: list[tuple[Sequence[SelectionNode], int, bool, bool]] = [
        (definition.selection_set.selections, 1, False, True)
    ]
    while walk:
        nodes, depth, hidden, at_root = walk.pop()
        selections += len(nodes)
        for node in nodes:
            if node.directives:
                directives.append(len(node.directives))
            if isinstance(node, FieldNode):
                if not hidden and depth > deepest:
                    deepest = depth
                root_fields += at_root
                aliases += node.alias is not None
                if node.selection_set is not None:
                    walk.append((node.selection_set.selections, depth + 1, hidden or _is_meta(node), False))
            elif isinstance(node, FragmentSpreadNode):
                spreads.append(_Spread(node, depth, hidden, at_root))
            elif isinstance(node, InlineFragmentNode):
                walk.append((node.selection_set.selections, depth, hidden, at_root))
    return _Own(Size(deepest, root_fields, aliases, sum(directives), max(directives), selections), spreads)


def _is_meta(field: FieldNode) -> bool:
    return field.name.value.startswith("__")


def _total(own: _Own, totals: Mapping[str, Size]) -> Size:
    """The size with fragments expanded. A fragment that contains the definition has no total yet and adds nothing."""
    total = own.size
    for spread in own.spreads:
        fragment = totals.get(spread.node.name.value)
        if fragment is None:
            continue
        total = Size(
            depth=max(total.depth, 0 if spread.hidden else spread.depth - 1 + fragment.depth),
            root_fields=total.root_fields + (fragment.root_fields if spread.at_root else 0),
            aliases=total.aliases + fragment.aliases,
            directives=total.directives + fragment.directives,
            directives_in_one_place=max(total.directives_in_one_place, fragment.directives_in_one_place),
            selections=total.selections + fragment.selections,
        )
    return Size(*(min(amount, MANY) for amount in total))


def _dependency_order(own_sizes: Mapping[str, _Own]) -> tuple[list[str], Set[int]]:
    """The fragments, each after those that it spreads, and the ids of the spreads that close a cycle."""
    order: list[str] = []
    closing: set[int] = set()
    done: set[str] = set()
    for root in own_sizes:
        path = [] if root in done else [(root, iter(own_sizes[root].spreads))]
        on_path = {root}
        while path:
            name, spreads = path[-1]
            spread = next(spreads, None)
            if spread is None:
                path.pop()
                on_path.discard(name)
                done.add(name)
                order.append(name)
            elif (named := spread.node.name.value) in on_path:
                closing.add(id(spread.node))
            elif named in own_sizes and named not in done:
                path.append((named, iter(own_sizes[named].spreads)))
                on_path.add(named)
    return order, closing


def _overlaps(definition: _Definition, fragments: Mapping[str, FragmentDefinitionNode], closing: Set[int]) -> int:
    """Counts the overlapping pairs of a definition, in as many steps as it has selections."""
    pairs = 0
    groups = [[definition.selection_set]]
    while groups:
        fields: defaultdict[str, list[FieldNode]] = defaultdict(list)
        walk = list(groups.pop())
        spread: set[str] = set()
        while walk:
            for node in walk.pop().selections:
                if isinstance(node, FieldNode):
                    fields[(node.alias or node.name).value].append(node)
                elif isinstance(node, InlineFragmentNode):
                    walk.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and id(node) not in closing:
                    name = node.name.value
                    if name in fragments and name not in spread:
                        spread.add(name)
                        walk.append(fragments[name].selection_set)
        pairs += comb(len(spread), 2) + sum(comb(len(nodes), 2) for nodes in fields.values())
        groups += [[node.selection_set for node in nodes if node.selection_set] for nodes in fields.values()]
    return pairs
