"""A request that is refused before its body has arrived gets its response, whatever its client still sends."""

import shutil
import socket
import time
from collections.abc import Generator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from server.process import connections
from tests.support.waiting import TIMEOUT

from .listening import Listening, listening, opened

#: how often each is tried: a reset comes only some of the time
TRIES = 20
LARGE = 10_000_000
JSON = "application/json"


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Listening]:
    """One server for all tests of this module."""
    path = tmp_path_factory.mktemp("refused") / "openings.db"
    shutil.copy(sqlite_template, path)
    with listening(f"sqlite:///{path}") as server:
        yield server


def status_for_urllib(server: Listening, path: str, **headers: str) -> int:
    """The status of a POST with a large body by urllib, which sends `Connection: close` and all of the body first."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with pytest.raises(HTTPError) as found:
        urlopen(Request(f"http://127.0.0.1:{server.port}{path}", b" " * LARGE, named), timeout=TIMEOUT)
    found.value.close()
    return found.value.code


def head(path: str, length: int, *lines: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", *lines, "", ""]).encode()


def read_response(connection: socket.socket) -> bytes:
    """A response with a Content-Length."""
    said = b""
    while b"\r\n\r\n" not in said:
        said += connection.recv(65_536)
    before, _, body = said.partition(b"\r\n\r\n")
    [length] = [int(line[15:]) for line in before.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < length:
        body += connection.recv(65_536)
    return before + b"\r\n\r\n" + body


REFUSED = {
    "too large": ("/graphql", JSON, 413),
    "of a wrong type": ("/graphql", "text/plain", 415),
    "at a wrong address": ("/graphgl", JSON, 404),
    "by a wrong method": ("/healthz", JSON, 405),
}


@pytest.mark.parametrize(("path", "content_type", "status"), REFUSED.values(), ids=REFUSED)
def test_a_client_that_sends_all_of_a_large_body_reads_why_it_is_refused(
    server: Listening, path: str, content_type: str, status: int
) -> None:
    for _ in range(TRIES):
        assert status_for_urllib(server, path, Content_Type=content_type) == status


@pytest.mark.parametrize(("path", "content_type", "status"), REFUSED.values(), ids=REFUSED)
def test_a_client_with_a_socket_reads_it_too(server: Listening, path: str, content_type: str, status: int) -> None:
    """It sends all before it reads, and reads to the end of the stream."""
    for _ in range(TRIES):
        with opened(server) as connection:
            connection.sendall(head(path, LARGE, f"Content-Type: {content_type}", "Connection: close") + b" " * LARGE)
            said = read_response(connection)
            assert said.startswith(b"HTTP/1.1 %d " % status)
            assert connection.recv(1) == b""


def test_a_request_that_is_not_http_is_told_so(server: Listening) -> None:
    for _ in range(TRIES):
        with opened(server) as connection:
            connection.sendall(b"\x16\x03\x01" + b"\0" * LARGE)
            assert read_response(connection).startswith(b"HTTP/1.1 400 ")


def test_the_same_connection_serves_the_next_request(server: Listening) -> None:
    with opened(server) as connection:
        for _ in range(TRIES):
            connection.sendall(head("/graphql", LARGE, f"Content-Type: {JSON}") + b" " * LARGE)
            assert read_response(connection).startswith(b"HTTP/1.1 413 ")
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_response(connection).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("lines", [["Connection: close"], []], ids=["to be closed", "to be kept"])
def test_what_is_dropped_is_bounded_in_bytes(
    server: Listening, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    monkeypatch.setattr(connections, "MAX_DROPPED", 20_000_000)
    with opened(server) as connection:
        connection.sendall(head("/graphql", 10**12, *lines))
        sent = 0
        with pytest.raises(ConnectionError):  # noqa: PT012
            while sent < 10**9:
                connection.sendall(b" " * 1_000_000)
                sent += 1_000_000
        assert 15_000_000 < sent < 60_000_000  # the sockets' buffers take some


@pytest.mark.parametrize("lines", [["Connection: close"], []], ids=["to be closed", "to be kept"])
def test_what_is_dropped_is_bounded_in_time(
    server: Listening, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    monkeypatch.setattr(connections, "DROPPING", 0.5)
    with opened(server) as connection:
        connection.sendall(head("/graphql", 10**12, *lines))
        began = time.monotonic()
        with pytest.raises(ConnectionError):  # noqa: PT012
            while time.monotonic() < began + 20:  # without the setting it would be 30
                connection.sendall(b" ")
                time.sleep(0.02)


def test_a_shutdown_does_not_wait_for_a_refused_body(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "openings.db"
    shutil.copy(sqlite_template, path)
    with listening(f"sqlite:///{path}", grace=3600) as server:
        connection = opened(server)
        connection.sendall(head("/graphql", LARGE, "Connection: close"))
        assert read_response(connection).startswith(b"HTTP/1.1 415 ")
        began = time.monotonic()
    assert time.monotonic() < began + connections.DROPPING - 10
    connection.close()


@pytest.mark.parametrize("encoding", ["gzip", "br, gzip"])
def test_a_content_encoding_is_refused_by_its_name(server: Listening, encoding: str) -> None:
    body = b"\x1f\x8b"
    said = server.send(
        head("/graphql", len(body), f"Content-Type: {JSON}", f"Content-Encoding: {encoding}", "Connection: close")
        + body
    )
    assert said.startswith(b"HTTP/1.1 415 ")
    assert b"accept-encoding: identity\r\n" in said.lower()
    assert f"The content encoding {encoding} is not supported".encode() in said


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json; charset=utf-8; x=y", 200),
        ("application/json; x=y; charset=UTF-8", 200),
        ('application/json; charset="utf-8";x="a;b"', 200),
        ("application/json;", 200),
        ("application/json; charset=utf-8; charset=latin-1", 415),
        ("application/json; x=y; charset=latin-1", 415),
    ],
)
def test_a_media_type_may_have_parameters(server: Listening, content_type: str, status: int) -> None:
    body = b'{"query": "{ __typename }"}'
    said = server.send(head("/graphql", len(body), f"Content-Type: {content_type}", "Connection: close") + body)
    assert said.startswith(b"HTTP/1.1 %d " % status)
