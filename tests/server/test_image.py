"""The Dockerfile, as far as that can be tried without a registry: its user, environment and health check, in a sandbox.

bubblewrap gives what `docker run --read-only --tmpfs /tmp` does: another user, no capabilities, nothing to write to but
the volume and a temporary folder.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

import httpx2
import pytest

from server.settings import Settings
from tests.support.browser import require_tool
from tests.support.command_line import COMMAND, ROOT, CommandLineServer
from tests.support.waiting import TIMEOUT

DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", "")
VOLUME = "/var/lib/openings"


def environment() -> dict[str, str]:
    """What the image sets."""
    [line] = re.findall(r"^ENV (.*)$", DOCKERFILE, re.MULTILINE)
    return dict(re.findall(r"(\w+)=(\S+)", line))


def health_check(port: str) -> list[str]:
    """The command by which the image tells whether it is healthy."""
    [code] = re.findall(r'^HEALTHCHECK .* CMD \S+/python -c "(.*)"$', DOCKERFILE, re.MULTILINE)
    assert "8000" in code
    return [sys.executable, "-c", code.replace("8000", port)]


def sandbox(data: Path) -> list[str]:
    """The command that runs another one as the image's user."""
    program = shutil.which("bwrap")
    require_tool(program, "no bwrap: install Debian's bubblewrap")
    [uid] = re.findall(r"useradd --uid (\d+) ", DOCKERFILE)
    assert re.search(r"^USER openings$", DOCKERFILE, re.MULTILINE)
    command = [
        *(str(program), "--die-with-parent", "--unshare-user", "--unshare-pid", "--uid", uid, "--gid", uid),
        *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/var/lib"),
        *("--bind", str(data), VOLUME, "--remount-ro", "/var/lib"),
        *("--ro-bind", str(ROOT), str(ROOT), "--chdir", str(ROOT)),
    ]
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if tried.returncode:
        pytest.skip(f"bwrap makes no sandbox here: {tried.stderr}")
    return command


def test_two_workers_need_nothing_but_the_volume_and_a_temporary_folder(tmp_path: Path) -> None:
    """On a read-only root, as a user that owns nothing else; the metrics of both are counted together."""
    data = tmp_path / "data"
    data.mkdir()
    command = sandbox(data)
    assert subprocess.run([*command, "touch", str(ROOT / "x")], capture_output=True, check=False).returncode != 0
    given = {**environment(), "OPENINGS_PORT": "0", "OPENINGS_HOST": "127.0.0.1", "OPENINGS_WORKERS": "2"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OPENINGS_")}
    errors = tmp_path / "errors"
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [*command, *COMMAND, "serve"],
            env={**inherited, **given, "HOME": VOLUME},
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    try:
        server = CommandLineServer(process, errors).wait_until_ready()
        for _ in range(20):
            assert server.ask("{ __typename }") == {"data": {"__typename": "Query"}}
        counted = re.findall(r"^openings_requests_total\{.*\} (\S+)$", httpx2.get(f"{server.url}/metrics").text, re.M)
        assert sum(map(float, counted)) == 20
        assert subprocess.run(health_check(server.url.rpartition(":")[2]), timeout=TIMEOUT, check=False).returncode == 0
        assert {file.name for file in data.iterdir()} >= {"openings.db", "openings.db.key"}
        assert "Traceback" not in server.output
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(TIMEOUT)
    assert subprocess.run(health_check("1"), capture_output=True, timeout=TIMEOUT, check=False).returncode != 0


def test_the_compose_file_sets_only_settings_that_there_are() -> None:
    """And its container is as closed as the page on operations says: nothing is written outside of /tmp."""
    text = (ROOT / "compose.yaml").read_text("utf-8")
    given = set(re.findall(r"^      OPENINGS_(\w+):", text, re.MULTILINE))
    assert given == {"DATABASE_URL", "KEY", "WORKERS"}
    assert given <= {setting.name.upper() for setting in fields(Settings)}
    assert "read_only: true" in text


def test_both_base_images_can_be_given_by_digest() -> None:
    """Without a registry nobody can look one up, so the file names tags, and the operator's digest goes into the build."""
    named = dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
    assert named.keys() == {"NODE", "PYTHON"}
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${NODE}", "${PYTHON}"]
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert all(f"--build-arg {name}=" in page for name in named)
