"""A single worker: the time from its start to its first answer, and its memory after many requests of all kinds."""

from collections.abc import Iterator
from functools import partial
from itertools import count, cycle, islice, repeat
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter

from .bars import yes
from .measure import Table, progress
from .questions import APPLICATION_CALENDAR, QUESTIONS, Someone, fill, upsert
from .servers import CLIENT_ID, DATABASES, SECRET, ours, running
from .wire import connect, flood, request
from .workloads import SEED, w2

#: maximum seconds from the start to the first answer, and the number of starts
SOON, STARTS = 2.0, 3
#: the numbers of requests after which memory is measured, and its maximum growth
FEW, MANY, GROWTH = 10_000, 100_000, 1.10
#: the database for the memory test, which takes a minute
REMEMBERED = "PostgreSQL"
LINES = 4
#: the number of documents that a worker caches; so many are sent first
DOCUMENTS = 1_000
#: megabytes for cached facts and answers; below the default, so that it is full at the first measurement
MEMORY = 8


def run() -> None:
    """Prints a table for each of the two."""
    starts = Table(
        "From the start of `openings serve` to its first answer, in seconds.",
        ["database", *(f"start {number + 1}" for number in range(STARTS)), "at most", "holds"],
        name="start",
    )
    for database, opened in DATABASES.items():
        with TemporaryDirectory(prefix="openings-benchmarks-") as folder, opened(Path(folder)) as url:
            progress(f"starts on {database}")
            seconds = [start(Path(folder), url) for _ in range(STARTS)]
            starts.row(database, *(f"{each:.2f}" for each in seconds), SOON, yes(max(seconds) < SOON))
    table = Table(
        f"A worker's resident memory after {FEW:,} requests of all kinds and after {MANY:,}.",
        ["database", "a second", f"{FEW:,}", f"{MANY:,}", "growth", "at most", "holds"],
        name="memory",
    )
    with TemporaryDirectory(prefix="openings-benchmarks-") as folder, DATABASES[REMEMBERED](Path(folder)) as url:
        rate, few, many = remembering(Path(folder), url)
        sizes = (f"{size / 2**20:.1f} MB" for size in (few, many))
        table.row(REMEMBERED, f"{rate:,.0f}", *sizes, f"{many / few:.3f} ×", GROWTH, yes(many <= GROWTH * few))


def start(folder: Path, url: str) -> float:
    """Seconds to the first answer. The first start also migrates the database."""
    began = perf_counter()
    server = ours(folder, url)
    with running(server):
        [line] = connect(server)
        line.data(APPLICATION_CALENDAR % "sub", "", clientId=CLIENT_ID, clientSecret=SECRET, applicationCalendarId="1")
        return perf_counter() - began


def remembering(folder: Path, url: str) -> tuple[float, int, int]:
    """Requests a second, and the memory in bytes after few of them and after many."""
    server = ours(folder, url, OPENINGS_MEMORY=str(MEMORY))
    with running(server):
        lines = connect(server, LINES)
        asked = mixed(fill(lines[0], w2()))
        sizes: list[int] = []
        began = perf_counter()
        for number in (FEW, MANY - FEW):
            for turn, line in enumerate(flood(lines, islice(asked, number))):
                if line.status not in (200, 400):
                    raise AssertionError(f"status {line.status}")
                if turn % 1000 == 0:
                    progress(f"requests to a worker: {turn:,} of {number:,}")
            sizes.append(server.memory())
        return MANY / (perf_counter() - began), sizes[0], sizes[1]


def mixed(people: list[Someone]) -> Iterator[bytes]:
    """Requests of all kinds at random: most are repeated, and every write makes cached answers stale."""
    small, middle, _ = QUESTIONS
    end = w2().end
    others = documents(small.body(people, end))
    kinds = {
        cycle([request(question.body(people, end)) for question in (small, middle)]): 84,
        middle.others(people, end): 3,
        others: 3,
        writes(people): 1,
        repeat(request(upsert(people[0], "x"), people[1].token)): 3,  # another account's calendar
        repeat(request(small.body(people, end).replace(b"minutes", b"seconds"))): 3,  # not in the schema
        repeat(request(b"{")): 3,  # not even JSON
    }
    yield from islice(others, DOCUMENTS)
    for [asked] in iter(partial(Random(SEED).choices, list(kinds), list(kinds.values())), None):
        yield next(asked)


def documents(body: bytes) -> Iterator[bytes]:
    """The same query in documents with different texts."""
    for turn in count():
        yield request(body.replace(b"query (", b"query Number%d (" % turn))


def writes(people: list[Someone]) -> Iterator[bytes]:
    """Upserts of the same hundred events again and again."""
    return cycle([request(upsert(people[turn % 4], f"again {turn}"), people[turn % 4].token) for turn in range(100)])
