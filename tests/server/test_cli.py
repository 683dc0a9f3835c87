"""The command line: what each command prints and where, and that the server starts and stops."""

import argparse
import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from core.accounts import AccountKind
from core.instants import DAY, HOUR
from db import accounts, clients
from db.database import Database
from server import demo
from server.app import clock
from server.cli import main, parser
from server.graphiql.examples import examples
from tests.conftest import NOW
from tests.support.command_line import COMMAND, ROOT, serve
from tests.support.documented_commands import documented
from tests.support.graphql_queries import APPLICATION_CALENDAR, AVAILABILITY_PERIOD_STARTS

pytestmark = pytest.mark.usefixtures("no_settings")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_a_new_server_answers_its_clients_and_stops(empty_url: str, tmp_path: Path, capsys: Any) -> None:
    """The client of the environment exists at the first start, another one can be created, Ctrl-C stops the server."""
    chosen = {"OPENINGS_CLIENT_ID": "shop", "OPENINGS_CLIENT_SECRET": "a-secret-that-the-operator-chose"}
    with serve(tmp_path, empty_url, **chosen) as server:
        given = {"clientId": "shop", "clientSecret": "a-secret-that-the-operator-chose", "applicationCalendarId": "x"}
        made = server.ask(APPLICATION_CALENDAR, input=given)["data"]["applicationCalendar"]
        assert made["sub"].startswith("apc_")

        created = run("client", "create", "Another", "--database-url", empty_url)
        assert (created.returncode, created.stderr) == (0, "")
        [line] = created.stdout.splitlines()
        another = json.loads(line)
        assert another.keys() == {"client_id", "client_secret"}

        asked = {"participants": [{"required": 1, "members": [{"sub": made["sub"]}]}], "requiredDuration": {"hours": 1}}
        window = {"start": "2100-01-01T09:00:00Z", "end": "2100-01-01T10:00:00Z"}
        asked = {**asked, "queryPeriods": [window]}
        own = server.ask(AVAILABILITY_PERIOD_STARTS, chosen["OPENINGS_CLIENT_SECRET"], input=asked)
        assert own == {"data": {"availability": {"availablePeriods": [{"start": window["start"]}]}}}
        [error] = server.ask(AVAILABILITY_PERIOD_STARTS, another["client_secret"], input=asked)["errors"]
        assert list(error["extensions"]["errors"]) == ["participants[0].members[0].sub"]

        main(["client", "secret", another["client_id"], "--database-url", empty_url])
        renewed = json.loads(capsys.readouterr().out)
        assert renewed["client_id"] == another["client_id"]
        [error] = server.ask(AVAILABILITY_PERIOD_STARTS, another["client_secret"], input=asked)["errors"]
        assert error["extensions"]["code"] == "UNAUTHENTICATED"
        [error] = server.ask(AVAILABILITY_PERIOD_STARTS, renewed["client_secret"], input=asked)["errors"]
        assert error["extensions"]["code"] == "UNPROCESSABLE"
        with pytest.raises(SystemExit) as ended:
            main(["client", "secret", "cli_of_nobody", "--database-url", empty_url])
        assert (ended.value.code, capsys.readouterr().err) == (1, "openings: there is no client 'cli_of_nobody'\n")

        assert server.stop(signal.SIGINT) == 0
        assert json.loads(server.output.splitlines()[-1])["message"] == "Stopped."
        secrets = (chosen["OPENINGS_CLIENT_SECRET"], another["client_secret"], renewed["client_secret"])
        forbidden = ("Traceback", *secrets)
        assert [word for word in forbidden if word in server.output] == []


def test_two_workers_answer_and_stop(tmp_path: Path) -> None:
    """Twenty requests reach both; neither process is left behind."""
    with serve(tmp_path, f"sqlite:///{tmp_path / 'openings.db'}", "--workers", "2") as server:
        answers = [server.ask("{ __typename }") for _ in range(20)]
        assert answers == [{"data": {"__typename": "Query"}}] * 20
        assert server.stop(signal.SIGTERM) == 0
        assert "Traceback" not in server.output


def test_the_demo_data_exist_at_every_start(tmp_path: Path) -> None:
    """The token in the terminal answers the first example; a second start keeps accounts and client secret."""
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    casts, tokens, secrets = [], [], set[str]()
    for end in (signal.SIGTERM, signal.SIGINT):
        with serve(tmp_path, url, "--demo") as server:
            shown = re.search(r"access token\s+(\S+)", server.output)
            assert shown is not None
            cast = asyncio.run(_cast(url))
            first = examples(cast, clock())[0]
            slots = server.ask(first.query, shown[1], **(first.variables or {}))["data"]["availability"]
            assert slots["availableSlots"]
            page = httpx2.get(f"{server.url}/graphql", headers={"Accept": "text/html"}).text
            assert [sub for sub in (*cast.people, *cast.rooms) if sub not in page] == []
            secrets |= set(re.findall(r"client secret\s+(\S+)", server.output))
            casts.append(cast)
            tokens.append(shown[1])
            assert server.stop(end) == 0
            assert "Traceback" not in server.output
    assert casts[0] == casts[1]
    assert tokens[0] != tokens[1]
    assert len(secrets) == 1


async def _cast(url: str) -> demo.Cast:
    db = Database(url)
    try:
        return await demo.cast(db)
    finally:
        await db.close()


async def test_the_demo_data_follow_the_date(db: Database) -> None:
    """A second start on the same day changes nothing; a day later there are those of one more day, a Friday."""
    assert await demo.cast(db) == demo.NOBODY
    seen = []
    for now in (NOW, NOW + HOUR, NOW + DAY):
        await demo.prepare(db, now)
        async with db.reader.connect() as connection:
            events = (await connection.execute(text("SELECT count(*) FROM events"))).scalar_one()
        seen.append((await demo.cast(db), events))
    assert seen[0] == seen[1]
    friday = [line for week in demo._WEEK.values() for line in week.get(4, ())]
    assert seen[2] == (seen[0][0], seen[0][1] + len(friday))


def test_a_port_in_use_is_reported_in_one_line(tmp_path: Path) -> None:
    """This is the most likely mishap: the server is already running."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        url = f"sqlite:///{tmp_path / 'openings.db'}"
        ended = [run("serve", "--port", port, "--database-url", url, *demo) for demo in ([], ["--demo"])]
    assert [(each.returncode, each.stdout) for each in ended] == 2 * [(1, "")]
    lines = [line for each in ended for line in each.stderr.splitlines()]
    cause = f"openings: port {port} of 127.0.0.1 is in use: stop what is using it, or choose another: "
    another = int(port) + 1 if int(port) < 65535 else 65534
    assert lines == [f"{cause}--port {another}", f"{cause}OPENINGS_PORT={another} make serve"]
    assert list(tmp_path.iterdir()) == []  # the database of the server that runs is left as it is


def test_the_command_is_installed() -> None:
    """Beside the Python that runs the tests."""
    command = Path(sys.executable).with_name("openings")
    shown = subprocess.run([command, "--version"], capture_output=True, text=True, timeout=30, check=True)
    assert re.fullmatch(r"openings \d+\.\d+\.\d+\n", shown.stdout)


# The command line, the exit status, and a part of the error line. `{}` is a folder, and `{}/file` a file.
MISTAKES: dict[str, tuple[str, int, str]] = {
    "no action": ("client", 2, "ACTION"),
    "no such command to explain": ("help dance", 2, "'dance'"),
    "not UTF-8": ("client create \udcff", 2, "not UTF-8"),
    "no such client": ("link list --client x --database-url sqlite:///{}/new.db", 1, "openings client list"),
    "no such command": ("dance", 2, "'dance'"),
    "no such flag": ("serve --colour red", 2, "--colour"),
    "a port that is none": ("serve --port http", 2, "'http'"),
    "no name": ("client create", 2, "name"),
    "another database": ("migrate --database-url mysql://ada:hunter2@db/x", 1, "use sqlite:/// or postgresql://"),
    "no address": ("migrate --database-url openings.db", 1, "not a database URL"),
    "an unknown parameter": ("migrate --database-url postgresql://ada@db/x?nonsense=1", 1, "parameter 1 of"),
    "no file": ("migrate --database-url sqlite://", 1, "sqlite:///path/file.db"),
    "a port in the address": ("migrate --database-url postgresql://ada:hunter2@db:http/x", 1, "not a database URL"),
    "below a file": ("migrate --database-url sqlite:///{}/file/x/y.db", 1, "Not a directory"),
    "no database": ("migrate --database-url sqlite:///{}/file", 1, "not a database"),
    "below a file, to serve": ("serve --port 0 --database-url sqlite:///{}/file/x/y.db", 1, "Not a directory"),
    "below a file, for a client": ("client create X --database-url sqlite:///{}/file/x/y.db", 1, "Not a directory"),
    "nobody there": ("migrate --database-url postgresql://ada:hunter2@127.0.0.1:1/x", 1, "127.0.0.1:1/x: "),
}


@pytest.mark.parametrize(("typed", "status", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_in_one_line(typed: str, status: int, words: str, tmp_path: Path, capsys: Any) -> None:
    """On standard error, without a traceback, and without the password."""
    (tmp_path / "file").write_text("This is a file, and no database.\n" * 100)
    with pytest.raises(SystemExit) as ended:
        main(typed.format(tmp_path).split())
    shown = capsys.readouterr()
    assert (ended.value.code, shown.out) == (status, "")
    [line] = shown.err.splitlines()
    assert line.startswith("openings: ")
    assert words in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("OPENINGS_PORT", "http"), ("OPENINGS_DEMO", "perhaps"), ("OPENINGS_CLIENT_ID", "alone")],
        ("OPENINGS_KEY", "\udcff"),  # how Python reads a byte that is not UTF-8
    ],
)
def test_a_mistake_in_the_environment_is_reported_in_one_line(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """With the name of the variable, for any command."""
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["migrate"])
    [line] = capsys.readouterr().err.splitlines()
    assert (ended.value.code, name in line) == (2, True)


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    yield parser
    for action in parser._actions:  # pyright: ignore[reportPrivateUsage]: argparse has no public list of commands
        for command in action.choices.values() if isinstance(action.choices, dict) else ():
            yield from _parsers(command)


@pytest.mark.parametrize("command", list(_parsers(parser())), ids=lambda command: command.prog)
def test_the_help_of_every_command_has_an_example(command: argparse.ArgumentParser) -> None:
    """It can be parsed as it is shown."""
    shown = command.format_help().splitlines()
    examples = [line.partition(": ")[2].strip() for line in shown if re.match("(example|To .*): ", line)]
    assert examples
    for example in examples:
        words = shlex.split(example[example.index("openings ") :].partition(" >")[0])[1:]
        parsed = parser().parse_args(words)
        assert hasattr(parsed, "run") or hasattr(parsed, "show")


def test_no_command_and_help_say_what_there_is(capsys: Any) -> None:
    """Without a setting, of which one may be wrong."""
    with pytest.raises(SystemExit) as ended:
        main([])
    usage = capsys.readouterr()
    assert (ended.value.code, usage.out) == (2, "")
    with pytest.raises(SystemExit) as ended:
        main(["help"])
    assert (ended.value.code, capsys.readouterr().out) == (0, usage.err)
    with pytest.raises(SystemExit) as ended:
        main(["help", "client", "create"])
    assert (ended.value.code, "openings client create 'Corner shop'" in capsys.readouterr().out) == (0, True)


def test_lists_are_for_people_or_for_programs(empty_url: str, capsys: Any) -> None:
    """The database can be named before the command. A name cannot break a table, and no link's URL is shown."""
    for name in ("Corner shop", "Two\nlines"):
        main(["--database-url", empty_url, "client", "create", name])
    shop, other = (json.loads(line)["client_id"] for line in capsys.readouterr().out.splitlines())
    asyncio.run(_create_account(empty_url, shop))
    main(["--database-url", empty_url, "client", "list"])
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["client_id", "name", "accounts", "created"]
    assert [re.split("  +", row)[:3] for row in rows] == [[shop, "Corner shop", "1"], [other, "Two\\nlines", "0"]]
    main(["account", "list", "--json", "--database-url", empty_url, "--client", shop])
    [line] = capsys.readouterr().out.splitlines()
    assert json.loads(line) | {"sub": "", "created": ""} == {
        **{"sub": "", "kind": "application_calendar", "id": "store-42", "name": None},
        **{"client_id": shop, "created": "", "revoked": None},
    }
    for nothing in (["account", "list", "--client", other], ["link", "list"]):
        main([*nothing, "--database-url", empty_url])
        assert capsys.readouterr().out == ""


async def _create_account(url: str, client_id: str) -> None:
    db = Database(url)
    async with db.write() as session:
        client = await clients.find(session, client_id)
        assert client is not None
        await accounts.create_or_get(
            session, client.key, AccountKind.APPLICATION_CALENDAR, "store-42", NOW, scope="read_write"
        )
    await db.close()


def test_the_schema_is_utf_8_whatever_the_terminal_is() -> None:
    """It goes into a file."""
    command = [*COMMAND, "schema"]
    printed = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        timeout=30,
        check=True,
    )
    assert printed.stdout == (ROOT / "schema" / "schema.graphql").read_bytes()


@pytest.mark.parametrize(("inside", "status"), [("folder", 0), ("file", 1)])
def test_the_folder_of_the_metrics_is_created(tmp_path: Path, inside: str, status: int) -> None:
    """Or one line says why it cannot be."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    named = tmp_path / inside / "metrics"
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(named)}
    ended = subprocess.run(
        [*COMMAND, "schema"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert (ended.returncode, named.is_dir()) == (status, status == 0)
    assert ended.stderr == status * (
        "openings: PROMETHEUS_MULTIPROC_DIR names a folder that cannot be created: Not a directory\n"
    )


def test_migrate_prints_what_it_did(empty_url: str, capsys: Any) -> None:
    """The second run does nothing; a database of a later version is refused in one line, which is documented."""
    for words in ("; it was empty.", " already."):
        main(["migrate", "--database-url", empty_url])
        shown = capsys.readouterr()
        assert shown.out == ""
        [line] = shown.err.splitlines()
        assert re.search(r"revision \d{4}", line)
        assert line.endswith(words)
    asyncio.run(_change(empty_url, "UPDATE alembic_version SET version_num = '9999', compatible_since = '9999'"))
    with pytest.raises(SystemExit) as ended:
        main(["migrate", "--database-url", empty_url])
    line = capsys.readouterr().err
    assert (ended.value.code, line) == (1, documented("text newer").replace("0042", "9999"))


async def _change(url: str, statement: str) -> None:
    db = Database(url)
    async with db.writer.begin() as connection:
        await connection.execute(text(statement))
    await db.close()


def test_a_database_with_another_key_is_not_served(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """No command uses it, until `key replace` says that its own key is lost."""
    monkeypatch.setenv("OPENINGS_KEY", "k" * 32)
    main(["client", "create", "Shop", "--database-url", empty_url])
    client_id = json.loads(capsys.readouterr().out)["client_id"]
    monkeypatch.setenv("OPENINGS_KEY", "o" * 32)
    for arguments in (
        ["serve", "--port", "0"],
        ["client", "create", "Other"],
        ["client", "secret", client_id],
        ["key", "check"],
    ):
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--database-url", empty_url])
        shown = capsys.readouterr()
        [line] = shown.err.splitlines()
        assert (ended.value.code, shown.out, "openings key replace" in line) == (1, "", True)
    main(["key", "replace", "--database-url", empty_url])
    assert capsys.readouterr().err.splitlines() == [
        "The database now uses this key. Booking links have other addresses.",
        f"Callbacks need a new secret: openings client secret {client_id}",
    ]
    main(["key", "check", "--database-url", empty_url])
    assert capsys.readouterr().err == "The key is the database's.\n"


def test_the_schema_is_printed_without_a_database(capsys: Any) -> None:
    """To standard output: `openings schema > schema.graphql`."""
    main(["schema"])
    shown = capsys.readouterr()
    assert shown.out == (ROOT / "schema" / "schema.graphql").read_text("utf-8")
    assert shown.err == ""


def test_a_client_needs_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise it could not be distinguished from another later."""
    with pytest.raises(SystemExit) as stopped:
        main(["client", "create", " "])
    assert stopped.value.code == 1
    assert capsys.readouterr().err == "openings: a client needs a name, such as that of your application\n"
