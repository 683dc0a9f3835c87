"""Whatever is sent: no fault of ours, hardly any work, and nothing left behind."""

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

from .cases import CASES, post, query
from .listening import Listening, listening

#: seconds of the processor that one request may take, on a machine that has time for it
MOST = 0.1
#: how often as long it may take as reading one of GraphiQL's own questions ten times, which takes a tenth of that; on a
#: machine that is busy with much else, both take longer
TIMES = 10
#: how often each is sent at most: once would do, were there nothing but the request's own work
TRIES = 5

#: pieces of memory that a whole round of them may leave behind: a tenth of what one kept for each request would be
LEFT = 1_000

HELLO = query("{ __typename }")


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Listening]:
    """One server, which has to live through all of it. A body has a second to arrive."""
    path = tmp_path_factory.mktemp("hostile") / "openings.db"
    shutil.copy(sqlite_template, path)
    with listening(f"sqlite:///{path}", deadline=1) as server:
        server.send(HELLO)
        yield server


def check(said: bytes) -> None:
    """The answer is one, blames the sender, and shows nothing of our insides."""
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", said)
    assert found is not None, said[:200]
    assert int(found[1]) < 500, said[:500]
    assert b"Traceback" not in said
    assert b'"INTERNAL"' not in said
    _, _, body = said.partition(b"\r\n\r\n")
    if b"\r\ncontent-type: application/json" in said:
        assert json.loads(body).keys() & {"data", "errors"}


def is_well(server: Listening) -> None:
    """It answers as ever, with no connection out and nothing that is still being undone."""
    assert server.send(HELLO).endswith(b'{"data":{"__typename":"Query"}}')
    until = time.monotonic() + 5
    while (server.db.connections_in_use or _leaving) and time.monotonic() < until:
        time.sleep(0.01)
    assert server.db.connections_in_use == 0
    assert not _leaving


def _something_to_compare_with() -> float:
    """The processor's seconds, just now, for work whose size is known."""
    began = time.thread_time()
    for _ in range(10):
        parse(get_introspection_query())
    return time.thread_time() - began


def test_there_are_as_many_as_were_promised() -> None:
    """Sixty at least."""
    assert len(CASES) >= 100


@pytest.mark.parametrize("sent", CASES.values(), ids=CASES)
def test_it_is_refused_or_answered_with_hardly_any_work(server: Listening, sent: bytes) -> None:
    """Once is enough: the request's own work is there each time, the machine's noise is not.

    Processors change their speed within a second: so each time is compared with what was measured right after it.
    """
    tries: list[tuple[float, float]] = []
    while not any(took < MOST or took < TIMES * compared for took, compared in tries):
        assert len(tries) < TRIES, tries
        server.forget_documents()
        before = server.processor_seconds()
        said = server.send(sent)
        took = server.processor_seconds() - before
        check(said)
        tries.append((took, _something_to_compare_with() if took >= MOST else 0.0))
    is_well(server)


@pytest.mark.parametrize(
    "sent",
    [
        post(b'{"query": "{ __typename }"}')[:-5],
        b"POST /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n1\r\n[",
    ],
    ids=["half a body", "half of the chunks"],
)
def test_a_body_that_stops_on_the_way_is_given_up(server: Listening, sent: bytes) -> None:
    """Whoever holds the connection open, and sends no more."""
    said = server.send(sent)
    assert said.startswith(b"HTTP/1.1 408 ")
    is_well(server)


def test_many_who_never_finish_keep_nobody_else_waiting(server: Listening) -> None:
    """A hundred connections that send nothing more; whoever has something to say is heard meanwhile."""
    held = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    try:
        for connection in held:
            connection.sendall(b"POST /graphql HTTP/1.1\r\nHost: x\r\nX-")
        is_well(server)
    finally:
        for connection in held:
            connection.close()
    is_well(server)


def test_who_hangs_up_in_the_middle_leaves_nothing_behind(server: Listening) -> None:
    """After each number of bytes of a good request."""
    for end in range(1, len(HELLO), 7):
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(HELLO[:end])
    is_well(server)


def test_all_of_it_again_takes_no_more_memory(server: Listening) -> None:
    """A second round of every case leaves nothing behind that the first has not."""

    def everything() -> int:
        for sent in CASES.values():
            server.send(sent)
            server.forget_documents()
        is_well(server)
        gc.collect()
        return sys.getallocatedblocks()

    first = everything()
    assert everything() - first < LEFT
