"""Metrics for Prometheus: how much is asked, how it ends, how long it takes.

With several worker processes each keeps its numbers in files of a shared folder, and whichever answers a scrape adds them
up; the client library does that when it finds PROMETHEUS_MULTIPROC_DIR.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from time import perf_counter
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import Response

FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter(
    "openings_requests", "GraphQL requests by what they asked for and how they ended.", ["operation", "code"]
)
DURATION = Histogram("openings_request_seconds", "Time to answer a GraphQL request.", ["operation"], buckets=_SECONDS)
WORK = Histogram("openings_work_seconds", "Time of a part of the work.", ["part"], buckets=_SECONDS)
MEMORY = Counter("openings_memory", "Looks into memory, by what for, and whether it was there.", ["kind", "found"])
CONNECTIONS = Gauge("openings_connections_in_use", "Database connections at work.", multiprocess_mode="livesum")
SUBSCRIPTIONS = Gauge("openings_subscriptions", "Subscriptions that are open.", multiprocess_mode="livesum")
SOCKETS = Gauge("openings_sockets", "WebSocket connections that are open.", multiprocess_mode="livesum")
PUSHES = Counter("openings_pushes", "Answers to subscriptions, the first ones included.")
CALLBACKS = Counter("openings_callbacks", "Attempts to deliver a callback, by how they ended.", ["outcome"])


@cache
def _labelled(metric: Any, *labels: str) -> Any:
    """The number of these labels: found once, for `labels` takes longer than counting does."""
    return metric.labels(*labels)


def count(operation: str, code: str, seconds: float) -> None:
    """Notes an answered request. Both labels come from the schema and the code, so there are only so many of them."""
    _labelled(REQUESTS, operation, code).inc()
    _labelled(DURATION, operation).observe(seconds)


def count_lookup(kind: str, found: bool) -> None:
    """Notes a look into memory."""
    _labelled(MEMORY, kind, "yes" if found else "no").inc()


def count_callback(outcome: str) -> None:
    """Notes an attempt to deliver a callback: delivered, failed, or given_up with it."""
    _labelled(CALLBACKS, outcome).inc()


@contextmanager
def timed(part: str) -> Generator[None]:
    """Notes how long a part of the work takes."""
    began = perf_counter()
    yield
    _labelled(WORK, part).observe(perf_counter() - began)


async def metrics(_request: Request) -> Response:
    """What Prometheus scrapes."""
    registry = REGISTRY
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
