"""Receivers of callbacks, in threads: one that answers, and one that never does."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

#: another loopback address, because hosts are limited as clients are
OTHER_HOST = "127.0.0.2"


class Receiver:
    """The paths of the callbacks that have arrived."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._paths: set[str] = set()
        self._changed = Condition()

    def note(self, path: str) -> None:
        with self._changed:
            self._paths.add(path)
            self._changed.notify_all()

    def arrived(self, path: str, seconds: float) -> bool:
        """Waits until a callback to this path has arrived. Returns False if it has not after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: path in self._paths, seconds)


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that answers at once."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            receiver.note(self.path)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer((OTHER_HOST, 0), Handler) as server:
        receiver = Receiver(f"http://{OTHER_HOST}:{server.server_port}")
        Thread(target=server.serve_forever, daemon=True).start()
        yield receiver
        server.shutdown()


@contextmanager
def hanging() -> Iterator[str]:
    """The URL of a receiver that accepts connections, and never answers."""
    taken: list[socket.socket] = []

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):  # it is closed at the end
            while True:
                taken.append(listening.accept()[0])

    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        Thread(target=accept, args=(listening,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    for connection in taken:
        connection.close()
