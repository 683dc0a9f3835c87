"""Single statements to PostgreSQL, on connections that are lent and taken back without much ado."""

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

from db.drivers import postgresql
from db.drivers.base import Row
from db.drivers.postgresql import PostgreSQLDriver

PID = "SELECT pg_backend_pid()"
COUNT = "SELECT count(*), sum(number) FROM things WHERE number < $1"


@pytest.fixture
def backend() -> str:
    """PostgreSQL only: SQLite has a way of its own."""
    return "postgresql"


@pytest.fixture
async def asks(database_url: str) -> AsyncGenerator[PostgreSQLDriver]:
    """Three connections at most, of which one may write."""
    parsed = make_url(database_url)
    given = {"dsn": parsed.set(drivername="postgresql").render_as_string(hide_password=False), "timeout": 5}
    asks = PostgreSQLDriver(given, size=3, timeout=0.3)
    yield asks
    await asks.close()


async def pid(asks: PostgreSQLDriver) -> int:
    [(found,)] = await asks.fetch_many(PID)
    return found


async def until_in_use(asks: PostgreSQLDriver, count: int) -> None:
    async with asyncio.timeout(5):
        while asks.in_use != count:
            await asyncio.sleep(0.005)


async def test_the_connection_that_was_used_last_is_used_next(asks: PostgreSQLDriver) -> None:
    """One is enough for whoever asks one thing after the other."""
    assert len({await pid(asks) for _ in range(10)}) == 1
    assert asks.in_use == 0


async def test_there_are_only_so_many_and_all_come_to_their_turn(asks: PostgreSQLDriver) -> None:
    found = await asyncio.gather(*(asks.fetch(f"{PID}, pg_sleep(0.01)") for _ in range(12)))
    assert len({row[0] for [row] in found}) == 3


async def test_what_the_server_refuses_costs_no_connection(asks: PostgreSQLDriver) -> None:
    before = await pid(asks)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await asks.fetch("SELECT 1 / 0")
    assert await pid(asks) == before


async def test_who_waits_too_long_for_a_place_is_told(asks: PostgreSQLDriver) -> None:
    """Readers have places that writers cannot take."""
    slow = [asyncio.create_task(asks.fetch("SELECT pg_sleep(1)")) for _ in range(2)]
    slow.append(asyncio.create_task(asks._execute_write("SELECT pg_sleep(1)")))
    await until_in_use(asks, 3)
    with pytest.raises(TimeoutError):
        await asks.fetch_many(PID)
    await asyncio.gather(*slow)
    writing = asyncio.create_task(asks._execute_write("SELECT pg_sleep(1)"))
    await until_in_use(asks, 1)
    with pytest.raises(TimeoutError):
        await asks._execute_write(PID)
    assert await pid(asks)
    await writing
    assert asks.in_use == 0


async def test_who_is_cancelled_has_the_statement_called_off(asks: PostgreSQLDriver) -> None:
    """At the server as well, before anybody is told; the connection is gone, and its place is free."""
    before = await pid(asks)
    slow = asyncio.create_task(asks.fetch("SELECT pg_sleep(30)"))
    await until_in_use(asks, 1)
    await asyncio.sleep(0.05)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert asks.in_use == 0
    assert await pid(asks) != before
    [(sleeping,)] = await asks.fetch("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'")
    assert sleeping == 0


async def test_a_connection_that_is_gone_is_not_lent_again(asks: PostgreSQLDriver) -> None:
    """Whoever had it is told; the next one has another."""
    found = await asyncio.gather(*(asks.fetch(f"{PID}, pg_sleep(0.05)") for _ in range(2)))
    both = {row[0] for [row] in found}
    assert len(both) == 2
    last = await pid(asks)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await asks.fetch("SELECT pg_terminate_backend(pg_backend_pid())")
    assert {await pid(asks)} == both - {last}
    assert asks.in_use == 0


async def test_one_that_lay_idle_for_long_is_replaced(asks: PostgreSQLDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await pid(asks)
    monkeypatch.setattr(postgresql, "_IDLE", 0)
    assert await pid(asks) != before


async def test_closing_ends_what_is_at_work(asks: PostgreSQLDriver) -> None:
    """Nobody is left waiting, and nothing comes back to the idle ones."""
    slow = asyncio.create_task(asks.fetch("SELECT pg_sleep(30)"))
    await until_in_use(asks, 1)
    await asyncio.sleep(0.05)
    await asks.close()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await slow
    assert asks.in_use == 0
    assert asks._idle == []


@pytest.fixture
async def writers(database_url: str) -> AsyncGenerator[list[asyncpg.Connection]]:
    """Connections of other processes, and a table for them to write to."""
    writers = [await asyncpg.connect(database_url) for _ in range(4)]
    await writers[0].execute("CREATE TABLE things (number bigint)")
    yield writers
    for writer in writers:
        await writer.close()


@contextmanager
def sent(asks: PostgreSQLDriver) -> Generator[list[str]]:
    """The statements that PostgreSQL is sent meanwhile."""
    statements: list[str] = []
    send = asks.fetch_many

    async def much(statement: str, *values: Any) -> list[Row]:
        statements.append(statement)
        return await send(statement, *values)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(asks, "fetch_many", much)
        yield statements


async def test_what_is_known_is_not_asked_for_again(asks: PostgreSQLDriver, writers: list[asyncpg.Connection]) -> None:
    """Only whether anybody has written; and as soon as somebody has, the statement is sent."""
    assert await asks.fetch(COUNT, 10) == [(0, None)]
    with sent(asks) as statements:
        for _ in range(5):
            assert await asks.fetch(COUNT, 10) == [(0, None)]
        assert len(statements) == 5
        assert not any("things" in statement for statement in statements)
        await writers[0].execute("INSERT INTO things VALUES (1)")
        statements.clear()
        assert await asks.fetch(COUNT, 10) == [(1, 1)]
        assert await asks.fetch(COUNT, 1) == [(0, None)]
        assert ["things" in statement for statement in statements] == [False, True, True]


async def test_many_who_ask_at_once_ask_together(asks: PostgreSQLDriver, writers: list[asyncpg.Connection]) -> None:
    """One asks whether anybody has written, and then one for all of the others."""
    for number in range(20):
        await asks.fetch(COUNT, number)
    with sent(asks) as statements:
        await asyncio.gather(*(asks.fetch(COUNT, number) for number in range(20)))
        assert len(statements) == 2
        await writers[0].execute("INSERT INTO things VALUES (1)")
        found = await asyncio.gather(*(asks.fetch(COUNT, number) for number in range(20)))
    assert [rows[0][0] for rows in found] == [0, 0] + [1] * 18


async def test_whoever_asks_sees_what_was_committed_before(
    asks: PostgreSQLDriver, writers: list[asyncpg.Connection]
) -> None:
    """In whichever order transactions begin, write and end: with their savepoints, and with those that are undone."""
    chance = random.Random(int(os.environ["OPENINGS_SEED"]))
    known = 0
    at_work: dict[asyncpg.Connection, Transaction] = {}
    for step in range(600):
        writer = chance.choice(writers)
        whose = writers.index(writer)  # each has rows of its own, or else one would wait for the other
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
        with sent(asks) as statements:
            below = chance.choice([400, 1200, 4000])
            found = await asks.fetch(COUNT, below)
        known += not any("things" in statement for statement in statements)
        assert found == await asks.fetch_many(COUNT, below), step
    assert known > 30


async def test_what_a_standby_says_is_not_known_later(
    asks: PostgreSQLDriver, writers: list[asyncpg.Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not name the transactions that it does not see yet."""
    monkeypatch.setattr(postgresql, "_STATE", postgresql._STATE.replace("pg_is_in_recovery()", "true"))
    postgresql._with_state.cache_clear()
    for _ in range(3):
        assert await asks.fetch(COUNT, 10) == [(0, None)]
        assert len(asks._cache) == 0
    postgresql._with_state.cache_clear()


async def test_a_new_connection_may_be_to_a_server_that_has_lost_something(asks: PostgreSQLDriver) -> None:
    """With its last transactions it loses their numbers, and gives them to others."""
    await asks.fetch("SELECT 1")
    assert len(asks._cache) > 0
    assert asks._idle
    while asks._idle:
        await asks._close(asks._idle.pop()[0])
    await pid(asks)
    assert len(asks._cache) == 0


async def test_where_others_write_all_the_time_their_writing_is_not_asked_about(
    asks: PostgreSQLDriver, writers: list[asyncpg.Connection]
) -> None:
    """Or else each statement would cost two, for nothing."""
    with sent(asks) as statements:
        for number in range(100):
            await writers[0].execute("INSERT INTO things VALUES ($1)", number)
            assert await asks.fetch(COUNT, 1000) == [(number + 1, number * (number + 1) // 2)]
        assert 100 <= len(statements) <= 111
        statements.clear()
        for _ in range(30):
            await asks.fetch(COUNT, 1000)
        assert len([statement for statement in statements if "things" in statement]) <= 16
