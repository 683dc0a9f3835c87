"""The application on a socket, in a thread of its own, to measure its processor time, memory and connections."""

import asyncio
import gc
import re
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette

from core.lru import LRU
from db.database import Database
from server.app import create_app
from server.process.serve import PROTOCOLS
from server.settings import Settings
from tests.conftest import NOW
from tests.support.waiting import TIMEOUT, wait_until


@dataclass(frozen=True)
class Listening:
    """A running server."""

    port: int
    app: Starlette
    server: uvicorn.Server
    thread: Thread
    door: socket.socket

    @property
    def db(self) -> Database:
        return self.app.state.db

    def processor_seconds(self) -> float:
        """Processor time of the server's thread so far. Other work on the machine does not count."""
        assert self.thread.ident is not None
        return time.clock_gettime(time.pthread_getcpuclockid(self.thread.ident))

    def reset_peak(self) -> None:
        """Begins a new measurement of the process's peak memory. Skips the test where the system has none."""
        try:
            Path("/proc/self/clear_refs").write_text("5")
        except OSError:
            pytest.skip("the peak of a process's memory is measured on Linux")

    def peak_bytes(self) -> int:
        """The most memory that the process has had since then."""
        [peak] = re.findall(r"^VmHWM:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
        return int(peak) * 1024

    def forget_documents(self) -> None:
        """Empties the document cache, so that the next document is parsed."""
        self.app.state.engine.documents._documents = LRU()

    def send(self, request: bytes) -> bytes:
        """The response to a raw request. The server may close the connection before it has read all of it."""
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT) as connection:
            with suppress(ConnectionError):
                connection.sendall(request)
            return response(connection)


def response(connection: socket.socket) -> bytes:
    """All that the server says until it closes the connection."""
    said = bytearray()
    with suppress(ConnectionError):
        while chunk := connection.recv(65_536):
            said += chunk
    return bytes(said)


def opened(server: Listening, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), TIMEOUT, source_address=(source, 0))


def opened_for_slow_reading(server: Listening) -> socket.socket:
    """A connection with a small buffer, so that the server soon waits for its client to read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(TIMEOUT)
    connection.connect(("127.0.0.1", server.port))
    return connection


def send_some(connection: socket.socket, data: bytes, times: int) -> int:
    """Sends data up to so many times; returns how often the server took it."""
    for n in range(times):
        try:
            connection.sendall(data)
        except (ConnectionError, TimeoutError):
            return n
    return times


@contextmanager
def listening(database_url: str, grace: int = 5, **settings: Any) -> Generator[Listening]:
    """A running application. Objects from before are hidden from the garbage collector, as if it were a new process.

    At its end, requests have `grace` seconds to finish.
    """
    app = create_app(Settings(database_url=database_url, **settings), clock=lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=grace, **PROTOCOLS))
    gc.collect()
    gc.freeze()
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[door])))
        thread.start()
        try:
            wait_until(lambda: server.started or not thread.is_alive())
            yield Listening(door.getsockname()[1], app, server, thread, door)
        finally:
            server.should_exit = True
            thread.join()
            gc.unfreeze()
