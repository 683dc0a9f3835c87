"""The access log: one line for every request.

A line has the time, the operation, the status and the duration. Headers, variables and responses are never passed
to it, so tokens and events cannot appear.
"""

import logging
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..observability.logs import request_id
from .requests import header

access = logging.getLogger("openings.access")

#: the ids accepted from a proxy; any other could forge a log line and is replaced
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

#: prefixes in a path; what follows is a secret that would give a reader of the log access
_BEFORE_SECRETS = ("/book/",)


class AccessLog:
    """Gives every HTTP request an id, or takes a valid X-Request-ID, and logs one line when it is answered."""

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
