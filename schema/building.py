"""Input types are built by functions that are put together once.

Strawberry looks at every type again for every value that is sent: what it is made of, what its fields are called, whether
it has to be converted. With ten members in a question that is the dearest part of reading it. What it finds out is the same
each time; so it is found out here when the schema is made, and given to Strawberry where it asks for a way of our own.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, TypeAlias

from strawberry import ID
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition
from strawberry.utils.str_converters import to_camel_case

#: From what GraphQL has coerced to what an input type is given; None: it is the same.
Convert: TypeAlias = Callable[[Any], Any] | None

_LEAVES: set[object] = {str, int, float, bool, ID}


def build_by_ourselves(types: Iterable[object], scalars: Iterable[object]) -> None:
    """Has all input types among these, which belong to a schema with these scalars, built without looking again."""
    leaves = _LEAVES | set(scalars)
    for definition in types:
        if isinstance(definition, StrawberryObjectDefinition) and definition.is_input:
            definition.from_input = _from_input(_builder(definition, leaves))


def _from_input(build: Callable[[Mapping[str, Any]], Any]) -> Callable[[type, Mapping[str, Any], object], Any]:
    return lambda _type, value, _context: build(value)


def _builder(definition: StrawberryObjectDefinition, leaves: set[object]) -> Callable[[Mapping[str, Any]], Any]:
    """From the value's fields by their names in GraphQL to the instance; what was left out has its default."""
    origin = definition.origin
    fields = [
        (field.graphql_name or to_camel_case(field.python_name), field.python_name, _convert(field.type, leaves))
        for field in definition.fields
    ]
    plain = {name: python_name for name, python_name, convert in fields if convert is None}
    converted = [(name, python_name, convert) for name, python_name, convert in fields if convert is not None]

    def build(value: Mapping[str, Any]) -> Any:
        given = {python_name: value[name] for name, python_name in plain.items() if name in value}
        for name, python_name, convert in converted:
            if name in value:
                given[python_name] = convert(value[name])
        return origin(**given)

    return build


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
