"""The SQLite driver: rows are cached until the next write by any process."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from db.drivers import row_cache
from db.drivers.fair_queue import FairQueue
from db.drivers.sqlite import SQLiteDriver
from db.drivers.sqlite_writer import SQLiteWriter
from db.files import FileGuard

COUNT = "SELECT count(*) FROM things WHERE name = $1"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database with one empty table."""
    path = str(tmp_path / "some.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE things (name TEXT)")
    return path


def opened(path: str) -> SQLiteDriver:
    """A driver that only reads."""
    guard = FileGuard(Path(path))
    writer = SQLiteWriter(create_async_engine(f"sqlite+aiosqlite:///{path}"), 1, guard)
    return SQLiteDriver(path, guard, timeout=1, writer=writer, write_lock=FairQueue(1, 1), wake=lambda _: None)


async def test_a_write_of_another_process_is_seen_by_the_next_statement(path: str) -> None:
    """However often the same rows were read before."""
    reader = opened(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        for count in range(5):
            assert await reader.fetch(COUNT, "a") == await reader.fetch(COUNT, "a") == [(count,)]
            assert await reader.fetch(COUNT, "b") == [(0,)]
            writer.execute("INSERT INTO things VALUES ('a')")
    await reader.close()


async def test_after_invalidation_the_database_is_not_checked(path: str) -> None:
    """Rows read in an unchecked state are not cached: others may have written too."""
    reader = opened(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        for count in range(0, 10, 2):
            assert await reader.fetch(COUNT, "a") == await reader.fetch(COUNT, "a") == [(count,)]
            writer.execute("INSERT INTO things VALUES ('a')")
            reader.invalidate()
            assert await reader.fetch(COUNT, "a") == [(count + 1,)]
            writer.execute("INSERT INTO things VALUES ('a')")
            assert await reader.fetch(COUNT, "a") == [(count + 2,)]
    await reader.close()


async def test_the_cache_is_bounded(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers choose the values."""
    monkeypatch.setattr(row_cache, "_CAPACITY", 3)
    reader = opened(path)
    for number in range(20):
        assert await reader.fetch(COUNT, str(number)) == [(0,)]
        assert len(reader._cache) <= 3
    await reader.close()


async def test_long_reads_run_in_threads_and_are_not_cached(path: str) -> None:
    """One thread per concurrent read, with reused connections; the event loop continues."""
    reader = opened(path)
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT max(i) FROM n"
    for _ in range(3):
        reading = asyncio.gather(*(reader.fetch_many(slow, 100_000 + number) for number in range(3)))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0)
            turns += 1
        assert await reading == [[(100_000 + number,)] for number in range(3)]
        assert turns > 3
        assert 1 <= len(reader._idle) <= 3
    assert len(reader._cache) == 0
    await reader.close()
    assert reader._idle == []


async def test_a_read_that_outlasts_close_leaves_no_connection(path: str) -> None:
    reader = opened(path)
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT max(i) FROM n"
    reading = asyncio.create_task(reader.fetch_many(slow))
    await asyncio.sleep(0.01)
    await reader.close()
    assert await reading == [(300_000,)]
    assert reader._idle == []
