"""Runs a model with spin, which translates it to C: a program that tries every order of steps."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

from tests.support.browser import require_tool

#: seconds for a step that takes a few, on a machine that is busy with other tests
_TIMEOUT = 1800


class Model:
    """A compiled model."""

    def __init__(self, source: Path, folder: Path, *, optimized: bool = False) -> None:
        """Compiles the model in an empty folder. Skips the test where there is no spin or no C compiler."""
        spin, compiler = shutil.which("spin"), shutil.which("cc")
        require_tool(spin, "no model checker: install Debian's spin")
        require_tool(compiler, "no C compiler: install Debian's gcc and libc6-dev")
        self._program, self._trail = folder / "pan", f"{source.name}.trail"
        said = _run(folder, str(spin), "-a", str(source.absolute()))
        # Without optimization it takes less time to compile than it saves, unless there are many states.
        level = "-O2" if optimized else "-O0"
        said += _run(folder, str(compiler), "-w", level, "-DSAFETY", "-DNOFAIR", "-o", "pan", "pan.c")
        assert self._program.exists(), said

    def violation(self, **run: int) -> str:
        """Returns what the model violates first, and the steps to there; empty if nothing in any order of steps.

        `run` are the variables of the environment that the model reads.
        """
        here = Path(mkdtemp(dir=self._program.parent))
        environment = {name.upper(): f"{value:d}" for name, value in run.items()}
        searched = _run(here, str(self._program), "-n", "-m100000", **environment)
        if not (found := re.search(r"pan:1: (.*) \(at depth", searched)):
            # It may have run out of memory or of depth.
            assert "errors: 0" in searched, searched
            assert "not completed" not in searched, searched
            assert "too small" not in searched, searched
            return ""
        replayed = _run(here, str(self._program), "-r", self._trail, **environment)
        steps = [line.strip() for line in replayed.splitlines() if re.match(r"\s*(client|booking|the clock)\b", line)]
        return "\n".join([found[1], *steps])


def _run(folder: Path, *command: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    return done.stdout
