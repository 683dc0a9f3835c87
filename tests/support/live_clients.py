"""The application on a real socket, in this process, and clients that stay on the line: over WebSocket and as events."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from core.instants import Instant
from server.graphql.websocket import MAX_MESSAGE, PROTOCOL
from server.process.serve import WS
from tests.conftest import NOW

from .api import CLIENT_SECRET, Api, Someone

#: seconds for anything that has to happen soon, on a machine that is busy with other tests
SOON = 20
#: seconds in which nothing happens when nothing is to happen: some times longer than a push takes
A_WHILE = 0.3

CHANGED = """
subscription ($input: AvailabilityInput!) {
  availabilityChanged(input: $input) { availablePeriods { start end } }
}
"""
UPSERT_EVENT = "mutation ($input: UpsertEventInput!) { upsertEvent(input: $input) { created } }"


def question(*people: Someone, day: str = "2027-01-19", **more: Any) -> dict[str, Any]:
    """When they can all meet on that day between 9 and 17."""
    members = [{"sub": person.sub, **more} for person in people]
    return {
        "participants": [{"members": members, "required": "all"}],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [{"start": f"{day}T09:00:00Z", "end": f"{day}T17:00:00Z"}],
    }


def busy(whose: Someone, start: int, end: int, event_id: str = "e", day: str = "2027-01-19") -> dict[str, Any]:
    """An event from one full hour to another."""
    times = {"start": f"{day}T{start:02}:00:00Z", "end": f"{day}T{end:02}:00:00Z"}
    return {"calendarId": whose.calendar_id, "event": {"eventId": event_id, "summary": "Busy", **times}}


def hours(body: dict[str, Any]) -> list[str]:
    """The periods of an answer to the question, as `9-17`."""
    assert "errors" not in body, body
    found = body["data"]["availabilityChanged"]["availablePeriods"]
    return [f"{int(period['start'][11:13])}-{int(period['end'][11:13])}" for period in found]


class Socket:
    """A WebSocket connection, as a client has it."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def received(self) -> dict[str, Any]:
        """The next message, which has to come soon."""
        async with asyncio.timeout(SOON):
            text = await self.connection.recv()
        assert isinstance(text, str), "a binary frame"
        return json.loads(text)

    async def introduce(self, **payload: Any) -> None:
        await self.send(type="connection_init", payload=payload)
        assert await self.received() == {"type": "connection_ack"}

    async def ask(self, query: str, id: str = "1", **variables: Any) -> None:
        await self.send(id=id, type="subscribe", payload={"query": query, "variables": variables})

    async def next(self, id: str = "1") -> dict[str, Any]:
        """The payload of the next message, which has to be an answer."""
        message = await self.received()
        assert (message["type"], message["id"]) == ("next", id), message
        return message["payload"]

    async def completed(self, id: str = "1") -> None:
        assert await self.received() == {"id": id, "type": "complete"}

    async def silent(self) -> None:
        """Nothing comes for a while."""
        try:
            async with asyncio.timeout(A_WHILE):
                message = await self.connection.recv()
        except TimeoutError:
            return
        raise AssertionError(message)

    async def closed(self) -> tuple[int, str]:
        """The code and the reason that the server closes with; nothing else comes before it."""
        with pytest.raises(ConnectionClosed) as found:
            await self.received()
        assert found.value.rcvd is not None
        return found.value.rcvd.code, found.value.rcvd.reason


class Events:
    """A stream of events, as a client has it."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def received(self) -> tuple[str, dict[str, Any] | None]:
        """The name of the next event, and what it says."""
        lines: list[str] = []
        async with asyncio.timeout(SOON):
            async for line in self._lines:
                if not line and lines != []:
                    break
                lines += [line] if line and not line.startswith(":") else []
        if not lines:
            return "", None
        name, data = lines
        text = data.removeprefix("data: ")
        return name.removeprefix("event: "), json.loads(text) if text else None

    async def next(self) -> dict[str, Any]:
        """The answer that the next event has to be."""
        name, body = await self.received()
        assert name == "next", (name, body)
        assert body is not None
        return body


@dataclass(frozen=True)
class Listening:
    """The application where it listens."""

    port: int
    api: Api

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @asynccontextmanager
    async def socket(self, subprotocol: str | None = PROTOCOL, **headers: str) -> AsyncGenerator[Socket]:
        """A connection that has not been introduced."""
        async with socket_to(self.port, subprotocol, **headers) as opened:
            yield opened

    @asynccontextmanager
    async def asking(self, query: str, token: str = CLIENT_SECRET, **variables: Any) -> AsyncGenerator[Socket]:
        """A connection with one operation on it."""
        async with self.socket(Authorization=f"Bearer {token}") as opened:
            await opened.introduce()
            await opened.ask(query, **variables)
            yield opened

    @asynccontextmanager
    async def events(self, query: str, token: str = CLIENT_SECRET, **variables: Any) -> AsyncGenerator[Events]:
        """A stream of the answers."""
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
        body = {"query": query, "variables": variables}
        async with (
            httpx2.AsyncClient(timeout=SOON) as http,
            http.stream("POST", self.url, json=body, headers=headers) as response,
        ):
            yield Events(response)

    async def until_nobody_waits(self) -> None:
        """Until the application has nobody on the line."""
        places = self.api.app.state.engine.places
        async with asyncio.timeout(SOON):
            while len(self.api.db.changes) or places.sockets or places.subscriptions.total():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def socket_to(port: int, subprotocol: str | None = PROTOCOL, **headers: str) -> AsyncGenerator[Socket]:
    """A WebSocket connection to whoever listens there."""
    offered: Any = [subprotocol] if subprotocol is not None else None
    address = f"ws://127.0.0.1:{port}/graphql"
    async with connect(address, subprotocols=offered, additional_headers=headers, proxy=None) as connection:
        yield Socket(connection)


@asynccontextmanager
async def listening(database_url: str, now: Instant = NOW, **settings: Any) -> AsyncGenerator[Listening]:
    """The application on a free port, in this process. uvicorn carries it, without its loop that waits for signals."""
    async with Api.on(database_url, now, **settings) as api:
        limits: Any = {"ws_max_size": MAX_MESSAGE, "ws_per_message_deflate": False}
        config = uvicorn.Config(api.app, log_config=None, lifespan="off", ws=WS, **limits)
        config.load()
        with socket.create_server(("127.0.0.1", 0)) as door:
            # So that the server soon notices who does not read; the system would take megabytes off its hands.
            door.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
            async with _connections(config, door):
                yield Listening(door.getsockname()[1], api)


@asynccontextmanager
async def _connections(config: uvicorn.Config, door: socket.socket) -> AsyncGenerator[None]:
    """Lets in whoever comes; at the end all of them are sent home, and everything that was asked is over."""
    state = ServerState()
    protocol: Any = config.http_protocol_class
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}), sock=door
    )
    try:
        yield
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=SOON)
