"""A schema with everything that is plain and much that is not, values that keep its promises or not, and documents.

What is drawn at random follows from a seed, so that the same comes again.
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
