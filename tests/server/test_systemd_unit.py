"""The systemd unit of docs/operations.md, as systemd itself reads it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.browser import require_tool
from tests.support.command_line import ROOT

#: the exposure that `systemd-analyze security` may find, times ten; without our settings it is 96
MOST_EXPOSED = 12


def analyze(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The result of systemd-analyze."""
    program = shutil.which("systemd-analyze")
    require_tool(program, "no systemd-analyze: install Debian's systemd")
    return subprocess.run([str(program), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit in a file, with the program of this checkout."""
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    [text] = re.findall(r"^```ini\n(\[Unit\].*?)^```$", page, re.DOTALL | re.MULTILINE)
    documented = "ExecStart=/opt/openings/.venv/bin/openings "
    assert documented in text
    file = tmp_path / "openings.service"
    file.write_text(text.replace(documented, f"ExecStart={Path(sys.executable).with_name('openings')} "))
    return file


def test_systemd_understands_every_line(unit: Path) -> None:
    """Without a warning about a setting or a value that it does not know."""
    found = analyze("verify", unit)
    assert [line for line in (found.stdout + found.stderr).splitlines() if "openings.service" in line] == []
    assert found.returncode == 0


def test_the_service_is_hardly_exposed(unit: Path) -> None:
    """What is left is the network, sockets, and the file system that it reads its program from."""
    found = analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSED}", unit)
    assert found.returncode == 0, found.stdout


def test_the_service_is_bounded() -> None:
    """In memory, in processes and threads, and in open files."""
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    for name in ("MemoryMax", "TasksMax", "LimitNOFILE"):
        assert re.search(rf"^{name}=\d+G?$", page, re.MULTILINE), name
