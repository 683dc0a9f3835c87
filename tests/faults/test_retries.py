"""Transactions that PostgreSQL aborts, and connections that it closes: a bounded number of retries."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.database import Database, Session
from db.retries import ATTEMPTS, is_lost_race, retry_transaction
from tests.support.api import Api
from tests.support.databases import execute_sql
from tests.support.graphql_queries import UPSERT_EVENTS
from tests.support.waiting import TIMEOUT

from .writers import EVENTS, UPSERT_EVENT, an_event, one_event, version


@pytest.fixture
def backend() -> str:
    """PostgreSQL only: on SQLite writes are sequential, and there is no connection to lose."""
    return "postgresql"


@pytest.fixture
async def scratch(db: Database) -> Database:
    """A database with two rows that transactions compete for."""
    async with db.writer.begin() as connection:
        await connection.execute(text("CREATE TABLE scratch (key INTEGER PRIMARY KEY, value INTEGER)"))
        await connection.execute(text("INSERT INTO scratch VALUES (1, 0), (2, 0)"))
    return db


async def raise_value(session: Session, key: int) -> None:
    connection = await session.connection()
    await connection.execute(text(f"UPDATE scratch SET value = value + 1 WHERE key = {key}"))


async def values(db: Database) -> list[int]:
    async with db.reader.connect() as connection:
        return list(await connection.scalars(text("SELECT value FROM scratch ORDER BY key")))


async def test_a_deadlock_is_retried(scratch: Database) -> None:
    """PostgreSQL aborts one of two transactions that block each other; its retry succeeds."""
    attempts = 0
    both_hold_one = asyncio.Barrier(2)

    @retry_transaction
    async def both(first: int, second: int) -> None:
        nonlocal attempts
        attempts += 1
        async with scratch.write() as session:
            await raise_value(session, first)
            if attempts <= 2:
                await both_hold_one.wait()
            await raise_value(session, second)

    await asyncio.gather(both(1, 2), both(2, 1))
    assert attempts == 3
    assert await values(scratch) == [2, 2]


def overtaken(db: Database, times: int) -> tuple[list[int], Callable[[], Awaitable[None]]]:
    """A resolver whose transaction conflicts so many times; and its attempts."""
    attempts: list[int] = []

    @retry_transaction
    async def resolver() -> None:
        attempts.append(len(attempts) + 1)
        async with Session(db.writer) as session, session.begin():
            connection = await session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
            await connection.execute(text("SELECT value FROM scratch"))
            if len(attempts) <= times:
                async with db.write() as other:
                    await raise_value(other, 1)
            await raise_value(session, 1)

    return attempts, resolver


async def test_a_serialization_failure_is_retried(scratch: Database) -> None:
    """Up to the last attempt; failed attempts have left nothing behind."""
    attempts, resolver = overtaken(scratch, ATTEMPTS - 1)
    await resolver()
    assert len(attempts) == ATTEMPTS
    assert await values(scratch) == [ATTEMPTS, 0]


async def test_the_number_of_attempts_is_bounded(scratch: Database) -> None:
    """The last error is raised, and no connection stays in use."""
    attempts, resolver = overtaken(scratch, ATTEMPTS)
    with pytest.raises(DBAPIError) as caught:
        await resolver()
    assert is_lost_race(caught.value)
    assert len(attempts) == ATTEMPTS
    assert await values(scratch) == [ATTEMPTS, 0]
    assert scratch.connections_in_use == 0


async def hang_up_on(api: Api, postgresql: str) -> int:
    """Terminates all connections to the application's database on the server; returns their number."""
    database = api.db.writer.url.database
    count = f"SELECT COUNT(*) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"
    [[connections]] = await api.rows(count)
    end = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'"
    await execute_sql(postgresql, end)
    return connections + 1


async def test_connections_lost_while_idle_are_replaced_unnoticed(api: Api, postgresql: str) -> None:
    """The pools contain only dead connections, and concurrent requests all succeed."""
    people = [await api.application_calendar(f"person {n}") for n in range(20)]

    async def write(n: int) -> None:
        person = people[n]
        if n % 2:  # in a single statement
            await api.data(UPSERT_EVENT, person.token, input=one_event(person, str(n), f"e{n}"))
        else:  # in a session
            given = {"calendarId": person.calendar_id, "events": [an_event(f"e{n}", str(n))]}
            await api.data(UPSERT_EVENTS, person.token, input=given)

    for round in range(2):
        await asyncio.gather(*(write(n) for n in range(20)))
        assert await hang_up_on(api, postgresql) >= 8
        async with asyncio.timeout(TIMEOUT):
            await asyncio.gather(*(write(n) for n in range(20)))
        for person in people:
            assert await version(api, person) == 2 * (round + 1)
            assert len((await api.data(EVENTS, person.token))["events"]["nodes"]) == 1
    assert api.db.connections_in_use == 0


async def test_a_connection_lost_during_a_write_is_retried_unnoticed(api: Api, postgresql: str) -> None:
    """The write waits for a lock when its connection is terminated: it is rolled back and repeated."""
    person = await api.application_calendar("person")
    async with api.db.writer.connect() as holder:
        await holder.execute(text("SELECT key FROM calendars FOR UPDATE"))
        writing = asyncio.create_task(api.data(UPSERT_EVENT, person.token, input=one_event(person, "kept")))
        waiting = (
            "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with asyncio.timeout(TIMEOUT):
            while await api.rows(waiting) != [(1,)]:
                await asyncio.sleep(0.01)
        end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '{}'"
        await execute_sql(postgresql, end.format(api.db.writer.url.database))
        await holder.rollback()
    assert (await writing)["upsertEvent"]["event"]["summary"] == "kept"
    assert await version(api, person) == 1
