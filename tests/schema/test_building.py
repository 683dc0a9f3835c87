"""Input types are built as Strawberry builds them, whatever is sent."""

import copy
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
)
from graphql.utilities import coerce_input_value
from hypothesis import given
from hypothesis import strategies as st
from strawberry.types.arguments import convert_argument
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional

from schema import schema
from schema.building import _convert

OURS: GraphQLSchema = schema._schema
DEFINITIONS = {
    name: kept.definition
    for name, kept in schema.schema_converter.type_map.items()
    if isinstance(kept.definition, StrawberryObjectDefinition) and kept.definition.is_input
}
INPUTS = [kind for kind in OURS.type_map.values() if isinstance(kind, GraphQLInputObjectType)]
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "String": st.text(max_size=3),
    "ID": st.text(max_size=3),
    "Int": st.integers(-5, 5),
    "Boolean": st.booleans(),
    "DateTime": st.sampled_from(["2027-01-19T09:00:00Z", "soon"]),
    "EventTime": st.sampled_from(["2027-01-19T09:00:00Z", "2027-01-19", "soon"]),
    "Required": st.sampled_from(["all", 2, "some"]),
}


def values(kind: GraphQLInputType) -> st.SearchStrategy[Any]:
    """What can be sent for a type, with and without what may be left out."""
    if isinstance(kind, GraphQLNonNull):
        return _some(kind.of_type)
    return st.none() | _some(kind)


def _some(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, GraphQLList):
        return st.lists(values(kind.of_type), max_size=2)
    if isinstance(kind, GraphQLEnumType):
        return st.sampled_from(sorted(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        required = {name: values(field.type) for name, field in kind.fields.items() if field.type != _nullable(field)}
        rest = {name: values(field.type) for name, field in kind.fields.items() if name not in required}
        return st.deferred(lambda: st.fixed_dictionaries(required, optional=rest))
    return LEAVES[kind.name]


def _nullable(field: Any) -> Any:
    return field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type


@contextmanager
def left_to_strawberry() -> Generator[None]:
    """Strawberry builds all inputs its own way meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for definition in DEFINITIONS.values():
            patch.setattr(definition, "from_input", None)
        yield


def built(definition: StrawberryObjectDefinition, value: Any) -> Any:
    """What a resolver is given."""
    converter = schema.schema_converter
    return convert_argument(copy.deepcopy(value), definition.origin, converter.scalar_registry, converter.config)


def test_every_input_is_built_by_ourselves() -> None:
    assert DEFINITIONS.keys() == {kind.name for kind in INPUTS}
    assert all(definition.from_input is not None for definition in DEFINITIONS.values())


@pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.name)
def test_an_input_is_built_as_strawberry_does(kind: GraphQLInputObjectType) -> None:
    """Down to the type of every value in it."""

    @given(_some(kind))
    def compare(sent: Any) -> None:
        value = coerce_input_value(sent, kind)
        assert value is not Undefined
        ours = built(DEFINITIONS[kind.name], value)
        with left_to_strawberry():
            theirs = built(DEFINITIONS[kind.name], value)
        assert repr(ours) == repr(theirs)
        assert ours == theirs

    compare()


def test_a_default_is_nobodys_own() -> None:
    """Lists are copied: who changes his changes no other request's."""
    given_by_default = ["a"]
    copied = _convert(StrawberryList(str), {str})
    assert copied is not None
    copied(given_by_default).append("b")
    assert given_by_default == ["a"]


def test_a_type_that_nobody_knows_how_to_build_is_told_at_once() -> None:
    """When the schema is made, and not when somebody sends one."""
    with pytest.raises(TypeError, match="complex"):
        _convert(StrawberryOptional(complex), {str})
