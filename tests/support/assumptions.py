"""Tests as on PostgreSQL's distributed relatives: with OPENINGS_ASSUME=none, and commits that lose races.

A trigger at the end of transactions fails some of them as a relative does, with a serialization failure at the commit. It
is in the database, so nothing can pass it by: neither statements that are a transaction of their own, nor servers in other
processes. What a test writes by itself is spared, for only the product has to try again.
"""

import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlmodel.ext.asyncio.session import AsyncSession

from db.database import Database
from db.tables import metadata

from .databases import execute_sql

ASSUME = os.environ.get("OPENINGS_ASSUME", "postgresql")
"""The setting that this run of the tests is about."""

IS_POSTGRESQL = ASSUME == "postgresql"


def only_on_postgresql(reason: str) -> pytest.MarkDecorator:
    """Marks a test that is left out with OPENINGS_ASSUME=none, and says why."""
    return pytest.mark.skipif(not IS_POSTGRESQL, reason=f"with OPENINGS_ASSUME=none: {reason}")


LISTENS = only_on_postgresql("nobody listens")
COUNTS = only_on_postgresql("a commit that fails is counted again, and nothing is sent in it for a notification")
DISKS = only_on_postgresql("readiness says nothing of disks")
ALTERS = only_on_postgresql("PostgreSQL alters no table for which a trigger of the tests waits for the commit")

#: of the whole suite: a twentieth of the commits, whichever
_SOMETIMES = "random() < 0.05"

_FUNCTION = """
CREATE FUNCTION lose_race() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('tests.spared', true) = 'on' OR current_setting('tests.tried', true) = pg_current_xact_id()::text THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('tests.tried', pg_current_xact_id()::text, true);
    IF {condition} THEN
        RAISE EXCEPTION 'injected by the tests' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NULL;
END $$
"""
_TRIGGER = """
CREATE CONSTRAINT TRIGGER lose_race AFTER INSERT OR UPDATE OR DELETE ON {table}
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose_race()
"""


async def lose_races(database_url: str, condition: str = _SOMETIMES) -> None:
    """Makes the commits of a PostgreSQL database fail for which the condition holds, if they have written."""
    await execute_sql(database_url, _FUNCTION.format(condition=condition))
    for table in metadata.tables:
        await execute_sql(database_url, _TRIGGER.format(table=table))


@asynccontextmanager
async def races_lost(database_url: str, *, every: int) -> AsyncGenerator[Callable[[], Awaitable[int]]]:
    """Makes the first commit fail in the block, and every so many of those after it. Yields what counts them."""
    drop = "DROP FUNCTION IF EXISTS lose_race CASCADE; DROP SCHEMA IF EXISTS races CASCADE"
    await execute_sql(database_url, f"{drop}; CREATE SCHEMA races; CREATE SEQUENCE races.commits")
    await lose_races(database_url, f"nextval('races.commits') % {every} = {1 % every}")

    async def lost() -> int:
        connection = await asyncpg.connect(database_url)
        try:
            commits = await connection.fetchval(
                "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM races.commits"
            )
            return (commits + every - 1) // every
        finally:
            await connection.close()

    try:
        yield lost
    finally:
        await execute_sql(database_url, drop)
        if not IS_POSTGRESQL:
            await lose_races(database_url)


@asynccontextmanager
async def _spared(writing: AbstractAsyncContextManager[AsyncSession]) -> AsyncGenerator[AsyncSession]:
    async with writing as session:
        await _spare(await session.connection())
        yield session


@asynccontextmanager
async def _spared_begin(engine: AsyncEngine) -> AsyncGenerator[AsyncConnection]:
    async with engine.connect() as connection, connection.begin():
        await _spare(connection)
        yield connection


async def _spare(connection: AsyncConnection) -> None:
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql("SELECT set_config('tests.spared', 'on', true)")


def spare_tests() -> None:
    """Spares the transactions that are begun in a file of the tests, and those of an engine, which the product never begins."""
    write, folder = Database.write, str(Path(__file__).parents[1])

    def spared(self: Database, *given: Any, **more: Any) -> AbstractAsyncContextManager[AsyncSession]:
        writing = write(self, *given, **more)
        return _spared(writing) if sys._getframe(1).f_code.co_filename.startswith(folder) else writing

    AsyncEngine.begin = _spared_begin  # pyright: ignore[reportAttributeAccessIssue]
    Database.write = spared  # pyright: ignore[reportAttributeAccessIssue]
