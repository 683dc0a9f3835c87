"""Logging: what is written where, and one line for every request.

A line tells when, what was asked, how it ended and how long it took. It never holds a header, a variable or an answer:
tokens and events stay out because nothing puts them in.
"""

import logging
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

access = logging.getLogger("openings.access")

#: for logging.config: ours and uvicorn's lines in one form, on standard error
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "server.logs.UtcFormatter", "format": "%(asctime)s %(levelname)s %(message)s"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        "openings": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}


class UtcFormatter(logging.Formatter):
    """Times in UTC, to the millisecond, as everywhere else here."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


class AccessLog:
    """Writes one line for every HTTP request when its answer has been sent."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, watch)
        finally:
            operation = scope.get("state", {}).get("operation", "-")
            took = (time.perf_counter() - began) * 1000
            access.info("%s %s %d %.1fms %s", scope["method"], _printable(scope["path"]), status, took, operation)


def _printable(path: str) -> str:
    """A path that cannot forge a line."""
    return path[:200] if path.isprintable() else ascii(path[:200])
