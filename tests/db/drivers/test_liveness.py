"""Connections on which no answer can come any more are ended, and those whose statement takes its time are not.

No request here has a deadline, and none waits less than an hour for a lock.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, cast

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.database import Database
from db.drivers import hosts, liveness
from db.drivers.liveness import Connection
from db.notifications.listener import _connection
from tests.conftest import NOW
from tests.faults.writers import EVENTS, UPSERT_EVENT, batch, one_event
from tests.support.api import Api
from tests.support.graphql_queries import UPSERT_EVENTS
from tests.support.pgbouncer import pgbouncer
from tests.support.postgresql_proxy import Proxy, proxy, several_hosts
from tests.support.waiting import TIMEOUT, until

HOUR = 3600
WAIT = "SELECT pg_advisory_xact_lock(1)"


@pytest.fixture(params=["postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """PostgreSQL only: nothing is between us and a file."""
    return request.param


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers are asked soon."""
    monkeypatch.setattr(liveness, "SILENCE", 0.2)
    monkeypatch.setattr(liveness, "_INTERVAL", 0.05)
    monkeypatch.setattr(hosts, "HOST_TIMEOUT", 0.5)


@pytest.fixture
async def line(database_url: str) -> AsyncGenerator[Proxy]:
    """The line to the database."""
    async with proxy(database_url) as made:
        yield made


@pytest.fixture
async def other_line(database_url: str) -> AsyncGenerator[Proxy]:
    """The line to another host, which has the same database: as if the standby had been promoted."""
    async with proxy(database_url) as made:
        yield made


@pytest.fixture
async def through(database_url: str, line: Proxy) -> AsyncGenerator[Database]:
    """The database at the end of the line."""
    database = Database(several_hosts(database_url, line.port), lock_timeout=HOUR)
    yield database
    await database.close()


def opened(db: Database) -> list[Connection]:
    """All open connections."""
    return [each for each in db.hosts._watchdog._connections if not each.is_closed()]


@pytest.mark.parametrize("silent", [False, True], ids=["cut", "silent"])
@pytest.mark.parametrize("first", [True, False])
async def test_requests_go_on_after_a_cut(
    database_url: str, line: Proxy, other_line: Proxy, silent: bool, first: bool
) -> None:
    """Readers and writers, by the driver and by the pool: each has its answer without an error.

    The line is cut while nobody uses it; then the host is reached again, or says nothing, and there is another.
    """
    ports = (line.port, other_line.port) if first else (other_line.port, line.port)
    async with Api.open(several_hosts(database_url, *ports), NOW, lock_timeout=HOUR) as api:
        if not first:
            api.db.hosts._put_last(("127.0.0.1", other_line.port))
        person = await api.application_calendar("person")
        requests: list[tuple[str, dict[str, Any]]] = [
            (EVENTS, {}),
            (UPSERT_EVENT, {"input": one_event(person, "x")}),
            (UPSERT_EVENTS, {"input": batch(person, "x")}),
        ]

        async def all_at_once() -> None:
            async with asyncio.timeout(TIMEOUT):
                await asyncio.gather(*(api.data(query, person.token, **given) for query, given in 2 * requests))

        await all_at_once()
        assert other_line.trips == 0
        if silent:
            line.fall_silent()
        else:
            line.cut()
        await all_at_once()
        assert (other_line.trips > 0) is silent
        assert api.db.connections_in_use == 0


async def assert_may_wait(database_url: str, waiting: Callable[[], Coroutine[Any, Any, object]], db: Database) -> None:
    """Checks that a statement that waits for a lock is left alone: the server was asked about it twice."""
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute(WAIT)
        task = asyncio.create_task(waiting())
        await until(lambda: any(each.due_since for each in opened(db)))
        [connection] = [each for each in opened(db) if each.due_since]
        for _ in range(2):
            before = connection.checked_at
            await until(lambda before=before: connection.checked_at > before)
        assert not task.done()
    await task
    await holder.close()


@pytest.mark.parametrize("way", ["driver", "pool"])
async def test_a_statement_may_wait_for_a_lock(database_url: str, through: Database, way: str) -> None:
    """However long it does: the server says that it waits."""

    async def by_driver() -> None:
        await through.driver.fetch_many(f"{WAIT}::text")

    async def by_pool() -> None:
        async with through.write() as session:
            await (await session.connection()).execute(text(WAIT))

    await assert_may_wait(database_url, by_driver if way == "driver" else by_pool, through)


@pytest.mark.parametrize("size", [10, 1])
async def test_behind_a_pooler_a_statement_may_wait_for_a_lock(
    database_url: str, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process ids are not those of the server, which knows of no such connection; or nothing is left for the probe."""
    monkeypatch.setattr(liveness, "PROBE_TIMEOUT", 0.5)
    with pgbouncer(database_url, "session", more=f"default_pool_size = {size}") as url:
        db = Database(url)
        await assert_may_wait(database_url, lambda: db.driver.fetch_many(f"{WAIT}::text"), db)
        await db.close()


async def lock_and_ask(db: Database, between: Callable[[], Awaitable[None]]) -> None:
    """A transaction that takes a lock and has another statement after something has happened."""
    async with db.write() as session:
        await (await session.connection()).execute(text(WAIT))
        await between()
        await (await session.connection()).execute(text("SELECT 1"))


async def test_a_transaction_that_is_cut_off_holds_no_locks(through: Database, line: Proxy) -> None:
    """The server has not noticed, and would hold them for hours."""

    async def cut() -> None:
        line.cut()

    async def nothing() -> None: ...

    with pytest.raises(DBAPIError) as failed:
        await lock_and_ask(through, cut)
    assert failed.value.connection_invalidated
    async with asyncio.timeout(TIMEOUT):
        await lock_and_ask(through, nothing)


async def test_locks_of_a_worker_that_is_gone_are_released(
    database_url: str, through: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host has lost its power in the middle of a transaction: nobody sends another statement, or closes the connection."""
    monkeypatch.setattr("db.database.IDLE_TIMEOUT", 0.1)

    async def lock() -> None:
        other = await asyncpg.connect(database_url)
        async with asyncio.timeout(TIMEOUT):
            await other.execute(WAIT)
        await other.close()

    with pytest.raises(DBAPIError):
        await lock_and_ask(through, lock)


async def test_one_that_is_lost_casts_doubt_on_the_idle_ones(through: Database, line: Proxy) -> None:
    """Of the pool and of the listener, before anybody uses them."""
    async with through.read() as session:
        await session.connection()
    async with _connection(through.hosts, through.subscribers):
        await through.driver.fetch_many("SELECT 1")
        before = opened(through)
        assert len(before) == 3
        line.cut()
        with pytest.raises(asyncpg.PostgresConnectionError):
            await through.driver.fetch_many("SELECT 1")
        assert all(connection.is_closed() for connection in before)


async def test_a_connection_closed_while_it_was_idle_is_replaced(through: Database, line: Proxy) -> None:
    """Without an error: nothing was sent on it."""
    async with through.read() as session:
        before = await session.scalar(text("SELECT pg_backend_pid()"))
    line.reset()
    await until(lambda: not opened(through))
    async with through.read() as session:
        assert await session.scalar(text("SELECT pg_backend_pid()")) != before


async def test_the_kernel_looks_for_dead_connections(through: Database) -> None:
    """Those of the pool, the driver and the listener."""
    async with through.read() as session, _connection(through.hosts, through.subscribers):
        await session.connection()
        await through.driver.fetch_many("SELECT 1")
        for connection in opened(through):
            connected = cast("socket.socket", connection._transport.get_extra_info("socket"))
            assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            for name, value in liveness._KEEPALIVE.items():
                if hasattr(socket, name):
                    assert connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
        assert len(opened(through)) == 3
