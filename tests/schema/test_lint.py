"""The schema as others would have it: graphql-eslint's rules for schemas, and Relay's."""

import json
from pathlib import Path

from tests.clients.tools import FOLDER, NODE_MODULES, ROOT, node

ESLINT = NODE_MODULES / "eslint" / "bin" / "eslint.js"

#: a scalar that clients need to know, although it stands in no field by itself: an EventTime may be one
NOT_REACHED = ["Scalar type `Date` is unreachable."]


def findings(schema: str, within: Path = ROOT) -> list[str]:
    """What eslint has to say about this schema. One that cannot be read is a finding as well."""
    options = ["--config", FOLDER / "eslint.config.js", "--format", "json"]
    [report] = json.loads(node(ESLINT, *options, schema, within=within, status=1))
    return [f"{found['line']}: {found['message']}" for found in report["messages"]]


def test_the_schema_keeps_every_rule_that_has_no_exception() -> None:
    """The exceptions stand in tests/clients/eslint.config.js, each with its reason."""
    assert [found.split(": ", 1)[1] for found in findings("schema/schema.graphql")] == NOT_REACHED


def test_the_rules_are_kept_by_force(tmp_path: Path) -> None:
    """A type that breaks four of them is found out, and nothing else in the same schema."""
    text = (ROOT / "schema" / "schema.graphql").read_text("utf-8")
    wrong = '\n\n"""Where a meeting can take place."""\ntype meeting_room {\n  Name: String\n}\n'
    (tmp_path / "schema").mkdir()
    (tmp_path / "schema" / "schema.graphql").write_text(text + wrong, "utf-8")
    told = [found.split(": ", 1)[1] for found in findings("schema/schema.graphql", tmp_path)]
    assert {found.splitlines()[0] for found in told} - set(NOT_REACHED) == {
        'Type "meeting_room" should be in PascalCase format',
        'type "meeting_room" must have exactly one non-nullable unique identifier.',
        "Object type `meeting_room` is unreachable.",
        'Field "Name" should be in camelCase format',
    }
