"""A client with minimal overhead: prebuilt requests, a socket, and a buffer to read into."""

import re
import select
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from time import perf_counter
from typing import Any

import orjson
import psutil

from .servers import HOST, SECRET, Server

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
#: attempts until every worker has accepted a connection
_TRIES = 2000


def request(body: bytes, bearer: str = SECRET, path: str = "/graphql", *, close: bool = False) -> bytes:
    """The bytes of a POST request; with `close` the server ends the connection after its response."""
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {HOST}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *([f"Authorization: Bearer {bearer}"] if bearer else []),
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join([*lines, "\r\n"]).encode() + body


class Line:
    """A persistent connection."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(1 << 20)
        self._view = memoryview(self._buffer)
        self._read = self._body = self._end = 0

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def local_port(self) -> int:
        return self._socket.getsockname()[1]

    def send(self, request: bytes) -> None:
        self._read = self._body = self._end = 0
        self._socket.sendall(request)

    def receive(self) -> bool:
        """Reads available data; returns whether the answer is complete."""
        came = self._socket.recv_into(self._view[self._read :])
        if not came:
            raise ConnectionError("the server hung up")
        self._read += came
        if not self._body and (head := self._buffer.find(b"\r\n\r\n", 0, self._read)) > 0:
            length = _LENGTH.search(self._buffer, 0, head)
            assert length is not None
            self._body, self._end = head + 4, head + 4 + int(length[1])
        return self._body > 0 and self._read >= self._end

    @property
    def answer(self) -> memoryview:
        """The body; valid until the next request."""
        return self._view[self._body : self._end]

    @property
    def status(self) -> int:
        return int(self._buffer[9:12])

    def ask(self, request: bytes) -> bytes:
        """Sends one request, and returns the body of the answer."""
        self.send(request)
        while not self.receive():
            pass
        return bytes(self.answer)

    def data(self, query: str, bearer: str = SECRET, **given: Any) -> dict[str, Any]:
        """Returns the data of a GraphQL answer, which must have no errors."""
        body = orjson.dumps({"query": query, "variables": {"input": given} if given else {}})
        answer = orjson.loads(self.ask(request(body, bearer)))
        assert "errors" not in answer, answer
        return answer["data"]

    def close(self) -> None:
        self._view.release()
        self._socket.close()


def connect(server: Server, each: int = 1) -> list[Line]:
    """So many connections to each of the server's workers, worker after worker."""
    if server.workers == 1:
        return [Line(server.port) for _ in range(each)]
    taken: dict[int, list[Line]] = {pid: [] for pid in server.pids}
    surplus: list[Line] = []
    for _ in range(_TRIES):
        line = Line(server.port)
        line.ask(b"GET /nowhere HTTP/1.1\r\nHost: here\r\n\r\n")  # a worker that answers has accepted it
        lines = taken[_owner(line, server.pids)]
        (lines if len(lines) < each else surplus).append(line)
        if all(len(lines) == each for lines in taken.values()):
            break
    else:
        raise RuntimeError("one worker takes no connections")
    _close(surplus)
    return [line for lines in taken.values() for line in lines]


@contextmanager
def connections(servers: Mapping[str, Server], least: int = 1) -> Iterator[Mapping[str, list[Line]]]:
    """Connections to each server, at least one per worker. A server closes those that are idle for long.

    So all servers must have answered once, which takes a while after their start, before the connections are used.
    """
    for server in servers.values():
        _close(connect(server))
    lines = {name: connect(server, max(1, least // server.workers)) for name, server in servers.items()}
    yield lines
    for kept in lines.values():
        _close(kept)


def _close(lines: Iterable[Line]) -> None:
    for line in lines:
        line.close()


def _owner(line: Line, pids: Sequence[int]) -> int:
    for pid in pids:
        connections = psutil.Process(pid).net_connections("tcp")
        if any(found.raddr and found.raddr.port == line.local_port for found in connections):
            return pid
    raise RuntimeError("no worker has this connection")


def beat(lines: Sequence[Line], requests: Iterator[bytes]) -> list[float]:
    """Sends one request on every connection concurrently, and waits for all answers; returns the seconds of each."""
    if len(lines) == 1:
        [line], asked = lines, next(requests)
        began = perf_counter()
        line.send(asked)
        while not line.receive():
            pass
        return [perf_counter() - began]
    times: list[float] = []
    waiting: dict[int, tuple[Line, float]] = {}
    for line, asked in [(line, next(requests)) for line in lines]:
        waiting[line.fileno()] = line, perf_counter()
        line.send(asked)
    while waiting:
        for number in select.select(list(waiting), (), ())[0]:
            line, began = waiting[number]
            if line.receive():
                times.append(perf_counter() - began)
                del waiting[number]
    return times


def flood(lines: Sequence[Line], requests: Iterator[bytes]) -> Iterator[Line]:
    """Sends these requests, one at a time per connection; yields each connection when its answer has arrived."""
    waiting = {line.fileno(): line for line in lines}
    with select.epoll() as poll:
        for number, line in list(waiting.items()):
            poll.register(number, select.EPOLLIN)
            _next(line, requests, waiting)
        while waiting:
            for number, _ in poll.poll():
                if number in waiting and waiting[number].receive():
                    yield waiting[number]
                    _next(waiting[number], requests, waiting)


def _next(line: Line, requests: Iterator[bytes], waiting: dict[int, Line]) -> None:
    asked = next(requests, None)
    if asked is None:
        del waiting[line.fileno()]
    else:
        line.send(asked)


def rate(lines: Sequence[Line], requests: Iterator[bytes], seconds: float) -> float:
    """Requests a second, measured for so long."""
    began = perf_counter()
    in_time = takewhile(lambda _: perf_counter() - began < seconds, requests)
    return sum(1 for _ in flood(lines, in_time)) / (perf_counter() - began)
