"""What OPENINGS_ASSUME=none costs on PostgreSQL, beside the default, on one database."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from .bookings import MEMBERS, Bodies, free_slots, make
from .live import Calendar, paired, pushed
from .measure import Table, percentile, progress
from .questions import QUESTIONS, Someone, fill, upserts
from .rounds import Contender, take_turns
from .servers import SECRET, ours, postgresql, running
from .wire import Line, connections, request
from .workloads import w1

ASSUMED = ("postgresql", "none")
PUSHES = 40


def run() -> None:
    """Prints a row for each kind of request, and one for pushes by the same and by another server."""
    table = Table(
        "OPENINGS_ASSUME=none beside the default, on one PostgreSQL: milliseconds p50 / p99, and how much longer it takes.",
        ["request", *ASSUMED, "times as long"],
        name="assumptions",
    )
    with TemporaryDirectory(prefix="openings-benchmarks-") as name, postgresql(Path(name)) as url:
        folder = Path(name)
        servers = {assumed: ours(folder, url, OPENINGS_ASSUME=assumed) for assumed in ASSUMED}
        with running(*servers.values()):
            with connections(servers) as lines:
                people = fill(lines[ASSUMED[0]][0], w1())
            with connections(servers) as lines:
                subs = [make(lines[ASSUMED[0]][0], number) for number in range(MEMBERS)]
            for kind, requests in _requests(people, subs).items():
                progress(kind)
                with connections(servers) as lines:
                    table.row(kind, *_compared(lines, requests))
        told = {assumed: _pushes(url, folder / f"assuming {assumed}", assumed) for assumed in ASSUMED}
        for number, by in enumerate(("push, same server", "push, other server")):
            times = [told[assumed][number] for assumed in ASSUMED]
            cells = (f"{percentile(each, 50) * 1000:.1f} / {percentile(each, 99) * 1000:.1f}" for each in times)
            table.row(by, *cells, f"{percentile(times[1], 50) / percentile(times[0], 50):.2f} ×")


def _compared(lines: Mapping[str, Sequence[Line]], requests: Mapping[str, Iterator[bytes]]) -> Sequence[str]:
    contenders = {
        assumed: Contender(lines[assumed][:1], requests[assumed], lambda answer: b'"errors"' not in bytes(answer[:50]))
        for assumed in ASSUMED
    }
    take_turns([*contenders.values()], 3.0)
    full, none = (contenders[assumed].speed() for assumed in ASSUMED)
    return [full.cells()[0], none.cells()[0], f"{1 / none.times_as_fast(full):.2f} ×"]


def _requests(people: Sequence[Someone], subs: Sequence[str]) -> dict[str, dict[str, Iterator[bytes]]]:
    """The requests of each kind, by what the server assumes."""
    question, end = QUESTIONS[0], w1().end
    bodies, slots = Bodies(subs), free_slots()
    return {
        "again": {assumed: repeat(request(question.body(people, end))) for assumed in ASSUMED},
        "warm": {assumed: question.others(people, end) for assumed in ASSUMED},
        "upsertEvent": {assumed: upserts(people[0], assumed) for assumed in ASSUMED},
        "bookSlot": {assumed: (next(bodies.of(slot)) for slot in slots) for assumed in ASSUMED},
    }


def _pushes(url: str, folder: Path, assumed: str) -> tuple[list[float], list[float]]:
    """The seconds from writes to their pushes by the server that they were sent to, and by another one."""

    async def measure() -> list[list[float]]:
        async with (
            paired(url, folder, OPENINGS_ASSUME=assumed, OPENINGS_KEY=SECRET) as (one, other),
            AsyncExitStack() as stack,
        ):
            ada = await Calendar.called(one, f"pushed {assumed}")
            sockets = [await server.subscribe(stack, ada.sub) for server in (one, other)]
            return [await pushed(one, ada, *sockets) for _ in range(PUSHES)]

    progress(f"pushes, {assumed}")
    folder.mkdir()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        same, elsewhere = zip(*runner.run(measure()), strict=True)
    return [*same], [*elsewhere]
