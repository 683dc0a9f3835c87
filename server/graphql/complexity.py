"""How much a document asks for, found without asking it: what is too much is refused before anything is done with it.

    depth        levels of fields within fields; what lies below `__schema` and `__type` counts nothing
    root fields  of its largest operation: each is an answer, or a transaction, of its own
    aliases      fields under another name
    directives   in all, and on the node that has most of them
    selections   fields, inline fragments and spreads
    overlaps     pairs of fields of one name, or of fragments, in one selection set: validation compares each with each
    definitions  operations and fragments

All is counted as if every fragment stood where it is spread. Nothing is spread to find out: each definition is walked
once, and what a fragment amounts to is added wherever it is named: ninety that each name the next one twice cost ninety
steps. Sums stop at MANY. A fragment within itself adds nothing; validation will refuse it.
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

MANY = 1_000_000  # where counting ends

MAX_DEPTH = 15
MAX_ROOT_FIELDS = 50
MAX_DIRECTIVES = 50
MAX_DIRECTIVES_IN_ONE_PLACE = 5
MAX_SELECTIONS = 2_000
MAX_OVERLAPS = 2_000
MAX_DEFINITIONS = 100

_Definition: TypeAlias = OperationDefinitionNode | FragmentDefinitionNode


class Size(NamedTuple):
    """What there is of each in a definition."""

    depth: int = 0
    root_fields: int = 0
    aliases: int = 0
    directives: int = 0
    directives_in_one_place: int = 0
    selections: int = 0


class _Spread(NamedTuple):
    """Where a fragment is named: how deep, whether that is below a meta field, and whether it is at the top."""

    node: FragmentSpreadNode
    depth: int
    hidden: bool
    at_root: bool


@dataclass(frozen=True, slots=True)
class _Own:
    """A definition by itself."""

    size: Size
    spreads: Sequence[_Spread]


def too_complex(document: DocumentNode, *, max_root_fields: int = MAX_ROOT_FIELDS) -> GraphQLError | None:
    """The one refusal of a document that asks for too much: of what, how much it is, and how much it may be."""
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
        f"The query is too complex: its {limit.replace('_', ' ')} come to {amount}, and may come to {most}.",
        extensions={"code": QUERY_TOO_COMPLEX, "limit": limit, "found": found, "most": most},
    )


def _amounts(document: DocumentNode) -> Iterator[tuple[str, int]]:
    """Each amount by its name. Overlaps are looked for only by who has seen that there are not too many selections."""
    yield "definitions", len(document.definitions)
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    owns = {name: _own(node) for name, node in fragments.items()}
    order, closing = _inside_out(owns)
    totals: dict[str, Size] = {}
    for name in order:
        totals[name] = _total(owns[name], totals)
    own_operations = [_own(node) for node in operations]
    unused = _unused(own_operations, owns, order)
    sizes = [_total(own, totals) for own in own_operations]
    yield from _whole(sizes, [totals[name] for name in unused])._asdict().items()
    yield (
        "overlaps",
        sum(_overlaps(node, fragments, closing) for node in (*operations, *(fragments[name] for name in unused))),
    )


def _whole(operations: Sequence[Size], unused: Sequence[Size]) -> Size:
    """The document's size. Fragments that no operation uses have to be validated all the same."""
    everything = [*operations, *unused]
    return Size(
        depth=max((size.depth for size in operations), default=0),
        root_fields=max((size.root_fields for size in operations), default=0),
        aliases=sum(size.aliases for size in everything),
        directives=sum(size.directives for size in everything),
        directives_in_one_place=max((size.directives_in_one_place for size in everything), default=0),
        selections=sum(size.selections for size in everything),
    )


def _unused(operations: Sequence[_Own], owns: Mapping[str, _Own], order: Sequence[str]) -> list[str]:
    """The fragments that no operation reaches; of those that reach one another only the first."""
    reached: set[str] = set()
    unused: list[str] = []
    for name, own in [*(("", own) for own in operations), *((name, owns[name]) for name in reversed(order))]:
        if name in reached:
            continue
        unused += [name] if name else []
        walk = [own]
        while walk:
            named = {spread.node.name.value for spread in walk.pop().spreads} - reached
            reached |= named
            walk += [owns[found] for found in named if found in owns]
    return unused


def _own(definition: _Definition) -> _Own:
    """What a definition amounts to without the fragments that it names, and where it names them."""
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
    """A definition with its fragments where they stand; one that it is itself a part of has no total yet."""
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


def _inside_out(owns: Mapping[str, _Own]) -> tuple[list[str], Set[int]]:
    """The fragments, each behind those that it names; and the spreads that would close a circle."""
    order: list[str] = []
    closing: set[int] = set()
    done: set[str] = set()
    for root in owns:
        path = [] if root in done else [(root, iter(owns[root].spreads))]
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
            elif named in owns and named not in done:
                path.append((named, iter(owns[named].spreads)))
                on_path.add(named)
    return order, closing


def _overlaps(definition: _Definition, fragments: Mapping[str, FragmentDefinitionNode], closing: Set[int]) -> int:
    """The pairs of a definition. Takes as many steps as it has selections."""
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
