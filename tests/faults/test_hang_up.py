"""Clients that disconnect during their request, on a real socket."""

import asyncio
import gc
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import pytest
import uvicorn
from uvicorn.server import ServerState

from server.app import create_app
from server.http.deadlines import _leaving
from server.settings import Settings
from tests.conftest import NOW
from tests.support.api import Account, Api
from tests.support.graphql_queries import UPSERT_EVENTS
from tests.support.held_locks import locked_calendars
from tests.support.waiting import TIMEOUT, until

from .writers import UPSERT_EVENT, batch, one_event, version

HOUR = 3600
"""Seconds for which no test waits."""


@asynccontextmanager
async def listening(database_url: str) -> AsyncGenerator[tuple[int, Api, ServerState]]:
    """A server in this process, so that it can be inspected: its port, its application and its connections.

    Nobody gives up waiting for a lock, however slow the machine is.
    """
    app = create_app(Settings(database_url=database_url, lock_timeout=HOUR), clock=lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        running = asyncio.create_task(server.serve(sockets=[door]))
        try:
            async with Api.open(database_url, NOW) as api:
                api.db = app.state.db
                yield port, api, server.server_state
        finally:
            server.should_exit = True
            await running
            await app.state.db.close()


async def ask(port: int, whose: Account, query: str, given: dict[str, object]) -> asyncio.StreamWriter:
    """Sends a request without waiting for the response; closing the writer disconnects."""
    body = json.dumps({"query": query, "variables": {"input": given}}).encode()
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {whose.token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + body)
    await writer.drain()
    return writer


async def until_all_is_undone(api: Api) -> None:
    """Waits until no request uses a connection of the database, waits for one, or is being cancelled."""
    await until(lambda: not (api.db.connections_in_use or sum(api.db.waiting.values()) or _leaving))


@pytest.mark.parametrize("clients", [1, 6])
async def test_disconnecting_while_waiting_leaves_nothing_behind(database_url: str, clients: int) -> None:
    """The transaction is rolled back and its connection returned promptly; the next request succeeds."""
    async with listening(database_url) as (port, api, state):
        person = await api.application_calendar("person")
        async with locked_calendars(database_url):
            writers = [await ask(port, person, UPSERT_EVENT, one_event(person, "lost")) for _ in range(clients)]
            # One of them waits in the database, not for a connection to it; the others wait for that one.
            await until(lambda: (api.db.driver.in_use, sum(api.db.waiting.values())) == (1, clients - 1))
            for writer in writers:
                writer.close()
                await writer.wait_closed()
            if api.db.dialect == "postgresql":  # a request is over when the server has noticed that its client left
                await until(lambda: not state.tasks)
                await until_all_is_undone(api)
            else:  # SQLite: one of them waits for the file lock, and can only be rolled back once it has it
                await until(lambda: len(_leaving) == 1 and not state.tasks)
        await until_all_is_undone(api)
        assert await version(api, person) == 0
        await api.data(UPSERT_EVENT, person.token, input=one_event(person, "kept"))
        assert await api.rows("SELECT summary FROM events") == [("kept",)]
        assert await version(api, person) == 1


async def test_disconnecting_at_any_moment_leaves_all_or_nothing(database_url: str) -> None:
    """Batches cut off earlier and later: one whole batch is stored, and the version has changed."""
    async with listening(database_url) as (port, api, state):
        person = await api.application_calendar("person")
        for n in range(40):
            writer = await ask(port, person, UPSERT_EVENTS, batch(person, str(n), 100))
            await asyncio.sleep(n / 1000)
            writer.close()
            await writer.wait_closed()
        async with httpx2.AsyncClient(timeout=TIMEOUT) as http:
            await http.get(
                f"http://127.0.0.1:{port}/healthz"
            )  # the server has accepted all connections before this one
        await until(lambda: not state.tasks)
        await until_all_is_undone(api)
        batches = await api.rows("SELECT summary, COUNT(*) FROM events GROUP BY summary")
        assert [count for _, count in batches] == [100] * min(1, await version(api, person))
        await api.data(UPSERT_EVENTS, person.token, input=batch(person, "last", 100))
        assert await api.rows("SELECT summary, COUNT(*) FROM events GROUP BY summary") == [("last", 100)]


async def test_a_write_cancelled_at_any_step_does_not_block_others(api: Api) -> None:
    """SQLite keeps the transaction of a closed connection until Python has released all of its statements.

    The garbage collector is off, because it would release them eventually, too late for other writes.
    """
    person = await api.application_calendar("person")
    gc.collect()
    gc.disable()
    try:
        for steps in range(0, 60, 2):
            given_up = asyncio.create_task(api.data(UPSERT_EVENT, person.token, input=one_event(person, "given up")))
            for _ in range(steps):
                await asyncio.sleep(0.0002)
            given_up.cancel()
            await asyncio.wait({given_up})
            async with asyncio.timeout(TIMEOUT):
                await api.data(UPSERT_EVENT, person.token, input=one_event(person, str(steps)))
            assert await api.rows("SELECT summary FROM events") == [(str(steps),)]
    finally:
        gc.enable()
    await until_all_is_undone(api)
