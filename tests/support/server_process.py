"""`openings serve` in a process of its own, for tests that are coroutines; `command_line` is for plain functions."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any

import httpx2

from server.app import clock

from .api import Account, Api
from .waiting import TIMEOUT


class ServerProcess:
    """A server process with its URL, its log and an HTTP client."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log
        self.url = ""
        self.http = httpx2.AsyncClient()

    @property
    def log_lines(self) -> list[str]:
        """The lines of the server's log, which is its standard error, so far."""
        return self._log.read_text().splitlines()

    async def wait_until_ready(self) -> None:
        """Waits until the server answers, and sets its URL."""
        async with asyncio.timeout(TIMEOUT):
            while not (found := re.search(r'Openings is at (http://[^\s"]+)/graphql', self._log.read_text())):
                assert self.process.poll() is None, self._log.read_text()
                await asyncio.sleep(0.02)
            self.url = found[1]
            # A new connection for each request, so that any worker may get it.
            one_by_one = httpx2.Limits(max_keepalive_connections=0)
            self.http = httpx2.AsyncClient(base_url=self.url, timeout=TIMEOUT, limits=one_by_one)
            while not await self.is_ready():
                await asyncio.sleep(0.02)

    async def is_ready(self) -> bool:
        """Whether the server answers and has its database."""
        with suppress(httpx2.ConnectError):
            return (await self.http.get("/readyz")).status_code == 200
        return False

    async def refuses_connections(self) -> bool:
        """Whether the server accepts no new connections; one that it is too late for is closed without an answer."""
        host, port = self.url.removeprefix("http://").split(":")
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except (ConnectionRefusedError, ConnectionResetError):
            return True
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return False

    async def ask(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """Returns the whole answer to a query. Raises httpx2.TransportError if there is none."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        response = await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        return response.json()

    async def data(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """Returns the data of an answer, which must have no errors."""
        answer = await self.ask(query, token, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def workers(self) -> list[int]:
        """The process ids of the workers of a server with several."""
        listed = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if "spawn_main" in line]

    def kill(self) -> None:
        """Sends SIGKILL to the server and its workers."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(TIMEOUT)

    async def wait_for_exit(self) -> int:
        """Waits until the server ends, and returns its exit status."""
        return await asyncio.to_thread(self.process.wait, TIMEOUT)


def start_server(
    folder: Path, database_url: str, *flags: str, module: str = "server.cli", **environment: str
) -> ServerProcess:
    """Starts a server in a process group of its own, and does not wait for it. `folder` is for its log."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"log-{len(list(folder.iterdir()))}.txt"
    command = [sys.executable, "-m", module, "serve", "--port", "0", "--database-url", database_url, *flags]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command, stderr=stderr, stdin=subprocess.DEVNULL, start_new_session=True, env={**os.environ, **environment}
        )
    return ServerProcess(process, log)


@asynccontextmanager
async def running_server(
    folder: Path, database_url: str, *flags: str, module: str = "server.cli", **environment: str
) -> AsyncGenerator[ServerProcess]:
    """Runs a server, which answers when the block begins; kills it and its workers at the end."""
    served = start_server(folder, database_url, *flags, module=module, **environment)
    try:
        await served.wait_until_ready()
        yield served
    finally:
        await served.http.aclose()
        served.kill()


@asynccontextmanager
async def running_servers(
    folder: Path, database_url: str, count: int, **environment: str
) -> AsyncGenerator[list[ServerProcess]]:
    """Runs several servers on one database, which are started at the same time."""
    async with AsyncExitStack() as stack:
        servers = [start_server(folder, database_url, **environment) for _ in range(count)]
        for served in servers:
            stack.callback(served.kill)
        for served in servers:
            await served.wait_until_ready()
            stack.push_async_callback(served.http.aclose)
        yield servers


async def create_accounts(database_url: str, count: int, capacities: Sequence[int] = ()) -> list[Account]:
    """Creates application calendars whose tokens are valid by the real clock, which a server process uses.

    `capacities` are those of the first accounts; the others have 1.
    """
    async with Api.open(database_url, clock()) as api:
        return [
            await api.application_calendar(f"person {n}", capacity=capacity)
            for n, capacity in zip_longest(range(count), capacities)
        ]


async def raw(url: str, request: str) -> str:
    """Sends bytes, and returns the response up to the end of the connection."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request.encode())
    async with asyncio.timeout(TIMEOUT):
        response = await reader.read()
    writer.close()
    return response.decode()
