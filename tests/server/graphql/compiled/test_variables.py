"""Variables are coerced as by graphql-core; invalid ones are left to graphql-core to report."""

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
#: declared types of a variable
DECLARED: list[GraphQLInputType] = [
    *(GraphQLNonNull(kind) for kind in INPUTS),
    *INPUTS[:3],
    GraphQLList(GraphQLNonNull(INPUTS[0])),
    GraphQLNonNull(GraphQLList(INPUTS[1])),
]
#: values that are invalid in most places
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
    """The coerced variables, ours and graphql-core's."""
    variables = Coercion(core).variables(asked)
    assert variables is not None
    theirs = get_variable_values(core, asked.variable_definitions or (), deepcopy(given))
    return variables.coerce(given), theirs


def broken(value: Any, random: Random) -> Any:
    """The same value with one random part replaced by an invalid one."""
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
    """Whether both are equal: values, types, order of keys, and the sources of values."""
    return ours is not None and isinstance(theirs, VariableValues) and shown(ours) == shown(theirs)


def shown(values: VariableValues) -> list[object]:
    sources = [(name, repr(found.value), str(found.signature.type)) for name, found in values.sources.items()]
    return [repr(values.coerced), *sources]


@pytest.mark.parametrize("kind", DECLARED, ids=str)
def test_valid_variables_are_coerced_as_by_graphql_core(kind: GraphQLInputType) -> None:
    asked = operation(f"query ($v: {kind}) {{ __typename }}")

    @FEWER_EXAMPLES
    @given(values(kind))
    def compare(sent: Any) -> None:
        assert same(*both(GRAPHQL_SCHEMA, asked, {"v": sent, "more than was declared": 1}))

    compare()


@pytest.mark.parametrize("kind", DECLARED, ids=str)
def test_invalid_variables_are_left_to_graphql_core(kind: GraphQLInputType) -> None:
    """None is accepted that graphql-core would refuse, and none gets another value."""
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
def test_defaults_and_omitted_values(given: dict[str, Any]) -> None:
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
        {"plain": {"name": "a", "colours": "RED"}},  # graphql-core coerces it to a list of one
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
def test_unusual_values_are_left_to_graphql_core(given: dict[str, Any]) -> None:
    ours, _ = both(OTHER, operation(f"query ({DECLARATIONS}) {{ it(plain: $plain) }}"), given)
    assert ours is None


@pytest.mark.parametrize("declared", ["$v: Tree", "$v: [Tree!]!", "$v: Unknown", "$v: Query"])
def test_unsupported_types_are_left_to_graphql_core(declared: str) -> None:
    """Recursive ones, which can be nested without limit, and those that are no input types."""
    coercion = Coercion(OTHER)
    for _ in range(2):
        assert coercion.variables(operation(f"query ({declared}) {{ it }}")) is None


def test_an_operation_without_variables() -> None:
    variables = Coercion(OTHER).variables(operation("{ it }"))
    assert isinstance(variables, Variables)
    assert variables.coerce({"v": 1}) == VariableValues({}, {})
