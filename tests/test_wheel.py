"""The wheel: it carries GraphiQL's files when they were there at the build, and is built without them otherwise."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from server.graphiql import _INSTALLED, NODE_MODULES
from tests.support.browser import require_tool

ROOT = Path(__file__).parents[1]

#: what a wheel is built from
SOURCES = ("core", "db", "resolvers", "schema", "server", "hatch_build.py", "pyproject.toml", "README.md", "LICENSE")
#: run where only the wheel is installed
PAGE = """
from server.graphiql import Example, assets_route, page
print(assets_route() is not None, b"graphiql/graphiql.js?v=" in page([Example("{ a }")]).body)
"""


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


def test_a_wheel_has_all_files_of_the_page(checkout: Path, tmp_path: Path) -> None:
    """So that pipx, uv and an image show it without internet; the page is made where only the wheel is."""
    installed = all((NODE_MODULES / path).is_file() for path in _INSTALLED.values())
    require_tool(installed, "no GraphiQL in node_modules: install Node.js with npm, then run make install")
    (checkout / "node_modules").symlink_to(NODE_MODULES)
    wheel, _ = build(checkout, tmp_path / "wheels")
    names = set(wheel.namelist())
    assert names >= {f"server/graphiql/bundled/{path}" for path in _INSTALLED.values()}
    assert names >= {
        "server/graphiql/page.js",
        "server/graphiql/example_queries/week.graphql",
        "server/booking_page/page.css",
    }
    assert "Private :: Do Not Upload" in wheel.read("openings-0.1.0.dist-info/METADATA").decode()
    wheel.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-c", PAGE], cwd=tmp_path / "site", capture_output=True, text=True, check=True
    )
    assert done.stdout == "True True\n"


def test_a_checkout_without_npm_makes_a_wheel_and_says_what_it_lacks(checkout: Path, tmp_path: Path) -> None:
    """The page then loads GraphiQL from the internet."""
    wheel, said = build(checkout, tmp_path / "wheels")
    assert "npm ci" in said
    assert [name for name in wheel.namelist() if "bundled" in name] == []
    assert "server/graphiql/page.js" in wheel.namelist()
