"""Logging: what is written where, and one line for every request.

A line tells when, what was asked, how it ended and how long it took. It never holds a header, a variable or an answer:
tokens and events stay out because nothing puts them in. On a terminal a line is for people; elsewhere it is a JSON
object, for whatever collects it. Every line that is written on behalf of a request has the request's id.
"""

import json
import logging
import re
import secrets
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..graphql.http import header

access = logging.getLogger("openings.access")

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the request that is being answered."""

#: what a proxy's id may look like; anything else could forge a line, and is replaced
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

#: in a path: what follows is a secret that would let the reader of a log in
_BEFORE_SECRETS = ("/book/",)


def configuration(*, as_json: bool) -> dict[str, Any]:
    """For logging.config: ours and uvicorn's lines in one form, on standard error."""
    formatter = (
        {"()": "server.observability.logs.JsonLine"} if as_json else {"()": "server.observability.logs.TextLine"}
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "loggers": {
            "openings": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
            "uvicorn": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        },
        "root": {"handlers": ["stderr"], "level": "WARNING"},
    }


class TextLine(logging.Formatter):
    """A line for people. Times in UTC, to the millisecond, as everywhere else here."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(request_id)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_id.get()
        return super().format(record)


class JsonLine(TextLine):
    """One JSON object a line: what the line says, and its parts under `facts` where it has any."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _moment(record.created),
            "level": record.levelname,
            "logger": record.name,
            "request_id": request_id.get(),
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps(line).decode()
        except orjson.JSONEncodeError:  # half a surrogate pair, as an exception's words may have it, or a huge number
            return json.dumps(line)


def _moment(seconds: float) -> str:
    """As `formatTime`, and twenty times as fast."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03}Z"


@lru_cache(2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


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
