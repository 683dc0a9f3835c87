"""Single statements to PostgreSQL, on connections that are lent and taken back without much ado."""

import asyncio
from collections.abc import AsyncGenerator

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from db import direct_postgresql
from db.direct_postgresql import DirectPostgreSQL

PID = "SELECT pg_backend_pid()"


@pytest.fixture
def backend() -> str:
    """PostgreSQL only: SQLite has a way of its own."""
    return "postgresql"


@pytest.fixture
async def asks(database_url: str) -> AsyncGenerator[DirectPostgreSQL]:
    """Three connections at most, of which one may write."""
    parsed = make_url(database_url)
    given = {"dsn": parsed.set(drivername="postgresql").render_as_string(hide_password=False), "timeout": 5}
    asks = DirectPostgreSQL(given, size=3, patience=0.3)
    yield asks
    await asks.close()


async def pid(asks: DirectPostgreSQL) -> int:
    [(found,)] = await asks.rows(PID)
    return found


async def until_in_use(asks: DirectPostgreSQL, count: int) -> None:
    async with asyncio.timeout(5):
        while asks.in_use != count:
            await asyncio.sleep(0.005)


async def test_the_connection_that_was_used_last_is_used_next(asks: DirectPostgreSQL) -> None:
    """One is enough for whoever asks one thing after the other."""
    assert len({await pid(asks) for _ in range(10)}) == 1
    assert asks.in_use == 0


async def test_there_are_only_so_many_and_all_come_to_their_turn(asks: DirectPostgreSQL) -> None:
    found = await asyncio.gather(*(asks.rows(f"{PID}, pg_sleep(0.01)") for _ in range(12)))
    assert len({row[0] for [row] in found}) == 3


async def test_what_the_server_refuses_costs_no_connection(asks: DirectPostgreSQL) -> None:
    before = await pid(asks)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await asks.rows("SELECT 1 / 0")
    assert await pid(asks) == before


async def test_who_waits_too_long_for_a_place_is_told(asks: DirectPostgreSQL) -> None:
    """Readers have places that writers cannot take."""
    slow = [asyncio.create_task(asks.rows("SELECT pg_sleep(1)")) for _ in range(2)]
    slow.append(asyncio.create_task(asks.written("SELECT pg_sleep(1)")))
    await until_in_use(asks, 3)
    with pytest.raises(TimeoutError):
        await asks.rows(PID)
    await asyncio.gather(*slow)
    writing = asyncio.create_task(asks.written("SELECT pg_sleep(1)"))
    await until_in_use(asks, 1)
    with pytest.raises(TimeoutError):
        await asks.written(PID)
    assert await pid(asks)
    await writing
    assert asks.in_use == 0


async def test_who_is_cancelled_has_the_statement_called_off(asks: DirectPostgreSQL) -> None:
    """At the server as well, before anybody is told; the connection is gone, and its place is free."""
    before = await pid(asks)
    slow = asyncio.create_task(asks.rows("SELECT pg_sleep(30)"))
    await until_in_use(asks, 1)
    await asyncio.sleep(0.05)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    assert asks.in_use == 0
    assert await pid(asks) != before
    [(sleeping,)] = await asks.rows("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'")
    assert sleeping == 0


async def test_a_connection_that_is_gone_is_not_lent_again(asks: DirectPostgreSQL) -> None:
    """Whoever had it is told; the next one has another."""
    found = await asyncio.gather(*(asks.rows(f"{PID}, pg_sleep(0.05)") for _ in range(2)))
    both = {row[0] for [row] in found}
    assert len(both) == 2
    last = await pid(asks)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await asks.rows("SELECT pg_terminate_backend(pg_backend_pid())")
    assert {await pid(asks)} == both - {last}
    assert asks.in_use == 0


async def test_one_that_lay_idle_for_long_is_replaced(asks: DirectPostgreSQL, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await pid(asks)
    monkeypatch.setattr(direct_postgresql, "_IDLE", 0)
    assert await pid(asks) != before


async def test_closing_ends_what_is_at_work(asks: DirectPostgreSQL) -> None:
    """Nobody is left waiting, and nothing comes back to the idle ones."""
    slow = asyncio.create_task(asks.rows("SELECT pg_sleep(30)"))
    await until_in_use(asks, 1)
    await asyncio.sleep(0.05)
    await asks.close()
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await slow
    assert asks.in_use == 0
    assert asks._idle == []
