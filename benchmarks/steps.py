"""The time of a large answer by steps: with Strawberry's executor, and with ours in each state of its caches.

The servers run under a sampling profiler (see `sampled`), one request after the other. The time of a step is its share
of the samples, multiplied by the time of an answer.
"""

import json
import os
import signal
from collections.abc import Iterator, Mapping
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter, sleep

from .measure import PICTURES, Table, percentile, progress
from .picture import drawn
from .queries import prepare
from .questions import QUESTIONS
from .sampled import STEPS
from .servers import PATIENCE, Server, other, ours, running, sqlite
from .wire import Line, beat, connect, request
from .workloads import w2

#: seconds of measurement, after so many requests that are not measured
SECONDS, WARMED = 3.0, 20
STOCK, COLD, WARM, AGAIN = "Strawberry", "ours, cold", "ours, warm", "ours, again"


def run() -> None:
    """Prints a table of milliseconds, and makes the picture of it."""
    with TemporaryDirectory(prefix="openings-benchmarks-") as folder, sqlite(Path(folder)) as url:
        found = measured(Path(folder), url)
    table = Table(
        "Where the time of a large answer goes, in milliseconds: SQLite, one worker, one request after the other.",
        ["step", *found],
        wide=13,
        name="steps",
    )
    for step in (*STEPS, "all of it"):
        table.row(step, *(f"{1000 * steps.get(step, sum(steps.values())):.2f}" for steps in found.values()))
    PICTURES["performance"] = drawn(found)


def measured(folder: Path, url: str) -> dict[str, dict[str, float]]:
    """Seconds by contender and step."""
    people = prepare(folder, "SQLite", url)
    end, question = w2().end, QUESTIONS[-1]
    seen = {name: folder / f"seen-{number}.json" for number, name in enumerate((STOCK, COLD, WARM))}
    through = {name: (f"{__package__}.sampled", str(file)) for name, file in seen.items()}
    servers = {
        STOCK: other(folder, f"{__package__}.endpoints:stock", url, through=through[STOCK]),
        COLD: ours(folder, url, through=through[COLD], OPENINGS_MEMORY="0"),
        WARM: ours(folder, url, through=through[WARM]),
    }
    same, others = repeat(request(question.body(people, end))), question.others(people, end)
    with running(*servers.values()):
        return {
            name: step_times(name, servers[of], seen[of], requests)
            for name, of, requests in (
                (STOCK, STOCK, same),
                (COLD, COLD, others),
                (WARM, WARM, others),
                (AGAIN, WARM, same),
            )
        }


def step_times(name: str, server: Server, seen: Path, requests: Iterator[bytes]) -> dict[str, float]:
    """Seconds by step."""
    progress(f"profiling {name}")
    lines = connect(server)
    answered(lines, requests, WARMED, 0)
    sample_counts(server, seen)  # the samples of the start and of earlier requests
    times = answered(lines, requests, WARMED, SECONDS)
    looks = sample_counts(server, seen)
    each = percentile(times, 50) / sum(looks.values())
    return {step: looks.get(step, 0) * each for step in STEPS}


def answered(lines: list[Line], requests: Iterator[bytes], least: int, seconds: float) -> list[float]:
    """The time of each answer."""
    times: list[float] = []
    until = perf_counter() + seconds
    while len(times) < least or perf_counter() < until:
        times += beat(lines, requests)
    return times


def sample_counts(server: Server, file: Path) -> Mapping[str, int]:
    """The number of samples of each step since the last call."""
    os.kill(server.process.pid, signal.SIGUSR1)
    until = monotonic() + PATIENCE
    while not file.exists():
        if monotonic() > until:
            raise RuntimeError("a server does not tell what was seen of it")
        sleep(0.01)
    looks = json.loads(file.read_text())
    file.unlink()
    return looks
