"""The access log: one line for every request.

A line tells when, what was asked, how it ended and how long it took. It never holds a header, a variable or an answer:
tokens and events stay out because nothing puts them in.
"""

import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..observability.logs import request_id
from .requests import header

access = logging.getLogger("openings.access")

#: what a proxy's id may look like; anything else could forge a line, and is replaced
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

#: in a path: what follows is a secret that would let the reader of a log in
_BEFORE_SECRETS = ("/book/",)


class AccessLog:
    """Gives every HTTP request an id, or keeps the one that it came with, and writes one line when it was answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = header(scope, b"x-request-id")
        id = given if given is not None and _ID.fullmatch(given) else secrets.token_hex(8)
        request_id.set(id)
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", id.encode())]
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, watch)
        finally:
            _write(scope, status, time.perf_counter() - began)


#: A line before it is known what it says. To make a record anew, the caller, the thread and the process are looked up, which
#: are the same each time, and which no line shows.
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
    """A path that cannot forge a line, and opens no door."""
    for beginning in _BEFORE_SECRETS:
        before, found, _ = path.partition(beginning)
        path = f"{before}{found}…" if found else path
    return path[:200] if path.isprintable() else ascii(path[:200])
