"""Databases by their drivers alone: sqlite3, and asyncpg with prepared statements."""

import os
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import asyncpg

from db.drivers.dialects import POSTGRESQL, SQLITE, Dialect

#: a statement and its values → the rows, each a tuple or a record of asyncpg, which is not a Sequence
Read: TypeAlias = Callable[..., Awaitable[Sequence[Any]]]


def url() -> str:
    return os.environ["BENCHMARKS_URL"]


def spelling() -> Dialect:
    return SQLITE if url().startswith("sqlite") else POSTGRESQL


def sqlite(*pragmas: str) -> sqlite3.Connection:
    path = url().removeprefix("sqlite:///")
    connection = sqlite3.connect(path, 10, isolation_level=None, check_same_thread=False)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    return connection


class Pool:
    """A pool of connections to PostgreSQL, created on first use, because it needs a running event loop."""

    def __init__(self) -> None:
        self._pool: asyncpg.Pool | None = None

    async def get(self) -> asyncpg.Pool:
        if self._pool is None:
            self._pool = await asyncpg.create_pool(url(), min_size=1, max_size=10, reset=_as_it_is)
        return self._pool


async def _as_it_is(_connection: object) -> None:
    """Skips asyncpg's reset of a connection: nothing on it needs one."""


def reading() -> Read:
    """On SQLite it runs in the event loop's thread: the data is in memory."""
    if spelling() is SQLITE:
        connection = sqlite("query_only = ON")

        async def rows(statement: str, *values: Any) -> Sequence[Any]:
            return connection.execute(SQLITE.positional(statement), values).fetchall()

        return rows
    pool = Pool()

    async def fetched(statement: str, *values: Any) -> Sequence[Any]:
        return await (await pool.get()).fetch(statement, *values)

    return fetched
