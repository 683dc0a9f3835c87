"""The application on a socket, in a thread of its own: so its processor time, its memory and its pool can be looked at."""

import asyncio
import gc
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any

import uvicorn
from starlette.applications import Starlette

from core.lru import LRU
from db.database import Database
from server.app import create_app
from server.settings import Settings
from tests.conftest import NOW


@dataclass(frozen=True)
class Listening:
    """The server, as its attackers and its owner see it."""

    port: int
    app: Starlette
    server: uvicorn.Server
    thread: Thread

    @property
    def db(self) -> Database:
        return self.app.state.db

    def processor_seconds(self) -> float:
        """What the server's thread has had of the processor so far: the machine's other work does not count."""
        assert self.thread.ident is not None
        return time.clock_gettime(time.pthread_getcpuclockid(self.thread.ident))

    def forget_documents(self) -> None:
        """So that the next one is read as if nobody had ever sent it."""
        self.app.state.engine.documents._documents = LRU()

    def send(self, request: bytes) -> bytes:
        """All that the server says to it. One that has heard enough may close the door before the end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            with suppress(ConnectionError):
                connection.sendall(request)
            return _all_of(connection)


def _all_of(connection: socket.socket) -> bytes:
    said = bytearray()
    with suppress(ConnectionError):
        while chunk := connection.recv(65_536):
            said += chunk
    return bytes(said)


@contextmanager
def listening(database_url: str, **settings: Any) -> Generator[Listening]:
    """The application, with nothing that was there before for the garbage collector to look at: as when it is served."""
    app = create_app(Settings(database_url=database_url, **settings), clock=lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=5))
    gc.collect()
    gc.freeze()
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = Thread(target=lambda: asyncio.run(server.serve(sockets=[door])))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield Listening(door.getsockname()[1], app, server, thread)
        finally:
            server.should_exit = True
            thread.join()
            gc.unfreeze()
