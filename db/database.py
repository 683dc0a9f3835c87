"""Databases: from a URL as users know it to sessions that read and write.

SQLite has one writer at a time, whoever else waits; so there is one connection for writing, handed on in the order of
asking, and a few that read beside it. PostgreSQL has a pool for both. Either way a `read` sees one snapshot from start
to end, and a `write` is one transaction: all of it is kept, or nothing.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

Session: TypeAlias = AsyncSession
"""What the functions of this package take, and their callers pass on."""

#: seconds that a SQLite writer waits for another process's transaction
_BUSY_TIMEOUT = 10


class DatabaseUrlError(ValueError):
    """The database URL cannot be used."""


class Database:
    """Two engines: one that reads and one that writes; on PostgreSQL they share their pool."""

    def __init__(self, url: str) -> None:
        """Takes `sqlite:///path/file.db` or `postgresql://user@host/name`. Raises DatabaseUrlError. Connects when used."""
        parsed = _parse(url)
        self.shown_url = make_url(url).render_as_string(hide_password=True)
        self._folder = Path(str(parsed.database)).parent if parsed.get_backend_name() == "sqlite" else None
        self.dialect = parsed.get_backend_name()
        self._turn = asyncio.Lock() if self.dialect == "sqlite" else None
        self.reader, self.writer = _sqlite(parsed) if self.dialect == "sqlite" else _postgresql(parsed)

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncSession]:
        """A session on one snapshot of the database."""
        async with AsyncSession(self.reader, autoflush=False) as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncSession]:
        """A session whose changes are committed at the end, or undone when the block is left by an exception."""
        if self._turn is None:
            async with AsyncSession(self.writer, autoflush=False) as session, session.begin():
                yield session
        else:
            # asyncio's lock is fair: first come, first served, where SQLite's own waiting is a lottery.
            async with self._turn, AsyncSession(self.writer, autoflush=False) as session, session.begin():
                yield session

    def make_folder(self) -> None:
        """Makes the folder that a SQLite file is going to lie in. Raises OSError."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)

    async def close(self) -> None:
        """Closes every connection."""
        await self.writer.dispose()
        await self.reader.dispose()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUrlError(
            f"{url!r} is not a database URL: write sqlite:///path/file.db or postgresql://user@host/name"
        ) from None
    match parsed.drivername:
        case "sqlite" | "sqlite+aiosqlite" if parsed.database and parsed.database != ":memory:":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "sqlite" | "sqlite+aiosqlite":
            raise DatabaseUrlError("a SQLite database needs a file: sqlite:///path/file.db")
        case "postgresql" | "postgres" | "postgresql+asyncpg":
            return _asyncpg(parsed)
        case other:
            raise DatabaseUrlError(
                f"{other!r} is not a database that Openings runs on: use sqlite:/// or postgresql://"
            )


def _asyncpg(parsed: URL) -> URL:
    """libpq's `sslmode` under the name that asyncpg knows it by."""
    query = dict(parsed.query)
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return parsed.set(drivername="postgresql+asyncpg", query=query)


def _postgresql(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    engine = create_async_engine(url, pool_size=10, max_overflow=10, pool_timeout=10, pool_pre_ping=True)
    snapshot = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return snapshot, engine.execution_options(isolation_level="READ COMMITTED")


def _sqlite(url: URL) -> tuple[AsyncEngine, AsyncEngine]:
    reader = create_async_engine(url, pool_size=4, max_overflow=4, connect_args={"timeout": _BUSY_TIMEOUT})
    writer = create_async_engine(url, pool_size=1, max_overflow=0, connect_args={"timeout": _BUSY_TIMEOUT})
    _prepare(reader, begin="BEGIN", pragmas=("query_only = ON",))
    # IMMEDIATE takes the lock at the start: a transaction that read first and then found itself behind another writer
    # could only fail. FULL: what was acknowledged survives a power cut, not only a crash of ours.
    _prepare(writer, begin="BEGIN IMMEDIATE", pragmas=("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"))
    return reader, writer


def _prepare(engine: AsyncEngine, *, begin: str, pragmas: tuple[str, ...]) -> None:
    """Has each new connection set up, and each transaction begun by our own statement instead of the driver's guess."""

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def start(connection: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        connection.exec_driver_sql(begin)
