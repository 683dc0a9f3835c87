"""Subscriptions with third-party clients, set up as in docs/live.md: graphql-ws, and urql over server-sent events."""

import asyncio
import json
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from core.instants import DAY, format_instant
from server.app import clock
from server.process.websocket_protocol import PING_TIMEOUT
from tests.support.api import Account, Api
from tests.support.browser import require_tool
from tests.support.builders import availability_input, period_hours, upsert_event_input
from tests.support.graphql_queries import AVAILABILITY_CHANGED, REVOKE_AUTHORIZATION, UPSERT_EVENT
from tests.support.live_clients import LiveServer, live_server
from tests.support.server_process import running_server
from tests.support.waiting import TIMEOUT

HERE = Path(__file__).parent
PROGRAMS = ["graphql-ws.mjs", "urql.mjs"]


class Program:
    """A running client."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        self._said = process.stdout
        self.send_signal = process.send_signal

    async def says(self) -> dict[str, Any]:
        """The next line that it prints."""
        async with asyncio.timeout(TIMEOUT):
            line = await self._said.readline()
        return json.loads(line)


@asynccontextmanager
async def running(program: str, url: str, token: str, query: str, **variables: Any) -> AsyncGenerator[Program]:
    """Runs the client for the duration of the block."""
    node = shutil.which("node")
    require_tool(node, "no node: install Debian's nodejs")
    require_tool(
        (HERE / "node_modules" / "graphql-ws").is_dir(), "no clients: install Debian's npm, then run make install"
    )
    assert node is not None
    command = [node, str(HERE / program), url, token, query, json.dumps(variables)]
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE)
    try:
        yield Program(process)
    finally:
        process.kill()
        await process.wait()


@pytest.fixture
async def live(database_url: str) -> AsyncGenerator[LiveServer]:
    """The application on a socket. After the test, no connection may be left open."""
    async with live_server(database_url) as opened:
        yield opened
        await opened.wait_until_idle()


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_client_receives_every_change_and_the_end(live: LiveServer, program: str) -> None:
    ada = await live.api.application_calendar("ada")
    async with running(program, live.url, ada.token, AVAILABILITY_CHANGED, input=availability_input(ada)) as client:
        assert period_hours(await client.says()) == ["9-17"]
        await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
        assert period_hours(await client.says()) == ["10-17"]
        await live.api.data(REVOKE_AUTHORIZATION, input={**live.api.credentials, "token": ada.token})
        assert (await client.says())["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
        if program == "graphql-ws.mjs":
            assert await client.says() == {"complete": True}


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_query_works_on_the_same_client(live: LiveServer, program: str) -> None:
    """urql accepts events on every request, but expects JSON for a query."""
    ada = await live.api.application_calendar("ada")
    async with running(program, live.url, ada.token, "{ userInfo { sub } }") as client:
        assert (await client.says())["data"] == {"userInfo": {"sub": ada.sub}}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_syntax_error_is_reported_under_its_operation(live: LiveServer) -> None:
    """Neither as a result nor by closing the socket, as other servers do."""
    async with running("graphql-ws.mjs", live.url, "none", "{") as client:
        [problem] = (await client.says())["problem"]
        assert problem["extensions"] == {"code": "BAD_REQUEST"}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_client_comes_back_after_its_machine_has_slept(database_url: str) -> None:
    """It does not answer pings, so the server closes the socket. By default graphql-ws never returns after 1011."""
    async with live_server(database_url, ping_seconds=0.5) as live:
        ada = await live.api.application_calendar("ada")
        async with running(
            "graphql-ws.mjs", live.url, ada.token, AVAILABILITY_CHANGED, input=availability_input(ada)
        ) as client:
            assert period_hours(await client.says()) == ["9-17"]
            client.send_signal(signal.SIGSTOP)
            await live.wait_until_idle()
            await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
            client.send_signal(signal.SIGCONT)
            assert (await client.says())["closed"] in (PING_TIMEOUT, 1006)  # 1006 if the connection was reset first
            assert period_hours(await client.says()) == ["10-17"]
        await live.wait_until_idle()


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_client_reconnects_after_a_restart_and_misses_nothing(database_url: str, tmp_path: Path) -> None:
    """graphql-ws reconnects by itself, and the first answer is complete."""
    day = format_instant(clock() + 7 * DAY)[:10]
    async with Api.open(database_url, clock()) as api:
        ada: Account = await api.application_calendar("ada")
        async with running_server(tmp_path, database_url) as server:
            port = server.url.rsplit(":", 1)[1]
            url = f"{server.url}/graphql"
            async with running(
                "graphql-ws.mjs", url, ada.token, AVAILABILITY_CHANGED, input=availability_input(ada, day=day)
            ) as client:
                assert period_hours(await client.says()) == ["9-17"]
                server.process.terminate()
                assert await client.says() == {"closed": 1012}
                assert await server.wait_for_exit() == 0
                await api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10, day=day))
                async with running_server(tmp_path, database_url, "--port", port):
                    while "closed" in (said := await client.says()):
                        pass
                    assert period_hours(said) == ["10-17"]
