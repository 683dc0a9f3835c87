"""`openings serve` in a process of its own, for tests that are plain functions; `server_process` is for coroutines."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from .waiting import TIMEOUT, wait_until

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "server.cli"]


@dataclass
class CommandLineServer:
    """A server process, and the output that its terminal would show."""

    process: subprocess.Popen[str]
    output_file: Path
    url: str = ""

    def wait_until_ready(self) -> "CommandLineServer":
        """Waits until the server answers, and returns itself."""
        until = time.monotonic() + TIMEOUT
        while time.monotonic() < until and self.process.poll() is None:
            if found := re.search(r'Openings is at ([^\s"]+)/graphql\b', self.output):
                self.url = found[1]
                with suppress(httpx2.TransportError):
                    if httpx2.get(f"{self.url}/readyz").status_code == 200:
                        return self
            time.sleep(0.02)
        raise AssertionError(f"no server: {self.output}")

    @property
    def output(self) -> str:
        """The standard error of the server so far."""
        return self.output_file.read_text("utf-8")

    @property
    def is_running(self) -> bool:
        """Whether any process of the server is left."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def ask(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """Returns the whole answer to a query."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        given = {"query": query, "variables": variables}
        return httpx2.post(f"{self.url}/graphql", json=given, headers=headers, timeout=TIMEOUT).json()

    def stop(self, with_signal: signal.Signals) -> int:
        """Sends the signal, and returns the exit status; checks that the port is free and that no process is left."""
        self.process.send_signal(with_signal)
        status = self.process.wait(TIMEOUT)
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{self.url}/healthz")
        wait_until(lambda: not self.is_running)
        return status


@contextmanager
def serve(tmp_path: Path, url: str, *arguments: str, **environment: str) -> Generator[CommandLineServer]:
    """Runs the server on a free port of this machine, and kills it at the end of the block if it is still running."""
    with serve_from(ROOT, tmp_path, url, *arguments, **environment) as server:
        yield server


@contextmanager
def serve_from(
    folder: Path, tmp_path: Path, url: str, *arguments: str, **environment: str
) -> Generator[CommandLineServer]:
    """The same with the packages that are in the folder."""
    terminal = tmp_path / f"terminal-{uuid4().hex}"
    command = [*COMMAND, "serve", "--port", "0", "--database-url", url, *arguments]
    with (
        terminal.open("w") as errors,
        subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            yield CommandLineServer(process, terminal).wait_until_ready()
            assert process.stdout is not None
            assert process.stdout.read() == ""
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
