"""Server-sent events: GraphQL over SSE, in its mode of one connection for each operation.

An answer is a `next` event, and `complete` follows the last one. Comments in between keep proxies from taking a silent
line for a dead one. A stream that ends without `complete`, because the server is being stopped, is to be asked for anew.
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
#: seconds that a client may take to make room for what it is sent
STALLED = 30.0

_HEADERS = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # nginx would else collect small pieces to send them as a large one
    "X-Content-Type-Options": "nosniff",
}


class EventStream(Response):
    """The answers as events, until there are no more, the client has hung up, or the process is told to stop."""

    media_type = EVENT_STREAM

    def __init__(self, answers: AsyncGenerator[dict[str, Any]], stopping: asyncio.Event) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._answers = answers
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with suppress(OSError, TimeoutError):  # a client that is gone, or reads nothing
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
    """Raises TimeoutError when the client does not take it."""
    async with asyncio.timeout(STALLED):
        await send({"type": "http.response.body", "body": chunk, "more_body": more})
