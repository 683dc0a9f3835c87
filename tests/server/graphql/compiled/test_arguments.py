"""Compiled arguments equal those that Strawberry makes of the same values."""

import copy
from typing import Any

import pytest
import strawberry
from graphql import GraphQLField, GraphQLInputObjectType, Undefined
from graphql.utilities import coerce_input_value
from hypothesis import given
from hypothesis import strategies as st
from strawberry.permission import BasePermission
from strawberry.types.arguments import convert_argument, convert_arguments
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional

from schema import schema
from schema.scalars import SCALARS
from server.graphql.compiled.arguments import _builder, _by_name, _convert, compile_resolvers, compiled_schema
from tests.support.input_strategies import FEWER_EXAMPLES, non_null_values, values
from tests.support.operations import GRAPHQL_SCHEMA

DEFINITIONS = {
    name: kept.definition
    for name, kept in schema.schema_converter.type_map.items()
    if isinstance(kept.definition, StrawberryObjectDefinition) and kept.definition.is_input
}
ROOTS = [kind for kind in (GRAPHQL_SCHEMA.query_type, GRAPHQL_SCHEMA.mutation_type) if kind is not None]
FIELDS = {name: field for root in ROOTS for name, field in root.fields.items()}
INPUTS = [kind for kind in GRAPHQL_SCHEMA.type_map.values() if isinstance(kind, GraphQLInputObjectType)]


LEAVES: set[object] = {*SCALARS, str, int, bool, strawberry.ID}


def test_only_the_compiled_schema_has_compiled_resolvers() -> None:
    """With OPENINGS_COMPILED=0 the stock schema is served, and Strawberry calls the resolvers."""
    compiled = compiled_schema()
    for root, stock in (
        (compiled.query_type, GRAPHQL_SCHEMA.query_type),
        (compiled.mutation_type, GRAPHQL_SCHEMA.mutation_type),
    ):
        assert root is not None
        assert stock is not None
        modules = {name: field.resolve.__module__ for name, field in root.fields.items() if field.resolve is not None}
        assert modules == dict.fromkeys(stock.fields, "server.graphql.compiled.arguments")
        assert {"strawberry.schema.schema_converter"} == {
            field.resolve.__module__ for field in stock.fields.values() if field.resolve is not None
        }


@pytest.mark.parametrize("kind", INPUTS, ids=lambda kind: kind.name)
def test_an_input_is_built_as_by_strawberry(kind: GraphQLInputObjectType) -> None:
    """Including the type of every value in it."""

    @FEWER_EXAMPLES
    @given(non_null_values(kind))
    def compare(sent: Any) -> None:
        value = coerce_input_value(sent, kind)
        assert value is not Undefined
        definition, converter = DEFINITIONS[kind.name], schema.schema_converter
        ours = _builder(definition, LEAVES)(copy.deepcopy(value))
        theirs = convert_argument(copy.deepcopy(value), definition.origin, converter.scalar_registry, converter.config)
        assert repr(ours) == repr(theirs)
        assert ours == theirs

    compare()


@pytest.mark.parametrize("name", FIELDS)
def test_a_resolver_gets_the_same_arguments_as_from_strawberry(name: str) -> None:
    """The same names and types; an omitted argument stays omitted."""
    field: GraphQLField = FIELDS[name]
    declared = field.extensions["strawberry-definition"]
    converter = schema.schema_converter

    @FEWER_EXAMPLES
    @given(st.fixed_dictionaries({}, optional={name: values(argument.type) for name, argument in field.args.items()}))
    def compare(sent: dict[str, Any]) -> None:
        given = {name: coerce_input_value(value, field.args[name].type) for name, value in sent.items()}
        theirs = convert_arguments(given, declared.arguments, converter.scalar_registry, converter.config)
        ours = _by_name(declared.arguments, LEAVES)(given)
        assert repr(ours) == repr(theirs)
        assert ours == theirs

    compare()


def test_a_field_with_more_than_a_resolver_is_not_compiled() -> None:
    """It may rely on what Strawberry does around the resolver. The error is raised when the schema is compiled."""

    class Nobody(BasePermission):
        def has_permission(self, source: Any, info: Any, **kwargs: Any) -> bool:
            return False

    @strawberry.type
    class Query:
        @strawberry.field(permission_classes=[Nobody])
        def secret(self) -> str:
            return "told"

    guarded = strawberry.Schema(Query)._schema.query_type
    assert guarded is not None
    with pytest.raises(TypeError, match="secret is more than a resolver"):
        compile_resolvers(guarded, {})


def test_a_default_list_is_copied() -> None:
    """So that changing it does not affect other requests."""
    given_by_default = ["a"]
    copied = _convert(StrawberryList(str), {str})
    assert copied is not None
    copied(given_by_default).append("b")
    assert given_by_default == ["a"]


def test_an_unsupported_type_is_an_error_at_once() -> None:
    """When the schema is compiled, not when a request first sends a value."""
    with pytest.raises(TypeError, match="complex"):
        _convert(StrawberryOptional(complex), {str})
