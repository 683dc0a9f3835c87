"""ariadne-codegen, which generates typed Python clients, in a virtual environment of its own.

It needs an older graphql-core than the server, so both cannot be installed in one environment.
"""

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Store
from .tools import ARIADNE, FOLDER, ROOT, require_tool, run

#: the program, and its operations, which are those of the TypeScript clients
FILES = [
    *(FOLDER / "ariadne" / name for name in ("client.py", "pyproject.toml", "scalars.py")),
    FOLDER / "typescript" / "operations.graphql",
    ROOT / "schema" / "schema.graphql",
]


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program and the client generated for it."""
    require_tool(
        (ARIADNE / ".installed").exists(), "no ariadne-codegen: `make install` makes it an environment with pip"
    )
    folder = tmp_path_factory.mktemp("ariadne")
    for file in FILES:
        shutil.copy(file, folder)
    run(ARIADNE / "bin" / "ariadne-codegen", within=folder)
    return folder


async def test_ariadne_codegen_generates_a_typed_client(generated: Path, store: Store) -> None:
    """Instants become datetimes; a refusal is an exception that has the data beside it."""
    found = json.loads(run(ARIADNE / "bin" / "python", "client.py", *store.arguments, within=generated))
    problem = {"key": "errors.too_short", "description": "must be at least one minute"}
    assert found == {
        "created": True,
        "starts": ["2040-05-14T09:00:00+00:00", "2040-05-14T11:00:00+00:00"],
        "refusal": {"code": "UNPROCESSABLE", "errors": {"requiredDuration": [problem]}},
        "partial": {"calendars": [{"calendarId": store.calendar_id}], "availabilityRule": None},
    }
