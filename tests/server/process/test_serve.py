"""Starting and stopping, as seen in a terminal or by a log collector."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from server.demo import Credentials
from server.graphql.exposure import LOCKED, OPEN
from server.process.serve import Served, _raise_file_limit, welcome
from tests.support.command_line import COMMAND, ROOT, serve
from tests.support.waiting import TIMEOUT, wait_until

pytestmark = pytest.mark.usefixtures("no_settings")


def served(credentials: Credentials | None) -> Served:
    return Served("sqlite:///a.db", "a.db.key", 1, credentials)


def test_every_line_of_the_log_is_json(tmp_path: Path) -> None:
    """The first one has the address and the exposure."""
    url = f"sqlite:///{tmp_path / 'openings.db'}"
    with serve(tmp_path, url, OPENINGS_GRAPHIQL="off", OPENINGS_GET="off") as server:
        server.stop(signal.SIGTERM)
        first, *_, last = [json.loads(line) for line in server.output.splitlines()]
    assert first["message"].startswith("Openings is at http://127.0.0.1:")
    assert first["workers"] == 1
    assert first["profile"] == {"introspection": True, "graphiql": False, "get": "off"}
    assert first["database"] == url
    assert (first["clients"], first["key"]) == (0, f"{tmp_path / 'openings.db'}.key")
    assert last["message"] == "Stopped."


def test_a_low_soft_limit_of_open_files_is_raised() -> None:
    """As far as the hard limit allows: shells and services often begin with 1024, which is less than our own bounds."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
        _raise_file_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (max(soft - 1, min(hard, 65_536)), hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_terminal_shows_the_exposure() -> None:
    """In words, below the address, with the database; with the demo's credentials or without."""
    for credentials in (None, Credentials("demo", "a secret", "a token")):
        shown = welcome("http://127.0.0.1:8000/graphql", OPEN, served(credentials)).strip().splitlines()
        assert shown[0] == "Openings is at http://127.0.0.1:8000/graphql"
        assert shown[1] == "Profile: open (introspection on, GraphiQL on, GET on)"
        assert shown[2] == "Database: sqlite:///a.db (1 client; key: a.db.key)"
        assert "Ctrl-C" in shown[-1]


def test_a_terminal_says_how_to_create_a_client_only_if_there_is_none() -> None:
    assert "openings client create" in welcome("", OPEN, Served("sqlite:///a.db", "OPENINGS_KEY", 0))
    assert "openings client create" not in welcome("", OPEN, Served("sqlite:///a.db", "OPENINGS_KEY", 2))


def test_a_terminal_names_the_page_only_where_there_is_one() -> None:
    """With the client secret in the part of the address that a browser sends to nobody."""
    credentials = Credentials("demo", "a-secret", "a-token")
    url = "http://127.0.0.1:8000/graphql"
    shown = welcome(url, OPEN, served(credentials))
    assert f"{url}#token=a-secret" in shown
    hidden = welcome(url, LOCKED, served(credentials))
    assert "browser" not in hidden
    assert "#token" not in hidden
    for text in (shown, hidden):
        assert "client id      demo\n" in text
        assert "client secret  a-secret\n" in text


def test_ctrl_c_while_the_workers_are_still_importing_ends_without_a_traceback(tmp_path: Path) -> None:
    """A terminal sends SIGINT to every process of the group, at any moment."""
    terminal = tmp_path / "terminal"
    command = [*COMMAND, "serve", "--port", "0", "--workers", "2", "--database-url", f"sqlite:///{tmp_path / 'o.db'}"]
    with terminal.open("w") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stderr=errors, start_new_session=True)
    try:
        wait_until(lambda: _importing(process.pid))
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(TIMEOUT) == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    shown = terminal.read_text("utf-8")
    assert "Stopped." in shown
    assert [word for word in ("Traceback", "KeyboardInterrupt") if word in shown] == []


def test_a_worker_that_takes_long_to_start_is_waited_for(tmp_path: Path) -> None:
    """As on a machine that is busy with other work. Here each takes six seconds."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif '--multiprocessing-fork' in sys.orig_argv:\n    time.sleep(6)\n"
    )
    with serve(tmp_path, f"sqlite:///{tmp_path / 'o.db'}", "--workers", "2", PYTHONPATH=str(tmp_path)) as server:
        assert server.ask("{ __typename }") == {"data": {"__typename": "Query"}}
        assert server.stop(signal.SIGTERM) == 0


def _importing(leader: int) -> bool:
    """Whether a worker of this process has begun to import its modules."""
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            id = int(entry.name)
            if id != leader and os.getpgid(id) == leader and "site-packages" in (entry / "maps").read_text():
                return True
    return False
