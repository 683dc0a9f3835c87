"""The PostgreSQL driver: its pool of connections, and its cache of rows."""

import asyncio
import os
import random
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from asyncpg.transaction import Transaction
from sqlalchemy.engine import make_url

from core.errors import TimedOut
from db.drivers import postgresql
from db.drivers.base import Row
from db.drivers.hosts import Hosts
from db.drivers.keyed_locks import KeyedLocks
from db.drivers.postgresql import PostgreSQLDriver
from tests.support.waiting import TIMEOUT

PID = "SELECT pg_backend_pid()"
SLEEP = "SELECT pg_sleep(3600)"
ASLEEP = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
COUNT = "SELECT count(*), sum(number) FROM things WHERE number < $1"


@pytest.fixture
def backend() -> str:
    """PostgreSQL only: SQLite has its own driver."""
    return "postgresql"


def make(database_url: str, timeout: float) -> PostgreSQLDriver:
    """A driver with three connections at most, of which one may write."""
    parsed = make_url(database_url)
    given = {"dsn": parsed.set(drivername="postgresql").render_as_string(hide_password=False), "timeout": TIMEOUT}
    return PostgreSQLDriver(Hosts(given), size=3, timeout=timeout, lock_timeout="0", locks=KeyedLocks(1))


@pytest.fixture
async def driver(database_url: str) -> AsyncGenerator[PostgreSQLDriver]:
    """A driver whose callers wait for a connection for as long as it takes."""
    driver = make(database_url, TIMEOUT)
    yield driver
    await driver.close()


@pytest.fixture
async def impatient(database_url: str) -> AsyncGenerator[PostgreSQLDriver]:
    """A driver whose callers wait for a connection for a moment."""
    driver = make(database_url, 0.1)
    yield driver
    await driver.close()


async def end(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


async def pid(driver: PostgreSQLDriver) -> int:
    [(found,)] = await driver.fetch_many(PID)
    return found


async def until_asleep(other: PostgreSQLDriver, count: int) -> None:
    """Waits until PostgreSQL executes SLEEP so many times."""
    async with asyncio.timeout(TIMEOUT):
        while await other.fetch_many(ASLEEP) != [(count,)]:
            await asyncio.sleep(0.005)


async def test_the_most_recently_used_connection_is_used_next(driver: PostgreSQLDriver) -> None:
    """Sequential statements need only one."""
    assert len({await pid(driver) for _ in range(10)}) == 1
    assert driver.in_use == 0


async def test_the_pool_is_bounded_and_serves_all_statements(driver: PostgreSQLDriver) -> None:
    found = await asyncio.gather(*(driver.fetch(f"{PID}, pg_sleep(0.01)") for _ in range(12)))
    assert len({row[0] for [row] in found}) == 3


async def test_an_error_of_the_server_costs_no_connection(driver: PostgreSQLDriver) -> None:
    before = await pid(driver)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await driver.fetch("SELECT 1 / 0")
    assert await pid(driver) == before


async def test_waiting_too_long_for_a_connection_times_out(
    driver: PostgreSQLDriver, impatient: PostgreSQLDriver
) -> None:
    """Some connections are reserved for reads."""
    slow = [asyncio.create_task(impatient.fetch(SLEEP)) for _ in range(2)]
    slow.append(asyncio.create_task(impatient._execute_write(None, SLEEP)))
    await until_asleep(driver, 3)
    with pytest.raises(TimedOut):
        await impatient.fetch_many(PID)
    await end(*slow)
    writing = asyncio.create_task(impatient._execute_write(None, SLEEP))
    await until_asleep(driver, 1)
    with pytest.raises(TimedOut):
        await impatient._execute_write(None, PID)
    assert await pid(impatient)
    await end(writing)
    assert impatient.in_use == 0


async def test_cancelling_a_statement_cancels_it_on_the_server(
    driver: PostgreSQLDriver, impatient: PostgreSQLDriver
) -> None:
    """Before the caller is resumed; the connection is closed, and its place in the pool is free."""
    before = await pid(driver)
    slow = asyncio.create_task(driver.fetch(SLEEP))
    await until_asleep(impatient, 1)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert driver.in_use == 0
    assert await pid(driver) != before
    assert await driver.fetch(ASLEEP) == [(0,)]


async def test_a_lost_connection_is_not_used_again(driver: PostgreSQLDriver) -> None:
    """The statement on it fails; the next one gets another connection."""
    found = await asyncio.gather(*(driver.fetch(f"{PID}, pg_sleep(0.05)") for _ in range(2)))
    both = {row[0] for [row] in found}
    assert len(both) == 2
    last = await pid(driver)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await driver.fetch("SELECT pg_terminate_backend(pg_backend_pid())")
    assert {await pid(driver)} == both - {last}
    assert driver.in_use == 0


async def test_a_connection_idle_for_too_long_is_replaced(
    driver: PostgreSQLDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await pid(driver)
    monkeypatch.setattr(postgresql, "_IDLE", 0)
    assert await pid(driver) != before


async def test_closing_ends_running_statements(driver: PostgreSQLDriver, impatient: PostgreSQLDriver) -> None:
    """No caller waits, and no connection returns to the pool."""
    slow = asyncio.create_task(driver.fetch(SLEEP))
    await until_asleep(impatient, 1)
    await driver.close()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await slow
    assert driver.in_use == 0
    assert driver._idle == []


@pytest.fixture
async def writers(database_url: str) -> AsyncGenerator[list[asyncpg.Connection]]:
    """Connections of other processes, and a table that they write to."""
    writers = [await asyncpg.connect(database_url) for _ in range(4)]
    await writers[0].execute("CREATE TABLE things (number bigint)")
    yield writers
    for writer in writers:
        await writer.close()


@contextmanager
def sent(driver: PostgreSQLDriver) -> Generator[list[str]]:
    """Records the statements that the block sends to PostgreSQL."""
    statements: list[str] = []
    send = driver.fetch_many

    async def much(statement: str, *values: Any) -> list[Row]:
        statements.append(statement)
        return await send(statement, *values)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(driver, "fetch_many", much)
        yield statements


async def test_cached_rows_are_not_fetched_again(driver: PostgreSQLDriver, writers: list[asyncpg.Connection]) -> None:
    """Only the snapshot is checked; after a write by another client the statement is sent."""
    assert await driver.fetch(COUNT, 10) == [(0, None)]
    with sent(driver) as statements:
        for _ in range(5):
            assert await driver.fetch(COUNT, 10) == [(0, None)]
        assert len(statements) == 5
        assert not any("things" in statement for statement in statements)
        await writers[0].execute("INSERT INTO things VALUES (1)")
        statements.clear()
        assert await driver.fetch(COUNT, 10) == [(1, 1)]
        assert await driver.fetch(COUNT, 1) == [(0, None)]
        assert ["things" in statement for statement in statements] == [False, True, True]


async def test_concurrent_statements_share_a_check(driver: PostgreSQLDriver, writers: list[asyncpg.Connection]) -> None:
    """One checks the snapshot, then one more check serves all others."""
    for number in range(20):
        await driver.fetch(COUNT, number)
    with sent(driver) as statements:
        await asyncio.gather(*(driver.fetch(COUNT, number) for number in range(20)))
        assert len(statements) == 2
        await writers[0].execute("INSERT INTO things VALUES (1)")
        found = await asyncio.gather(*(driver.fetch(COUNT, number) for number in range(20)))
    assert [rows[0][0] for rows in found] == [0, 0] + [1] * 18


async def test_statements_of_one_request_share_a_check(
    driver: PostgreSQLDriver, writers: list[asyncpg.Connection]
) -> None:
    """They are answered as of the first one, and those of the next request as of later."""
    for number in (10, 20):
        await driver.fetch(COUNT, number)
    request = driver.for_request()
    with sent(driver) as statements:
        assert [await request.fetch(COUNT, number) for number in (10, 20)] == [[(0, None)]] * 2
        assert len(statements) == 1
        await writers[0].execute("INSERT INTO things VALUES (1)")
        assert await request.fetch(COUNT, 20) == [(0, None)]
        assert len(statements) == 1
    assert await driver.for_request().fetch(COUNT, 20) == [(1, 1)]
    # Those of the new state are in the cache now, and what the first request saw is not.
    assert await request.fetch(COUNT, 20) == [(1, 1)]


async def test_what_a_request_read_first_counts_as_seen(
    driver: PostgreSQLDriver, writers: list[asyncpg.Connection]
) -> None:
    await driver.fetch(COUNT, 10)
    request = driver.for_request()
    with sent(driver) as statements:
        assert await request.fetch(COUNT, 20) == [(0, None)]
        assert await request.fetch(COUNT, 10) == [(0, None)]
        assert ["things" in statement for statement in statements] == [True]


async def test_a_request_sees_its_own_writes(driver: PostgreSQLDriver, writers: list[asyncpg.Connection]) -> None:
    """Even if rows from before are cached after the write, by a reader that began earlier."""
    request = driver.for_request()
    before = await request.fetch(COUNT, 10)
    assert before == [(0, None)]
    state = driver._cache._state
    await driver._execute_write(None, "INSERT INTO things VALUES (1) RETURNING number")
    driver._cache.put(state, (COUNT, (10,)), before)
    assert await request.fetch(COUNT, 10) == [(1, 1)]


async def test_a_statement_sees_everything_committed_before(
    driver: PostgreSQLDriver, writers: list[asyncpg.Connection]
) -> None:
    """In any order of begins, writes and ends of transactions, with savepoints and rollbacks."""
    chance = random.Random(int(os.environ["OPENINGS_SEED"]))
    known = 0
    at_work: dict[asyncpg.Connection, Transaction] = {}
    for step in range(600):
        writer = chance.choice(writers)
        whose = writers.index(writer)  # each has its own rows, so that none waits for another
        match chance.choice(["begin", "write", "savepoint", "end", "end", "look", "look"]):
            case "begin" if writer not in at_work:
                at_work[writer] = writer.transaction()
                await at_work[writer].start()
            case "write":
                await writer.execute("INSERT INTO things VALUES ($1)", 4 * step + whose)
            case "savepoint" if writer in at_work:
                inner = writer.transaction()
                await inner.start()
                await writer.execute("DELETE FROM things WHERE number % 4 = $1", whose)
                await (inner.commit() if chance.random() < 0.5 else inner.rollback())
            case "end" if writer in at_work:
                ending = at_work.pop(writer)
                await (ending.commit() if chance.random() < 0.7 else ending.rollback())
            case _:
                pass
        with sent(driver) as statements:
            below = chance.choice([400, 1200, 4000])
            found = await driver.fetch(COUNT, below)
        known += not any("things" in statement for statement in statements)
        assert found == await driver.fetch_many(COUNT, below), step
    assert known > 30


async def test_nothing_is_cached_from_a_standby(
    driver: PostgreSQLDriver, writers: list[asyncpg.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its snapshot does not list the transactions that it has not replayed."""
    monkeypatch.setattr(driver, "_state_sql", postgresql._STATE.replace("pg_is_in_recovery()", "true"))
    for _ in range(3):
        assert await driver.fetch(COUNT, 10) == [(0, None)]
        assert len(driver._cache) == 0


async def test_a_new_connection_clears_the_cache(driver: PostgreSQLDriver) -> None:
    """A server that was failed over may have lost its last transactions, and reuse their numbers."""
    await driver.fetch("SELECT 1")
    assert len(driver._cache) > 0
    assert driver._idle
    while driver._idle:
        await driver._close(driver._idle.pop()[0])
    await pid(driver)
    assert len(driver._cache) == 0


async def test_under_constant_writes_the_snapshot_is_not_checked(
    driver: PostgreSQLDriver, writers: list[asyncpg.Connection]
) -> None:
    """Otherwise each statement would cost two, in vain."""
    with sent(driver) as statements:
        for number in range(100):
            await writers[0].execute("INSERT INTO things VALUES ($1)", number)
            assert await driver.fetch(COUNT, 1000) == [(number + 1, number * (number + 1) // 2)]
        assert 100 <= len(statements) <= 111
        statements.clear()
        for _ in range(30):
            await driver.fetch(COUNT, 1000)
        assert len([statement for statement in statements if "things" in statement]) <= 16
