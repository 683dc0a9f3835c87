"""The upsert of one event over a socket, ours and a hand-written one with the same durability, on both databases.

Every upsert creates an event, on calendars with 350 events each. Both wait for the disk at every commit.
every commit is the same for both.
"""

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from .bars import compared
from .measure import Table, progress
from .questions import Someone, fill, upsert, upserts
from .rounds import LINES, Contender, Speed, take_floods, take_turns
from .servers import DATABASES, other, ours, running
from .wire import Line, connections, request
from .workloads import w2

HAND, OURS = "by hand", "ours"
PATHS = {HAND: "/upsert", OURS: "/graphql"}
#: seconds in which they take turns: two contenders need less time than nine
SECONDS = 2.0
#: the required ratio to the hand-written one
LEAST = 0.7
#: the fields in which two answers differ
OWN = {"eventUid", "eventId"}


def run() -> None:
    """Prints a row for each database and number of workers."""
    table = Table(
        "The upsert of one event: p50 / p99 in milliseconds with one connection to each worker, requests a second with "
        f"{LINES} connections, and the ratio of ours to the hand-written one (in brackets by requests a second).",
        ["database", "workers", HAND, "a second", OURS, "a second", "at least", "ours", "holds"],
        wide=13,
        name="upserts",
    )
    for database, opened in DATABASES.items():
        with TemporaryDirectory(prefix="openings-benchmarks-") as folder, opened(Path(folder)) as url:
            for workers in (1, 2):
                progress(f"upserts on {database}, {workers} at work")
                hand, own = measured(Path(folder), url, workers)
                cells = (*hand.cells(), *own.cells(), f"{LEAST} ×", *compared(hand, own, LEAST))
                table.row(database, workers, *cells)


def measured(folder: Path, url: str, workers: int) -> tuple[Speed, Speed]:
    """The speeds of the hand-written one and of ours."""
    servers = {
        OURS: ours(folder, url, workers),  # before the other, because it migrates the database
        HAND: other(folder, f"{__package__}.by_hand:endpoints", url, workers),
    }
    with running(*servers.values()):
        with connections(servers) as lines:
            people = fill(lines[OURS][0], w2())
            contenders = {name: contender(name, lines[name], people, workers) for name in PATHS}
            if comparable(lines[OURS][0], people[0], OURS) != comparable(lines[HAND][0], people[0], HAND):
                raise AssertionError("ours and by hand disagree")
            take_turns(list(contenders.values()), SECONDS)
        with connections(servers, LINES) as lines:
            take_floods(contenders, lines)
    return contenders[HAND].speed(), contenders[OURS].speed()


def contender(name: str, lines: Sequence[Line], people: Sequence[Someone], workers: int) -> Contender:
    return Contender(lines, one_after_another(people, f"{name}, {workers}", PATHS[name]), created)


def one_after_another(people: Sequence[Someone], prefix: str, path: str) -> Iterator[bytes]:
    """Upserts for each of them in turn, so that concurrent requests are for different calendars."""
    for those in cycle([upserts(who, prefix, path) for who in people]):
        yield next(those)


def created(answer: memoryview) -> bool:
    return bytes(answer[:50]).startswith(b'{"data":{"upsertEvent":{"created":true')


def comparable(line: Line, who: Someone, name: str) -> dict[str, object]:
    """The answer to an upsert, without the fields that differ."""
    answer = orjson.loads(line.ask(request(upsert(who, name), who.token, PATHS[name])))["data"]["upsertEvent"]
    return {**answer, "event": {key: value for key, value in answer["event"].items() if key not in OWN}}
