"""What breaks, while two servers use a cluster; and what their clients notice of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from time import monotonic
from typing import TypeAlias

import asyncpg

from db import clients
from db.migrate import migrate
from server.app import clock
from tests.support.api import CLIENT_ID, CLIENT_SECRET, KEY, Account, open_database
from tests.support.postgresql_cluster import Cluster, Node, running_cluster
from tests.support.server_process import ServerProcess, create_accounts, start_server
from tests.support.waiting import until

from .bookings import Attempts, Booker
from .clients import Client, Person, Reader, Writer

STORED = """
SELECT summary FROM events JOIN calendars ON calendars.key = calendar_key WHERE calendar_id = $1 AND event_id = 'e'
"""


@dataclass
class Trial:
    """A cluster and its clients, and how long each state of a fault lasts."""

    cluster: Cluster
    #: seconds for which something is broken
    seconds: float

    async def pause(self) -> None:
        await asyncio.sleep(self.seconds)


Fault: TypeAlias = Callable[[Trial], Awaitable[Node]]
"""Breaks something and, if nobody else would, repairs it. Returns the primary that there is then."""


async def primary_killed(trial: Trial) -> Node:
    """The primary crashes, and the standby is promoted."""
    cluster = trial.cluster
    await cluster.primary.stop("immediate")
    await trial.pause()
    await cluster.standby.promote()
    return cluster.standby


async def primary_silent(trial: Trial) -> Node:
    """The primary's host says nothing any more, and the standby is promoted."""
    cluster = trial.cluster
    cluster.primary.line.fall_silent()
    await trial.pause()
    # Without its line to the standby it can confirm no commit, as in a cluster that is set up to lose none.
    await cluster.standby.promote()
    return cluster.standby


async def primary_silent_for_a_while(trial: Trial) -> Node:
    """The primary's host says nothing for a while."""
    cluster = trial.cluster
    cluster.primary.line.fall_silent()
    await trial.pause()
    cluster.primary.line.is_silent = False
    return cluster.primary


async def line_cut(trial: Trial) -> Node:
    """All connections are cut without a word."""
    trial.cluster.primary.line.cut()
    return trial.cluster.primary


async def connections_reset(trial: Trial) -> Node:
    """All connections are reset, five times."""
    for _ in range(5):
        trial.cluster.primary.line.reset()
        await asyncio.sleep(trial.seconds / 5)
    return trial.cluster.primary


async def standby_away(trial: Trial) -> Node:
    """The synchronous standby is away, so that no commit is confirmed, and comes back."""
    cluster = trial.cluster
    await cluster.standby.stop()
    await trial.pause()
    await cluster.standby.start()
    return cluster.primary


async def standby_away_for_long(trial: Trial) -> Node:
    """The same for 40 seconds, which is longer than requests may take."""
    await trial.cluster.standby.stop()
    for _ in range(10):
        await trial.pause()
    await trial.cluster.standby.start()
    return trial.cluster.primary


async def only_standbys(trial: Trial) -> Node:
    """All hosts are standbys for a while."""
    cluster = trial.cluster
    await cluster.primary.stop()
    await cluster.primary.start(as_standby=True)
    await trial.pause()
    await cluster.primary.promote()
    return cluster.primary


async def primary_restarted(trial: Trial) -> Node:
    """The primary is restarted."""
    cluster = trial.cluster
    await cluster.primary.stop()
    await trial.pause()
    await cluster.primary.start()
    return cluster.primary


async def slow_line(trial: Trial) -> Node:
    """Everything takes a quarter of a second on its way to the primary, and again on its way back."""
    line = trial.cluster.primary.line
    line.delay = 0.25
    await trial.pause()
    line.delay = 0
    return trial.cluster.primary


FAULTS: Sequence[Fault] = (
    primary_killed,
    primary_silent,
    primary_silent_for_a_while,
    line_cut,
    connections_reset,
    standby_away,
    standby_away_for_long,
    only_standbys,
    primary_restarted,
    slow_line,
)


@dataclass
class Noticed:
    """What clients noticed of a fault."""

    fault: str
    #: the longest time without a success, of the worst reader and of the worst writer
    readers: float
    writers: float
    #: from the end of the fault until every client had a success
    recovered: float
    longest_request: float
    errors: Counter[str]
    problems: list[str]


class Load:
    """Clients of two servers, and how they get on."""

    def __init__(
        self, servers: Sequence[ServerProcess], people: Sequence[Person], booked: Sequence[Account], pause: float
    ) -> None:
        """Half of the people are written by each server; at each are as many readers, and one client that books others."""
        self._people = people
        self._attempts = Attempts(booked)
        self._pause = pause
        self._servers = servers
        self.clients: list[Client] = []

    async def notice(self, trial: Trial, fault: Fault) -> Noticed:
        """Runs clients before a fault, during it and until all of them have recovered."""
        servers = cycle(self._servers)
        writers = [Writer(server, self._pause, each) for server, each in zip(servers, self._people, strict=False)]
        readers = [Reader(client.server, self._pause, self._people) for client in writers]
        bookers = [Booker(server, self._pause, self._attempts) for server in self._servers]
        self.clients = [*writers, *readers, *bookers]
        await asyncio.gather(*(writer.send() for writer in writers))
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(client.run()) for client in self.clients]
            await self._until_all_succeed(monotonic())
            began = monotonic()
            primary = await fault(trial)
            ended = monotonic()
            problems = await self._problems_of_recovery()
            recovered = monotonic()
            for task in running:
                task.cancel()
        for client in self.clients:
            client.give_up()
        problems += [problem for client in self.clients for problem in client.problems]
        return Noticed(
            (fault.__doc__ or "").rstrip("."),
            max(client.longest_without(began, recovered) for client in readers),
            max(client.longest_without(began, recovered) for client in (*writers, *bookers)),
            recovered - ended,
            max(client.longest for client in self.clients),
            sum((client.errors for client in self.clients), Counter[str]()),
            [*problems, *await self._not_kept(primary)],
        )

    async def _problems_of_recovery(self) -> list[str]:
        """Waits until every client has had a success that it has asked for since now."""
        try:
            await self._until_all_succeed(monotonic())
        except TimeoutError:
            return ["a client has not recovered"]
        return []

    async def _until_all_succeed(self, since: float) -> None:
        await until(lambda: all(client.asked > since for client in self.clients))

    async def _not_kept(self, primary: Node) -> list[str]:
        """Describes what is stored and should not be, or the other way round."""
        connection = await asyncpg.connect(primary.url)
        try:
            problems: list[str] = []
            for person in self._people:
                [found] = await connection.fetch(STORED, person.account.calendar_id)
                possible = person.possible(monotonic(), monotonic())
                if int(found["summary"]) not in possible:
                    problems.append(f"{found['summary']} is stored, which is none of {sorted(possible)}")
            return problems + await self._attempts.problems(connection)
        finally:
            await connection.close()


@asynccontextmanager
async def under_load(
    folder: Path, *, writers: int, pause: float, seconds: float, **environment: str
) -> AsyncGenerator[tuple[Trial, Load]]:
    """Runs a cluster with two servers, one of which has the primary as the first of its hosts, the other as the last.

    `writers` are those of both servers, `pause` is between two requests of a client, `seconds` is how long a fault lasts.
    """
    async with running_cluster() as cluster:
        url = cluster.url(cluster.primary, cluster.standby)
        db = open_database(url)
        await migrate(db)
        async with db.write() as session:
            await clients.ensure(session, db.encryption, CLIENT_ID, CLIENT_SECRET, clock(), name="Tests")
        await db.close()
        *written, first, second = await create_accounts(url, writers + 2)
        people = [Person(account) for account in written]
        servers = [
            start_server(folder, at, OPENINGS_KEY=KEY, **environment)
            for at in (url, cluster.url(cluster.standby, cluster.primary))
        ]
        try:
            await asyncio.gather(*(server.wait_until_ready() for server in servers))
            yield Trial(cluster, seconds), Load(servers, people, (first, second), pause)
        finally:
            for server in servers:
                await server.http.aclose()
                server.kill()
