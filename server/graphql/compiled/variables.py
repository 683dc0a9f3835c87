"""Compiles the coercion of variables: one function for each type.

For every value of every request graphql-core inspects the type: is it required, a list, an input object, which
fields it has and which have defaults. That depends on the schema alone, so it is worked out once and compiled into
a function that only inspects the values.
"""

# graphql-core's types are generic, with unknown parameters where they refer to each other.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities.coerce_input_value import coerce_default_value

#: Coerces a JSON value for the resolver. Raises any exception if the type does not allow the value.
Coerce: TypeAlias = Callable[[Any], Any]
#: A GraphQL type of graphql-core.
GraphQLTypeLike: TypeAlias = Any


class NotCompilable(Exception):
    """A type or value that must be left to graphql-core."""


class Coercion:
    """The coercion functions for the types of a schema, each compiled on first use."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._inputs: dict[str, Coerce | None] = {}

    def variables(self, operation: OperationDefinitionNode) -> "Variables | None":
        """Compiles the coercion of this operation's variables. None if a type or default is left to graphql-core."""
        coercions: list[tuple[GraphQLVariableSignature, Coerce, Any]] = []
        for node in operation.variable_definitions or ():
            signature = get_variable_signature(self._schema, node)
            if isinstance(signature, GraphQLError):
                return None
            try:
                coercions.append((signature, self._of(signature.type), _default(signature)))
            except NotCompilable:
                return None
        return Variables(coercions)

    def _of(self, kind: GraphQLTypeLike) -> Coerce:
        """The function for values of this type. Raises NotCompilable."""
        if not isinstance(kind, GraphQLNonNull):
            return _or_null(self._of_some(kind))
        some = self._of_some(cast("GraphQLTypeLike", kind.of_type))
        # A scalar's own function may accept None; those for all other types raise on it.
        return _required(some) if isinstance(kind.of_type, GraphQLScalarType) else some

    def _of_some(self, kind: GraphQLTypeLike) -> Coerce:
        """The function for non-null values of this type. Raises NotCompilable."""
        if isinstance(kind, GraphQLList):
            return _list(self._of(cast("GraphQLTypeLike", kind.of_type)))
        if isinstance(kind, GraphQLInputObjectType):
            return self._input(kind)
        if isinstance(kind, GraphQLEnumType):
            # Values by name; anything else raises KeyError, or TypeError if it is unhashable.
            return {name: kind.coerce_input_value(name) for name in kind.values}.__getitem__
        if isinstance(kind, GraphQLScalarType):
            return kind.coerce_input_value
        raise NotCompilable

    def _input(self, kind: GraphQLInputObjectType) -> Coerce:
        if kind.name not in self._inputs:
            self._inputs[kind.name] = None  # remains if the type is not plain or contains itself
            self._inputs[kind.name] = self._make_input(kind)
        made = self._inputs[kind.name]
        if made is None:
            raise NotCompilable
        return made

    def _make_input(self, kind: GraphQLInputObjectType) -> Coerce:
        if kind.is_one_of:
            raise NotCompilable
        names: dict[str, Any] = {"NotCompilable": NotCompilable, "missing": Undefined, "made": kind.out_type}
        fields: list[str] = []
        for number, (name, field) in enumerate(kind.fields.items()):
            names[f"coerce{number}"] = self._of(field.type)
            default = _default(field)
            names[f"default{number}"] = default
            if_omitted = "raise NotCompilable" if is_required_input_field(field) else "pass"
            if default is not Undefined:
                if_omitted = f"coerced[{field.out_name or name!r}] = default{number}"
            fields.append(
                _FIELD.format(
                    name=repr(name),
                    out=repr(field.out_name or name),
                    value=_in_place(field.type).format(number=number),
                    if_omitted=if_omitted,
                )
            )
        exec(_INPUT.format(fields="".join(fields)), names)
        return names["coerce_input"]


class Variables:
    """Coerces the variables of one operation."""

    def __init__(self, coercions: list[tuple[GraphQLVariableSignature, Coerce, Any]]) -> None:
        self._coercions = coercions

    def coerce(self, given: Mapping[str, Any]) -> VariableValues | None:
        """The coerced variables, or None if graphql-core must coerce them and report errors."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, coerce, default in self._coercions:
            name = signature.name
            value = given.get(name, Undefined)
            sources[name] = VariableValueSource(signature, value)
            if value is not Undefined:
                try:
                    coerced[name] = coerce(value)
                except Exception:  # graphql-core repeats the coercion and reports the error
                    return None
            elif default is not Undefined:
                coerced[name] = default
            elif isinstance(signature.type, GraphQLNonNull):
                return None
        return VariableValues(sources, coerced)


#: Source of a function for an input object, with its fields unrolled as in results.py. Only GraphQL names are
#: inserted, as literals.
_INPUT = """
def coerce_input(value):
    if value.__class__ is not dict:
        raise NotCompilable
    get, coerced, found = value.get, {{}}, 0
    {fields}
    if found != len(value):
        raise NotCompilable
    return made(coerced)
"""
_FIELD = """
    if (item := get({name}, missing)) is missing:
        {if_omitted}
    else:
        found += 1
        coerced[{out}] = {value}
"""
#: a value of the usual class needs no coercion, and so no call
_USUALLY = {"String": "str", "ID": "str", "Boolean": "bool"}


def _in_place(kind: GraphQLTypeLike) -> str:
    named = cast("GraphQLTypeLike", kind.of_type if isinstance(kind, GraphQLNonNull) else kind)
    usual = _USUALLY.get(getattr(named, "name", ""))
    return f"item if item.__class__ is {usual} else coerce{{number}}(item)" if usual else "coerce{number}(item)"


def _default(of: GraphQLInputField | GraphQLVariableSignature) -> Any:
    """The coerced default, or Undefined if there is none. Raises NotCompilable."""
    try:
        return coerce_default_value(of)
    except TypeError:
        raise NotCompilable from None


def _required(coerce: Coerce) -> Coerce:
    def coerce_required(value: Any) -> Any:
        if value is None:
            raise NotCompilable
        return coerce(value)

    return coerce_required


def _or_null(coerce: Coerce) -> Coerce:
    def coerce_or_null(value: Any) -> Any:
        return None if value is None else coerce(value)

    return coerce_or_null


def _list(coerce: Coerce) -> Coerce:
    def coerce_list(value: Any) -> Any:
        if value.__class__ is not list:  # a single value is allowed as a list of one
            raise NotCompilable
        return [coerce(item) for item in value]

    return coerce_list
