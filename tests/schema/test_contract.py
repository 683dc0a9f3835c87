"""The schema: its contract with clients and tools, its descriptions, and its printed form."""

from pathlib import Path
from typing import NamedTuple

from graphql import DocumentNode, is_specified_scalar_type, parse, print_ast
from graphql.type import is_introspection_type

from schema import schema
from tests.support.operations import GRAPHQL_SCHEMA

SHAPE = parse((Path(__file__).parent / "contract.graphql").read_text("utf-8"))
PRINTED = Path(__file__).parents[2] / "schema" / "schema.graphql"


class Line(NamedTuple):
    """One item of a schema: a field with its arguments, an input field with its default, a value, a member."""

    place: str
    promise: str


def promises(document: DocumentNode) -> set[Line]:
    """Every item of a schema, without descriptions."""
    found: set[Line] = set()
    for definition in document.definitions:
        if (name := getattr(definition, "name", None)) is None:
            continue
        for member in getattr(definition, "types", None) or ():
            found.add(Line(f"{name.value}.{member.name.value}", ""))
        for value in getattr(definition, "values", None) or ():
            found.add(Line(f"{name.value}.{value.name.value}", ""))
        for field in getattr(definition, "fields", None) or ():
            place, default = f"{name.value}.{field.name.value}", getattr(field, "default_value", None)
            given = f" = {print_ast(default)}" if default else ""
            found.add(Line(place, f"{print_ast(field.type)}{given}"))
            for argument in getattr(field, "arguments", None) or ():
                given = f" = {print_ast(argument.default_value)}" if argument.default_value else ""
                kind = print_ast(argument.type)
                found.add(Line(place, f"({argument.name.value}: {kind}{given})"))
        if definition.kind == "scalar_type_definition":
            found.add(Line(name.value, "scalar"))
    return found


def test_the_schema_contains_the_whole_contract() -> None:
    """Names, arguments, types, nullability and defaults; the schema may have more."""
    ours = promises(parse(schema.as_str()))
    assert sorted(f"{line.place} {line.promise}" for line in promises(SHAPE) - ours) == []


def test_everything_in_the_schema_has_a_description() -> None:
    """Types, fields, arguments and enum values, for GraphiQL and for programs."""
    silent: list[str] = []
    for name, kind in GRAPHQL_SCHEMA.type_map.items():
        if is_introspection_type(kind) or is_specified_scalar_type(kind):
            continue
        parts = {name: kind}
        for field_name, field in getattr(kind, "fields", {}).items():
            parts[f"{name}.{field_name}"] = field
            parts |= {
                f"{name}.{field_name}({argument})": given for argument, given in getattr(field, "args", {}).items()
            }
        parts |= {f"{name}.{value}": given for value, given in getattr(kind, "values", {}).items()}
        silent += [place for place, part in parts.items() if not part.description]
    assert silent == []


def test_the_printed_schema_is_up_to_date() -> None:
    """`make schema` prints it, so that reviews see changes of the schema."""
    assert PRINTED.read_text("utf-8") == schema.as_str() + "\n"


def test_every_root_field_is_nullable() -> None:
    """So that a refused field does not remove the answers of its siblings."""
    roots = [GRAPHQL_SCHEMA.query_type, GRAPHQL_SCHEMA.mutation_type, GRAPHQL_SCHEMA.subscription_type]
    fields = {f"{root.name}.{name}": str(field.type) for root in roots if root for name, field in root.fields.items()}
    assert [name for name, kind in fields.items() if kind.endswith("!")] == []
