"""Programs of others, run as their users would run them: npm packages from the folder beside this file."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.support.browser import require_tool

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]
NODE_MODULES = FOLDER / "node_modules"
ARIADNE = ROOT / ".venv-ariadne"
#: seconds for a program that takes two, on a machine that is busy with other tests
SOON = 60


def node(script: Path, *arguments: object, within: Path = ROOT, status: int = 0) -> str:
    """What a program for Node prints. It must end with this status."""
    program = shutil.which("node")
    require_tool(program, "no Node: install Debian's nodejs and npm")
    require_tool(
        (NODE_MODULES / ".installed").exists(), "no clients to test with: `make install` fetches them with npm"
    )
    return run(program, script, *arguments, within=within, status=status)


def run(*command: object, within: Path, status: int = 0) -> str:
    """What a program prints on standard output. It must end with this status."""
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
