"""No hostile request causes a fault, much work, or a leak."""

import gc
import json
import re
import shutil
import socket
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from graphql import get_introspection_query, parse

from server.http.deadlines import _leaving
from tests.support.waiting import wait_until

from .cases import CASES, post, query
from .listening import Listening, listening

#: processor seconds that a request may take on an idle machine
MOST = 0.1
#: or else the multiple of the reference work, which takes about a tenth of that: parsing GraphiQL's introspection
#: query ten times; on a busy machine both take longer
TIMES = 10
#: maximum number of attempts: one would do without noise from other work on the machine
TRIES = 5

#: memory blocks that a whole round may leave behind: a tenth of one block per request
LEFT = 1_000

HELLO = query("{ __typename }")


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Listening]:
    """One server for all tests of this module. The deadline for a body is a second."""
    path = tmp_path_factory.mktemp("hostile") / "openings.db"
    shutil.copy(sqlite_template, path)
    with listening(f"sqlite:///{path}", deadline=1) as server:
        server.send(HELLO)
        yield server


def check(said: bytes) -> None:
    """Asserts that the response is valid, blames the client if anybody, and shows no internal details."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", said)
    assert found is not None, said[:200]
    assert int(found[1]) < 500, said[:500]
    assert b"Traceback" not in said
    assert b'"INTERNAL"' not in said
    _, _, body = said.partition(b"\r\n\r\n")
    if b"\r\ncontent-type: application/json" in said:
        assert json.loads(body).keys() & {"data", "errors"}


def assert_healthy(server: Listening) -> None:
    """Asserts that the server answers as usual, holds no connection, and has no abandoned work."""
    assert server.send(HELLO).endswith(b'{"data":{"__typename":"Query"}}')
    wait_until(lambda: not server.db.connections_in_use and not _leaving)


def _reference_seconds() -> float:
    """Processor seconds of the reference work, measured now."""
    began = time.thread_time()
    for _ in range(10):
        parse(get_introspection_query())
    return time.thread_time() - began


def test_there_are_enough_cases() -> None:
    """At least a hundred."""
    assert len(CASES) >= 100


@pytest.mark.parametrize("sent", CASES.values(), ids=CASES)
def test_a_hostile_request_takes_hardly_any_work(server: Listening, sent: bytes) -> None:
    """One attempt within the limit suffices: a request's own work is the same in each, the machine's noise is not.

    Processors change their speed within a second, so each attempt is compared with reference work right after it.
    """
    tries: list[tuple[float, float]] = []
    while not any(took < MOST or took < TIMES * compared for took, compared in tries):
        assert len(tries) < TRIES, tries
        server.forget_documents()
        before = server.processor_seconds()
        said = server.send(sent)
        took = server.processor_seconds() - before
        check(said)
        tries.append((took, _reference_seconds() if took >= MOST else 0.0))
    assert_healthy(server)


@pytest.mark.parametrize(
    "sent",
    [
        post(b'{"query": "{ __typename }"}')[:-5],
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n1\r\n[",
    ],
    ids=["half a body", "half of the chunks"],
)
def test_a_body_that_stops_arriving_times_out(server: Listening, sent: bytes) -> None:
    """The connection stays open, but sends no more."""
    said = server.send(sent)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert_healthy(server)


def test_slow_connections_do_not_block_others(server: Listening) -> None:
    """A hundred connections never finish their request; a complete one is answered nevertheless."""
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    try:
        for connection in held:
            connection.sendall(b"POST /graphql HTTP/1.1\r\nHost: x\r\nX-")
        assert_healthy(server)
    finally:
        for connection in held:
            connection.close()
    assert_healthy(server)


def test_disconnecting_during_a_request_leaves_nothing_behind(server: Listening) -> None:
    """After various numbers of bytes of a valid request."""
    for end in range(1, len(HELLO), 7):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(HELLO[:end])
    assert_healthy(server)


def test_a_second_round_takes_no_more_memory(server: Listening) -> None:
    """Every case is sent twice; the second round must leak nothing."""

    def everything() -> int:
        for sent in CASES.values():
            server.send(sent)
            server.forget_documents()
        assert_healthy(server)
        gc.collect()
        return sys.getallocatedblocks()

    first = everything()
    assert everything() - first < LEFT
