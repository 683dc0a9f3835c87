"""Server-sent events: GraphQL over SSE in its distinct connections mode, one connection per operation.

Each response is a `next` event, and `complete` follows the last one. Comments keep proxies from closing an idle
connection. A stream that ends without `complete`, because the server is shutting down, must be requested again by
the client.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..http.deadlines import until_disconnected
from .http import EVENT_STREAM, dumps

#: seconds between two comments
HEARTBEAT = 12.0
#: seconds that a send may block on a client that does not read
STALLED = 30.0

_HEADERS = {
    "Cache-Control": "no-cache",
    "Vary": "Origin",
    "X-Accel-Buffering": "no",  # nginx would otherwise buffer small chunks
    "X-Content-Type-Options": "nosniff",
}


class EventStream(Response):
    """Streams the responses as events until the last one, the client disconnects, or the process shuts down."""

    media_type = EVENT_STREAM

    def __init__(self, answers: AsyncGenerator[dict[str, Any]], stopping: asyncio.Event) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._answers = answers
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with suppress(OSError, TimeoutError):  # the client is gone or does not read
            await self._until_the_end(receive, send)
            await _send(send, b"", more=False)

    async def _until_the_end(self, receive: Receive, send: Send) -> None:
        sending = asyncio.ensure_future(self._send_all(send))
        others = {asyncio.ensure_future(until_disconnected(receive)), asyncio.ensure_future(self._stopping.wait())}
        try:
            while not (await asyncio.wait({sending, *others}, timeout=HEARTBEAT, return_when="FIRST_COMPLETED"))[0]:
                await _send(send, b":\n\n")
        finally:
            for task in (sending, *others):
                task.cancel()
            await asyncio.wait({sending, *others})
        if not sending.cancelled():
            sending.result()

    async def _send_all(self, send: Send) -> None:
        async with aclosing(self._answers) as answers:
            async for body in answers:
                await _send(send, b"event: next\ndata: " + dumps(body) + b"\n\n")
        await _send(send, b"event: complete\ndata: \n\n")


async def _send(send: Send, chunk: bytes, *, more: bool = True) -> None:
    """Sends a chunk of the body. Raises TimeoutError if it blocks for STALLED seconds."""
    async with asyncio.timeout(STALLED):
        await send({"type": "http.response.body", "body": chunk, "more_body": more})
