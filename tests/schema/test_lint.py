"""The schema follows the rules of graphql-eslint and Relay."""

import json
from pathlib import Path

from tests.clients.tools import FOLDER, NODE_MODULES, ROOT, node

ESLINT = NODE_MODULES / "eslint" / "bin" / "eslint.js"

#: a scalar that clients need to know, although no field has it: an EventTime may be one
NOT_REACHED = ["Scalar type `Date` is unreachable."]


def findings(schema: str, within: Path = ROOT) -> list[str]:
    """The findings of eslint for this schema; a syntax error is a finding too."""
    options = ["--config", FOLDER / "eslint.config.js", "--format", "json"]
    [report] = json.loads(node(ESLINT, *options, schema, within=within, status=1))
    return [f"{found['line']}: {found['message']}" for found in report["messages"]]


def test_the_schema_follows_every_rule_without_an_exception() -> None:
    """The exceptions are in tests/clients/eslint.config.js, with their reasons."""
    assert [found.split(": ", 1)[1] for found in findings("schema/schema.graphql")] == NOT_REACHED


def test_violations_are_detected(tmp_path: Path) -> None:
    """Of four rules by one type, and of none by the rest of the same schema."""
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
