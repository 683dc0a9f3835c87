"""What a connection may send and hold below GraphQL, without a token."""

import shutil
import socket
import time
from collections.abc import Generator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from server.http import requests
from server.http.requests import MAX_ANONYMOUS
from server.process import connections, http_protocol
from server.process.http_protocol import MAX_HEAD, MAX_HEADERS
from tests.support.api import CLIENT_SECRET
from tests.support.waiting import wait_until

from .cases import query
from .listening import Listening, listening, opened, opened_for_slow_reading, response, send_some

#: processor seconds that a hostile connection may take
MOST = 0.3
MEBIBYTE = 1024 * 1024
#: seconds that no test takes
HOUR = 3600


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Listening]:
    """One server for all tests of this module."""
    path = tmp_path_factory.mktemp("connections") / "openings.db"
    shutil.copy(sqlite_template, path)
    with listening(f"sqlite:///{path}") as server:
        server.send(query("{ __typename }"))
        yield server


#: a request for a page, which is longer than the other responses without a token
PAGE = b"GET /graphql HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n"


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
            assert response(connection)[:13] == (b"HTTP/1.1 408 " if sent.startswith(b"GET") else b"")

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
            # There is room for ten. The server reads from several at the same time: the rest is refused, in any order.
            wait_until(lambda: requests._in_flight[False] == 10 * 199_999)
            with opened(server) as connection:
                connection.sendall(self.post(200_000) + b" " * 199_999)
                said = response(connection)
                assert said.startswith(b"HTTP/1.1 503 ")
                assert b'"RATE_LIMITED"' in said
            assert server.send(query("{ __typename }")).startswith(b"HTTP/1.1 200 ")
        wait_until(lambda: requests._in_flight == {False: 0, True: 0})


class TestWaitingConnections:
    """Connections on which no request is being answered."""

    SENT = (b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    BODY = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n1"

    def stays_open(self, connection: socket.socket) -> bool:
        connection.settimeout(0.1)
        try:
            response(connection)
        except TimeoutError:
            return True
        return False

    @pytest.mark.parametrize("sent", [*SENT, BODY], ids=["nothing", "half a head", "a request", "half a body"])
    def test_a_newcomer_closes_the_oldest(
        self, server: Listening, monkeypatch: pytest.MonkeyPatch, sent: bytes
    ) -> None:
        """Of the address that has most. So silent clients keep nobody out, and none from another address."""
        monkeypatch.setattr(http_protocol._waiting, "most", 20)
        monkeypatch.setattr(http_protocol, "HEAD_DEADLINE", HOUR)
        with ExitStack() as stack:
            elsewhere = stack.enter_context(opened(server, "127.0.0.2"))
            elsewhere.sendall(self.SENT[1])
            held = []
            for _ in range(60):
                held.append(stack.enter_context(opened(server)))
                held[-1].sendall(sent)
                if sent == self.SENT[2]:
                    # An answered connection is as young as its answer, and the server answers at its own pace.
                    assert held[-1].recv(65_536).startswith(b"HTTP/1.1 200 ")
            for connection in held[:40]:
                response(connection)  # up to its end
            assert server.send(head()).startswith(b"HTTP/1.1 200 ")
            assert self.stays_open(held[-1])
            elsewhere.sendall(b"x: y\r\nConnection: close\r\n\r\n")
            assert response(elsewhere).startswith(b"HTTP/1.1 200 ")

    def test_no_connection_is_counted_for_ever(self, server: Listening) -> None:
        for sent in (*self.SENT, self.BODY):
            with opened(server) as connection:
                connection.sendall(sent)
        wait_until(lambda: len(http_protocol._waiting) == 0)


def test_a_client_that_does_not_read_its_responses_is_disconnected(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has sent no more requests than may wait for an earlier response, and the first ones are answered."""
    monkeypatch.setattr(connections, "UNREAD", 0.5)
    server.door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
    with opened_for_slow_reading(server) as connection:
        connection.sendall(PAGE * 90)
        wait_until(lambda: len(connections._stalled._sizes) > 0)
        wait_until(lambda: not server.server.server_state.connections)
        assert not connections._stalled._sizes


def test_responses_that_nobody_reads_are_bounded_together(
    server: Listening, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond the bound the clients that have not read for longest are disconnected."""
    monkeypatch.setattr(connections, "MAX_UNREAD", 400 * 1024)
    server.door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
    stalled = connections._stalled

    def is_stalled(connection: socket.socket) -> bool:
        return any(each.get_extra_info("peername") == connection.getsockname() for each in list(stalled._sizes))

    def is_bounded(least: int) -> bool:
        """In the end: the thread of the server may be between writing and making room."""
        protocols = list(server.server.server_state.connections)
        return least <= sum(each.transport.get_write_buffer_size() for each in protocols) <= 400 * 1024

    with ExitStack() as stack:
        for count in range(1, 10):
            connection = stack.enter_context(opened_for_slow_reading(server))
            connection.sendall(PAGE * 90)
            wait_until(partial(is_stalled, connection))
            wait_until(partial(is_bounded, min(count, 2) * 64 * 1024))
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    wait_until(lambda: (stalled._total, stalled._sizes) == (0, {}))
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_client_that_reads_slowly_gets_all_of_its_responses(
    server: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has more time as long as it reads at least so much in it."""
    monkeypatch.setattr(connections, "UNREAD", 1)
    monkeypatch.setattr(connections, "MIN_READ", 1_000)
    with opened_for_slow_reading(server) as connection:
        connection.sendall(PAGE * 90 + PAGE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        said, began = bytearray(), time.monotonic()
        while chunk := connection.recv(100_000):
            said += chunk
            time.sleep(0.05 if time.monotonic() < began + 2.5 else 0)
    assert said.count(b"HTTP/1.1 200 ") == 91
    assert said.endswith(b"</html>\n")
