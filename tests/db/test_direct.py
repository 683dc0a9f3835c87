"""Single statements to SQLite: known as long as nobody has written, and never longer."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db import direct
from db.direct import DirectSQLite

COUNT = "SELECT count(*) FROM things WHERE name = $1"


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A database with nothing in its one table."""
    path = str(tmp_path / "some.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE things (name TEXT)")
    return path


async def test_what_somebody_has_written_is_seen_by_the_next_statement(path: str) -> None:
    """Whoever it was, and however often the same was asked before."""
    reader = DirectSQLite(path, patience=1)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        for count in range(5):
            assert await reader.rows(COUNT, "a") == await reader.rows(COUNT, "a") == [(count,)]
            assert await reader.rows(COUNT, "b") == [(0,)]
            writer.execute("INSERT INTO things VALUES ('a')")
    await reader.close()


async def test_what_is_known_is_bounded(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers choose the values."""
    monkeypatch.setattr(direct, "_MOST_KNOWN", 3)
    reader = DirectSQLite(path, patience=1)
    for number in range(20):
        assert await reader.rows(COUNT, str(number)) == [(0,)]
        assert len(reader._known) <= 3
    await reader.close()
