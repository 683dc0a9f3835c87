"""`openings explain`: what it prints, and how it fails."""

import asyncio
import json
import logging
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest

from core.accounts import AccountKind, Profile
from core.instants import parse_instant
from db import accounts, clients
from server.cli import main
from tests.support.api import KEY, open_database
from tests.support.command_line import COMMAND, ROOT
from tests.support.waiting import TIMEOUT

pytestmark = pytest.mark.usefixtures("no_settings")

FAR = parse_instant("2100-01-19T00:00:00Z")


async def prepare(database_url: str) -> tuple[str, str, str]:
    """Makes a client; returns its id, its secret, and the sub of a user who is never busy."""
    db = open_database(database_url)
    async with db.write() as session:
        client_id, secret = await clients.create(session, db.encryption, "Shop", FAR)
        client = await clients.find(session, client_id)
        assert client is not None
        profile = Profile(name="Ada")
        ada = await accounts.create_or_get(
            session, client.key, AccountKind.USER, "ada", FAR, scope="read_write", profile=profile
        )
    await db.close()
    return client_id, secret, ada.sub


@pytest.fixture
def shop(database_url: str) -> tuple[dict[str, str], str]:
    """The environment of an application, and the sub of its user."""
    client_id, secret, sub = asyncio.run(prepare(database_url))
    environment = {
        "OPENINGS_DATABASE_URL": database_url,
        "OPENINGS_KEY": KEY,
        "OPENINGS_CLIENT_ID": client_id,
        "OPENINGS_CLIENT_SECRET": secret,
    }
    return environment, sub


class Ended(NamedTuple):
    """How a command has ended, and what it has printed."""

    returncode: object
    stdout: str
    stderr: str


Explain: TypeAlias = Callable[..., Ended]


@pytest.fixture
def explain(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Explain:
    """Runs `openings explain` in this process: its own takes a hundred times as long."""
    monkeypatch.setattr(logging.getLogger("strawberry.execution"), "disabled", False)  # and as it was at the end

    def run(environment: dict[str, str], *arguments: str, given: str = "") -> Ended:
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            patched.setattr("sys.stdin", StringIO(given))
            try:
                main(["explain", *arguments])
                status = 0
            except SystemExit as stopped:
                status = stopped.code
        shown = capsys.readouterr()
        return Ended(status, shown.out, shown.err)

    return run


def query(sub: str, **more: Any) -> dict[str, Any]:
    window = {"start": "2100-01-19T08:00:00Z", "end": "2100-01-19T10:00:00Z"}
    groups = [{"required": "all", "members": [{"sub": sub}]}]
    return {"participants": groups, "requiredDuration": {"hours": 3}, "queryPeriods": [window], **more}


def test_a_picture_and_a_sentence_are_printed(
    shop: tuple[dict[str, str], str], explain: Explain, tmp_path: Path
) -> None:
    """Of the input by itself, or of a whole request; from a file or standard input."""
    environment, sub = shop
    file = tmp_path / "query.json"
    file.write_text(json.dumps(query(sub)))
    command = [*COMMAND, "explain", str(file), "--tzid", "Europe/Paris", "--width", "24"]
    from_file = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
    )
    assert (from_file.stderr, from_file.returncode) == ("", 0)
    assert from_file.stdout == (
        """\
Tuesday 2100-01-19 in Europe/Paris (UTC+01:00)
09:00 every 60 minutes
periods of 180 minutes
query  ##
Ada    ..
=      ..

No period of the query is as long as the meeting, 3 hours; for 2 hours there would be one time, on Tuesday, \
19 January 2100 at 08:00 UTC.
"""
    )
    request = json.dumps({"query": "…", "variables": {"input": query(sub)}})
    whole = explain(environment, "-", "--tzid", "Europe/Paris", given=request)
    assert whole.stdout == from_file.stdout


def test_what_is_wrong_is_said_in_one_line(shop: tuple[dict[str, str], str], explain: Explain, tmp_path: Path) -> None:
    """Each mistake says how to correct it, and none prints a traceback or a secret."""
    environment, sub = shop
    file = tmp_path / "query.json"
    file.write_text(json.dumps(query(sub)))
    keyless = {name: value for name, value in environment.items() if "CLIENT" not in name}
    wrong = {**environment, "OPENINGS_CLIENT_SECRET": "another-secret-that-is-long-enough"}
    (tmp_path / "bytes.json").write_bytes(b"\xff")
    mistakes = [
        (explain(keyless, str(file)), "set OPENINGS_CLIENT_ID and OPENINGS_CLIENT_SECRET to those of your application"),
        (explain(wrong, str(file)), "OPENINGS_CLIENT_SECRET is not the secret of a client in this database"),
        (explain(environment, str(tmp_path / "none.json")), "none.json: No such file or directory"),
        (explain(environment, str(tmp_path / "bytes.json")), "bytes.json is not UTF-8"),
        (explain(environment, "-", given='{"participants": '), "standard input is not JSON: Expecting value"),
        (explain(environment, "-", given="[]"), "must have the input of an availability query"),
        (explain(environment, "-", given='{"maxResults": 1}'), "required field 'participants'"),
        (explain(environment, "-", given=json.dumps(query(sub, maxResults=0))), "maxResults: must be at least 1"),
        (explain(environment, str(file), "--width", "7"), "width: must be at least 12"),
        (explain(environment, str(file), "--tzid", "Mars/Base"), "tzid: must be an IANA time zone"),
    ]
    for answer, words in mistakes:
        assert answer.stdout == ""
        assert answer.returncode == 1
        [line] = answer.stderr.splitlines()
        assert line.startswith("openings: ")
        assert words in line
        assert environment["OPENINGS_CLIENT_SECRET"] not in line
