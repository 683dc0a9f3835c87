"""Variables coerced by functions that are put together once.

graphql-core asks of every value of every request what its type is made of: is it required, a list, an input object, which
fields does that have and which of them have defaults. Its answers follow from the schema; so they are found once, and
written down as one function for each type, which only has the values still to look at.
"""

# graphql-core's types are generic, and left open where they refer to each other.
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

#: From a value of JSON to what a resolver is given. Raises, whatever it likes, at a value that its type does not allow.
Coerce: TypeAlias = Callable[[Any], Any]
#: A type of GraphQL's, in graphql-core's words.
GraphQLTypeLike: TypeAlias = Any


class NotCompilable(Exception):
    """A type, or a value, that is graphql-core's to deal with."""


class Coercion:
    """The functions for the types of a schema, each made when it is first needed."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._inputs: dict[str, Coerce | None] = {}

    def variables(self, operation: OperationDefinitionNode) -> "Variables | None":
        """What coerces this operation's variables; None where a type or a default is graphql-core's to deal with."""
        takers: list[tuple[GraphQLVariableSignature, Coerce, Any]] = []
        for node in operation.variable_definitions or ():
            signature = get_variable_signature(self._schema, node)
            if isinstance(signature, GraphQLError):
                return None
            try:
                takers.append((signature, self._of(signature.type), _default(signature)))
            except NotCompilable:
                return None
        return Variables(takers)

    def _of(self, kind: GraphQLTypeLike) -> Coerce:
        """For values of this type. Raises NotCompilable."""
        if not isinstance(kind, GraphQLNonNull):
            return _or_null(self._of_some(kind))
        some = self._of_some(cast("GraphQLTypeLike", kind.of_type))
        # A scalar is never asked about null; all else raises at it as it is.
        return _required(some) if isinstance(kind.of_type, GraphQLScalarType) else some

    def _of_some(self, kind: GraphQLTypeLike) -> Coerce:
        """For values that are not null."""
        if isinstance(kind, GraphQLList):
            return _list(self._of(cast("GraphQLTypeLike", kind.of_type)))
        if isinstance(kind, GraphQLInputObjectType):
            return self._input(kind)
        if isinstance(kind, GraphQLEnumType):
            # By its name a value is found, and all else is not: KeyError, or TypeError for what is no key.
            return {name: kind.coerce_input_value(name) for name in kind.values}.__getitem__
        if isinstance(kind, GraphQLScalarType):
            return kind.coerce_input_value
        raise NotCompilable

    def _input(self, kind: GraphQLInputObjectType) -> Coerce:
        if kind.name not in self._inputs:
            self._inputs[kind.name] = None  # stays, if it is not plain, or is met again within itself
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
            left_out = "raise NotCompilable" if is_required_input_field(field) else "pass"
            if default is not Undefined:
                left_out = f"coerced[{field.out_name or name!r}] = default{number}"
            fields.append(
                _FIELD.format(
                    name=repr(name),
                    out=repr(field.out_name or name),
                    value=_in_place(field.type).format(number=number),
                    left_out=left_out,
                )
            )
        exec(_INPUT.format(fields="".join(fields)), names)
        return names["coerce_input"]


class Variables:
    """What coerces the variables of one operation."""

    def __init__(self, takers: list[tuple[GraphQLVariableSignature, Coerce, Any]]) -> None:
        self._takers = takers

    def coerce(self, given: Mapping[str, Any]) -> VariableValues | None:
        """The variables' values, or None when graphql-core has to look at them."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, coerce, default in self._takers:
            name = signature.name
            value = given.get(name, Undefined)
            sources[name] = VariableValueSource(signature, value)
            if value is not Undefined:
                try:
                    coerced[name] = coerce(value)
                except Exception:  # whatever it was: graphql-core comes upon it again, and has the words for it
                    return None
            elif default is not Undefined:
                coerced[name] = default
            elif isinstance(signature.type, GraphQLNonNull):
                return None
        return VariableValues(sources, coerced)


#: A function for an input object. As in reading.py its fields are written out; all that goes in are names of GraphQL's
#: grammar, as literals.
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
        {left_out}
    else:
        found += 1
        coerced[{out}] = {value}
"""
#: what these are usually is what they stay, and takes no call
_USUALLY = {"String": "str", "ID": "str", "Boolean": "bool"}


def _in_place(kind: GraphQLTypeLike) -> str:
    named = cast("GraphQLTypeLike", kind.of_type if isinstance(kind, GraphQLNonNull) else kind)
    usual = _USUALLY.get(getattr(named, "name", ""))
    return f"item if item.__class__ is {usual} else coerce{{number}}(item)" if usual else "coerce{number}(item)"


def _default(of: GraphQLInputField | GraphQLVariableSignature) -> Any:
    """What this has when it is left out, and Undefined when that is nothing. Raises NotCompilable."""
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
        if value.__class__ is not list:  # a list of one may be given as that one
            raise NotCompilable
        return [coerce(item) for item in value]

    return coerce_list
