"""What a WebSocket may send and hold, and for how long without a token."""

import json
import shutil
import socket
import struct
import time
from collections.abc import Generator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import pytest

from server.graphql import connection_limits, websocket
from server.process import http_protocol, websocket_protocol
from server.process.websocket_protocol import CONTROL_FRAMES, MAX_FRAMES
from tests.support.api import CLIENT_SECRET
from tests.support.live_clients import live_server
from tests.support.waiting import TIMEOUT

from .listening import Listening, listening, opened, response, send_some

#: processor seconds that a hostile connection may take
MOST = 0.3
MEBIBYTE = 1024 * 1024

CLOSE, PING, PONG, CONTINUATION, TEXT = 8, 9, 10, 0, 1


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Listening]:
    """One server for all tests of this module."""
    path = tmp_path_factory.mktemp("websockets") / "openings.db"
    shutil.copy(sqlite_template, path)
    with listening(f"sqlite:///{path}") as server:
        yield server


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

    def test_nothing_is_read_from_a_client_that_does_not_read(
        self, server: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So the answers to its pings do not pile up. When it reads again, the rest is read and answered."""
        monkeypatch.setattr(websocket_protocol, "CONTROL_FRAMES", 10**9)
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            server.door.setsockopt(socket.SOL_SOCKET, buffer, 16 * 1024)
        ping = frame(PING, b"x" * 100)
        with websocket_to(server) as connection:
            [protocol] = server.server.server_state.connections
            connection.settimeout(0.3)  # after which the server reads no more, if it has begun to wait for its client
            sent = 0
            while sent < 64 * MEBIBYTE:
                try:
                    sent += connection.send((ping * 1_000)[sent % len(ping) :])
                except TimeoutError:
                    if protocol.transport.get_write_buffer_size():
                        break
            assert 0 < sent < 8 * MEBIBYTE  # the sockets' buffers take some
            assert 0 < protocol.transport.get_write_buffer_size() < MEBIBYTE
            connection.settimeout(TIMEOUT)
            left = sent // len(ping) * (2 + 100)
            while left > 0:
                left -= len(connection.recv(65_536))
            connection.sendall(ping[sent % len(ping) :])
            assert connection.recv(1_000) == b"\x8a\x64" + b"x" * 100

    def test_it_is_no_connection_that_waits_for_a_request(
        self, server: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """There are others to close for a newcomer."""
        monkeypatch.setattr(http_protocol._waiting, "most", 20)
        monkeypatch.setattr(http_protocol, "HEAD_DEADLINE", 3600)
        with ExitStack() as stack:
            busy = stack.enter_context(websocket_to(server))
            for _ in range(60):
                stack.enter_context(opened(server))
            busy.sendall(frame(PING, b"x"))
            assert busy.recv(100) == b"\x8a\x01x"

    def test_it_stays_open_when_the_time_for_a_head_is_over(
        self, server: Listening, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What limits the head of a request does not concern the WebSocket that came of it."""
        monkeypatch.setattr(http_protocol, "HEAD_DEADLINE", 0.5)
        with websocket_to(server) as connection:
            time.sleep(0.7)
            connection.sendall(frame(PING, b"x"))
            assert connection.recv(100) == b"\x8a\x01x"

    def test_usual_pings_are_answered(self, server: Listening) -> None:
        with websocket_to(server) as connection:
            for _ in range(CONTROL_FRAMES // 2):
                connection.sendall(frame(PING, b"x"))
                assert connection.recv(100) == b"\x8a\x01x"

    def test_a_handshake_with_a_long_header_is_refused(self, server: Listening) -> None:
        lines = ["Connection: Upgrade", "Upgrade: websocket", f"x: {'x' * 9000}"]
        request = "\r\n".join(["GET /graphql HTTP/1.1", "Host: x", *lines, "", ""]).encode()
        assert server.send(request).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_websocket_without_a_token_ends(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then it can be used, so that an operation can say what is wrong with the token."""
    monkeypatch.setattr(websocket, "PROOF", 1)
    async with live_server(database_url) as live:
        async with live.connect() as known, live.connect() as without, live.connect() as wrong:
            await known.initialize(Authorization=f"Bearer {CLIENT_SECRET}")
            await without.initialize()
            await wrong.initialize(Authorization="Bearer wrong")
            for ws in (without, wrong):
                await ws.subscribe("{ __typename }")
                assert await ws.next_result() == {"data": {"__typename": "Query"}}
                await ws.expect_complete()
            for ws in (without, wrong):
                assert await ws.wait_closed() == (4401, "Unauthorized")
            await known.connection.send(json.dumps({"type": "ping"}))
            assert await known.receive() == {"type": "pong"}
        await live.wait_until_idle()


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_websockets_without_a_token_take_no_place_of_those_with_one(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor, from one address, of those of another address. Each newcomer is accepted, and closes an older one."""
    monkeypatch.setattr(connection_limits, "MAX_UNPROVEN", 10)
    monkeypatch.setattr(websocket, "PROOF", 3600)
    async with live_server(database_url, max_subscriptions=3) as live, AsyncExitStack() as stack:
        known = await stack.enter_async_context(live.connect())
        await known.initialize(Authorization=f"Bearer {CLIENT_SECRET}")
        elsewhere = await stack.enter_async_context(live.connect(source="127.0.0.2"))
        flood = [await stack.enter_async_context(live.connect()) for _ in range(40)]
        for ws in flood[:30]:
            assert (await ws.wait_closed())[0] == 1013
        newcomer = await stack.enter_async_context(live.connect())
        await newcomer.initialize(Authorization=f"Bearer {CLIENT_SECRET}")
        for ws in (known, newcomer, elsewhere, flood[-1]):
            await ws.connection.send(json.dumps({"type": "ping"}))
            assert await ws.receive() == {"type": "pong"}
        assert live.api.app.state.engine.connection_limits.open_sockets <= 10 + 2
        await stack.aclose()
        await live.wait_until_idle()
