"""Logging: the configuration and the two line formats.

On a terminal a line is text for people; elsewhere it is a JSON object for a log collector. Every line that is written
during a request has the request's id.
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
"""The id of the current request."""


def configuration(*, as_json: bool) -> dict[str, Any]:
    """The configuration for logging.config: our lines and uvicorn's in one format, on standard error."""
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
    """Formats a line for people, with the time in UTC to the millisecond."""

    converter = time.gmtime
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(request_id)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request_id.get()
        return super().format(record)


class JsonLine(TextLine):
    """Formats a line as a JSON object: the message, and the entries of the record's `facts`, if any."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _timestamp(record.created),
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
        except orjson.JSONEncodeError:  # a lone surrogate, as in an exception's text, or an integer over 64 bits
            return json.dumps(line)


def _timestamp(seconds: float) -> str:
    """As `formatTime`, but twenty times as fast."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03}Z"


@lru_cache(2)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
