"""Variables are coerced as graphql-core coerces them, whatever is sent; what is wrong is left to graphql-core to say."""

import enum
from copy import deepcopy
from random import Random
from typing import Any

import pytest
import strawberry
from graphql import (
    DocumentNode,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    parse,
)
from graphql.execution.values import VariableValues, get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from server.graphql.compiled.variables import Coercion, Variables
from tests.support.input_strategies import FEWER_EXAMPLES, values
from tests.support.operations import GRAPHQL_SCHEMA

INPUTS = [kind for kind in GRAPHQL_SCHEMA.type_map.values() if isinstance(kind, GraphQLInputObjectType)]
#: as a variable may be declared
DECLARED: list[GraphQLInputType] = [
    *(GraphQLNonNull(kind) for kind in INPUTS),
    *INPUTS[:3],
    GraphQLList(GraphQLNonNull(INPUTS[0])),
    GraphQLNonNull(GraphQLList(INPUTS[1])),
]
#: what there is no place for
WRONG: list[Any] = [
    None,
    7,
    -1.5,
    True,
    "text",
    "",
    2**40,
    [],
    {},
    [None],
    [["a"]],
    {"unknown": 1},
    "RED",
    float("nan"),
]


def operation(document: DocumentNode | str) -> OperationDefinitionNode:
    [found] = (parse(document) if isinstance(document, str) else document).definitions
    assert isinstance(found, OperationDefinitionNode)
    return found


def both(core: GraphQLSchema, asked: OperationDefinitionNode, given: dict[str, Any]) -> tuple[Any, Any]:
    """What we make of these variables, and what graphql-core does."""
    variables = Coercion(core).variables(asked)
    assert variables is not None
    theirs = get_variable_values(core, asked.variable_definitions or (), deepcopy(given))
    return variables.coerce(given), theirs


def broken(value: Any, random: Random) -> Any:
    """The same, but for one value in it somewhere."""
    if isinstance(value, dict) and value and random.random() < 0.8:
        name = random.choice(sorted(value))
        return {**value, name: broken(value[name], random)}
    if isinstance(value, list) and value and random.random() < 0.8:
        place = random.randrange(len(value))
        return [*value[:place], broken(value[place], random), *value[place + 1 :]]
    if isinstance(value, dict) and random.random() < 0.3:
        return {**value, "nothing": 1}
    return random.choice(WRONG)


def same(ours: VariableValues | None, theirs: Any) -> bool:
    """Down to types, the order of keys, and where each value came from."""
    return ours is not None and isinstance(theirs, VariableValues) and shown(ours) == shown(theirs)


def shown(values: VariableValues) -> list[object]:
    sources = [(name, repr(found.value), str(found.signature.type)) for name, found in values.sources.items()]
    return [repr(values.coerced), *sources]


@pytest.mark.parametrize("kind", DECLARED, ids=str)
def test_what_is_right_is_coerced_as_graphql_core_does(kind: GraphQLInputType) -> None:
    asked = operation(f"query ($v: {kind}) {{ __typename }}")

    @FEWER_EXAMPLES
    @given(values(kind))
    def compare(sent: Any) -> None:
        assert same(*both(GRAPHQL_SCHEMA, asked, {"v": sent, "more than was declared": 1}))

    compare()


@pytest.mark.parametrize("kind", DECLARED, ids=str)
def test_what_is_wrong_is_graphql_cores_to_say(kind: GraphQLInputType) -> None:
    """Nothing is let through that graphql-core would refuse, and nothing is made of it that is another value."""
    asked = operation(f"query ($v: {kind}) {{ __typename }}")

    @FEWER_EXAMPLES
    @given(values(kind), st.randoms(use_true_random=False))
    def compare(sent: Any, random: Random) -> None:
        ours, theirs = both(GRAPHQL_SCHEMA, asked, {"v": broken(sent, random)})
        assert ours is None or same(ours, theirs)

    compare()


@strawberry.enum
class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@strawberry.input(one_of=True)
class Either:
    this: strawberry.Maybe[str]
    that: strawberry.Maybe[int]


@strawberry.input
class Tree:
    name: str
    colour: Colour = Colour.BLUE
    below: "list[Tree] | None" = None


@strawberry.input
class Plain:
    name: str
    names: list[str] = strawberry.field(default_factory=lambda: ["a", "b"])
    number: int | None = 3
    score: float = 0.5
    colours: list[Colour] | None = None


@strawberry.type
class Query:
    @strawberry.field
    def it(self, plain: Plain | None = None, either: Either | None = None, tree: Tree | None = None) -> str:
        return "it"


OTHER: GraphQLSchema = strawberry.Schema(Query)._schema
DECLARATIONS = (
    "$plain: Plain!, $more: [Plain!], $number: Int = 7, $text: String, $colour: Colour = RED, $either: Either"
)


@pytest.mark.parametrize(
    "given",
    [
        {"plain": {"name": "a"}},
        {"plain": {"name": "a", "names": [], "number": None, "score": 1, "colours": ["RED", "BLUE"]}, "number": None},
        {"plain": {"name": "a", "number": 2}, "more": [{"name": "b"}, {"name": "c"}], "text": None, "colour": "BLUE"},
        {"plain": {"name": "a"}, "more": None, "number": 1, "text": "ünïcode", "either": {"that": 1}},
    ],
)
def test_defaults_and_what_is_left_out(given: dict[str, Any]) -> None:
    assert same(*both(OTHER, operation(f"query ({DECLARATIONS}) {{ it(plain: $plain) }}"), given))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"plain": None},
        {"plain": []},
        {"plain": {}},
        {"plain": {"name": None}},
        {"plain": {"name": 1}},
        {"plain": {"name": "a", "colours": "RED"}},  # a list of one, which graphql-core makes one
        {"plain": {"name": "a", "colours": ["GREEN"]}},
        {"plain": {"name": "a", "colours": [["RED"]]}},
        {"plain": {"name": "a", "number": 2**40}},
        {"plain": {"name": "a", "number": True}},
        {"plain": {"name": "a", "score": "1"}},
        {"plain": {"name": "a", "other": 1}},
        {"plain": {"name": "a"}, "more": {"name": "b"}},
        {"plain": {"name": "a"}, "colour": None, "number": "7"},
        {"plain": {"name": "a"}, "either": {"this": "a", "that": 1}},
    ],
)
def test_what_is_not_usual_is_left_alone(given: dict[str, Any]) -> None:
    ours, _ = both(OTHER, operation(f"query ({DECLARATIONS}) {{ it(plain: $plain) }}"), given)
    assert ours is None


@pytest.mark.parametrize("declared", ["$v: Tree", "$v: [Tree!]!", "$v: Unknown", "$v: Query"])
def test_types_that_are_not_plain_are_graphql_cores(declared: str) -> None:
    """One within itself, which could be nested without end; and what is no input at all."""
    coercion = Coercion(OTHER)
    for _ in range(2):
        assert coercion.variables(operation(f"query ({declared}) {{ it }}")) is None


def test_an_operation_without_variables() -> None:
    variables = Coercion(OTHER).variables(operation("{ it }"))
    assert isinstance(variables, Variables)
    assert variables.coerce({"v": 1}) == VariableValues({}, {})
