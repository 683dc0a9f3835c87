"""Input types are built as Strawberry builds them, whatever is sent."""

import copy
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
import strawberry
from graphql import GraphQLField, GraphQLInputObjectType, GraphQLSchema, Undefined
from graphql.utilities import coerce_input_value
from hypothesis import given
from hypothesis import strategies as st
from strawberry.permission import BasePermission
from strawberry.types.arguments import convert_argument, convert_arguments
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional

from schema import schema
from schema.building import _by_name, _convert, call_by_ourselves
from schema.scalars import SCALARS
from tests.support.input_strategies import FOR_EACH_TYPE, some, values

OURS: GraphQLSchema = schema._schema
DEFINITIONS = {
    name: kept.definition
    for name, kept in schema.schema_converter.type_map.items()
    if isinstance(kept.definition, StrawberryObjectDefinition) and kept.definition.is_input
}
ROOTS = [kind for kind in (OURS.query_type, OURS.mutation_type) if kind is not None]
FIELDS = {name: field for root in ROOTS for name, field in root.fields.items()}
INPUTS = [kind for kind in OURS.type_map.values() if isinstance(kind, GraphQLInputObjectType)]


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

    @FOR_EACH_TYPE
    @given(some(kind))
    def compare(sent: Any) -> None:
        value = coerce_input_value(sent, kind)
        assert value is not Undefined
        ours = built(DEFINITIONS[kind.name], value)
        with left_to_strawberry():
            theirs = built(DEFINITIONS[kind.name], value)
        assert repr(ours) == repr(theirs)
        assert ours == theirs

    compare()


@pytest.mark.parametrize("name", FIELDS)
def test_a_resolver_is_given_what_strawberry_gives(name: str) -> None:
    """By the same names, of the same types; what was left out is left to it."""
    field: GraphQLField = FIELDS[name]
    declared = field.extensions["strawberry-definition"]
    converter = schema.schema_converter

    @FOR_EACH_TYPE
    @given(st.fixed_dictionaries({}, optional={name: values(argument.type) for name, argument in field.args.items()}))
    def compare(sent: dict[str, Any]) -> None:
        given = {name: coerce_input_value(value, field.args[name].type) for name, value in sent.items()}
        with left_to_strawberry():
            theirs = convert_arguments(given, declared.arguments, converter.scalar_registry, converter.config)
        ours = _by_name(declared.arguments, {*SCALARS, str, int, bool, strawberry.ID})(given)
        assert repr(ours) == repr(theirs)
        assert ours == theirs

    compare()


def test_a_field_that_is_more_than_a_resolver_is_not_called_past_strawberry() -> None:
    """Somebody could rely on what Strawberry does around it: told when the schema is made."""

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
        call_by_ourselves(guarded, {})


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
