"""A worker by itself: how soon it answers after its start, and what it has in memory after many requests of all kinds."""

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

#: seconds from the start to the first answer, at most; and how often that is tried
SOON, STARTS = 2.0, 3
#: requests after which memory is looked at, and how many times as much it may be at the end
FEW, MANY, GROWTH = 10_000, 100_000, 1.10
#: of which database, for it takes a minute
REMEMBERED = "PostgreSQL"
LINES = 4
#: documents that a worker keeps; so many are sent before all else
DOCUMENTS = 1_000
#: Megabytes for facts and answers. Less than as it comes, so that this memory is full when it is first looked at.
MEMORY = 8


def run() -> None:
    """A table for each of the two."""
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
    """The first start also makes the tables."""
    began = perf_counter()
    server = ours(folder, url)
    with running(server):
        [line] = connect(server)
        line.data(APPLICATION_CALENDAR % "sub", "", clientId=CLIENT_ID, clientSecret=SECRET, applicationCalendarId="1")
        return perf_counter() - began


def remembering(folder: Path, url: str) -> tuple[float, int, int]:
    """Requests a second, and the bytes in memory after few of them and after many."""
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
    """Requests of all kinds at random: most of them were asked before, and every write makes an answer void."""
    small, middle, _ = QUESTIONS
    end = w2().end
    others = documents(small.body(people, end))
    kinds = {
        cycle([request(question.body(people, end)) for question in (small, middle)]): 84,
        middle.others(people, end): 3,
        others: 3,
        writes(people): 1,
        repeat(request(upsert(people[0], "x"), people[1].token)): 3,  # another's calendar
        repeat(request(small.body(people, end).replace(b"minutes", b"seconds"))): 3,  # not in the schema
        repeat(request(b"{")): 3,  # not even JSON
    }
    yield from islice(others, DOCUMENTS)
    for [asked] in iter(partial(Random(SEED).choices, list(kinds), list(kinds.values())), None):
        yield next(asked)


def documents(body: bytes) -> Iterator[bytes]:
    """The same question, each time in a document of another text."""
    for turn in count():
        yield request(body.replace(b"query (", b"query Number%d (" % turn))


def writes(people: list[Someone]) -> Iterator[bytes]:
    """The same hundred events again and again."""
    return cycle([request(upsert(people[turn % 4], f"again {turn}"), people[turn % 4].token) for turn in range(100)])
