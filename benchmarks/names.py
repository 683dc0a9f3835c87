"""Names in a large answer: the same query with and without `account { name accountId }`, by turns on one server."""

from functools import partial
from operator import eq
from pathlib import Path
from tempfile import TemporaryDirectory

from .measure import Table, progress
from .questions import QUESTIONS, fill
from .rounds import LINES, Contender, take_floods, take_turns
from .servers import DATABASES, ours, running
from .wire import connections, request
from .workloads import w2

WITHOUT, WITH = "without names", "with names"
#: for each contender, what is selected of a participant
SELECTED = {WITHOUT: b"{ sub }", WITH: b"{ sub account { name accountId } }"}
#: how many times as many answers a second there have to be with names as without
LEAST = 0.8


def run() -> None:
    """Prints, for each database, the speeds and their ratio."""
    table = Table(
        "The large answer, warm: p50 / p99 in milliseconds, and requests a second; the ratio is the median of all rounds.",
        ["", WITHOUT, "a second", WITH, "a second", "at least", "as many", "as fast"],
        name="names",
    )
    for database, opened in DATABASES.items():
        progress(f"{database}: ten calendars with 3,500 events")
        with TemporaryDirectory(prefix="openings-benchmarks-") as folder, opened(Path(folder)) as url:
            contenders = measured(Path(folder), url)
        without, named = (contenders[name].speed() for name in (WITHOUT, WITH))
        many, fast = named.times_as_many(without), named.times_as_fast(without)
        table.row(database, *without.cells(), *named.cells(), f"{LEAST:g} ×", f"{many or 0:.2f} ×", f"{fast:.2f} ×")


def measured(folder: Path, url: str) -> dict[str, Contender]:
    """The two contenders after all their turns, on one server."""
    server = ours(folder, url)
    *_, large = QUESTIONS
    end = w2().end
    contenders: dict[str, Contender] = {}
    with running(server):
        with connections({"ours": server}) as lines:
            people = fill(lines["ours"][0], w2())
            for name, selected in SELECTED.items():
                requests = map(partial(asked, selected=selected), large.others(people, end))
                answer = bytes(lines["ours"][0].ask(next(requests)))
                assert answer.count(b'"start"') == large.most
                assert answer.count(b'"account"') == (large.most * large.members if name == WITH else 0)
                contenders[name] = Contender(lines["ours"], requests, partial(eq, answer))
            take_turns(list(contenders.values()))
        with connections({"ours": server}, LINES) as lines:
            take_floods(contenders, dict.fromkeys(contenders, lines["ours"]))
    return contenders


def asked(sent: bytes, selected: bytes) -> bytes:
    """The request with another selection of each participant."""
    _, _, body = sent.partition(b"\r\n\r\n")
    assert body.count(b"{ sub }") == 1
    return request(body.replace(b"{ sub }", selected))
