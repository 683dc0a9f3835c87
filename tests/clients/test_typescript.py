"""TypeScript clients, each written as its own users would write it, typed from our schema, and run on the real server.

The programs are in tests/clients/typescript. They are compiled once, by `tsc --strict`, together with what
graphql-codegen and relay-compiler generate from the schema. Then Node runs each one, and it prints its results.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import CREDENTIALS, Store
from .tools import FOLDER, NODE_MODULES, ROOT, node

#: the free hours around the first meeting, which is in the middle of the day
STARTS = ["2040-05-14T09:00:00Z", "2040-05-14T11:00:00Z"]
TOO_SHORT = {
    "code": "UNPROCESSABLE",
    "errors": {"requiredDuration": [{"key": "errors.too_short", "description": "must be at least one minute"}]},
}
#: errors of a partial answer, for a client that does not raise exceptions
MISSING = [[["availabilityRule"], "NOT_FOUND"]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs, generated and compiled. None of the three tools may report an error."""
    folder = tmp_path_factory.mktemp("clients") / "typescript"
    shutil.copytree(FOLDER / "typescript", folder)
    shutil.copy(FOLDER / "package.json", folder)
    shutil.copy(ROOT / "schema" / "schema.graphql", folder)
    (folder / "node_modules").symlink_to(NODE_MODULES)
    node(folder / "generate.js", within=folder)
    node(NODE_MODULES / "relay-compiler" / "cli.js", "relay.config.json", within=folder)
    assert node(NODE_MODULES / "typescript" / "bin" / "tsc", within=folder) == ""
    return folder / "built"


def answers(program: Path, store: Store, *more: str) -> dict[str, Any]:
    """The results that a program prints for this store."""
    return json.loads(node(program, *store.arguments, *more, within=program.parent))


async def test_apollo_sends_digests_instead_of_queries(built: Path, store: Store) -> None:
    """An unknown query costs one more request, once; refusals are exceptions unless the error policy differs."""
    assert answers(built / "apollo.js", store) == {
        "created": True,
        "starts": STARTS,
        "refusal": TOO_SHORT,
        "calendars": 1,
        "missing": MISSING,
        "sent": [
            "POST",  # the mutation, which is not sent by digest
            *("GET digest", "POST text digest"),
            "GET digest",  # the same query with other variables
            *("GET digest", "POST text digest"),
        ],
    }


async def test_urql_sends_queries_by_get(built: Path, store: Store) -> None:
    """This is its default; a refusal is beside the data."""
    assert answers(built / "urql.js", store) == {
        "created": True,
        "starts": STARTS,
        "refusal": TOO_SHORT,
        "calendars": 1,
        "missing": MISSING,
        "sent": ["POST", "GET text", "GET text", "GET text"],
    }


async def test_graphql_request_raises_a_refusal(built: Path, store: Store) -> None:
    """The exception has the whole response; with another error policy, a client gets data and errors."""
    assert answers(built / "graphql-request.js", store) == {
        "created": True,
        "starts": STARTS,
        "refusal": TOO_SHORT,
        "calendars": 1,
        "missing": MISSING,
    }


async def test_relay_joins_pages_and_catches_refusals(built: Path, store: Store) -> None:
    """Its compiler and its store accept our connections."""
    first, last = ["2040-05-15", "2040-05-16"], ["2040-05-17"]
    assert answers(built / "relay" / "client.js", store) == {
        "created": 3,
        "events": [first, [*first, *last]],
        "starts": ["2040-05-14T09:00:00Z", "2040-05-14T10:00:00Z", "2040-05-14T11:00:00Z"],
        "refusal": [{"extensions": TOO_SHORT}],
        "calendars": 1,
    }


async def test_apollo_updates_cached_results_by_id(built: Path, person: Store) -> None:
    """A name that `node` returns is shown in every slot of an earlier answer, and a mutation's event in an earlier list."""
    assert answers(built / "apollo-cache.js", person, *CREDENTIALS.values()) == {
        "identified": True,
        "names": [["Ada"] * 2, ["Ada Lovelace"] * 2],
        "titles": [["Interview"], ["Second interview"]],
        "sent": ["Retitle", "Meeting", "Agenda", "Rename", "Profile", "Retitle"],
    }


def test_the_cache_knows_every_type_with_an_id() -> None:
    """Apollo ignores a fragment on `Node` for a type that is not among its `possibleTypes`."""
    program = (FOLDER / "typescript" / "apollo-cache.ts").read_text("utf-8")
    given = re.search(r"possibleTypes: { Node: (\[.*\]) }", program)
    assert given is not None
    types = re.findall(
        r"^type (\w+) implements Node ", (ROOT / "schema" / "schema.graphql").read_text("utf-8"), re.MULTILINE
    )
    assert sorted(json.loads(given[1])) == sorted(types)


async def test_relay_refetches_a_fragment_by_id(built: Path, person: Store) -> None:
    """Its compiler writes the query with `node`, and those who read the fragment see the new name."""
    assert answers(built / "relay" / "refetch.js", person, *CREDENTIALS.values()) == {
        "refetched": {"query": "operationsPersonRefetchQuery", "by": "id"},
        "names": ["Ada", "Ada Lovelace"],
    }


def test_an_unmapped_scalar_is_an_error(built: Path, tmp_path: Path) -> None:
    """`strictScalars` prevents `any` for an unmapped scalar, so the documentation has to list them all."""
    folder = tmp_path / "typescript"
    shutil.copytree(built.parent, folder, symlinks=True, ignore=shutil.ignore_patterns("gql", "built"))
    config = folder / "codegen.js"
    config.write_text(config.read_text("utf-8").replace('EventTime: "string",', ""), "utf-8")
    with pytest.raises(AssertionError, match="Unknown scalar type EventTime"):
        node(folder / "generate.js", within=folder)
