"""A schema with ordinary and unusual types, and random values and documents for it.

They follow from the seed of the random generator, so that a failure can be reproduced.
"""

import asyncio
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Annotated, Any, NewType

import strawberry
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLUnionType, get_named_type, is_leaf_type
from strawberry.schema.config import StrawberryConfig

from schema.scalars import SCALARS, DateTime


@strawberry.enum
class Colour(Enum):
    RED = "red"
    BLUE = "blue"


AnyValue = NewType("AnyValue", object)


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
    any_value: AnyValue | None
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
    person: Annotated["Named", strawberry.lazy("tests.support.random_schema")] | None
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


ANY_VALUE = strawberry.scalar(name="AnyValue", serialize=lambda value: value, parse_value=lambda value: value)
SCHEMA = strawberry.Schema(
    Query, types=[Person, Leaf], config=StrawberryConfig(scalar_map={**SCALARS, AnyValue: ANY_VALUE})
)
GRAPHQL_SCHEMA = SCHEMA._schema


class RandomValues:
    """Generates values for the types of the schema; a share of them, `faults`, is of a wrong type."""

    def __init__(self, random: Random, faults: float) -> None:
        self.random = random
        self.faults = faults
        self.shared: list[Leaf] = [self.leaf() for _ in range(2)]

    def maybe_faulty(self, right: Any) -> Any:
        """The value, or one of a wrong type in its place."""
        if self.random.random() >= self.faults:
            return right
        wrong: list[Any] = [
            *(None, 7, -1.5, True, "text", b"bytes", "", 2**40, float("nan"), float("inf"), [], (), {}, object()),
            *(ValueError("a value that is an exception"), strawberry.UNSET, Colour.RED, "RED", 1_800_000_000),
            *([None], [1, "a"], iter([1]), {"name": "a mapping"}, SCHEMA, -(10**15)),
        ]
        return self.random.choice(
            [*wrong, AwaitableValue(right), AwaitableValue(None), FailingAwaitable(), (item for item in [right])]
        )

    def leaf(self) -> Leaf:
        return Leaf(
            id=self.maybe_faulty(strawberry.ID("l1")),
            text=self.maybe_faulty(self.random.choice([None, "ünïcode", 'quo"te', ""])),
            colour=self.maybe_faulty(self.random.choice(list(Colour))),
            any_value=self.maybe_faulty(self.random.choice([None, 1, "x", {"a": [1]}])),
            grid=self.maybe_faulty([[self.maybe_faulty(1), 2], []]),
        )

    def person(self) -> Person:
        return Person(
            name=self.maybe_faulty("Ada"),
            age=self.maybe_faulty(36),
            score=self.maybe_faulty(self.random.choice([None, 1.5, 2])),
            vip=self.maybe_faulty(True),
            born=self.maybe_faulty(-62_000_000_000),
            seen=self.maybe_faulty(self.random.choice([None, 1_800_000_000, 0, 250_000_000_000])),
            friends=self.maybe_faulty([self.person()] if self.random.random() < 0.3 else []),
            nicknames=self.maybe_faulty(self.random.choice([None, [], ["a", None]])),
        )

    def node(self, depth: int = 1) -> Node:
        leaves = self.random.choice([self.shared, [self.leaf()], []])
        return Node(
            label=self.maybe_faulty("node"),
            leaf=self.maybe_faulty(self.leaf()),
            maybe=self.maybe_faulty(self.random.choice([None, self.leaf()])),
            leaves=self.maybe_faulty(leaves),
            holes=self.maybe_faulty([self.leaf(), None]),
            rows=self.maybe_faulty(self.random.choice([None, [leaves, leaves], [self.shared] * 3])),
            parent=self.maybe_faulty(self.node(depth - 1) if depth and self.random.random() < 0.5 else None),
            children=self.maybe_faulty([self.maybe_faulty(self.node(depth - 1)) for _ in range(2 if depth else 0)]),
            person=self.maybe_faulty(self.random.choice([None, self.person()])),
            either=self.maybe_faulty(self.random.choice([None, self.person(), self.leaf()])),
        )


@dataclass
class AwaitableValue:
    """An awaitable of a value that can be awaited several times."""

    value: Any

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self.value


@dataclass
class FailingAwaitable:
    """An awaitable that raises an exception."""

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        raise ValueError("failed while it was awaited")


class RandomDocument:
    """Generates a valid document."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.fragments: list[str] = []

    def document(self) -> str:
        query = f"query Q($yes: Boolean!, $no: Boolean = false) {self.selection(GRAPHQL_SCHEMA.query_type, 3)}"
        return "\n".join([query, *self.fragments])

    def selection(self, kind: Any, depth: int) -> str:
        parts = [self.part(kind, depth) for _ in range(self.random.randint(1, 3))]
        return "{ " + " ".join(parts) + " }"

    def part(self, kind: Any, depth: int) -> str:
        """A field, an inline fragment or a fragment spread."""
        chance = self.random.random()
        if chance < 0.12:
            inner = self.random.choice(self.fragment_types(kind))
            on = f" on {inner.name}" if inner is not kind or self.random.random() < 0.5 else ""
            return f"...{on} {self.directive()} {self.selection(inner, depth)}"
        if chance < 0.2:
            inner, name = self.random.choice(self.fragment_types(kind)), f"F{len(self.fragments)}"
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

    def fragment_types(self, kind: Any) -> list[Any]:
        """The types that a fragment may have in a selection on this type."""
        if isinstance(kind, GraphQLObjectType):
            return [kind, *kind.interfaces]
        assert isinstance(kind, GraphQLInterfaceType | GraphQLUnionType)
        return [kind, *GRAPHQL_SCHEMA.get_possible_types(kind)]

    def alias(self, name: str) -> str:
        return f"{name}{self.random.randint(1, 3)}: {name}" if self.random.random() < 0.2 else name

    def directive(self) -> str:
        if self.random.random() < 0.8:
            return ""
        return f"@{self.random.choice(['skip', 'include'])}(if: {self.random.choice(['$yes', '$no', 'true', 'false'])})"
