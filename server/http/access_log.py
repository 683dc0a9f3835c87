"""The access log: one line for every request.

A line has the time, the operation, the status and the duration. Headers, variables and responses are never passed
to it, so tokens and events cannot appear.
"""

import asyncio
import logging
import re
import secrets
import time
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..observability.logs import request_id
from .requests import header

access = logging.getLogger("openings.access")

#: the ids accepted from a proxy; any other could forge a log line and is replaced
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

#: maximum characters of an Origin header in a line
_LONGEST_ORIGIN = 200

#: seconds that the connection of a refused handshake may take to close
_CLOSING = 1.0

#: prefixes in a path; what follows is a secret that would give a reader of the log access
_BEFORE_SECRETS = ("/book/", "/feeds/")


class AccessLog:
    """Gives every HTTP request an id, or takes a valid X-Request-ID, and logs one line when it is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await _on_websocket(self.app, scope, receive, send)
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = header(scope, b"x-request-id")
        id = given if given is not None and _ID.fullmatch(given) else secrets.token_hex(8)
        request_id.set(id)
        status = 500

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", id.encode())]
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            _write(scope, status, time.perf_counter() - began)


async def _on_websocket(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Gives a WebSocket a request id, and logs one line if its handshake is refused."""
    request_id.set(secrets.token_hex(8))
    began, is_open, status = time.perf_counter(), False, 0

    async def send_and_note(message: Message) -> None:
        nonlocal is_open, status
        match message["type"]:
            case "websocket.accept":
                is_open = True
            case "websocket.http.response.start":
                status = message["status"]
            case "websocket.close" if not is_open:
                status = 403  # as ASGI servers respond
            case _:
                pass
        await send(message)

    try:
        await app(scope, receive, send_and_note)
    finally:
        if status:
            _write_refusal(scope, status, time.perf_counter() - began)
    if status:
        await _until_disconnected(receive)


async def _until_disconnected(receive: Receive) -> None:
    """Waits until the connection of a refused handshake is closed.

    uvicorn takes the handshake for incomplete until then, and would log an error when the application returns. It
    reports a disconnect twice: when the response has been sent, and when the connection is closed.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSING):
            left = 2
            while left:
                left -= (await receive())["type"] == "websocket.disconnect"


def _write_refusal(scope: Scope, status: int, seconds: float) -> None:
    origin = header(scope, b"origin")
    facts = {
        "method": "WEBSOCKET",
        "path": _printable(scope["path"]),
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "operation": "refused",
        "origin": "-" if origin is None else f"'{ascii(origin)[1:-1][: _LONGEST_ORIGIN - 2]}'",
    }
    line = "%(method)s %(path)s %(status)d %(milliseconds).1fms %(operation)s origin %(origin)s"
    access.info(line, facts, extra={"facts": facts})


#: Template for the records of all lines. A plain `access.info()` looks up the calling frame, thread and process for
#: each record, which no line shows. It takes about 10 µs more, a quarter of a repeated response's own time in process.
_BLANK = logging.LogRecord(
    access.name,
    logging.INFO,
    __file__,
    0,
    "%(method)s %(path)s %(status)d %(milliseconds).1fms %(operation)s",
    None,
    None,
)


def _write(scope: Scope, status: int, seconds: float) -> None:
    if not access.isEnabledFor(logging.INFO):
        return
    facts = {
        "method": scope["method"],
        "path": _printable(scope["path"]),
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "operation": scope.get("state", {}).get("operation", "-"),
    }
    now = time.time()
    line = logging.LogRecord.__new__(logging.LogRecord)
    line.__dict__.update(_BLANK.__dict__, args=facts, facts=facts, created=now, msecs=now % 1 * 1000)
    access.handle(line)


def _printable(path: str) -> str:
    """The path without secrets, and escaped so that it cannot forge a line."""
    for prefix in _BEFORE_SECRETS:
        before, found, _ = path.partition(prefix)
        path = f"{before}{found}…" if found else path
    return path[:200] if path.isprintable() else ascii(path[:200])
