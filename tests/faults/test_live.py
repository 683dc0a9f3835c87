"""Subscriptions on real servers: several processes, killed processes, lost connections, and shutdown."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest

from core.instants import DAY, format_instant
from db.notifications.listener import LISTENER
from server.app import clock
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Api
from tests.support.assumptions import LISTENS
from tests.support.builders import availability_input, period_hours, upsert_event_input
from tests.support.graphql_queries import AVAILABILITY_CHANGED, UPSERT_EVENT
from tests.support.live_clients import EventStream, WebSocketClient, connect_websocket, live_server
from tests.support.server_process import ServerProcess, running_server, running_servers
from tests.support.waiting import TIMEOUT

#: a day after the real time
AHEAD = format_instant(clock() + 7 * DAY)[:10]


@asynccontextmanager
async def watching(server: ServerProcess, token: str, **given: object) -> AsyncGenerator[WebSocketClient]:
    """A subscription over WebSocket."""
    async with connect_websocket(int(server.url.rsplit(":", 1)[1]), Authorization=f"Bearer {token}") as ws:
        await ws.initialize()
        await ws.subscribe(AVAILABILITY_CHANGED, input=given)
        yield ws


@asynccontextmanager
async def streaming(server: ServerProcess, token: str, **given: object) -> AsyncGenerator[EventStream]:
    """A subscription over server-sent events."""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
    body = {"query": AVAILABILITY_CHANGED, "variables": {"input": given}}
    async with (
        httpx2.AsyncClient(timeout=TIMEOUT) as http,
        http.stream("POST", f"{server.url}/graphql", json=body, headers=headers) as response,
    ):
        yield EventStream(response)


async def test_a_write_of_any_process_is_pushed_by_all(database_url: str, tmp_path: Path) -> None:
    """Two servers and this process write; one server is killed right after its write, which has been announced."""
    async with Api.open(database_url, clock()) as api, AsyncExitStack() as stack:
        ada = await api.application_calendar("ada")
        one, other = await stack.enter_async_context(running_servers(tmp_path / "said", database_url, 2))
        given = availability_input(ada, day=AHEAD)
        at_one = await stack.enter_async_context(streaming(one, ada.token, **given))
        at_other = await stack.enter_async_context(watching(other, ada.token, **given))
        assert period_hours(await at_one.next_result()) == period_hours(await at_other.next_result()) == ["9-17"]
        await one.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10, day=AHEAD))
        assert period_hours(await at_one.next_result()) == period_hours(await at_other.next_result()) == ["10-17"]
        await api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 11, day=AHEAD))
        assert period_hours(await at_one.next_result()) == period_hours(await at_other.next_result()) == ["11-17"]
        await one.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 12, day=AHEAD))
        one.kill()
        assert period_hours(await at_other.next_result()) == ["12-17"]


async def test_a_change_by_the_command_line_is_pushed(database_url: str) -> None:
    """Removing a feature with the command line ends the subscription."""
    async with live_server(database_url) as live:
        ada = await live.api.application_calendar("ada")
        async with live.subscribe(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as ws:
            await ws.next_result()
            command = [sys.executable, "-m", "server.cli", "client", "plan", CLIENT_ID, "--without", "availability"]
            process = await asyncio.create_subprocess_exec(
                *command, "--database-url", database_url, stderr=asyncio.subprocess.DEVNULL
            )
            assert await process.wait() == 0
            assert (await ws.next_result())["errors"][0]["extensions"]["code"] == "PAYMENT_REQUIRED"
            await ws.expect_complete()


LINES = "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()"


@asynccontextmanager
async def administering(url: str) -> AsyncGenerator[Callable[..., Awaitable[set[int]]]]:
    """Returns the ids of the connections with LISTEN, after terminating the given ones."""
    administrator = await asyncpg.connect(url)

    async def lines(*ended: int) -> set[int]:
        for line in ended:
            await administrator.execute("SELECT pg_terminate_backend($1)", line)
        return {line for [line] in await administrator.fetch(LINES, LISTENER)}

    try:
        yield lines
    finally:
        await administrator.close()


@LISTENS
@pytest.mark.parametrize("backend", ["postgresql"])
async def test_a_lost_connection_is_replaced_and_no_change_is_missed(database_url: str) -> None:
    """Writes made without a listener are found when there is one again."""
    lost: set[int] = set()
    async with live_server(database_url) as live, administering(database_url) as lines, asyncio.timeout(TIMEOUT):
        ada = await live.api.application_calendar("ada")
        async with live.subscribe(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as ws:
            assert period_hours(await ws.next_result()) == ["9-17"]
            for end in (10, 11, 12):
                while not (found := await lines() - lost):  # a terminated connection stays visible for a moment
                    await asyncio.sleep(0.01)
                await lines(*found)
                lost |= found
                await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, end))
                assert period_hours(await ws.next_result()) == [f"{end}-17"]
    assert len(lost) == 3


@LISTENS
@pytest.mark.parametrize("backend", ["postgresql"])
async def test_one_process_listens_once_and_only_for_subscribers(database_url: str) -> None:
    """However many subscribers there are, and however long there are none."""
    async with live_server(database_url) as live, administering(database_url) as lines, asyncio.timeout(TIMEOUT):
        ada = await live.api.application_calendar("ada")
        for _ in range(2):
            assert await lines() == set()
            async with live.connect(Authorization=f"Bearer {CLIENT_SECRET}") as ws:
                await ws.initialize()
                for n in range(20):
                    await ws.subscribe(AVAILABILITY_CHANGED, id=str(n), input=availability_input(ada))
                for _ in range(20):
                    await ws.receive()
                while len(await lines()) != 1:
                    await asyncio.sleep(0.01)
            while await lines():
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("workers", ["1", "2"])
async def test_shutdown_does_not_wait_for_subscriptions(database_url: str, tmp_path: Path, workers: str) -> None:
    """The ten seconds are for requests that end by themselves. Clients can distinguish it from completion."""
    async with (
        Api.open(database_url, clock()) as api,
        running_server(tmp_path, database_url, "--workers", workers) as server,
    ):
        ada = await api.application_calendar("ada")
        given = availability_input(ada, day=AHEAD)
        async with watching(server, ada.token, **given) as ws, streaming(server, ada.token, **given) as events:
            await ws.next_result()
            await events.next_result()
            server.process.terminate()
            assert (await ws.wait_closed())[0] == 1012
            assert await events.receive() == ("", None)
            assert await server.wait_for_exit() == 0
        assert not [line for line in server.log_lines if "rror" in line or "exceeded" in line]
