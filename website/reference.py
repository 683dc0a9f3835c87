"""The API reference: a page of Markdown made of the SDL, with a link from every type that is named to what it is."""

import html
from collections.abc import Iterable, Mapping

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    get_named_type,
    is_specified_scalar_type,
    print_ast,
)
from graphql.pyutils import Undefined
from graphql.utilities import ast_from_value

_INTRODUCTION = """# GraphQL API

This page is the reference of every operation and type. It is made of the schema, which `openings schema` prints. Requests and
answers are shown in the guides.
"""

_ROOTS = ("Query", "Mutation", "Subscription")
_KINDS: Mapping[str, type[GraphQLNamedType]] = {
    "Objects": GraphQLObjectType,
    "Interfaces": GraphQLInterfaceType,
    "Unions": GraphQLUnionType,
    "Inputs": GraphQLInputObjectType,
    "Enums": GraphQLEnumType,
    "Scalars": GraphQLScalarType,
}


def api_reference(sdl: str) -> str:
    """Returns the page."""
    schema = build_schema(sdl)
    parts = [_INTRODUCTION]
    for name in _ROOTS:
        if isinstance(root := schema.type_map.get(name), GraphQLObjectType):
            parts += [f"## {name}", *(_operation(each, field) for each, field in sorted(root.fields.items()))]
    for heading, kind in _KINDS.items():
        found = [type_ for type_ in _types(schema) if type(type_) is kind]
        parts += [f"## {heading}", *map(_type, found)] if found else []
    return "\n\n".join(parts) + "\n"


def _types(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    return [
        type_
        for name, type_ in sorted(schema.type_map.items())
        if not name.startswith("__") and name not in _ROOTS and not is_specified_scalar_type(type_)
    ]


def _operation(name: str, field: GraphQLField) -> str:
    rows = _table("argument", field.args.items())
    return "\n\n".join([f"### {name}", _text(field.description), f"Returns {_link(field.type)}.", *rows])


def _type(type_: GraphQLNamedType) -> str:
    parts = [f"### {type_.name} {{#type-{type_.name.lower()}}}", _text(type_.description)]
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        parts += _table("field", type_.fields.items())
    elif isinstance(type_, GraphQLEnumType):
        parts.append(
            _rows(["value", ""], ([f"`{name}`", _text(each.description)] for name, each in type_.values.items()))
        )
    elif isinstance(type_, GraphQLUnionType):
        parts.append(f"One of {', '.join(map(_link, type_.types))}.")
    return "\n\n".join(parts)


def _table(noun: str, given: Iterable[tuple[str, GraphQLField | GraphQLInputField | GraphQLArgument]]) -> list[str]:
    rows = [[f"`{name}`", _link(each.type), _described(each)] for name, each in given]
    return [_rows([noun, "type", ""], rows)] if rows else []


def _described(each: GraphQLField | GraphQLInputField | GraphQLArgument) -> str:
    words = _text(each.description)
    if isinstance(each, GraphQLField):
        arguments = ", ".join(f"`{name}` ({_text(argument.description)})" for name, argument in each.args.items())
        return f"{words} Arguments: {arguments}" if arguments else words
    if each.default_value in (Undefined, None):
        return words
    default = ast_from_value(each.default_value, each.type)
    return f"{words} Default: `{print_ast(default)}`." if default is not None else words


def _rows(head: list[str], rows: Iterable[list[str]]) -> str:
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in row)} |" for row in cells)


def _link(type_: object) -> str:
    named = get_named_type(type_)  # type: ignore[arg-type]
    text = html.escape(str(type_))
    return f"`{type_}`" if is_specified_scalar_type(named) else f"[`{text}`](#type-{named.name.lower()})"


def _text(description: str | None) -> str:
    """A description on one line; angle brackets are no tags."""
    return " ".join((description or "").split()).replace("<", "&lt;")
