"""`python -m benchmarks.soak`: a normal client beside each attacker, one after the other.

The normal client reads, writes an event, and gets a callback, all steadily. It is measured alone, and then for as long as
asked beside the attacker, which runs in a process of its own: ten minutes each by default, and a fifth of that alone.
"""

import argparse
import asyncio
import multiprocessing
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, repeat
from multiprocessing.synchronize import Event
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import orjson

from db import clients
from db.database import Database
from db.encryption import Encryption
from server.app import clock

from . import page
from .attackers import ATTACKERS, Target
from .links import make_link, no_time_suits
from .measure import Table, percentile, progress
from .questions import APPLICATION_CALENDAR, Someone, upserts
from .receivers import Receiver, hanging, receiving
from .servers import CLIENT_ID, DATABASES, SECRET, Server, ours, running
from .wire import Line, request

#: seconds between two requests of the normal client on each of its connections
PAUSE = 0.02
#: seconds that it waits for a callback
PATIENCE = 60.0
#: seconds for an attacker to prepare itself, at most, and to get under way
PREPARATION, BEGIN = 10.0, 3.0

USER_INFO = orjson.dumps({"query": "{ userInfo { sub } }"})


@dataclass
class Measured:
    """The seconds of each kind of request, and how many failed."""

    times: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    failed: int = 0


KINDS = ("read", "write", "callback")


@dataclass(frozen=True)
class Normal:
    """The normal client: one connection for each kind of request."""

    port: int
    who: Someone
    secret: str
    receiver: Receiver

    def measure(self, seconds: float, name: str) -> Measured:
        """Reads, writes and gets callbacks for so long."""
        found = Measured()
        until = perf_counter() + seconds
        acts: Mapping[str, Callable[[], Iterator[bool]]] = {
            "read": lambda: self._requests(repeat(request(USER_INFO, self.who.token))),
            "write": lambda: self._requests(upserts(self.who, name)),
            "callback": lambda: self._callbacks(name),
        }
        threads = [Thread(target=_repeat, args=(found, kind, act(), until), daemon=True) for kind, act in acts.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def _requests(self, requests: Iterator[bytes]) -> Iterator[bool]:
        """Sends one request each time; yields whether it succeeded."""
        line = Line(self.port)
        for asked in requests:
            yield b'"errors"' not in line.ask(asked)

    def _callbacks(self, name: str) -> Iterator[bool]:
        line = Line(self.port)
        for number in count():
            path = f"/{name.replace(' ', '-')}-{number}"
            link = make_link(line, self.secret, self.who, f"{name} {number}", self.receiver.url + path)
            yield True  # the link is not measured
            no_time_suits(self.port, link)
            yield self.receiver.arrived(path, PATIENCE)


def _repeat(found: Measured, kind: str, results: Iterator[bool], until: float) -> None:
    while perf_counter() < until:
        if kind == "callback":
            next(results)
        began = perf_counter()
        try:
            succeeded = next(results)
        except (OSError, AssertionError):
            found.failed += 1
            return
        found.times[kind].append(perf_counter() - began)
        found.failed += not succeeded
        sleep(PAUSE)


def attack(name: str, target: Target, stop: Event, done: Any) -> None:
    """Runs an attacker, in a process of its own."""

    def count_one() -> None:
        done.value += 1

    ATTACKERS[name](target, stop, count_one)


@contextmanager
def attacked(name: str, target: Target) -> Iterator[Any]:
    """Runs an attacker during the block; its number of attacks so far."""
    context = multiprocessing.get_context("spawn")
    stop, done = context.Event(), context.Value("q", 0)
    process = context.Process(target=attack, args=(name, target, stop, done), daemon=True)
    process.start()
    try:
        until = perf_counter() + PREPARATION
        while (
            not done.value and process.is_alive() and perf_counter() < until
        ):  # some are done only when they are closed
            sleep(0.1)
        sleep(BEGIN)
        yield done
        if not process.is_alive():
            raise RuntimeError(f"the attacker {name} has ended by itself")
    finally:
        stop.set()
        process.join(20)
        process.kill()


def _account(line: Line, name: str, client_id: str, secret: str) -> Someone:
    given = {"clientId": client_id, "clientSecret": secret, "applicationCalendarId": name}
    made: dict[str, str] = line.data(APPLICATION_CALENDAR % "sub accessToken", "", **given)["applicationCalendar"]
    [calendar] = line.data("{ calendars { calendarId } }", made["accessToken"])["calendars"]
    return Someone(made["sub"], made["accessToken"], calendar["calendarId"])


async def _another_client(url: str) -> tuple[str, str]:
    db = Database(url, encryption=lambda: Encryption(SECRET))
    async with db.write() as session:
        made = await clients.create(session, db.encryption, "An attacker", clock())
    await db.close()
    return made


def soak(server: Server, url: str, names: list[str], seconds: float, table: Table) -> None:
    """Measures the normal client alone and beside each attacker, and adds their rows."""
    line = Line(server.port)
    client_id, secret = asyncio.run(_another_client(url))
    bad = _account(line, "attacker", client_id, secret)
    with receiving() as receiver, hanging() as nowhere:
        normal = Normal(server.port, _account(line, "normal", CLIENT_ID, SECRET), SECRET, receiver)
        normal.measure(2, "warming up")
        for name in names:
            progress(f"{name}: alone")
            alone = normal.measure(seconds / 5, f"before {name}")
            progress(name)
            with attacked(name, Target(server.port, bad, secret, nowhere)) as done:
                before, began = done.value, perf_counter()
                beside = normal.measure(seconds, f"beside {name}")
                rate = (done.value - before) / (perf_counter() - began)
            for kind in KINDS:
                mine, theirs = alone.times[kind], beside.times[kind]
                ratio = f"{percentile(theirs, 50) / percentile(mine, 50):.1f} ×" if mine and theirs else "–"
                cells = (_shown(mine), _shown(theirs), ratio)
                table.row(name, kind, *cells, len(theirs), beside.failed if kind == KINDS[0] else "", f"{rate:.1f}")


def _shown(times: list[float]) -> str:
    return f"{percentile(times, 50) * 1000:.1f} / {percentile(times, 99) * 1000:.1f}" if times else "–"


def main() -> None:
    """Prints three rows for each attacker."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "attackers", nargs="*", metavar="ATTACKER", help=f"{', '.join(ATTACKERS)}; default: all of them"
    )
    parser.add_argument("--seconds", type=float, default=600, help="beside each attacker; a fifth of it alone, before")
    parser.add_argument("--database", choices=DATABASES, default="PostgreSQL")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    if unknown := set(options.attackers) - set(ATTACKERS):
        parser.error(f"no attacker is named {', '.join(sorted(unknown))}: there are {', '.join(ATTACKERS)}")
    print(f"{page.machine()} {options.database}, {options.workers} at work.")
    title = (
        f"A normal client: p50 / p99 in milliseconds alone and for {options.seconds:g} seconds beside each attacker, the "
        "ratio of the medians, its requests and how many of them failed, and attacks a second."
    )
    columns = ["attacker", "request", "alone", "beside", "ratio", "requests", "failed", "attacks"]
    table = Table(title, columns, left=2, wide=13)
    with TemporaryDirectory(prefix="openings-soak-") as folder, DATABASES[options.database](Path(folder)) as url:
        server = ours(Path(folder), url, options.workers, OPENINGS_PRIVATE_CALLBACKS="1")
        with running(server):
            soak(server, url, options.attackers or list(ATTACKERS), options.seconds, table)
    progress("")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        progress("")
        sys.exit(130)
