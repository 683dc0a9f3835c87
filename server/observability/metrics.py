"""Metrics for Prometheus: number, outcome and duration of requests.

With several worker processes, each writes its values to files in a shared folder, and the process that answers a scrape
adds them up; the client library does that if PROMETHEUS_MULTIPROC_DIR is set.
"""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
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

from db.files import make_private_folder

FOLDER = "PROMETHEUS_MULTIPROC_DIR"


def _make_folder() -> None:
    """Creates the folder that the environment names. Exits with one line if that is not possible."""
    try:
        make_private_folder(Path(os.environ[FOLDER]))
    except OSError as error:
        raise SystemExit(f"openings: {FOLDER} names a folder that cannot be created: {error.strerror}") from None


# Here, because the library opens files in it as soon as the first metric is defined.
if FOLDER in os.environ:
    _make_folder()

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter("openings_requests", "GraphQL requests, by root field and outcome.", ["operation", "code"])
DURATION = Histogram("openings_request_seconds", "Time to answer a GraphQL request.", ["operation"], buckets=_SECONDS)
WORK = Histogram("openings_work_seconds", "Time of one part of the work.", ["part"], buckets=_SECONDS)
MEMORY = Counter(
    "openings_memory", "Cache lookups, by kind and by whether they found a current value.", ["kind", "found"]
)
CONNECTIONS = Gauge("openings_connections_in_use", "Database connections in use.", multiprocess_mode="livesum")
WAITING = Gauge(
    "openings_waiting",
    "Requests that wait: for a lock of their process or for a connection.",
    ["what"],
    multiprocess_mode="livesum",
)
WAITED_IN_VAIN = Counter("openings_wait_timeouts", "Requests that waited too long, by what for.", ["what"])
SUBSCRIPTIONS = Gauge("openings_subscriptions", "Open subscriptions.", multiprocess_mode="livesum")
SOCKETS = Gauge("openings_sockets", "Open WebSocket connections.", multiprocess_mode="livesum")
PUSHES = Counter("openings_pushes", "Responses to subscriptions, including the first ones.")
CALLBACKS = Counter("openings_callbacks", "Attempts to deliver a callback, by outcome.", ["outcome"])
SOURCES = Gauge("openings_calendar_sources", "Calendar sources, by status.", ["status"], multiprocess_mode="mostrecent")
FETCHES = Counter("openings_source_fetches", "Fetches of calendar sources, by outcome.", ["outcome"])
PURGED = Counter("openings_purged", "Rows deleted by the purge, by kind.", ["kind"])
SERIES = Counter("openings_series_expanded", "Series of events expanded further ahead, by outcome.", ["outcome"])


@cache
def _labelled(metric: Any, *labels: str) -> Any:
    """The child of a metric for these labels, cached because `labels()` takes longer than counting."""
    return metric.labels(*labels)


def count(operation: str, code: str, seconds: float) -> None:
    """Counts a request. Both labels come from the schema and the code, so their number is bounded."""
    _labelled(REQUESTS, operation, code).inc()
    _labelled(DURATION, operation).observe(seconds)


def count_lookup(kind: str, found: bool) -> None:
    """Counts a cache lookup."""
    _labelled(MEMORY, kind, "yes" if found else "no").inc()


def show_waiting(waiting: Mapping[str, int]) -> None:
    """Shows how many requests wait now, by what they wait for."""
    for what, requests in waiting.items():
        _labelled(WAITING, what).set(requests)


def count_wait_timeout(what: str) -> None:
    """Counts a request that has waited too long: for a `lock` of its process or of `another process`, or a `connection`."""
    _labelled(WAITED_IN_VAIN, what).inc()


def count_callback(outcome: str) -> None:
    """Counts an attempt to deliver a callback: `delivered`, `failed` (to be retried), `given_up`, or `postponed` (not made)."""
    _labelled(CALLBACKS, outcome).inc()


def show_sources(counted: Mapping[str, int]) -> None:
    """Shows how many calendar sources have each status now."""
    for status, sources in counted.items():
        _labelled(SOURCES, status).set(sources)


def count_fetch(outcome: str) -> None:
    """Counts a fetch of a calendar source: `fetched`, `failed` (to be retried), or `postponed` (not made)."""
    _labelled(FETCHES, outcome).inc()


def count_purged(kind: str, rows: int) -> None:
    """Counts rows that the purge has deleted."""
    _labelled(PURGED, kind).inc(rows)


def count_series_expanded(outcome: str, series: int) -> None:
    """Counts series that were due to be expanded further ahead: `expanded`, or `failed`."""
    _labelled(SERIES, outcome).inc(series)


@contextmanager
def timed(part: str) -> Generator[None]:
    """Records the duration of the block under this part of the work."""
    began = perf_counter()
    yield
    _labelled(WORK, part).observe(perf_counter() - began)


async def metrics(_request: Request) -> Response:
    """The endpoint that Prometheus scrapes."""
    registry = REGISTRY
    if FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
