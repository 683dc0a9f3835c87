"""An availability answer over REST beside the same one over GraphQL, by turns on one server: asked anew, and again."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import repeat
from operator import eq
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from core.instants import DAY, format_instant

from .measure import Table, progress
from .questions import QUESTIONS, Question, Someone, fill
from .rounds import Contender, take_turns
from .servers import DATABASES, ours, running
from .wire import Line, connections, request
from .workloads import START, w2

GRAPHQL, REST = "GraphQL", "REST"
#: for each way to ask, the requests that it makes of those that all differ
ASKED: dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]] = {
    "anew": iter,
    "again": lambda each: repeat(next(each)),
}
#: how much of GraphQL's time REST may take
MOST = 1.0


def run() -> None:
    """Prints, for each database and question, the speeds and their ratio."""
    table = Table(
        "An answer over GraphQL and over REST: p50 / p99 in milliseconds; the ratio is the median of all rounds.",
        ["", "question", "asked", GRAPHQL, REST, "at most", "of its time"],
        left=3,
    )
    for database, opened in DATABASES.items():
        progress(f"{database}: ten calendars with 3,500 events")
        with TemporaryDirectory(prefix="openings-benchmarks-") as folder, opened(Path(folder)) as url:
            server = ours(Path(folder), url)
            with running(server), connections({"ours": server}) as lines:
                people = fill(lines["ours"][0], w2())
                for question in QUESTIONS:
                    for way in ASKED:
                        row(table, database, question, way, lines["ours"], people)


def row(table: Table, database: str, question: Question, way: str, lines: list[Line], people: list[Someone]) -> None:
    asked = {GRAPHQL: question.others(people, w2().end), REST: others(question, people)}
    contenders: dict[str, Contender] = {}
    for name, each in asked.items():
        answer = bytes(lines[0].ask(next(each)))
        assert answer.count(b'"start"') == question.most
        contenders[name] = Contender(lines, ASKED[way](each), partial(eq, answer))
    take_turns([*contenders.values()])
    graphql, rest = (contenders[name].speed() for name in (GRAPHQL, REST))
    times = f"{1 / rest.times_as_fast(graphql):.2f} ×"
    speeds = graphql.cells()[0], rest.cells()[0]
    table.row(database, question.name, way, *speeds, f"{MOST:g} ×", times)


def others(question: Question, people: list[Someone]) -> Iterator[bytes]:
    """The same requests as `Question.others`, over REST."""
    end = w2().end
    body = {
        "participants": [{"required": "all", "members": [{"sub": who.sub} for who in people[: question.members]]}],
        "required_duration": {"minutes": 60},
        "start_interval": {"minutes": 15},
        "query_periods": [{"start": format_instant(START), "end": format_instant(end)}],
        "response_format": "overlapping_slots",
        "max_results": question.most,
    }
    shown, asked = format_instant(end).encode(), request(orjson.dumps(body), path="/v1/availability")
    turn = 0
    while True:
        turn += 1
        yield asked.replace(shown, format_instant(end - turn % (3 * DAY)).encode())
