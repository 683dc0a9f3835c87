"""The application on a socket in this process, and clients with open connections: WebSocket and server-sent events."""

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
from server.graphql.websocket import PROTOCOL
from server.process.serve import PROTOCOLS
from tests.conftest import NOW

from .api import CLIENT_SECRET, Api
from .waiting import TIMEOUT, until

#: the seconds after which a message is not expected any more: several times as long as a push takes
QUIET_SECONDS = 0.3


class WebSocketClient:
    """A client of the protocol graphql-transport-ws."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> dict[str, Any]:
        """Returns the next message; fails if none arrives in time."""
        async with asyncio.timeout(TIMEOUT):
            text = await self.connection.recv()
        assert isinstance(text, str), "a binary frame"
        return json.loads(text)

    async def initialize(self, **payload: Any) -> None:
        """Opens the protocol's session."""
        await self.send(type="connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, query: str, id: str = "1", **variables: Any) -> None:
        """Starts an operation."""
        await self.send(id=id, type="subscribe", payload={"query": query, "variables": variables})

    async def next_result(self, id: str = "1") -> dict[str, Any]:
        """Returns the payload of the next message, which must be a result of the operation."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", id), message
        return message["payload"]

    async def expect_complete(self, id: str = "1") -> None:
        """Fails unless the next message ends the operation."""
        assert await self.receive() == {"id": id, "type": "complete"}

    async def expect_silence(self) -> None:
        """Fails if a message arrives within `QUIET_SECONDS`."""
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                message = await self.connection.recv()
        except TimeoutError:
            return
        raise AssertionError(message)

    async def wait_closed(self) -> tuple[int, str]:
        """Waits until the server closes the connection, without another message; returns the code and the reason."""
        with pytest.raises(ConnectionClosed) as found:
            await self.receive()
        assert found.value.rcvd is not None
        return found.value.rcvd.code, found.value.rcvd.reason


class EventStream:
    """A client of server-sent events."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def receive(self) -> tuple[str, dict[str, Any] | None]:
        """Returns the name of the next event and its data; an empty name at the end of the stream."""
        lines: list[str] = []
        async with asyncio.timeout(TIMEOUT):
            async for line in self._lines:
                if not line and lines != []:
                    break
                lines += [line] if line and not line.startswith(":") else []
        if not lines:
            return "", None
        name, data = lines
        text = data.removeprefix("data: ")
        return name.removeprefix("event: "), json.loads(text) if text else None

    async def next_result(self) -> dict[str, Any]:
        """Returns the result in the next event, which must have one."""
        name, body = await self.receive()
        assert name == "next", (name, body)
        assert body is not None
        return body


@dataclass(frozen=True)
class LiveServer:
    """The application on a port of this machine, and the in-process client of it."""

    port: int
    api: Api

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @asynccontextmanager
    async def connect(
        self, subprotocol: str | None = PROTOCOL, source: str = "127.0.0.1", **headers: str
    ) -> AsyncGenerator[WebSocketClient]:
        """Connects over WebSocket from an address of this machine, without opening the protocol's session."""
        async with connect_websocket(self.port, subprotocol, source, **headers) as opened:
            yield opened

    @asynccontextmanager
    async def subscribe(
        self, query: str, token: str = CLIENT_SECRET, **variables: Any
    ) -> AsyncGenerator[WebSocketClient]:
        """Connects over WebSocket, and starts one operation."""
        async with self.connect(Authorization=f"Bearer {token}") as opened:
            await opened.initialize()
            await opened.subscribe(query, **variables)
            yield opened

    @asynccontextmanager
    async def event_stream(
        self, query: str, token: str = CLIENT_SECRET, *, origin: str | None = None, **variables: Any
    ) -> AsyncGenerator[EventStream]:
        """Starts an operation whose results arrive as server-sent events, in a page of an origin or in a program."""
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
        headers |= {"Origin": origin} if origin is not None else {}
        body = {"query": query, "variables": variables}
        async with (
            httpx2.AsyncClient(timeout=TIMEOUT) as http,
            http.stream("POST", self.url, json=body, headers=headers) as response,
        ):
            yield EventStream(response)

    async def wait_until_idle(self) -> None:
        """Waits until no client is connected and no subscription is active."""
        places = self.api.app.state.engine.connection_limits
        await until(lambda: not (len(self.api.db.subscribers) or places.open_sockets or places.subscriptions.total()))


@asynccontextmanager
async def connect_websocket(
    port: int, subprotocol: str | None = PROTOCOL, source: str = "127.0.0.1", **headers: str
) -> AsyncGenerator[WebSocketClient]:
    """Connects over WebSocket to the server on a port of this machine, from one of its loopback addresses."""
    offered: Any = [subprotocol] if subprotocol is not None else None
    more: Any = {"additional_headers": headers, "proxy": None, "local_addr": (source, 0), "open_timeout": TIMEOUT}
    async with connect(f"ws://127.0.0.1:{port}/graphql", subprotocols=offered, **more) as connection:
        yield WebSocketClient(connection)


@asynccontextmanager
async def live_server(
    database_url: str, now: Instant = NOW, ping_seconds: float = 20, **settings: Any
) -> AsyncGenerator[LiveServer]:
    """Serves the application on a free port of this machine until the block ends.

    A WebSocket gets a ping every `ping_seconds`, and as long to answer it.

    uvicorn serves it in this event loop, without uvicorn's own main loop, which waits for signals.
    """
    async with Api.open(database_url, now, **settings) as api:
        pings: Any = {"ws_ping_interval": ping_seconds, "ws_ping_timeout": ping_seconds}
        config = uvicorn.Config(api.app, log_config=None, lifespan="off", **pings, **PROTOCOLS)
        config.load()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            # A small buffer, so that the server soon notices a client that does not read; the default takes megabytes.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
            async with _accept_connections(config, listener):
                yield LiveServer(listener.getsockname()[1], api)


@asynccontextmanager
async def _accept_connections(config: uvicorn.Config, listener: socket.socket) -> AsyncGenerator[None]:
    """Accepts connections until the block ends; then closes them, and waits for the requests on them."""
    state = ServerState()
    protocol: Any = config.http_protocol_class
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}), sock=listener
    )
    try:
        yield
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=TIMEOUT)
