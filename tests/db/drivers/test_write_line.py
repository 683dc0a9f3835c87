"""Writes that SQLite commits together: each is all or nothing for itself, and none is acknowledged before the commit."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import create_async_engine

from core.errors import TimedOut
from db.drivers import write_line
from db.drivers.base import LockedWrite
from db.drivers.fair_queue import FairQueue
from db.drivers.sqlite import SQLiteDriver
from db.drivers.sqlite_writer import SQLiteWriter
from db.files import FileGuard

ADD = LockedWrite(
    lock="UPDATE calendars SET version = version + 1 WHERE $2 > 0 RETURNING key",
    locked_rows="SELECT key, version FROM calendars WHERE $2 > 0",
    write="INSERT INTO things SELECT $1, $2, version FROM locked RETURNING number, seen",
)


class Opened:
    """A driver with its write lock, and what it has done so far."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, FairQueue(1, 0.2, name="lock")
        self.woken: list[frozenset[int]] = []
        self.commits = 0
        guard = FileGuard(path)
        self.engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=1, max_overflow=0)
        event.listen(self.engine.sync_engine, "connect", self._prepare)
        writer = SQLiteWriter(self.engine, 1, guard)
        self.driver = SQLiteDriver(
            str(path), guard, timeout=1, writer=writer, write_lock=self.lock, wake=self.woken.append
        )

    def _prepare(self, connection: Connection, _record: object) -> None:
        driver = connection.driver_connection  # pyright: ignore[reportAttributeAccessIssue]
        driver._conn.isolation_level = None
        driver._conn.set_trace_callback(lambda statement: self._count(str(statement)))

    def _count(self, statement: str) -> None:
        self.commits += statement == "COMMIT"

    async def add(self, number: int, *, client: int = 1, what: object = "thing") -> object:
        return await self.driver.write(ADD, (what, number), number, writer=client)

    def stored(self) -> Sequence[int]:
        with closing(sqlite3.connect(self.path)) as connection:
            return [number for (number,) in connection.execute("SELECT number FROM things ORDER BY number")]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncGenerator[Opened]:
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE things (name TEXT NOT NULL, number INTEGER UNIQUE, seen INTEGER)")
        connection.execute("CREATE TABLE calendars (key INTEGER PRIMARY KEY, version INTEGER)")
        connection.execute("INSERT INTO calendars VALUES (1, 0)")
        connection.commit()
    opened = Opened(path)
    yield opened
    await opened.driver.close()
    await opened.engine.dispose()


async def test_writes_that_wait_together_are_committed_together(opened: Opened) -> None:
    """Each sees those before it, and has its own row. Subscribers of all of them are woken once."""
    async with opened.lock.slot(None):
        writing = asyncio.gather(*(opened.add(number) for number in (1, 2, 3)))
        await asyncio.sleep(0)
    assert await writing == [(1, 1), (2, 2), (3, 3)]
    assert (opened.stored(), opened.commits) == ([1, 2, 3], 1)
    assert opened.woken == [frozenset({1, 2, 3})]


async def test_a_write_that_fails_undoes_itself_alone(opened: Opened) -> None:
    """Its version is not used up, either."""
    async with opened.lock.slot(None):
        writing = asyncio.gather(
            opened.add(1), opened.add(1), opened.add(2, what=None), opened.add(3), return_exceptions=True
        )
        await asyncio.sleep(0)
    first, twice, nameless, third = await writing
    assert (first, third) == ((1, 1), (3, 2))
    assert isinstance(twice, sqlite3.IntegrityError)
    assert isinstance(nameless, sqlite3.IntegrityError)
    assert (opened.stored(), opened.commits) == ([1, 3], 1)


async def test_an_error_that_may_end_the_transaction_is_that_of_all(opened: Opened) -> None:
    """Nothing is stored, and nothing acknowledged."""
    broken = LockedWrite("SELECT $1, $2, nothing", "SELECT 1", "SELECT 1")
    async with opened.lock.slot(None):
        broke = opened.driver.write(broken, ("thing", 2), writer=1)
        writing = asyncio.gather(opened.add(1), broke, opened.add(3), return_exceptions=True)
        await asyncio.sleep(0)
    assert [type(each) for each in await writing] == [sqlite3.OperationalError] * 3
    assert opened.stored() == []
    assert await opened.add(4) == (4, 1)


async def test_clients_have_transactions_of_their_own(opened: Opened) -> None:
    """So that each waits for one write of every other client at most: while others wait, writes are not committed together."""
    seen: list[int] = []

    async def add(number: int, client: int) -> None:
        await opened.add(number, client=client)
        seen.append(number)

    async with opened.lock.slot(None):
        writing = asyncio.gather(*(add(number, 1) for number in (1, 2, 3, 4)), *(add(number, 2) for number in (11, 12)))
        await asyncio.sleep(0)
    await writing
    assert seen[:4] == [1, 11, 2, 12]
    assert (opened.stored(), opened.commits) == ([1, 2, 3, 4, 11, 12], 5)


async def test_a_transaction_has_a_bound(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_line, "MOST", 2)
    async with opened.lock.slot(None):
        writing = asyncio.gather(*(opened.add(number) for number in range(1, 6)))
        await asyncio.sleep(0)
    await writing
    assert (opened.stored(), opened.commits) == ([1, 2, 3, 4, 5], 3)


@pytest.mark.parametrize("cancelled", [0, 1, 2])
async def test_whoever_is_cancelled_while_it_waits_writes_nothing(opened: Opened, cancelled: int) -> None:
    """The others do, also when it is the one that has waited for the lock on their behalf."""
    async with opened.lock.slot(None):
        writing = [asyncio.create_task(opened.add(number)) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        writing[cancelled].cancel()
        await asyncio.wait([writing[cancelled]])
    found = await asyncio.gather(*writing, return_exceptions=True)
    assert isinstance(found[cancelled], asyncio.CancelledError)
    left = [number for number in (1, 2, 3) if number != cancelled + 1]
    assert opened.stored() == left


async def test_a_lock_that_is_not_had_in_time_is_told_to_all(opened: Opened) -> None:
    async with opened.lock.slot(None):
        found = await asyncio.gather(*(opened.add(number) for number in (1, 2, 3)), return_exceptions=True)
    assert [type(each) for each in found] == [TimedOut] * 3
    assert opened.stored() == []
