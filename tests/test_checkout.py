"""What a checkout contains, and what each of its two commands installs."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: what lies at the top beside single files
FOLDERS = {".ci", "benchmarks", "core", "db", "docs", "examples", "resolvers", "schema", "server", "tests", "website"}

#: parts of paths that exist only where packages are installed
INSTALLED = {".venv", "node_modules", "site-packages", "__pycache__"}


def steps(target: str) -> str:
    """The commands that make would run on a machine where nothing is installed."""
    command = ["make", "--dry-run", "--always-make", target]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_serving_installs_no_tools_of_development() -> None:
    """Neither browsers' drivers nor other clients, which the tests need."""
    tools = ("--group", "tests/clients", "ariadne")
    assert [tool for tool in tools if tool in steps("serve")] == []
    assert [tool for tool in tools if tool in steps("test")] == list(tools)


def test_no_installed_packages_are_tracked() -> None:
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("needs a checkout and git, to ask what is tracked")
    # The checkout may belong to another user, whose folders git reads only if told so.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    paths = [Path(name) for name in listed.split("\0") if name]
    assert {path.parts[0] for path in paths if len(path.parts) > 1} == FOLDERS
    assert [path for path in paths if INSTALLED & set(path.parts) or path.suffix in (".whl", ".pyc")] == []
    assert [path for path in paths if any(part.endswith((".dist-info", ".egg-info")) for part in path.parts)] == []
