"""The real server, started as anybody starts it, on a socket; and how to end it, gently or not."""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2

#: seconds for anything that has to happen soon, on a machine that is busy with other tests
SOON = 60


class Served:
    """A server: its process, where it listens, and what it has said."""

    def __init__(self, process: "subprocess.Popen[bytes]", said: Path) -> None:
        self.process = process
        self._said = said
        self.url = ""
        self.http = httpx2.AsyncClient()

    @property
    def lines(self) -> list[str]:
        """What the server has said on standard error so far."""
        return self._said.read_text().splitlines()

    async def come_up(self) -> None:
        """Waits until it answers."""
        async with asyncio.timeout(SOON):
            while not (found := re.search(r'Openings is at (http://[^\s"]+)/graphql', self._said.read_text())):
                assert self.process.poll() is None, self._said.read_text()
                await asyncio.sleep(0.02)
            self.url = found[1]
            # A connection for each request, which any worker may take.
            one_by_one = httpx2.Limits(max_keepalive_connections=0)
            self.http = httpx2.AsyncClient(base_url=self.url, timeout=SOON, limits=one_by_one)
            while not await self.is_ready():
                await asyncio.sleep(0.02)

    async def is_ready(self) -> bool:
        """Whether it answers, and has its database."""
        with suppress(httpx2.ConnectError):
            return (await self.http.get("/readyz")).status_code == 200
        return False

    async def refuses(self) -> bool:
        """Whether nobody is let in any more. A connection that came just too late is closed without an answer."""
        host, port = self.url.removeprefix("http://").split(":")
        try:
            _, writer = await asyncio.open_connection(host, int(port))
        except ConnectionRefusedError:
            return True
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        return False

    async def ask(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """The whole answer to a query. Raises httpx2.TransportError when there is none."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        response = await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        return response.json()

    async def data(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """The data of an answer that must have no errors."""
        answer = await self.ask(query, token, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def workers(self) -> list[int]:
        """The processes that answer, of a server that has several."""
        listed = subprocess.run(
            ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(line.split()[0]) for line in listed.stdout.splitlines() if "spawn_main" in line]

    def kill(self) -> None:
        """`kill -9`, for it and its workers."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(SOON)

    async def ended(self) -> int:
        """The status that it exits with."""
        return await asyncio.to_thread(self.process.wait, SOON)


def start(folder: Path, database_url: str, *flags: str, **environment: str) -> Served:
    """A server that is starting, in a process group of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / f"said-{len(list(folder.iterdir()))}.txt"
    command = [sys.executable, "-m", "server.cli", "serve", "--port", "0", "--database-url", database_url, *flags]
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            command, stderr=stderr, stdin=subprocess.DEVNULL, start_new_session=True, env={**os.environ, **environment}
        )
    return Served(process, said)


@asynccontextmanager
async def serving(folder: Path, database_url: str, *flags: str, **environment: str) -> AsyncGenerator[Served]:
    """A server that answers; it and its workers are gone at the end in any case."""
    served = start(folder, database_url, *flags, **environment)
    try:
        await served.come_up()
        yield served
    finally:
        await served.http.aclose()
        served.kill()


@asynccontextmanager
async def all_serving(folder: Path, database_url: str, count: int, **environment: str) -> AsyncGenerator[list[Served]]:
    """So many servers on one database, started at the same moment."""
    async with AsyncExitStack() as stack:
        servers = [start(folder, database_url, **environment) for _ in range(count)]
        for served in servers:
            stack.callback(served.kill)
        for served in servers:
            await served.come_up()
            stack.push_async_callback(served.http.aclose)
        yield servers
