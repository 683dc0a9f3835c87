"""Answers without the walk: what of them is plain data is read off in one go.

graphql-core resolves an answer field by field: for every scalar in it a resolver is called, a path kept, a type asked what
it is. Where every field below a value is a plain attribute, all of that comes to the same as reading attributes. So for a
document and a type that is put together once, as one function of the value, from functions for the values below it.

Reading attributes changes nothing, so graphql-core can go through the same subtree again when there is something unusual: an
awaitable, a null where none may be, a value that a scalar refuses. What is not plain by its type (a field with a resolver or
arguments, an interface) is graphql-core's from the start; below it, a new attempt is made at every object and every list of
objects.

Two things make it faster than attributes are read. A list that many results share, such as the same people in slot after
slot, is written once and then copied as bytes. And an instant becomes a datetime, which the JSON serializer formats.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias, cast

import orjson
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    Undefined,
    is_leaf_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails
from strawberry.types.field import StrawberryField

from ..transport import dumps
from .coercion import NotPlainError

#: What was made of lists of this answer, by the list's id and by the function that read it: in another place other fields
#: may be asked for. The list is kept as well, so that its id stays its own.
Shared: TypeAlias = dict[tuple[int, object], tuple[Any, Any]]
#: A type of GraphQL's, in graphql-core's words.
Kind: TypeAlias = Any
#: From a value to what of it the answer holds.
Read: TypeAlias = Callable[[Any, Shared], Any]
Fields: TypeAlias = list[FieldDetails]


def value(executor: Executor[Any], kind: Kind, fields: Fields, *, inside: bool) -> Read:
    """For values of this type; `inside` an item of a list, where other items may share them. Raises NotPlainError."""
    required = isinstance(kind, GraphQLNonNull)
    kind = cast("Kind", kind.of_type if required else kind)
    if isinstance(kind, GraphQLList):
        read = _list(value(executor, kind.of_type, fields, inside=True))
        read = _once(read) if inside and fields[0].node.selection_set is not None else read
    elif isinstance(kind, GraphQLObjectType):
        read = _object(executor, kind, fields, inside=inside)
    elif is_leaf_type(kind):
        read = _leaf(kind)
    else:
        raise NotPlainError
    return read if required else _or_null(read)


def _or_null(read: Read) -> Read:
    def read_or_null(value: Any, shared: Shared) -> Any:
        return None if value is None else read(value, shared)

    return read_or_null


def _list(read: Read) -> Read:
    def read_list(value: Any, shared: Shared) -> Any:
        if value.__class__ is not list and value.__class__ is not tuple:
            raise NotPlainError
        return [read(item, shared) for item in value]

    return read_list


def _once(read: Read) -> Read:
    """Reads a list; the same list a second time is its JSON, and from then on those very bytes."""

    def read_once(value: Any, shared: Shared) -> Any:
        key = id(value), read
        _, known = shared.get(key, (None, None))
        if known is None:
            known = read(value, shared)
        elif known.__class__ is list:
            known = orjson.Fragment(dumps(known))
        else:
            return known
        shared[key] = value, known
        return known

    return read_once


def _object(executor: Executor[Any], kind: GraphQLObjectType, fields: Fields, *, inside: bool) -> Read:
    collected = executor.collect_subfields(kind, fields)
    if kind.is_type_of is not None or collected.new_defer_usages:
        raise NotPlainError
    names: dict[str, Any] = {
        "checked": _checked,
        "plain": set[type[Any]](),
        "instant": datetime.fromtimestamp,
        "UTC": UTC,
    }
    reads: list[str] = []
    for number, (key, below) in enumerate(collected.grouped_field_set.items()):
        attribute, leaf, names[f"read{number}"] = _field(executor, kind, below, inside=inside)
        in_place = _IN_PLACE.get(leaf, "read{number}(value.{attribute}, shared)")
        reads.append(f"{key!r}: {in_place.format(attribute=attribute, number=number)}")
    exec(_READ_OBJECT.format(reads=", ".join(reads)), names)
    return names["read_object"]


#: A function that reads an object: its fields are written out, for a loop over them takes twice as long. All that goes in are
#: names of GraphQL's grammar and of Python's.
_READ_OBJECT = """
def read_object(value, shared):
    if value.__class__ not in plain:
        plain.add(checked(value.__class__))
    return {{{reads}}}
"""
#: how leaves are read without a call, as long as they are of the class that they usually are
_USUALLY = "({made} if (item := value.{{attribute}}).__class__ is {usual} else read{{number}}(item, shared))"
_IN_PLACE = {
    "String": _USUALLY.format(made="item", usual="str"),
    "ID": _USUALLY.format(made="item", usual="str"),
    "Boolean": _USUALLY.format(made="item", usual="bool"),
    "DateTime": _USUALLY.format(made="instant(item, UTC)", usual="int"),
    "EventTime": _USUALLY.format(made="instant(item, UTC)", usual="int"),
}


def _field(executor: Executor[Any], kind: GraphQLObjectType, fields: Fields, *, inside: bool) -> tuple[str, str, Read]:
    """The attribute that a field is, the name of its type where that is a leaf, and what is made of it."""
    name = fields[0].node.name.value
    if name == "__typename":
        return "__class__", "", lambda _class, _shared: kind.name
    field = kind.fields.get(name)
    if field is None or any(below.fragment_variable_values is not None for below in fields):
        raise NotPlainError
    leaf = cast("Kind", field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type)
    return _attribute(field), getattr(leaf, "name", ""), value(executor, field.type, fields, inside=inside)


def _attribute(field: GraphQLField) -> str:
    """The name of the attribute that the field is, and nothing else."""
    declared = field.extensions.get("strawberry-definition")
    if field.args or not isinstance(declared, StrawberryField):
        raise NotPlainError
    # Only so does Strawberry resolve a field by its default resolver alone: no extensions, permissions, or handlers.
    if getattr(field.resolve, "__name__", None) != "_get_basic_result" or declared.default_resolver is not getattr:
        raise NotPlainError
    return declared.python_name


def _checked(found: type[Any]) -> type[Any]:
    """A class whose instances are what they look like. An exception as a value would have to be raised, not read."""
    if not hasattr(found, "__strawberry_definition__") or issubclass(found, Exception) or hasattr(found, "__await__"):
        raise NotPlainError
    return found


def _leaf(kind: GraphQLLeafType) -> Read:
    """An instant becomes a datetime, and everything else what graphql-core makes of it."""
    if kind.name in ("DateTime", "EventTime"):
        instant = datetime.fromtimestamp
        return lambda value, _shared: instant(value, UTC) if value.__class__ is int else _coerced(kind, value)
    if isinstance(kind, GraphQLEnumType):
        names: dict[Any, Any] = {}
        return lambda value, _shared: names.get(value) or names.setdefault(value, _coerced(kind, value))
    return lambda value, _shared: _coerced(kind, value)


def _coerced(kind: GraphQLLeafType, value: Any) -> Any:
    """What graphql-core makes of a leaf's value."""
    if value is None or isinstance(value, Exception) or hasattr(value, "__await__"):
        raise NotPlainError
    coerced = kind.coerce_output_value(value)
    if coerced is None or coerced is Undefined:
        raise NotPlainError
    return coerced
