"""Subscriptions on real servers: the latency of pushes, and the cost of a thousand idle subscribers."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import httpx2
import orjson
import psutil
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from core.instants import DAY, HOUR, format_instant
from server.app import clock
from server.graphql.websocket import PROTOCOL

from .measure import Table, progress
from .questions import APPLICATION_CALENDAR
from .servers import postgresql, sqlite

CLIENT_ID, SECRET = "benchmarks", "a-secret-that-only-the-benchmark-knows"
SUBSCRIBERS = 1000
WRITES = 200
#: seconds for measuring the CPU time of idle subscribers
IDLE = 10

CHANGED = """
subscription ($input: AvailabilityInput!) { availabilityChanged(input: $input) { availablePeriods { start end } } }
"""
UPSERT_EVENT = "mutation ($input: UpsertEventInput!) { upsertEvent(input: $input) { created } }"

MORNING = (clock() // DAY + 7) * DAY + 9 * HOUR
TITLE = (
    f"Subscriptions, two servers on one database. Milliseconds (p50 / p99) from a write to its push by the same and by the "
    f"other server; of a write to another calendar without and with {SUBSCRIBERS} more subscribers; and until all of them "
    f"are notified. Memory of each subscriber, and CPU time while idle."
)
COLUMNS = ("database", "same", "other", "write", "beside 1000", "to all 1000", "memory each", "idle CPU")


class Server:
    """A server process."""

    def __init__(self, url: str, folder: Path, **environment: str) -> None:
        self._log = folder / f"said-{len(list(folder.iterdir()))}.txt"
        named = {"OPENINGS_CLIENT_ID": CLIENT_ID, "OPENINGS_CLIENT_SECRET": SECRET}
        command = [sys.executable, "-m", "server.cli", "serve", "--port", "0", "--database-url", url]
        with self._log.open("wb") as stderr:
            self.process = subprocess.Popen(command, stderr=stderr, env={**os.environ, **named, **environment})
        self.http = httpx2.AsyncClient()
        self.port = 0

    async def come_up(self) -> None:
        """Waits until the server answers."""
        while not (found := re.search(r"Openings is at http://[^:]+:(\d+)/", self._log.read_text())):
            if self.process.poll() is not None:
                sys.exit(self._log.read_text())
            await asyncio.sleep(0.02)
        self.port = int(found[1])
        self.http = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=30)
        while True:
            try:
                await self.http.get("/readyz")
                return
            except httpx2.ConnectError:
                await asyncio.sleep(0.02)

    async def data(self, query: str, bearer: str, **given: Any) -> dict[str, Any]:
        """Returns the data of an answer, which must have no errors."""
        body = {"query": query, "variables": {"input": given} if given else {}}
        answer = (await self.http.post("/graphql", json=body, headers={"Authorization": f"Bearer {bearer}"})).json()
        assert "errors" not in answer, answer
        return answer["data"]

    async def subscribe(self, stack: AsyncExitStack, sub: str) -> ClientConnection:
        """Subscribes to a member's morning on its own socket, and receives the first answer."""
        address = f"ws://127.0.0.1:{self.port}/graphql"
        options: dict[str, Any] = {"subprotocols": [PROTOCOL], "compression": None, "proxy": None}
        socket = await stack.enter_async_context(connect(address, **options, ping_interval=None))
        asked = {"query": CHANGED, "variables": {"input": question(sub)}}
        for message in (
            {"type": "connection_init", "payload": {"Authorization": f"Bearer {SECRET}"}},
            {"type": "subscribe", "id": "1", "payload": asked},
        ):
            await socket.send(orjson.dumps(message).decode())
            await socket.recv()
        return socket

    @property
    def memory(self) -> int:
        """Resident memory in bytes."""
        return psutil.Process(self.process.pid).memory_info().rss

    @property
    def processor(self) -> float:
        """CPU time in seconds."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system


def question(sub: str) -> dict[str, Any]:
    """A query for an hour in the morning of one day."""
    return {
        "participants": [{"required": "all", "members": [{"sub": sub}]}],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [{"start": format_instant(MORNING), "end": format_instant(MORNING + 8 * HOUR)}],
    }


class Calendar:
    """An application calendar, with one event that is moved to and fro."""

    def __init__(self, made: dict[str, Any], calendar_id: str) -> None:
        self.sub, self._token = made["sub"], made["accessToken"]
        self._calendar_id = calendar_id
        self._turn = 0

    @classmethod
    async def called(cls, server: Server, name: str) -> "Calendar":
        """Creates or finds the one with this name."""
        given = {"clientId": CLIENT_ID, "clientSecret": SECRET, "applicationCalendarId": name}
        made = (await server.data(APPLICATION_CALENDAR % "sub accessToken", SECRET, **given))["applicationCalendar"]
        [calendar] = (await server.data("{ calendars { calendarId } }", made["accessToken"]))["calendars"]
        return cls(made, calendar["calendarId"])

    async def move(self, server: Server) -> None:
        """Moves the event, which changes the answer."""
        self._turn += 1
        start = MORNING + (1 + self._turn % 4) * HOUR
        times = {"start": format_instant(start), "end": format_instant(start + HOUR)}
        event = {"eventId": "e", "summary": "Busy", **times}
        await server.data(UPSERT_EVENT, self._token, calendarId=self._calendar_id, event=event)


def run() -> None:
    """Prints one table, with a row for each database."""
    table = Table(TITLE, COLUMNS)
    with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for name, server in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
            progress(f"starting {name}")
            said = Path(folder) / name
            said.mkdir()
            with server(Path(folder)) as url:
                table.row(name, *runner.run(_measure(url, said)))


@asynccontextmanager
async def paired(url: str, folder: Path, **environment: str) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers on one database, with these settings."""
    one = Server(url, folder, **environment)
    await one.come_up()  # it migrates the database
    other = Server(url, folder, **environment)
    try:
        await other.come_up()
        yield one, other
    finally:
        for server in (one, other):
            server.process.terminate()
            server.process.wait(30)
            await server.http.aclose()


async def _measure(url: str, folder: Path) -> Sequence[str]:
    async with paired(url, folder) as (one, other), AsyncExitStack() as stack:
        ada, ben = [await Calendar.called(one, name) for name in ("ada", "ben")]
        same, elsewhere = [await server.subscribe(stack, ada.sub) for server in (one, other)]
        progress("pushes")
        pushes = [await pushed(one, ada, same, elsewhere) for _ in range(WRITES)]
        alone = [await _timed(ben, one) for _ in range(WRITES)]
        progress("a thousand subscribers")
        before = one.memory
        crowd = [await one.subscribe(stack, ada.sub) for _ in range(SUBSCRIBERS)]
        memory = (one.memory - before) / SUBSCRIBERS
        beside = [await _timed(ben, one) for _ in range(WRITES)]
        await asyncio.sleep(2)
        began = one.processor
        await asyncio.sleep(IDLE)
        idle = (one.processor - began) / IDLE
        told, during = await _notify(one, ada, ben, crowd)
    columns = [_quantiles([push[0] for push in pushes]), _quantiles([push[1] for push in pushes])]
    columns += [_quantiles(alone), _quantiles(beside)]
    return [*columns, f"{told:.1f} s, {_quantiles(during)}", f"{memory / 1024:.0f} KiB", f"{idle:.1%}"]


async def pushed(server: Server, whose: Calendar, *sockets: ClientConnection) -> list[float]:
    """The seconds from a write to its push at each socket. Pauses first, so that throttling does not delay it."""
    await asyncio.sleep(0.05)

    async def heard(socket: ClientConnection) -> float:
        await socket.recv()
        return perf_counter() - began

    began = perf_counter()
    waiting = [asyncio.create_task(heard(socket)) for socket in sockets]
    await whose.move(server)
    return list(await asyncio.gather(*waiting))


async def _timed(whose: Calendar, server: Server) -> float:
    began = perf_counter()
    await whose.move(server)
    return perf_counter() - began


async def _notify(
    server: Server, whose: Calendar, other: Calendar, crowd: Sequence[ClientConnection]
) -> tuple[float, list[float]]:
    """The seconds until a whole crowd is notified, and those of a write to another calendar at the same time."""
    began = perf_counter()
    notified = asyncio.gather(*(socket.recv() for socket in crowd))
    await whose.move(server)
    during: list[float] = []
    while not notified.done():
        during.append(await _timed(other, server))
    await notified
    return perf_counter() - began, during


def _quantiles(taken: Sequence[float]) -> str:
    times = sorted(taken)
    return f"{times[len(times) // 2] * 1000:.1f} / {times[len(times) * 99 // 100] * 1000:.1f}"
