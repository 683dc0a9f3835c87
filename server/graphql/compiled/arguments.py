"""Compiles the arguments of root fields, so that Strawberry does not inspect types on every request.

Strawberry looks at every type again for every value that is sent: what it is made of, what its fields are called, whether
it has to be converted. With ten members in a query that is the largest part of reading it. The result is the same each
time, so here it is worked out once, when the schema is made, and graphql-core calls the resolvers of queries and mutations
without Strawberry in between.
"""

# Strawberry's types are generic, and left open where they refer to each other.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeAlias, cast

from graphql import GraphQLObjectType, GraphQLSchema
from strawberry import ID, Info
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case

from schema import stock_schema
from schema.scalars import SCALARS

#: From what GraphQL has coerced to what an input type is given; None: it is the same.
Convert: TypeAlias = Callable[[Any], Any] | None

_LEAVES: set[object] = {str, int, float, bool, ID}


@cache
def compiled_schema() -> GraphQLSchema:
    """The schema, with the resolvers of its queries and mutations compiled."""
    own = stock_schema()._schema  # pyright: ignore[reportPrivateUsage]: Strawberry offers graphql-core's schema nowhere else
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
    # Whatever else Strawberry does around a resolver would be left out.
    if field.base_resolver is None or field.extensions or field.permission_classes:
        raise TypeError(f"{field.python_name} is more than a resolver")
    resolver = cast("Callable[..., Any]", field.base_resolver.wrapped_func)
    arguments = _by_name(field.arguments, leaves)

    def resolve(root: object, info: Any, **given: Any) -> Any:
        return resolver(root, info=Info(_raw_info=info, _field=field), **arguments(given))

    return resolve


def _graphql_name(named: StrawberryField | StrawberryArgument) -> str:
    return named.graphql_name or to_camel_case(named.python_name)


def _builder(definition: StrawberryObjectDefinition, leaves: set[object]) -> Callable[[Mapping[str, Any]], Any]:
    """From the value's fields by their names in GraphQL to the instance; what was left out has its default."""
    origin, given = definition.origin, _by_name(definition.fields, leaves)
    return lambda value: origin(**given(value))


def _by_name(
    named: Iterable[StrawberryField | StrawberryArgument], leaves: set[object]
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """From values by their names in GraphQL to the same by their names in Python; what was left out is left to the default."""
    taken = [(_graphql_name(one), one.python_name, _convert(one.type, leaves)) for one in named]

    def by_name(value: Mapping[str, Any]) -> dict[str, Any]:
        return {
            python_name: value[name] if convert is None else convert(value[name])
            for name, python_name, convert in taken
            if name in value
        }

    return by_name


def _convert(kind: object, leaves: set[object]) -> Convert:
    """What has to be done to a value of this type. Raises TypeError for one that there is none of in this schema."""
    if isinstance(kind, StrawberryOptional):
        return _or_null(_convert(kind.of_type, leaves))
    if isinstance(kind, StrawberryList):
        return _list(_convert(kind.of_type, leaves))
    if kind in leaves or isinstance(kind, StrawberryEnumDefinition) or _is_enum(kind):
        return None
    definition = getattr(kind, "__strawberry_definition__", None)
    if isinstance(definition, StrawberryObjectDefinition) and definition.is_input:
        return _builder(definition, leaves)
    raise TypeError(f"{kind} is no type of an input's field that we know how to build")


def _is_enum(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _or_null(convert: Convert) -> Convert:
    return None if convert is None else lambda value: None if value is None else convert(value)


def _list(convert: Convert) -> Convert:
    # Copied in any case: a default is one and the same list for every request.
    return list if convert is None else lambda value: [convert(item) for item in value]
