"""Compiles the arguments of root fields, so that Strawberry does not inspect types on every request.

For every value in a request Strawberry inspects its type again: its structure, its field names, whether it must be
converted. With ten members in a query that is most of the time to read it. The result never changes, so here it is
worked out once, when the schema is made, and graphql-core calls the resolvers of queries and mutations without
Strawberry in between.
"""

# Strawberry's types are generic, with unknown parameters where they refer to each other.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeAlias, cast

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLSchema
from graphql.execution import Executor
from graphql.execution.values import get_argument_values
from strawberry import ID, Info
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from schema import stock_schema
from schema.scalars import SCALARS

#: Converts a value coerced by GraphQL to the value that an input type is given; None if they are the same.
Convert: TypeAlias = Callable[[Any], Any] | None

_LEAVES: set[object] = {str, int, float, bool, ID}


@cache
def compiled_schema() -> GraphQLSchema:
    """The schema, with the resolvers of its queries and mutations compiled."""
    own = stock_schema()._schema  # pyright: ignore[reportPrivateUsage]: no public attribute has it
    for root in (own.query_type, own.mutation_type):
        assert root is not None
        compile_resolvers(root, SCALARS)
    return own


def compile_resolvers(root: GraphQLObjectType, scalars: Iterable[object]) -> None:
    """Makes graphql-core call the resolvers of a root type, each of which takes `self` and `info`, directly."""
    leaves = _LEAVES | set(scalars)
    for field in root.fields.values():
        field.resolve = _resolve(field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF], leaves)


def _resolve(field: StrawberryField, leaves: set[object]) -> Callable[..., Any]:
    # Anything else that Strawberry runs around a resolver would be skipped.
    if field.base_resolver is None or field.extensions or field.permission_classes:
        raise TypeError(f"{field.python_name} is more than a resolver")
    resolver = cast("Callable[..., Any]", field.base_resolver.wrapped_func)
    arguments = _by_name(field.arguments, leaves)

    def resolve(root: object, info: Any, **given: Any) -> Any:
        return resolver(root, info=Info(_raw_info=info, _field=field), **arguments(given))

    return resolve


def arguments_of(
    declared: StrawberryField, field: GraphQLField, node: FieldNode
) -> Callable[[Executor[Any]], Mapping[str, Any]]:
    """Returns a function from an execution to the arguments of this field, with the values of their Python types.

    Omitted ones have the defaults of the resolver. The function raises GraphQLError.
    """
    by_name = _by_name(declared.arguments, _LEAVES | set(SCALARS))
    defaults = {one.python_name: one.default for one in declared.arguments}

    def arguments(executor: Executor[Any]) -> Mapping[str, Any]:
        given = get_argument_values(field, node, executor.variable_values) if declared.arguments else {}
        return {**defaults, **by_name(given)}

    return arguments


def _graphql_name(named: StrawberryField | StrawberryArgument) -> str:
    return named.graphql_name or to_camel_case(named.python_name)


def _builder(definition: StrawberryObjectDefinition, leaves: set[object]) -> Callable[[Mapping[str, Any]], Any]:
    """Returns a function from an input object, by GraphQL names, to an instance; omitted fields have their defaults."""
    origin, given = definition.origin, _by_name(definition.fields, leaves)
    return lambda value: origin(**given(value))


def _by_name(
    named: Iterable[StrawberryField | StrawberryArgument], leaves: set[object]
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Returns a function that converts values and gives them their Python names; omitted ones stay omitted."""
    taken = [(_graphql_name(one), one.python_name, _convert(one.type, leaves)) for one in named]

    def by_name(value: Mapping[str, Any]) -> dict[str, Any]:
        return {
            python_name: value[name] if convert is None else convert(value[name])
            for name, python_name, convert in taken
            if name in value
        }

    return by_name


def _convert(kind: object, leaves: set[object]) -> Convert:
    """The conversion for values of this type. Raises TypeError for a kind of type that this schema does not use."""
    if isinstance(kind, StrawberryOptional):
        return _or_null(_convert(kind.of_type, leaves))
    if isinstance(kind, StrawberryList):
        return _list(_convert(kind.of_type, leaves))
    if kind in leaves or isinstance(kind, StrawberryEnumDefinition) or _is_enum(kind):
        return None
    definition = getattr(kind, "__strawberry_definition__", None)
    if isinstance(definition, StrawberryObjectDefinition) and definition.is_input:
        return _builder(definition, leaves)
    raise TypeError(f"{kind} is not a supported type of an input field")


def _is_enum(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _or_null(convert: Convert) -> Convert:
    return None if convert is None else lambda value: None if value is None else convert(value)


def _list(convert: Convert) -> Convert:
    # Always a copy: a default is the same list object in every request.
    return list if convert is None else lambda value: [convert(item) for item in value]
