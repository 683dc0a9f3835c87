"""Clients for TypeScript, each written as its own users would write it: typed from our schema, and run on the real server.

The programs are in tests/clients/typescript. They are compiled once, by `tsc --strict`, together with what
graphql-codegen and relay-compiler make of the schema; then each is run by Node, and prints what it was answered.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import Store
from .tools import FOLDER, NODE_MODULES, ROOT, node

#: what the day is like when the first meeting is put into its middle
STARTS = ["2040-05-14T09:00:00Z", "2040-05-14T11:00:00Z"]
TOO_SHORT = {
    "code": "UNPROCESSABLE",
    "errors": {"requiredDuration": [{"key": "errors.too_short", "description": "must be at least one minute"}]},
}
#: what a client for which errors are no exception makes of a refusal beside an answer
MISSING = [[["availabilityRule"], "NOT_FOUND"]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs, generated and compiled. None of the three tools has a complaint."""
    folder = tmp_path_factory.mktemp("clients") / "typescript"
    shutil.copytree(FOLDER / "typescript", folder)
    shutil.copy(FOLDER / "package.json", folder)
    shutil.copy(ROOT / "schema" / "schema.graphql", folder)
    (folder / "node_modules").symlink_to(NODE_MODULES)
    node(folder / "generate.js", within=folder)
    node(NODE_MODULES / "relay-compiler" / "cli.js", "relay.config.json", within=folder)
    assert node(NODE_MODULES / "typescript" / "bin" / "tsc", within=folder) == ""
    return folder / "built"


def answers(program: Path, store: Store) -> dict[str, Any]:
    """What the program got on behalf of the store."""
    return json.loads(node(program, *store.arguments, within=program.parent))


async def test_apollo_sends_digests_instead_of_queries(built: Path, store: Store) -> None:
    """A query that is unknown costs one request more, once; a refusal is an exception unless the errors are asked for."""
    assert answers(built / "apollo.js", store) == {
        "created": True,
        "starts": STARTS,
        "refusal": TOO_SHORT,
        "calendars": 1,
        "missing": MISSING,
        "sent": [
            "POST",  # the mutation, which is no query
            *("GET digest", "POST text digest"),
            "GET digest",  # the same query with other variables
            *("GET digest", "POST text digest"),
        ],
    }


async def test_urql_asks_by_get(built: Path, store: Store) -> None:
    """As it does unless it is told otherwise; a refusal stands beside what was answered."""
    assert answers(built / "urql.js", store) == {
        "created": True,
        "starts": STARTS,
        "refusal": TOO_SHORT,
        "calendars": 1,
        "missing": MISSING,
        "sent": ["POST", "GET text", "GET text", "GET text"],
    }


async def test_graphql_request_raises_what_is_refused(built: Path, store: Store) -> None:
    """With the whole answer in the exception; a client of another policy gets both."""
    assert answers(built / "graphql-request.js", store) == {
        "created": True,
        "starts": STARTS,
        "refusal": TOO_SHORT,
        "calendars": 1,
        "missing": MISSING,
    }


async def test_relay_joins_pages_and_catches_what_is_refused(built: Path, store: Store) -> None:
    """Our connections are what its compiler and its store take for one."""
    first, last = ["2040-05-15", "2040-05-16"], ["2040-05-17"]
    assert answers(built / "relay" / "client.js", store) == {
        "created": 3,
        "events": [first, [*first, *last]],
        "starts": ["2040-05-14T09:00:00Z", "2040-05-14T10:00:00Z", "2040-05-14T11:00:00Z"],
        "refusal": [{"extensions": TOO_SHORT}],
        "calendars": 1,
    }


def test_a_scalar_that_is_not_mapped_is_found_out(built: Path, tmp_path: Path) -> None:
    """`strictScalars` makes sure that nobody gets an `any` for a time; so the documentation has to name them all."""
    folder = tmp_path / "typescript"
    shutil.copytree(built.parent, folder, symlinks=True, ignore=shutil.ignore_patterns("gql", "built"))
    config = folder / "codegen.js"
    config.write_text(config.read_text("utf-8").replace('EventTime: "string",', ""), "utf-8")
    with pytest.raises(AssertionError, match="Unknown scalar type EventTime"):
        node(folder / "generate.js", within=folder)
