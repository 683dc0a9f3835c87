"""Runs third-party programs as their users would: npm packages from the folder beside this file."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.browser import require_tool

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
NODE_MODULES = FOLDER / "node_modules"
ARIADNE = ROOT / ".venv-ariadne"
#: timeout in seconds of a program that takes two, for a machine that is busy with other tests
SOON = 60


def node(script: Path, *arguments: object, within: Path = ROOT, status: int = 0) -> str:
    """The output of a program for Node. It must exit with this status."""
    program = shutil.which("node")
    require_tool(program, "no Node: install Debian's nodejs and npm")
    require_tool(
        (NODE_MODULES / ".installed").exists(), "no clients to test with: `make install` fetches them with npm"
    )
    return run(program, script, *arguments, within=within, status=status)


def run(*command: object, within: Path, status: int = 0) -> str:
    """The standard output of a program. It must exit with this status."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=within,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
    )
    assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
    return done.stdout
