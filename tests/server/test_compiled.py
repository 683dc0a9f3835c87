"""What the short cut gives is what graphql-core gives: data, the order of its keys, errors with their words and paths.

A schema with everything that is plain and much that is not, objects that keep their promises and objects that do not,
and documents drawn at random: each is executed both ways.
"""

import asyncio
import os
from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum
from inspect import isawaitable
from itertools import count, islice
from random import Random
from typing import Annotated, Any, NewType, cast

import orjson
import pytest
import strawberry
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    execute,
    get_named_type,
    is_leaf_type,
    parse,
    validate,
)
from strawberry.schema.config import StrawberryConfig

from schema.scalars import SCALARS, DateTime
from server.answers import STOCK
from server.compiled import Coercion, CompilingExecutor, Plans, executor, reading
from server.transport import dumps

#: how many documents are drawn; ten times as many under HYPOTHESIS_PROFILE=deep
EXAMPLES = 2000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 150


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


Whatever = NewType("Whatever", object)


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Person(Named):
    age: int
    score: float | None
    vip: bool
    born: DateTime
    seen: DateTime | None
    friends: "list[Person]"
    nicknames: list[str | None] | None


@strawberry.type
class Leaf:
    id: strawberry.ID
    text: str | None
    colour: Colour
    whatever: Whatever | None
    grid: list[list[int]]


@strawberry.type
class Node:
    label: str
    leaf: Leaf
    maybe: Leaf | None
    leaves: list[Leaf]
    holes: list[Leaf | None]
    rows: list[list[Leaf]] | None
    parent: "Node | None"
    children: "list[Node]"
    person: Annotated["Named", strawberry.lazy("tests.server.test_compiled")] | None
    either: Annotated["Leaf | Person", strawberry.union("Either")] | None

    @strawberry.field
    def shout(self, times: int = 1) -> str:
        return self.label.upper() * times

    @strawberry.field
    async def later(self) -> "list[Leaf] | None":
        await asyncio.sleep(0)
        return self.leaves

    @strawberry.field
    def broken(self) -> "Leaf | None":
        raise ValueError("broken on purpose")


@strawberry.type
class Query:
    @strawberry.field
    async def node(self, info: strawberry.Info[Any]) -> Node | None:
        return info.context["node"]

    @strawberry.field
    def nodes(self, info: strawberry.Info[Any]) -> list[Node]:
        return info.context["nodes"]

    @strawberry.field
    def either(self, info: strawberry.Info[Any]) -> Annotated["Leaf | Person", strawberry.union("Either")] | None:
        return info.context["node"].either


WHATEVER = strawberry.scalar(name="Whatever", serialize=lambda value: value, parse_value=lambda value: value)
SCHEMA = strawberry.Schema(
    Query, types=[Person, Leaf], config=StrawberryConfig(scalar_map={**SCALARS, Whatever: WHATEVER})
)
CORE = SCHEMA._schema


class Value:
    """Values for a schema's types, now and then not what was promised."""

    def __init__(self, random: Random, faults: float) -> None:
        self.random = random
        self.faults = faults
        self.shared: list[Leaf] = [self.leaf() for _ in range(2)]

    def of(self, right: Any) -> Any:
        if self.random.random() >= self.faults:
            return right
        wrong: list[Any] = [
            *(None, 7, -1.5, True, "text", b"bytes", "", 2**40, float("nan"), float("inf"), [], (), {}, object()),
            *(ValueError("a value that is an exception"), strawberry.UNSET, Colour.RED, "RED", 1_800_000_000),
            *([None], [1, "a"], iter([1]), {"name": "a mapping"}, SCHEMA, -(10**15)),
        ]
        return self.random.choice([*wrong, later(right), later(None), failing(), (item for item in [right])])

    def leaf(self) -> Leaf:
        return Leaf(
            id=self.of(strawberry.ID("l1")),
            text=self.of(self.random.choice([None, "ünïcode", 'quo"te', ""])),
            colour=self.of(self.random.choice(list(Colour))),
            whatever=self.of(self.random.choice([None, 1, "x", {"a": [1]}])),
            grid=self.of([[self.of(1), 2], []]),
        )

    def person(self) -> Person:
        return Person(
            name=self.of("Ada"),
            age=self.of(36),
            score=self.of(self.random.choice([None, 1.5, 2])),
            vip=self.of(True),
            born=self.of(-62_000_000_000),
            seen=self.of(self.random.choice([None, 1_800_000_000, 0, 250_000_000_000])),
            friends=self.of([self.person()] if self.random.random() < 0.3 else []),
            nicknames=self.of(self.random.choice([None, [], ["a", None]])),
        )

    def node(self, depth: int = 1) -> Node:
        leaves = self.random.choice([self.shared, [self.leaf()], []])
        return Node(
            label=self.of("node"),
            leaf=self.of(self.leaf()),
            maybe=self.of(self.random.choice([None, self.leaf()])),
            leaves=self.of(leaves),
            holes=self.of([self.leaf(), None]),
            rows=self.of(self.random.choice([None, [leaves, leaves], [self.shared] * 3])),
            parent=self.of(self.node(depth - 1) if depth and self.random.random() < 0.5 else None),
            children=self.of([self.of(self.node(depth - 1)) for _ in range(2 if depth else 0)]),
            person=self.of(self.random.choice([None, self.person()])),
            either=self.of(self.random.choice([None, self.person(), self.leaf()])),
        )


@dataclass
class later:
    """Something that has to be awaited, as often as it is come upon."""

    value: Any

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self.value


@dataclass
class failing:
    """Something that fails when it is awaited."""

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        raise ValueError("failed while it was awaited")


class Drawn:
    """A valid document, drawn at random."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.fragments: list[str] = []

    def document(self) -> str:
        query = f"query Q($yes: Boolean!, $no: Boolean = false) {self.selection(CORE.query_type, 3)}"
        return "\n".join([query, *self.fragments])

    def selection(self, kind: Any, depth: int) -> str:
        parts = [self.part(kind, depth) for _ in range(self.random.randint(1, 3))]
        return "{ " + " ".join(parts) + " }"

    def part(self, kind: Any, depth: int) -> str:
        chance = self.random.random()
        if chance < 0.12:
            inner = self.random.choice(self.narrower(kind))
            on = f" on {inner.name}" if inner is not kind or self.random.random() < 0.5 else ""
            return f"...{on} {self.directive()} {self.selection(inner, depth)}"
        if chance < 0.2:
            inner, name = self.random.choice(self.narrower(kind)), f"F{len(self.fragments)}"
            self.fragments.append("")
            place = len(self.fragments) - 1
            self.fragments[place] = f"fragment {name} on {inner.name} {self.selection(inner, depth)}"
            return f"...{name} {self.directive()}"
        fields = {} if isinstance(kind, GraphQLUnionType) else kind.fields
        below = [name for name, field in fields.items() if depth or is_leaf_type(get_named_type(field.type))]
        if not below or chance < 0.25:
            return self.alias("__typename")
        name = self.random.choice(below)
        named = get_named_type(fields[name].type)
        if name == "shout":
            times = self.random.randint(1, 2)
            return f"times{times}: shout(times: {times}) {self.directive()}"
        under = "" if is_leaf_type(named) else self.selection(named, depth - 1)
        return f"{self.alias(name)} {self.directive()} {under}"

    def narrower(self, kind: Any) -> list[Any]:
        """Types that a fragment may name where this one stands."""
        if isinstance(kind, GraphQLObjectType):
            return [kind, *kind.interfaces]
        assert isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)
        return [kind, *CORE.get_possible_types(kind)]

    def alias(self, name: str) -> str:
        return f"{name}{self.random.randint(1, 3)}: {name}" if self.random.random() < 0.2 else name

    def directive(self) -> str:
        if self.random.random() < 0.8:
            return ""
        return f"@{self.random.choice(['skip', 'include'])}(if: {self.random.choice(['$yes', '$no', 'true', 'false'])})"


async def run(document: DocumentNode, context: Any, variables: dict[str, Any], **how: Any) -> Any:
    """Data and errors as a client would read them."""
    result = execute(CORE, document, context_value=context, variable_values=variables, operation_extensions=None, **how)
    found = await cast("Awaitable[ExecutionResult]", result) if isawaitable(result) else result
    return shown(found.data), sorted(str(error.formatted) for error in found.errors or ())


def context(seed: str, faults: float) -> dict[str, Any]:
    """Values; made anew for each execution, for an iterator can be walked along only once."""
    values = Value(Random(seed), faults)
    return {"node": values.node(), "nodes": [values.node(0) for _ in range(3)]}


def shown(data: Any) -> Any:
    """The answer's bytes, unless it has a value that there is no JSON for."""
    try:
        return dumps(data)
    except TypeError:
        return "no JSON"


def drawn(seed: int) -> tuple[DocumentNode, str] | None:
    source = Drawn(Random(seed)).document()
    document = parse(source)
    return (document, source) if not validate(CORE, document) else None


@pytest.mark.parametrize("faults", [0, 0.01, 0.05])
async def test_no_answer_differs_from_graphql_cores(faults: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same bytes, same errors; twice with each document, for the second time it is compiled already."""
    taken = 0
    read_object = reading._object

    def counted(*given: Any, **more: Any) -> Any:
        read = read_object(*given, **more)

        def noted(value: Any, shared: Any) -> Any:
            nonlocal taken
            found = read(value, shared)
            taken += 1
            return found

        return noted

    monkeypatch.setattr(reading, "_object", counted)
    valid = filter(None, map(drawn, count()))
    for number, (document, source) in enumerate(islice(valid, EXAMPLES)):
        plans = Plans(document, Coercion(CORE))
        for again in range(2):
            variables = {"yes": bool((number + again) % 2)}
            stock = await run(document, context(f"{number} {again}", faults), variables, **STOCK)
            how = {"executor_class": CompilingExecutor, "plans": plans}
            ours = await run(document, context(f"{number} {again}", faults), variables, **how)
            assert ours == stock, source
    assert taken > EXAMPLES  # or else it was graphql-core against itself


async def test_a_shared_list_is_read_once_and_copied() -> None:
    """The same people in slot after slot: their JSON is made once, and the answer has it everywhere."""
    document = parse("{ node { rows { id text } } }")
    values = Value(Random(1), 0).shared
    context = {"node": Value(Random(2), 0).node()}
    context["node"].rows = [values] * 3
    result = execute(
        CORE, document, context_value=context, executor_class=CompilingExecutor, plans=Plans(document, Coercion(CORE))
    )
    found = await cast("Awaitable[ExecutionResult]", result)
    assert found.data is not None
    first, second, third = found.data["node"]["rows"]
    assert first == [{"id": leaf.id, "text": leaf.text} for leaf in values]
    assert isinstance(second, orjson.Fragment)
    assert second is third
    assert dumps([second]) == dumps([first])


def test_what_is_kept_of_a_document_is_bounded() -> None:
    """Each way of skipping and including fields is a function of its own, and a client can ask in any number of ways."""
    names = [f"v{n}" for n in range(8)]
    fields = " ".join(f"a{name}: label @include(if: ${name})" for name in names)
    document = parse(f"query ({' '.join(f'${n}: Boolean!' for n in names)}) {{ nodes {{ {fields} }} }}")
    plans = Plans(document, Coercion(CORE))
    for number in range(2 ** len(names)):
        variables = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        context = {"nodes": [Value(Random(1), 0).node(0)]}
        how = {"executor_class": CompilingExecutor, "plans": plans}
        result = execute(CORE, document, context_value=context, variable_values=variables, **how)
        found = cast("ExecutionResult", result)
        assert found.data == {"nodes": [{f"a{name}": "node" for name in names if variables[name]}]}
    assert len(plans._reads) <= executor._MOST
