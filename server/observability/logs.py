"""Logging: what is written where, and one line for every request.

A line tells when, what was asked, how it ended and how long it took. It never holds a header, a variable or an answer:
tokens and events stay out because nothing puts them in. On a terminal a line is for people; elsewhere it is a JSON
object, for whatever collects it. Every line that is written on behalf of a request has the request's id.
"""

import json
import logging
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

request_id: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the request that is being answered."""


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
