"""Availability queries over a socket, on SQLite and on PostgreSQL, with one worker and with two.

Every contender is a server with the same database. They take turns of a few requests each, so that load on the machine
affects them all alike; every answer is compared, before the timing and during it.
"""

from collections.abc import Mapping
from functools import partial
from itertools import repeat
from operator import eq
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import orjson

from . import bars
from .endpoints import ANSWER
from .measure import Table, progress
from .questions import QUESTIONS, Question, Someone, fill, upsert
from .rounds import LINES, Contender, Speed, take_floods, take_turns
from .servers import DATABASES, Server, other, ours, running
from .wire import Line, connect, connections, request
from .workloads import w2

FLOOR, WHO, HAND, STOCK = "bare route", "bare route with caller lookup", "by hand", "Strawberry"
AGAIN, WARM, WRITTEN, COLD, WALKED = (
    f"ours, {state}" for state in ("again", "warm", "after a write", "cold", "warm, not compiled")
)
CONTENDERS = (FLOOR, WHO, HAND, STOCK, AGAIN, WARM, WRITTEN, COLD, WALKED)
#: for each contender, its server and its path
SERVED = {
    FLOOR: (FLOOR, None),
    WHO: (WHO, None),
    HAND: (HAND, "/availability"),
    STOCK: (STOCK, "/graphql"),
    AGAIN: (AGAIN, "/graphql"),
    WARM: (AGAIN, "/graphql"),
    WRITTEN: (AGAIN, "/graphql"),
    COLD: (COLD, "/graphql"),
    WALKED: (WALKED, "/graphql"),
}
#: by database, number of workers, question and contender
Measured: TypeAlias = dict[tuple[str, int, str, str], Speed]


def run() -> Measured:
    """Prints a table for each database and number of workers, and one of the targets."""
    measured: Measured = {}
    for database, opened in DATABASES.items():
        with TemporaryDirectory(prefix="openings-benchmarks-") as folder, opened(Path(folder)) as url:
            people = prepare(Path(folder), database, url)
            for workers in (1, 2):
                found = with_workers(Path(folder), database, url, workers, people)
                measured |= {(database, workers, *key): speed for key, speed in found.items()}
                show(database, workers, found)
    bars.show(measured)
    return measured


def prepare(folder: Path, database: str, url: str) -> list[Someone]:
    """Fills the database over HTTP, and stores the answer to every question in the folder."""
    progress(f"{database}: ten calendars with 3,500 events")
    server = ours(folder, url)
    with running(server):
        [line] = connect(server)
        people = fill(line, w2())
        for question in QUESTIONS:
            answer = line.ask(request(question.body(people, w2().end)))
            slots = orjson.loads(answer)["data"]["availability"]["availableSlots"]
            assert len(slots) == question.most
            assert all(len(slot["participants"]) == question.members for slot in slots)
            (folder / f"{question.name}{ANSWER}").write_bytes(answer)
    return people


def with_workers(
    folder: Path, database: str, url: str, workers: int, people: list[Someone]
) -> dict[tuple[str, str], Speed]:
    """The speeds by question and contender."""
    progress(f"{database}, {workers} of each kind: starting servers")
    module = f"{__package__}.endpoints"
    servers = {
        FLOOR: other(folder, f"{module}:floor", url, workers),
        WHO: other(folder, f"{module}:asking_who", url, workers),
        HAND: other(folder, f"{__package__}.by_hand:endpoints", url, workers),
        STOCK: other(folder, f"{module}:stock", url, workers),
        AGAIN: ours(folder, url, workers),
        COLD: ours(folder, url, workers, OPENINGS_MEMORY="0"),
        WALKED: ours(folder, url, workers, OPENINGS_COMPILED="0"),
    }
    found: dict[tuple[str, str], Speed] = {}
    with running(*servers.values()):
        for question in QUESTIONS:
            progress(f"{database}, {workers} at work: {question.name}")
            answer = (folder / f"{question.name}{ANSWER}").read_bytes()
            contenders = timed(question, people, servers, answer)
            found |= {(question.name, name): contender.speed() for name, contender in contenders.items()}
    return found


def timed(
    question: Question, people: list[Someone], servers: Mapping[str, Server], answer: bytes
) -> dict[str, Contender]:
    """The contenders after all their turns."""
    with connections(servers) as lines:
        contenders = ready(question, people, lines, answer)
        take_turns(list(contenders.values()))
    with connections(servers, LINES) as lines:
        take_floods(contenders, {name: lines[SERVED[name][0]] for name in contenders})
    return contenders


def ready(
    question: Question, people: list[Someone], lines: Mapping[str, list[Line]], answer: bytes
) -> dict[str, Contender]:
    """The contenders, each of which has given the right answer on every connection."""
    end = w2().end
    asked, others = question.body(people, end), question.others(people, end)
    writer = lines[AGAIN][0]
    writing = request(upsert(people[1], "again and again"), people[1].token)

    def write() -> None:
        if b'"errors"' in writer.ask(writing):
            raise AssertionError("the write failed")

    contenders: dict[str, Contender] = {}
    for name in CONTENDERS:
        server, path = SERVED[name]
        same = repeat(request(asked, path=path or f"/{question.name}"))
        found = {line.ask(next(same)) for line in lines[server]}
        if len(found) != 1 or orjson.loads(given := found.pop()) != orjson.loads(answer):
            raise AssertionError(f"{name} and ours disagree")
        requests = others if name in (WARM, WRITTEN, COLD, WALKED) else same
        contenders[name] = Contender(lines[server], requests, partial(eq, given), write if name == WRITTEN else None)
    return contenders


def show(database: str, workers: int, found: Mapping[tuple[str, str], Speed]) -> None:
    names = [question.name for question in QUESTIONS]
    table = Table(
        f"{database}, {'one worker' if workers == 1 else f'{workers} workers'}: p50 / p99 in milliseconds with one "
        f"connection to each worker, and requests a second with {LINES} connections.",
        ["", *(column for name in names for column in (name, "a second"))],
        name=f"queries on {database}, {workers}",
    )
    for contender in CONTENDERS:
        speeds = [found[name, contender] for name in names]
        table.row(contender, *(cell for speed in speeds for cell in speed.cells()))
