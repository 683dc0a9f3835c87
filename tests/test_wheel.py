"""The wheel, as `pipx install` and `uv tool install` build it: the server runs where nothing but the wheel is.

It carries GraphiQL's files when they were there at the build, and is built without them otherwise.
"""

import re
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx2
import pytest

from server.graphiql import _INSTALLED, NODE_MODULES
from tests.support.browser import require_tool
from tests.support.command_line import serve_from

ROOT = Path(__file__).parents[1]

#: what a wheel is built from
SOURCES = ("core", "db", "resolvers", "schema", "server", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE")


def build(checkout: Path, wheels: Path) -> tuple[zipfile.ZipFile, str]:
    """Builds the wheel of a checkout. Returns it, and what the build said."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    [wheel] = wheels.glob("*.whl")
    return zipfile.ZipFile(wheel), done.stdout + done.stderr


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the sources, without node_modules."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def test_the_server_of_a_wheel_needs_no_checkout(checkout: Path, tmp_path: Path) -> None:
    """Every file of the packages is in it, and those of the page, so that it needs no internet either."""
    installed = all((NODE_MODULES / path).is_file() for path in _INSTALLED.values())
    require_tool(installed, "no GraphiQL in node_modules: install Node.js with npm, then run make install")
    (checkout / "node_modules").symlink_to(NODE_MODULES)
    wheel, _ = build(checkout, tmp_path / "wheels")
    names = set(wheel.namelist())
    assert names >= {f"server/graphiql/bundled/{path}" for path in _INSTALLED.values()}
    files = (file for package in SOURCES[:5] for file in (checkout / package).rglob("*") if file.is_file())
    assert names >= {file.relative_to(checkout).as_posix() for file in files}
    assert "Private :: Do Not Upload" in wheel.read("openings-0.1.0.dist-info/METADATA").decode()
    wheel.extractall(tmp_path / "site")
    shutil.rmtree(checkout)
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    with serve_from(tmp_path / "site", tmp_path, url, "--demo") as server:
        page = httpx2.get(f"{server.url}/graphql", headers={"Accept": "text/html"}).text
        [script] = re.findall(r'src="(graphiql/graphiql.js\?v=\w+)"', page)
        assert httpx2.get(f"{server.url}/{script}").status_code == 200
        assert server.ask("{ __typename }") == {"data": {"__typename": "Query"}}
        assert server.stop(signal.SIGTERM) == 0


def test_a_checkout_without_npm_makes_a_wheel_and_says_what_it_lacks(checkout: Path, tmp_path: Path) -> None:
    """The page then loads GraphiQL from the internet."""
    wheel, said = build(checkout, tmp_path / "wheels")
    assert "npm ci" in said
    assert [name for name in wheel.namelist() if "bundled" in name] == []
    assert "server/graphiql/page.js" in wheel.namelist()
