"""`python -m benchmarks.walks [--json]`: which files each kind of request enters, in which order, how often it returns.

A walk is the sequence of files that a reader of the code has open: a call leads into the callee's file, a return back
to the caller's. Only Python files of the five packages count; generated code and module bodies do not. Suspending or
resuming a coroutine is not a move. A stay ends where a move leads to another file, and is a return if it is in a file
that was visited before.

The requests run in this process on a new SQLite file, and on PostgreSQL if OPENINGS_TEST_POSTGRES_URL names a server.
"""

import argparse
import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import cache
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_OPTIMIZED
from itertools import groupby
from opcode import opmap
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill
from types import FrameType
from urllib.parse import urlsplit
from uuid import uuid4

from db import clients
from db.migrate import migrate
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Api, open_database
from tests.support.builders import availability_input, upsert_event_input
from tests.support.databases import execute_sql, with_database
from tests.support.graphql_queries import AVAILABILITY_CHANGED, UPSERT_EVENT
from tests.support.live_clients import LiveServer, live_server

from .measure import Table

ROOT = Path(__file__).parents[1]
PACKAGES = ("core", "db", "resolvers", "schema", "server")
#: packages whose folders are wings; any other package is one wing
WINGED = ("server", "db")

AVAILABILITY = "query ($input: AvailabilityInput!) { availability(input: $input) { availablePeriods { start end } } }"
BOOK = "mutation ($input: BookSlotInput!) { bookSlot(input: $input) { ... on Booked { events { eventUid } } } }"
LINK = """
mutation ($input: RealTimeSchedulingInput!) { realTimeScheduling(input: $input) { realTimeScheduling { url } } }
"""
ELEVEN = "2027-01-19T11:00:00Z"
#: Their shortest walk is shown: on SQLite a subscription checks for writes of other processes several times a
#: second, and some of these checks fall into a push.
PUSHES = 6


class Recorder:
    """Records the walk of the code in a `with recorder.walk(…)`, in this thread and in threads started later."""

    def __init__(self) -> None:
        #: for each request, the files of its walk in order; of several walks the shortest
        self.walks: dict[str, list[str]] = {}
        self._walk: list[str] | None = None
        threading.setprofile(self)
        sys.setprofile(self)

    @contextmanager
    def walk(self, name: str) -> Iterator[None]:
        self._walk = walk = list[str]()
        yield
        self._walk = None
        self.walks[name] = min(walk, self.walks.get(name, walk), key=len)

    def __call__(self, frame: FrameType, event: str, given: object) -> None:
        if self._walk is None or event not in ("call", "return") or file_of(frame) is None:
            return
        if event == "call":
            here = file_of(frame) if begins(frame) else None
        else:
            here = None if suspends(frame, given) else caller(frame)
        if here is not None and self._walk[-1:] != [here]:
            self._walk.append(here)


def file_of(frame: FrameType) -> str | None:
    """The file of one of our functions; None for all other code."""
    return _ours(frame.f_code.co_filename) if frame.f_code.co_flags & CO_OPTIMIZED else None


@cache
def _ours(filename: str) -> str | None:
    path = Path(filename)
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return name if name.endswith(".py") and package(name) in PACKAGES else None


def begins(frame: FrameType) -> bool:
    """Whether a function is called. Resuming a generator or a coroutine is reported as a call too."""
    code, at = frame.f_code.co_code, frame.f_lasti
    return code[at] == opmap["RESUME"] and code[at + 1] == 0


def suspends(frame: FrameType, given: object) -> bool:
    """Whether a frame suspends. Otherwise it has ended, or is a generator that yields a value to its caller."""
    code = frame.f_code
    if code.co_code[frame.f_lasti] != opmap["YIELD_VALUE"]:
        return False
    if code.co_flags & CO_ASYNC_GENERATOR:  # it yields both ways, and wraps the values for its caller
        return type(given).__name__ != "async_generator_wrapped_value"
    return bool(code.co_flags & CO_COROUTINE) or code.co_name == "__await__"


def caller(frame: FrameType) -> str | None:
    """The file of the nearest calling function of ours, past any library functions between them."""
    outer = frame.f_back
    while outer is not None and file_of(outer) is None:
        outer = outer.f_back
    return file_of(outer) if outer is not None else None


async def walked(url: str) -> dict[str, list[str]]:
    """The walk of each request on this database, which is empty."""
    db = open_database(url)
    await migrate(db)
    async with db.write() as session:
        await clients.ensure(session, db.encryption, CLIENT_ID, CLIENT_SECRET, NOW, name="Walks")
    await db.close()
    recorder = Recorder()
    async with live_server(url) as live:
        await _ask(live.api, recorder)
        await _visit(live.api, recorder)
        await _subscribe(live, recorder)
    return recorder.walks


async def _ask(api: Api, recorder: Recorder) -> None:
    ada, ben = [await api.application_calendar(name) for name in ("ada", "ben")]
    asked = availability_input(ada, ben)
    with recorder.walk("1   availability, first time"):
        await api.data(AVAILABILITY, CLIENT_SECRET, input=asked)
    with recorder.walk("1b  another question, warm"):
        await api.data(AVAILABILITY, CLIENT_SECRET, input={**asked, "requiredDuration": {"minutes": 30}})
    with recorder.walk("2   the same question again"):
        await api.data(AVAILABILITY, CLIENT_SECRET, input=asked)
    with recorder.walk("3   upsertEvent"):
        await api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
    booking = {"availability": asked, "start": ELEVEN, "event": {"eventId": "booking", "summary": "Meeting"}}
    with recorder.walk("4   bookSlot"):
        booked = await api.data(BOOK, CLIENT_SECRET, input=booking)
    assert booked["bookSlot"], "the slot is taken"


async def _visit(api: Api, recorder: Recorder) -> None:
    eve = await api.application_calendar("eve")
    offered = {
        "availability": {**availability_input(eve), "startInterval": {"minutes": 60}},
        "event": {"eventId": "interview", "summary": "Interview"},
        "callbackUrls": {"completedUrl": "https://example.com/booked"},  # recorded, but never delivered
    }
    made = await api.data(LINK, CLIENT_SECRET, input=offered)
    page = urlsplit(made["realTimeScheduling"]["realTimeScheduling"]["url"]).path
    choice = {"tz": "Europe/Paris", "start": ELEVEN}
    with recorder.walk("5   a visitor opens a page"):
        chosen = await api.http.get(page)
    with recorder.walk("5b  the confirm page"):
        confirmed = await api.http.get(page, params=choice)
    with recorder.walk("5c  the form is sent"):
        sent = await api.http.post(page, data=choice)
    assert [each.status_code for each in (chosen, confirmed, sent)] == [200, 200, 303]


async def _subscribe(live: LiveServer, recorder: Recorder) -> None:
    """Over a socket, because the in-memory transport returns no response before its end."""
    joe = await live.api.application_calendar("joe")
    async with AsyncExitStack() as stack:
        with recorder.walk("6   SSE, the first answer"):
            events = await stack.enter_async_context(
                live.event_stream(AVAILABILITY_CHANGED, CLIENT_SECRET, input=availability_input(joe))
            )
            await events.next_result()
        for hour in range(10, 10 + PUSHES):
            await asyncio.sleep(0.1)  # so that throttling does not delay the push
            with recorder.walk("6b  a write and its push"):
                await live.api.data(
                    UPSERT_EVENT, joe.token, input=upsert_event_input(joe, hour, hour + 1, f"at {hour}")
                )
                await events.next_result()
    await live.wait_until_idle()


def package(file: str) -> str:
    return file.partition("/")[0]


def wing(file: str) -> str:
    folder, *within = file.split("/")
    return f"{folder}/{within[0]}" if folder in WINGED and len(within) > 1 else folder


def counted(walk: Sequence[str], unit: Callable[[str], str] = str, among: Sequence[str] = PACKAGES) -> dict[str, int]:
    """The numbers of units visited, of stays in them, and of returns."""
    stays = [name for name, _ in groupby(unit(file) for file in walk if package(file) in among)]
    return {"visited": len(set(stays)), "stays": len(stays), "returns": len(stays) - len(set(stays))}


def numbers(walk: Sequence[str]) -> dict[str, dict[str, int]]:
    """All numbers of a walk."""
    alone = {f"{name} alone": counted(walk, wing, [name]) for name in WINGED}
    return {"files": counted(walk), "packages": counted(walk, package), "wings": counted(walk, wing), **alone}


def show(database: str, walks: dict[str, list[str]]) -> None:
    """Prints a row for each request, and below them the files of each in the order of their first entry."""
    title = f"Walks on {database}: files or wings visited / stays in them / returns; and moves between packages."
    columns = ["request".ljust(max(map(len, walks))), "files", "moves", "wings", *(f"{name} alone" for name in WINGED)]
    table = Table(title, columns, wide=14)
    for name, walk in walks.items():
        found = numbers(walk)
        cells = {column: " / ".join(map(str, each.values())) for column, each in found.items()}
        table.row(name, *(cells | {"packages": str(found["packages"]["stays"] - 1)}).values())
    for name, walk in walks.items():
        print(
            f"\n{name}\n{fill(' → '.join(dict.fromkeys(walk)), 118, initial_indent='    ', subsequent_indent='    ')}"
        )


async def main() -> None:
    """Records the walks on each database, and prints them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.walks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print all numbers and the whole walks as JSON")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="openings-benchmarks-") as folder:
        found = {"SQLite": await walked(f"sqlite:///{folder}/walks.db")}
    if server := os.environ.get("OPENINGS_TEST_POSTGRES_URL"):
        name = f"walks_{uuid4().hex}"
        await execute_sql(server, f"CREATE DATABASE {name}")
        try:
            found["PostgreSQL"] = await walked(with_database(server, name))
        finally:
            await execute_sql(server, f"DROP DATABASE {name} WITH (FORCE)")
    if options.json:
        full = {
            database: {name: {**numbers(walk), "walk": walk} for name, walk in walks.items()}
            for database, walks in found.items()
        }
        print(json.dumps(full, indent=2))
        return
    for database, walks in found.items():
        show(database, walks)


if __name__ == "__main__":
    asyncio.run(main())
