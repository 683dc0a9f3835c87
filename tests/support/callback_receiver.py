"""An application that is called back: a little HTTP server on this machine, which answers as a test wants it to."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Answer: TypeAlias = int | bytes | asyncio.Event | None
"""A status, or all that is sent back; 204 once the event is set; None: nothing, for as long as somebody waits for it."""


@dataclass(frozen=True)
class Received:
    """A request. Names of headers are in lower case."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def delivery_id(self) -> str:
        return self.headers["openings-delivery-id"]

    @property
    def told(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Receiver:
    """What has come in, and what is answered: one after the other what the test says, and then 204 to everything."""

    url: str = ""
    received: list[Received] = field(default_factory=list[Received])
    answers: list[Answer] = field(default_factory=list[Answer])
    #: how many requests are being answered, and how many were at most
    at_once = most_at_once = 0
    _came: asyncio.Queue[Received] = field(default_factory=asyncio.Queue[Received])

    async def next(self) -> Received:
        """The next request, which may have come already."""
        async with asyncio.timeout(20):
            return await self._came.get()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has gone
        finally:
            self.at_once -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        request = Received(line, headers, await reader.readexactly(int(headers["content-length"])))
        self.received.append(request)
        self._came.put_nowait(request)
        answer = self.answers.pop(0) if self.answers else 204
        if answer is None:
            await reader.read()
            return
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            answer = 204
        if isinstance(answer, int):
            answer = f"HTTP/1.1 {answer} So\r\nContent-Length: 0\r\n\r\n".encode()
        writer.write(answer)
        await writer.drain()


@asynccontextmanager
async def receiving(
    host: str = "127.0.0.1", port: int = 0, certificate: ssl.SSLContext | None = None
) -> AsyncGenerator[Receiver]:
    """A receiver, which listens as long as the block lasts; on a free port, unless the test names one."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, host, port, ssl=certificate)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"{'https' if certificate is not None else 'http'}://{host}:{port}"
    async with server:
        yield receiver
