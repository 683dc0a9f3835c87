"""An HTTP server that receives callbacks, and answers them as a test chooses."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .waiting import TIMEOUT

Response: TypeAlias = int | bytes | asyncio.Event | None
"""How a request is answered: with this status; with these bytes; with 204 once the event is set; never, if it is None."""


@dataclass(frozen=True)
class ReceivedRequest:
    """A request. The names of its headers are in lower case."""

    request_line: str
    headers: dict[str, str]
    body: bytes

    @property
    def delivery_id(self) -> str:
        return self.headers["openings-delivery-id"]

    @property
    def payload(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class CallbackReceiver:
    """Records the requests, and answers them with the given responses in turn, then with 204."""

    url: str = ""
    requests: list[ReceivedRequest] = field(default_factory=list[ReceivedRequest])
    responses: list[Response] = field(default_factory=list[Response])
    #: the number of requests that are being answered, and its maximum so far
    in_progress = most_in_progress = 0
    _queue: asyncio.Queue[ReceivedRequest] = field(default_factory=asyncio.Queue[ReceivedRequest])

    async def next_request(self) -> ReceivedRequest:
        """Returns the next request, and waits for it if it has not arrived."""
        async with asyncio.timeout(TIMEOUT):
            return await self._queue.get()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.in_progress += 1
        self.most_in_progress = max(self.in_progress, self.most_in_progress)
        try:
            await self._respond(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the sender has closed the connection
        finally:
            self.in_progress -= 1
            writer.close()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        request = ReceivedRequest(line, headers, await reader.readexactly(int(headers["content-length"])))
        self.requests.append(request)
        self._queue.put_nowait(request)
        response = self.responses.pop(0) if self.responses else 204
        if response is None:
            await reader.read()
            return
        if isinstance(response, asyncio.Event):
            await response.wait()
            response = 204
        if isinstance(response, int):
            response = f"HTTP/1.1 {response} So\r\nContent-Length: 0\r\n\r\n".encode()
        writer.write(response)
        await writer.drain()


@asynccontextmanager
async def running_receiver(
    host: str = "127.0.0.1", port: int = 0, certificate: ssl.SSLContext | None = None
) -> AsyncGenerator[CallbackReceiver]:
    """Runs a receiver until the block ends, on this port, or on a free one if it is 0."""
    receiver = CallbackReceiver()
    server = await asyncio.start_server(receiver.serve, host, port, ssl=certificate)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"{'https' if certificate is not None else 'http'}://{host}:{port}"
    async with server:
        yield receiver
