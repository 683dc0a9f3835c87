"""Answers without the walk: what of them is plain data is read off in one go.

graphql-core resolves an answer field by field: for every scalar in it a resolver is called, a path kept, a type asked what
it is. Where every field below a value is a plain attribute, all of that comes to the same as reading attributes. So for a
document and a type that is put together once, as one function of the value, from functions for the values below it.

Reading attributes changes nothing, so graphql-core can go through the same subtree again when there is something unusual: an
awaitable, a null where none may be, a value that a scalar refuses. What is not plain by its type (a field with a resolver or
arguments, an interface) is graphql-core's from the start; below it, a new attempt is made at every object and every list of
objects.

Two things make it faster than attributes are read. A list that many results share, such as the same people in slot after
slot, is written once and then copied as bytes. And the text of an instant is remembered: quarters of the hours of a few
weeks are what most answers are made of.
"""

# graphql-core's types are generic, and left open where they refer to each other.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable
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

from core.instants import Instant, format_instant

from ..http import dumps
from .variables import NotCompilable

#: What was made of lists of this answer, by the list's id and by the function that read it: in another place other fields
#: may be asked for. The list is kept as well, so that its id stays its own.
Shared: TypeAlias = dict[tuple[int, object], tuple[Any, Any]]
#: A type of GraphQL's, in graphql-core's words.
GraphQLTypeLike: TypeAlias = Any
#: From a value to what of it the answer holds.
Read: TypeAlias = Callable[[Any, Shared], Any]
Fields: TypeAlias = list[FieldDetails]

#: instants whose texts are remembered: a megabyte
_MOST_TEXTS = 10_000


class _Texts(dict[Instant, str]):
    """Instants as the answer has them."""

    def __missing__(self, instant: Instant) -> str:
        if len(self) == _MOST_TEXTS:
            self.clear()
        text = self[instant] = format_instant(instant)
        return text


_TEXTS = _Texts()


def compile_value(executor: Executor[Any], kind: GraphQLTypeLike, fields: Fields, *, inside: bool) -> Read:
    """For values of this type; `inside` an item of a list, where other items may share them. Raises NotCompilable."""
    required = isinstance(kind, GraphQLNonNull)
    kind = cast("GraphQLTypeLike", kind.of_type if required else kind)
    if isinstance(kind, GraphQLList):
        read = _list(executor, kind.of_type, fields)
        read = ReuseSerialized(read) if inside and fields[0].node.selection_set is not None else read
    elif isinstance(kind, GraphQLObjectType):
        read = _object(_objects(executor, kind, fields, inside=inside))
    elif is_leaf_type(kind):
        read = _leaf(kind)
    else:
        raise NotCompilable
    return read if required else _or_null(read)


def _or_null(read: Read) -> Read:
    def read_or_null(value: Any, shared: Shared) -> Any:
        return None if value is None else read(value, shared)

    return read_or_null


def _list(executor: Executor[Any], kind: GraphQLTypeLike, fields: Fields) -> Read:
    if isinstance(kind, GraphQLNonNull) and isinstance(kind.of_type, GraphQLObjectType):
        return _objects(executor, kind.of_type, fields, inside=True)
    read = compile_value(executor, kind, fields, inside=True)
    return lambda values, shared: [read(item, shared) for item in _items(values)]


def _items(values: Any) -> Any:
    """The values, if they are a list as Python has it."""
    if values.__class__ is not list and values.__class__ is not tuple:
        raise NotCompilable
    return values


class ReuseSerialized:
    """Reads a list; the same list a second time is its JSON, and from then on those very bytes."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def __call__(self, value: Any, shared: Shared) -> Any:
        key = id(value), self._read
        _, known = shared.get(key, (None, None))
        if known is None:
            known = self._read(value, shared)
        elif known.__class__ is list:
            known = orjson.Fragment(dumps(known))
        else:
            return known
        shared[key] = value, known
        return known


def _object(read: Read) -> Read:
    return lambda value, shared: read((value,), shared)[0]


def _objects(executor: Executor[Any], kind: GraphQLObjectType, fields: Fields, *, inside: bool) -> Read:
    """For lists of objects of this type."""
    collected = executor.collect_subfields(kind, fields)
    if kind.is_type_of is not None or collected.new_defer_usages:
        raise NotCompilable
    names: dict[str, Any] = {"checked": _checked, "items": _items, "plain": set[type[Any]](), "texts": _TEXTS}
    names["Fragment"] = orjson.Fragment
    before: list[str] = []
    each: list[str] = []
    reads: list[str] = []
    for number, (key, below) in enumerate(collected.grouped_field_set.items()):
        attribute, leaf, read = _field(executor, kind, below, inside=inside)
        names[f"read{number}"] = read
        in_place = _IN_PLACE.get(leaf, "read{number}(value.{attribute}, shared)")
        if isinstance(read, ReuseSerialized):
            before.append(f"last{number} = answers")
            each.append(_UNLESS_THE_SAME.format(attribute=attribute, number=number))
            in_place = "made{number}"
        reads.append(f"{key!r}: {in_place.format(attribute=attribute, number=number)}")
    source = _READ_OBJECTS.format(before="; ".join(before), each="".join(each), reads=", ".join(reads))
    exec(source, names)
    return names["read_objects"]


#: A function that reads objects: their fields are written out, for a loop over them takes twice as long. All that goes in are
#: names of GraphQL's grammar and of Python's.
_READ_OBJECTS = """
def read_objects(values, shared):
    answers = []
    {before}
    for value in items(values):
        if value.__class__ not in plain:
            plain.add(checked(value.__class__))
        {each}
        answers.append({{{reads}}})
    return answers
"""
#: What the object before had as well need not even be looked for. `answers` is what no object has.
_UNLESS_THE_SAME = """
        if (item := value.{attribute}) is not last{number}:
            made{number} = read{number}(item, shared)
            last{number} = item if made{number}.__class__ is Fragment else answers
"""
#: how leaves are read without a call, as long as they are of the class that they usually are
_USUALLY = "({made} if (item := value.{{attribute}}).__class__ is {usual} else read{{number}}(item, shared))"
_IN_PLACE = {
    "String": _USUALLY.format(made="item", usual="str"),
    "ID": _USUALLY.format(made="item", usual="str"),
    "Boolean": _USUALLY.format(made="item", usual="bool"),
    "DateTime": _USUALLY.format(made="texts[item]", usual="int"),
    "EventTime": _USUALLY.format(made="texts[item]", usual="int"),
}


def _field(executor: Executor[Any], kind: GraphQLObjectType, fields: Fields, *, inside: bool) -> tuple[str, str, Read]:
    """The attribute that a field is, the name of its type where that is a leaf, and what is made of it."""
    name = fields[0].node.name.value
    if name == "__typename":
        return "__class__", "", lambda _class, _shared: kind.name
    field = kind.fields.get(name)
    if field is None or any(below.fragment_variable_values is not None for below in fields):
        raise NotCompilable
    leaf = cast("GraphQLTypeLike", field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type)
    return _attribute(field), getattr(leaf, "name", ""), compile_value(executor, field.type, fields, inside=inside)


def _attribute(field: GraphQLField) -> str:
    """The name of the attribute that the field is, and nothing else."""
    declared = field.extensions.get("strawberry-definition")
    if field.args or not isinstance(declared, StrawberryField):
        raise NotCompilable
    # Only so does Strawberry resolve a field by its default resolver alone: no extensions, permissions, or handlers.
    if getattr(field.resolve, "__name__", None) != "_get_basic_result" or declared.default_resolver is not getattr:
        raise NotCompilable
    return declared.python_name


def _checked(found: type[Any]) -> type[Any]:
    """A class whose instances are what they look like. An exception as a value would have to be raised, not read."""
    if not hasattr(found, "__strawberry_definition__") or issubclass(found, Exception) or hasattr(found, "__await__"):
        raise NotCompilable
    return found


def _leaf(kind: GraphQLLeafType) -> Read:
    """What graphql-core makes of it."""
    if kind.name in ("DateTime", "EventTime"):
        return lambda value, _shared: _TEXTS[value] if value.__class__ is int else _coerced(kind, value)
    if isinstance(kind, GraphQLEnumType):
        names: dict[Any, Any] = {}
        return lambda value, _shared: names.get(value) or names.setdefault(value, _coerced(kind, value))
    return lambda value, _shared: _coerced(kind, value)


def _coerced(kind: GraphQLLeafType, value: Any) -> Any:
    """What graphql-core makes of a leaf's value."""
    if value is None or isinstance(value, Exception) or hasattr(value, "__await__"):
        raise NotCompilable
    coerced = kind.coerce_output_value(value)
    if coerced is None or coerced is Undefined:
        raise NotCompilable
    return coerced
