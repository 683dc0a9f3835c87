"""The write lock of SQLite, within the process and between processes: short waits, with a timeout."""

import asyncio
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from db.database import Database
from db.drivers import write_lock
from tests.support.api import Account, Api
from tests.support.builders import event_input
from tests.support.graphql_queries import DELETE_EVENT, UPSERT_EVENT_WITH_ALL_FIELDS, UPSERT_EVENTS
from tests.support.waiting import TIMEOUT, until


@pytest.fixture
def backend() -> str:
    """SQLite only: PostgreSQL locks rows, and wakes waiting transactions itself."""
    return "sqlite"


@pytest.fixture
async def person(api: Api) -> Account:
    return await api.application_calendar("person")


def upsert(api: Api, whose: Account, name: str) -> "asyncio.Task[dict[str, Any]]":
    given = {"calendarId": whose.calendar_id, "event": event_input(name)}
    return asyncio.create_task(api(UPSERT_EVENT_WITH_ALL_FIELDS, whose.token, input=given))


@contextmanager
def another_writes(url: str) -> Generator[None]:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as another:
        another.execute("BEGIN IMMEDIATE")
        yield
        another.execute("ROLLBACK")


async def test_the_caller_is_looked_up_under_the_write_lock(api: Api, person: Account) -> None:
    """A token revoked while it waits writes nothing: both are one transaction."""
    async with api.db.write() as session:
        waiting = upsert(api, person, "late")
        await asyncio.sleep(0.1)
        assert not waiting.done()
        connection = await session.connection()
        await connection.execute(text("DELETE FROM tokens"))
    answer = await waiting
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert await api.rows("SELECT event_id FROM events") == []
    assert api.db.connections_in_use == 0


async def test_a_refused_caller_does_not_block_others(api: Api, person: Account) -> None:
    stranger = Account(person.sub, "nobody's token", "", person.calendar_id)
    answers = await asyncio.gather(*(upsert(api, whose, f"e{n}") for n in range(10) for whose in (stranger, person)))
    assert ["errors" in answer for answer in answers] == [True, False] * 10
    assert await api.rows("SELECT count(*) FROM events") == [(10,)]


async def test_writes_run_in_the_order_of_the_requests(api: Api, person: Account) -> None:
    async with api.db.write():
        waiting = [upsert(api, person, f"e{n}") for n in range(20)]
        await until(lambda: sum(api.db.waiting.values()) == 20)
    await asyncio.gather(*waiting)
    found = await api.rows("SELECT event_id FROM events ORDER BY key")
    assert found == [(f"e{n}",) for n in range(20)]


ONE, SEVERAL = (
    (UPSERT_EVENT_WITH_ALL_FIELDS, {"event": event_input("e")}),
    (UPSERT_EVENTS, {"events": [event_input("e")]}),
)


@pytest.mark.parametrize(("mutation", "given"), [ONE, SEVERAL], ids=["one event", "several"])
async def test_a_write_waits_for_another_process(
    api: Api, person: Account, database_url: str, mutation: str, given: dict[str, Any]
) -> None:
    with another_writes(database_url):
        given = {"calendarId": person.calendar_id, **given}
        writing = asyncio.create_task(api(mutation, person.token, input=given))
        await asyncio.sleep(0.1)
        assert not writing.done()
    assert "errors" not in await writing
    assert await api.rows("SELECT event_id FROM events") == [("e",)]


async def test_waiting_in_a_session_does_not_occupy_the_thread(api: Api, person: Account, database_url: str) -> None:
    """The connection's thread is free between retries, and a cancelled caller is gone at once."""
    with another_writes(database_url):
        given = {"calendarId": person.calendar_id, "eventId": "e"}
        writing = asyncio.create_task(api(DELETE_EVENT, person.token, input=given))
        await asyncio.sleep(0.05)
        writing.cancel()
        async with asyncio.timeout(TIMEOUT):
            await asyncio.wait([writing])
        assert api.db.connections_in_use == 0
    await api.data(DELETE_EVENT, person.token, input=given)


def test_an_error_other_than_a_lock_is_raised_at_once(tmp_path: Path) -> None:
    """Otherwise this would take an hour."""
    with closing(sqlite3.connect(tmp_path / "a.db", isolation_level=None)) as connection:
        write_lock.begin_immediate(connection, timeout=3600)
        with pytest.raises(sqlite3.OperationalError, match="within a transaction"):
            write_lock.begin_immediate(connection, timeout=3600)


async def test_an_error_other_than_a_lock_is_raised_at_once_in_a_session(tmp_path: Path) -> None:
    """SQLAlchemy has begun already, and a second BEGIN is an error."""
    database = Database(f"sqlite:///{tmp_path / 'a.db'}")
    database.make_folder()
    async with database.writer.connect() as connection:
        await connection.execute(text("SELECT 1"))
        with pytest.raises(OperationalError, match="within a transaction"):
            await connection.run_sync(write_lock.begin_immediate_session, 3600)
    await database.close()


@pytest.mark.parametrize("timeout", [0, 0.05])
def test_waiting_for_the_lock_times_out(tmp_path: Path, timeout: float) -> None:
    """The last retry is at the timeout, so a timeout of 0 tries once."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path, timeout=0)) as connection:
        with another_writes(f"sqlite:///{path}"), pytest.raises(sqlite3.OperationalError, match="locked"):
            write_lock.begin_immediate(connection, timeout)
        write_lock.begin_immediate(connection, 0)


def test_pauses_between_retries_grow_and_stay_short() -> None:
    """Our transactions take a third of a millisecond, large batches about a hundred."""
    pauses = write_lock._backoff(3600)
    found = [next(pauses) for _ in range(20)]
    assert found == sorted(found)
    assert found[0] < 0.0001
    assert found[-1] == found[-2] < 0.01
