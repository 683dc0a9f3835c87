"""Migrations: from nothing to the tables of the code, once, however many start at a time."""

import asyncio
from collections.abc import Generator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from db.database import Database
from db.migrate import NewerDatabaseError, is_current, migrate
from db.tables import metadata
from tests.conftest import administer, named


@pytest.fixture
def empty_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Generator[str]:
    """A database that nothing was done to."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'folder' / 'new.db'}"
        return
    server, name = request.getfixturevalue("postgresql"), f"empty_{uuid4().hex}"
    asyncio.run(administer(server, f"CREATE DATABASE {name}"))
    yield named(server, name)
    asyncio.run(administer(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def look(db: Database, question: Any) -> Any:
    """What a function of a synchronous connection finds in the database."""
    async with db.reader.connect() as connection:
        return await connection.run_sync(question)


async def test_migrating_from_nothing_gives_the_tables_of_the_code(empty_url: str) -> None:
    """Alembic, asked what it would still change, finds nothing; and every index is there by name."""
    db = Database(empty_url)
    before, after = await migrate(db)
    assert (before, after) == (None, "0001")
    assert await look(db, lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []

    def indexes(connection: Connection) -> set[str]:
        return {i["name"] or "" for table in metadata.tables for i in inspect(connection).get_indexes(table)}

    assert await look(db, indexes) >= {i.name for table in metadata.tables.values() for i in table.indexes}
    await db.close()


async def test_migrating_again_changes_nothing(db: Database) -> None:
    """It may be done at every start."""
    before, after = await migrate(db)
    assert before == after
    assert await is_current(db)


async def test_many_that_start_at_once_migrate_once(empty_url: str) -> None:
    """Eight processes on one empty database: one finds it empty, seven find it done."""
    databases = [Database(empty_url) for _ in range(8)]
    befores = [before for before, _ in await asyncio.gather(*(migrate(db) for db in databases))]
    assert befores.count(None) == 1
    assert befores.count("0001") == 7
    for db in databases:
        await db.close()


async def test_a_newer_database_is_refused_and_left_alone(db: Database) -> None:
    """An older program would read newer tables wrongly, or write into them what does not belong there."""
    async with db.write() as session:
        await session.exec(text("UPDATE alembic_version SET version_num = '9999'"))  # pyright: ignore
    with pytest.raises(NewerDatabaseError, match="9999"):
        await migrate(db)
    assert not await is_current(db)
