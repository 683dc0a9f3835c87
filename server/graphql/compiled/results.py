"""Compiles the plain data of results into functions that read attributes.

graphql-core resolves a result field by field: for every scalar it calls a resolver, tracks a path and inspects the
type. If every field below a value is a plain attribute, the outcome is the same as reading attributes. So for each
document and type one function of the value is compiled, from functions for the values below it.

Reading attributes has no side effects, so graphql-core can resolve the same subtree again if something is unusual: an
awaitable, a null in a non-null field, a value that a scalar refuses. Fields whose type is not plain (a resolver or
arguments, an interface) go to graphql-core from the start; below them, every object and list of objects is tried anew.
Fields that are loaded for many objects at once are loaded before the reader runs (loads.py), and then are as plain.

Two caches make it faster still. A list that many results share, such as the same people in slot after slot, is
serialised once and then copied as bytes. The text of an instant is cached, because most results consist of the
quarter hours of a few weeks.
"""

# graphql-core's types are generic, with unknown parameters where they refer to each other.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import orjson
from graphql import (
    GraphQLField,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    is_leaf_type,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from schema.nodes import Batch

from ..http import dumps
from . import loads
from .arguments import arguments_of
from .leaves import TEXTS, read_leaf
from .loads import Step
from .variables import NotCompilable

#: What one response has read already: lists and loaded objects by their id and by the function that read them, since
#: another place may select other fields; the value holds the object too, so that its id is not reused. And what was
#: loaded before, by step.
Shared: TypeAlias = dict[Any, Any]
#: A GraphQL type of graphql-core.
GraphQLTypeLike: TypeAlias = Any
#: Reads a value into the data of the response.
Read: TypeAlias = Callable[[Any, Shared], Any]
Fields: TypeAlias = list[FieldDetails]


def compile_value(
    executor: Executor[Any], kind: GraphQLTypeLike, fields: Fields, steps: list[Step], *, inside: bool
) -> Read:
    """Compiles the reader for values of this type. `inside`: within a list, whose items may share values.

    Adds to `steps` what has to be loaded first. Raises NotCompilable if not every field is plain.
    """
    required = isinstance(kind, GraphQLNonNull)
    kind = cast("GraphQLTypeLike", kind.of_type if required else kind)
    if isinstance(kind, GraphQLList):
        read = _list(executor, kind.of_type, fields, steps)
        read = ReuseSerialized(read) if inside and fields[0].node.selection_set is not None else read
    elif isinstance(kind, GraphQLObjectType):
        read = _object(_objects(executor, kind, fields, steps, inside=inside))
    elif is_leaf_type(kind):
        read = read_leaf(kind)
    else:
        raise NotCompilable
    return read if required else _or_null(read)


def _or_null(read: Read) -> Read:
    def read_or_null(value: Any, shared: Shared) -> Any:
        return None if value is None else read(value, shared)

    return read_or_null


def _list(executor: Executor[Any], kind: GraphQLTypeLike, fields: Fields, steps: list[Step]) -> Read:
    below: list[Step] = []
    item = cast("GraphQLTypeLike", kind.of_type) if isinstance(kind, GraphQLNonNull) else kind
    of_objects = item is not kind and isinstance(item, GraphQLObjectType)
    if of_objects:
        read = _objects(executor, item, fields, below, inside=True)
    else:
        read = compile_value(executor, kind, fields, below, inside=True)
    steps += [step.through(loads.of_items) for step in below]
    if of_objects:
        return read
    return lambda values, shared: [read(item, shared) for item in _items(values)]


def _items(values: Any) -> Any:
    """Returns the values if they are a list or tuple. Raises NotCompilable otherwise."""
    if values.__class__ is not list and values.__class__ is not tuple:
        raise NotCompilable
    return values


class ReuseSerialized:
    """Reads a list or an object. The second read of the same one in a response serialises it, and later ones reuse
    those bytes."""

    def __init__(self, read: Read) -> None:
        self._read = read

    def __call__(self, value: Any, shared: Shared) -> Any:
        key = id(value), self._read
        _, known = shared.get(key, (None, None))
        if known is None:
            known = self._read(value, shared)
        elif known.__class__ is list or known.__class__ is dict:
            known = orjson.Fragment(dumps(known))
        else:
            return known
        shared[key] = value, known
        return known


def _object(read: Read) -> Read:
    return lambda value, shared: read((value,), shared)[0]


def _objects(
    executor: Executor[Any], kind: GraphQLObjectType, fields: Fields, steps: list[Step], *, inside: bool
) -> Read:
    """Generates the reader for lists of objects of this type."""
    collected = executor.collect_subfields(kind, fields)
    if collected.new_defer_usages:
        raise NotCompilable
    names: dict[str, Any] = {"checked": _checked(kind), "items": _items, "plain": set[type[Any]](), "texts": TEXTS}
    names["Fragment"] = orjson.Fragment
    before: list[str] = []
    each: list[str] = []
    reads: list[str] = []
    for number, (key, below) in enumerate(collected.grouped_field_set.items()):
        step = _step(executor, kind, below, steps, inside=inside)
        if step is not None:
            names[f"step{number}"], names[f"read{number}"] = step
            before.append(f"loaded{number} = shared[step{number}]")
            reads.append(f"{key!r}: read{number}(loaded{number}[id(value)], shared)")
            continue
        attribute, leaf, read = _field(executor, kind, below, steps, inside=inside)
        names[f"read{number}"] = read
        in_place = _IN_PLACE.get(leaf, "read{number}(value.{attribute}, shared)")
        if isinstance(read, ReuseSerialized):
            before.append(f"last{number} = results")
            each.append(_UNLESS_THE_SAME.format(attribute=attribute, number=number))
            in_place = "made{number}"
        reads.append(f"{key!r}: {in_place.format(attribute=attribute, number=number)}")
    source = _READ_OBJECTS.format(before="; ".join(before), each="".join(each), reads=", ".join(reads))
    exec(source, names)
    return names["read_objects"]


#: Source of a function that reads objects. The fields are unrolled, because a loop over them takes twice as long.
#: Only GraphQL and Python identifiers are inserted.
_READ_OBJECTS = """
def read_objects(values, shared):
    results = []
    {before}
    for value in items(values):
        if value.__class__ not in plain:
            plain.add(checked(value.__class__))
        {each}
        results.append({{{reads}}})
    return results
"""
#: Skips the lookup if the object shares the list of the one before. `results`, which no object has, never matches.
_UNLESS_THE_SAME = """
        if (item := value.{attribute}) is not last{number}:
            made{number} = read{number}(item, shared)
            last{number} = item if made{number}.__class__ is Fragment else results
"""
#: expressions that read a leaf without a call if it has its usual class
_USUALLY = "({made} if (item := value.{{attribute}}).__class__ is {usual} else read{{number}}(item, shared))"
_IN_PLACE = {
    "String": _USUALLY.format(made="item", usual="str"),
    "ID": _USUALLY.format(made="item", usual="str"),
    "Boolean": _USUALLY.format(made="item", usual="bool"),
    "DateTime": _USUALLY.format(made="texts[item]", usual="int"),
    "EventTime": _USUALLY.format(made="texts[item]", usual="int"),
}


def _step(
    executor: Executor[Any], kind: GraphQLObjectType, fields: Fields, steps: list[Step], *, inside: bool
) -> tuple[Step, Read] | None:
    """What loads a field, and the reader for what was loaded; None for a field that is not loaded so."""
    node = fields[0].node
    field = kind.fields.get(node.name.value)
    declared = field.extensions.get("strawberry-definition") if field is not None else None
    batch = declared.metadata.get(Batch.KEY) if isinstance(declared, StrawberryField) else None
    if field is None or not isinstance(declared, StrawberryField) or not isinstance(batch, Batch):
        return None
    if any(below.fragment_variable_values is not None for below in fields):
        raise NotCompilable
    below: list[Step] = []
    read = compile_value(executor, field.type, fields, below, inside=inside)
    step = Step(
        batch, arguments_of(declared, field, node), loads.itself, [each.through(loads.of_items) for each in below]
    )
    steps.append(step)
    # Many objects may lead to the same one: its JSON is made once.
    return step, read if isinstance(read, ReuseSerialized) or not inside else ReuseSerialized(read)


def _field(
    executor: Executor[Any], kind: GraphQLObjectType, fields: Fields, steps: list[Step], *, inside: bool
) -> tuple[str, str, Read]:
    """The attribute of a field, the name of its type (for a leaf), and its reader. Raises NotCompilable."""
    name = fields[0].node.name.value
    if name == "__typename":
        return "__class__", "", lambda _class, _shared: kind.name
    field = kind.fields.get(name)
    if field is None or any(below.fragment_variable_values is not None for below in fields):
        raise NotCompilable
    leaf = cast("GraphQLTypeLike", field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type)
    attribute = _attribute(field)
    below: list[Step] = []
    read = compile_value(executor, field.type, fields, below, inside=inside)
    steps += [step.through(loads.of_attribute(attribute)) for step in below]
    return attribute, getattr(leaf, "name", ""), read


def _attribute(field: GraphQLField) -> str:
    """The attribute that the field reads. Raises NotCompilable if it does anything else."""
    declared = field.extensions.get("strawberry-definition")
    if field.args or not isinstance(declared, StrawberryField):
        raise NotCompilable
    # These two mean that Strawberry runs only the default resolver: no extensions, permissions or handlers.
    if getattr(field.resolve, "__name__", None) != "_get_basic_result" or declared.default_resolver is not getattr:
        raise NotCompilable
    return declared.python_name


def _checked(kind: GraphQLObjectType) -> Callable[[type[Any]], type[Any]]:
    """Returns a function that returns a class if its instances can be read as this type, and raises NotCompilable else.

    Exceptions and awaitables cannot. A type that implements an interface has only instances of its own class.
    """
    declared = kind.extensions.get("strawberry-definition")
    own = declared.origin if isinstance(declared, StrawberryObjectDefinition) else None

    def checked(found: type[Any]) -> type[Any]:
        if not hasattr(found, "__strawberry_definition__") or issubclass(found, Exception):
            raise NotCompilable
        if hasattr(found, "__await__") or (kind.is_type_of is not None and (own is None or not issubclass(found, own))):
            raise NotCompilable
        return found

    return checked
