"""What a connection may send and hold below GraphQL, without a token."""

import asyncio
import json
import shutil
import socket
import struct
import time
from collections.abc import Generator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from server.graphql import websocket
from server.http import requests
from server.http.requests import MAX_ANONYMOUS
from server.process import connections, http_protocol
from server.process.http_protocol import MAX_HEAD, MAX_HEADERS
from server.process.websocket_protocol import CONTROL_FRAMES, MAX_FRAMES
from tests.support.api import CLIENT_SECRET
from tests.support.live_clients import live_server

from .cases import query
from .listening import Listening, listening

#: processor seconds that a hostile connection may take
MOST = 0.3
MEBIBYTE = 1024 * 1024

CLOSE, PING, PONG, CONTINUATION, TEXT = 8, 9, 10, 0, 1


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Listening]:
    """One server for all tests of this module."""
    path = tmp_path_factory.mktemp("connections") / "openings.db"
    shutil.copy(sqlite_template, path)
    with listening(f"sqlite:///{path}") as server:
        server.send(query("{ __typename }"))
        yield server


def opened(server: Listening) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def response(connection: socket.socket) -> bytes:
    """All that the server says until it closes the connection."""
    said = b""
    with suppress(ConnectionError):
        while chunk := connection.recv(65_536):
            said += chunk
    return said


def send_some(connection: socket.socket, data: bytes, times: int) -> int:
    """Sends data up to so many times; returns how often the server took it."""
    for n in range(times):
        try:
            connection.sendall(data)
        except (ConnectionError, TimeoutError):
            return n
    return times


def head(*lines: str) -> bytes:
    return "\r\n".join(["GET /healthz HTTP/1.1", "Host: x", "Connection: close", *lines, "", ""]).encode()


class TestHeads:
    def test_a_head_with_too_many_headers_is_refused(self, server: Listening) -> None:
        assert server.send(head(*["a: b"] * (MAX_HEADERS - 2))).startswith(b"HTTP/1.1 200 ")
        assert server.send(head(*["a: b"] * (MAX_HEADERS - 1))).startswith(b"HTTP/1.1 431 ")

    def test_a_head_that_is_too_large_is_refused(self, server: Listening) -> None:
        """In one header, in several, and in its path."""
        assert server.send(head("a: " + "x" * (MAX_HEAD - 1000))).startswith(b"HTTP/1.1 200 ")
        assert server.send(head("a: " + "x" * MAX_HEAD)).startswith(b"HTTP/1.1 431 ")
        assert server.send(head(*["a: " + "x" * 1000] * 70)).startswith(b"HTTP/1.1 431 ")
        assert server.send(f"GET /{'x' * MAX_HEAD} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).startswith(b"HTTP/1.1 431 ")

    @pytest.mark.parametrize("part", [b"a:b\r\n" * 200_000, b"x" * MEBIBYTE], ids=["small headers", "one header"])
    def test_headers_without_end_are_not_kept(self, server: Listening, part: bytes) -> None:
        before = server.processor_seconds()
        with opened(server) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nx: ")
            send_some(connection, part, 60)
            assert response(connection).startswith(b"HTTP/1.1 431 ")
        assert server.processor_seconds() - before < MOST

    @pytest.mark.parametrize("part", [b"a:b\r\n" * 200_000, b"1\r\nx\r\n" * 200_000], ids=["trailers", "tiny chunks"])
    def test_a_body_s_frame_is_bounded_too(self, server: Listening, part: bytes) -> None:
        start = (
            b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        before = server.processor_seconds()
        with opened(server) as connection:
            connection.sendall(start + (b"0\r\n" if part.startswith(b"a") else b""))
            send_some(connection, part, 60)
            said = response(connection)
        assert said.startswith(b"HTTP/1.1 431 ")
        assert server.processor_seconds() - before < MOST

    @pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nX-", b"\r\n"], ids=["nothing", "half a head", "a line"])
    def test_a_head_must_arrive_in_time(self, server: Listening, monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
        monkeypatch.setattr(http_protocol, "HEAD_DEADLINE", 0.3)
        with opened(server) as connection:
            connection.sendall(sent)
            began = time.monotonic()
            assert response(connection)[:13] == (b"HTTP/1.1 408 " if sent.startswith(b"GET") else b"")
            assert time.monotonic() < began + 5

    def test_few_requests_wait_on_one_connection(self, server: Listening) -> None:
        with opened(server) as connection:
            send_some(connection, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000, 1)
            assert response(connection).count(b"HTTP/1.1 200") <= http_protocol.MAX_PIPELINED


class TestBodies:
    def post(self, length: int, *lines: str) -> bytes:
        start = ["POST /graphql HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {length}"]
        return "\r\n".join([*start, "Connection: close", *lines, "", ""]).encode()

    @pytest.mark.parametrize("token", [None, "wrong"])
    def test_a_large_body_needs_a_token(self, server: Listening, token: str | None) -> None:
        lines = [f"Authorization: Bearer {token}"] if token is not None else []
        said = server.send(self.post(MAX_ANONYMOUS + 1, *lines))
        assert said.startswith(b"HTTP/1.1 413 ")
        assert b"without a valid token" in said

    def test_so_does_one_of_unknown_length(self, server: Listening) -> None:
        start = self.post(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
        said = server.send(start + b"10000\r\n%b\r\n" % (b" " * 65_536) * 5)
        assert said.startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 400 "))

    def test_a_small_one_needs_none(self, server: Listening) -> None:
        body = b'{"query": "{ __typename }"}'.ljust(MAX_ANONYMOUS)
        assert server.send(self.post(len(body)) + body).startswith(b"HTTP/1.1 200 ")

    def test_with_a_token_it_may_be_large(self, server: Listening) -> None:
        body = b'{"query": "{ __typename }"}'.ljust(8 * MEBIBYTE)
        said = server.send(self.post(len(body), f"Authorization: Bearer {CLIENT_SECRET}") + body)
        assert said.startswith(b"HTTP/1.1 200 "), said

    def test_unfinished_bodies_are_bounded_together(self, server: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(requests.MAX_IN_FLIGHT, False, 2 * MEBIBYTE)
        with ExitStack() as stack:
            held = [stack.enter_context(opened(server)) for _ in range(20)]
            for connection in held:
                connection.sendall(self.post(200_000) + b" " * 199_999)
            with opened(server) as connection:
                connection.sendall(self.post(200_000) + b" " * 199_999)
                said = response(connection)
                assert said.startswith(b"HTTP/1.1 503 ")
                assert b'"RATE_LIMITED"' in said
            assert server.send(query("{ __typename }")).startswith(b"HTTP/1.1 200 ")
        until = time.monotonic() + 5
        while any(requests._in_flight.values()) and time.monotonic() < until:
            time.sleep(0.01)
        assert requests._in_flight == {False: 0, True: 0}


def test_a_client_that_does_not_read_its_responses_is_disconnected(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD", 0.5)
    with opened(server) as connection:
        many = b"GET /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n" * 50
        began = time.monotonic()
        connection.settimeout(5)
        assert send_some(connection, many, 100_000) < 100_000
        assert time.monotonic() < began + 10
        until = time.monotonic() + 5
        while server.server.server_state.connections and time.monotonic() < until:
            time.sleep(0.01)
        assert not server.server.server_state.connections


def test_a_client_that_reads_slowly_gets_all_of_its_responses(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has more time as long as it reads at least so much in it."""
    monkeypatch.setattr(connections, "UNREAD", 0.3)
    monkeypatch.setattr(connections, "MIN_READ", 1_000)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.settimeout(5)
        connection.connect(("127.0.0.1", server.port))
        page = b"GET /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n"
        connection.sendall(page * 90 + page.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        said, began = bytearray(), time.monotonic()
        while chunk := connection.recv(100_000):
            said += chunk
            time.sleep(0.05 if time.monotonic() < began + 2 else 0)
    assert said.count(b"HTTP/1.1 200 ") == 91
    assert said.endswith(b"</html>\n")


def frame(opcode: int, data: bytes = b"", *, last: bool = True) -> bytes:
    """A masked frame of a client."""
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\xfe" + struct.pack("!H", len(data))
    return bytes([0x80 * last | opcode]) + length + b"\0\0\0\0" + data


def websocket_to(server: Listening) -> socket.socket:
    connection = opened(server)
    connection.sendall(
        b"GET /graphql HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    said = b""
    while b"\r\n\r\n" not in said:
        said += connection.recv(1000)
    assert said.startswith(b"HTTP/1.1 101 ")
    return connection


def close_code(said: bytes) -> int:
    """The code in the last frame, which closes the socket."""
    at = said.rindex(b"\x88")
    return struct.unpack("!H", said[at + 2 : at + 4])[0]


class TestWebSockets:
    def test_a_message_has_few_frames(self, server: Listening) -> None:
        parts = [b'{"type": ', *[b""] * (MAX_FRAMES - 3), b'"ping"', b"}"]
        frames = [frame(TEXT if n == 0 else CONTINUATION, part, last=False) for n, part in enumerate(parts[:-1])]
        with websocket_to(server) as connection:
            for _ in range(2):
                connection.sendall(b"".join(frames) + frame(CONTINUATION, parts[-1]))
                assert b"pong" in connection.recv(1000)
            connection.sendall(b"".join(frames) + frame(CONTINUATION, last=False) * 2)
            assert close_code(response(connection)) == 1002

    @pytest.mark.parametrize(
        "flood",
        [frame(CONTINUATION, last=False), frame(PING, b"x" * 125), frame(PONG)],
        ids=["parts", "pings", "pongs"],
    )
    def test_a_flood_of_frames_ends_the_socket(self, server: Listening, flood: bytes) -> None:
        before = server.processor_seconds()
        with websocket_to(server) as connection:
            connection.sendall(frame(TEXT, last=False))
            send_some(connection, flood * 10_000, 200)
        assert server.processor_seconds() - before < MOST

    def test_usual_pings_are_answered(self, server: Listening) -> None:
        with websocket_to(server) as connection:
            for _ in range(CONTROL_FRAMES // 2):
                connection.sendall(frame(PING, b"x"))
                assert connection.recv(100) == b"\x8a\x01x"

    def test_a_handshake_with_a_long_header_is_refused(self, server: Listening) -> None:
        lines = ["Connection: Upgrade", "Upgrade: websocket", f"x: {'x' * 9000}"]
        assert server.send(head(*lines).replace(b"Connection: close\r\n", b"")).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("token", [None, "wrong"])
async def test_a_websocket_without_a_token_ends(
    database_url: str, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    """Until then it can be used, so that an operation can say what is wrong with the token."""
    monkeypatch.setattr(websocket, "PROOF", 0.3)
    async with live_server(database_url) as live:
        async with live.connect() as ws, live.connect() as known:
            await known.initialize(Authorization=f"Bearer {CLIENT_SECRET}")
            await ws.initialize(**({"Authorization": f"Bearer {token}"} if token is not None else {}))
            await ws.subscribe("{ __typename }")
            assert await ws.next_result() == {"data": {"__typename": "Query"}}
            await ws.expect_complete()
            assert await ws.wait_closed() == (4401, "Unauthorized")
            await asyncio.sleep(0.1)
            await known.connection.send(json.dumps({"type": "ping"}))
            assert await known.receive() == {"type": "pong"}
        await live.wait_until_idle()
