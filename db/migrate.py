"""Migrates a database to the schema of this code, with Alembic and without an ini file."""

import asyncio
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from .database import Database
from .retries import is_duplicate, is_locked, is_lost_race

#: how often a migration is tried that meets another one, and seconds in between. SQLite fails at once, without waiting,
#: when two processes switch a new file to write-ahead logging concurrently
_ATTEMPTS = 40
_PAUSE = 0.05

#: as Alembic would create it
_VERSION_TABLE = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))
"""


class NewerDatabaseError(RuntimeError):
    """The database was migrated by a newer version of Openings, whose schema this one cannot use."""


async def migrate(database: Database) -> tuple[str | None, str]:
    """Migrates the database to the newest revision. Returns the revisions before and after.

    Safe when many processes start at once: one migrates, the others wait and find it done. Raises
    NewerDatabaseError, without changing anything, if the database has a revision that this code can
    not use. One that it can use is left as it is.
    """
    database.make_folder()
    for _ in range(_ATTEMPTS):
        try:
            return await _migrate(database)
        except DBAPIError as error:
            if not (is_locked(error) or is_lost_race(error) or is_duplicate(error)):
                raise
            await asyncio.sleep(_PAUSE)
    return await _migrate(database)


async def _migrate(database: Database) -> tuple[str | None, str]:
    async with database.writer.connect() as connection:
        revisions = await connection.run_sync(_upgrade)
        await connection.commit()
    return revisions


@cache
def newest_revision() -> str:
    """The revision of this code's schema."""
    return _scripts().get_current_head() or ""


def is_usable(revision: str | None, compatible_since: str | None) -> bool:
    """Whether this code can use a database of a revision, which was compatible with all code since another revision."""
    if revision is None or revision == newest_revision():
        return revision is not None
    # A newer revision is one that this code does not know: revisions are numbers of four digits.
    return revision > newest_revision() and compatible_since is not None and compatible_since <= newest_revision()


def _upgrade(connection: Connection) -> tuple[str | None, str]:
    _lock(connection)
    before = _revision(connection)
    scripts = _scripts()
    if before is not None and before not in {script.revision for script in scripts.walk_revisions()}:
        if is_usable(before, connection.scalar(text("SELECT compatible_since FROM alembic_version"))):
            return before, before
        raise NewerDatabaseError(
            f"the database has revision {before}, which this version of Openings does not know: use the version that has "
            "migrated it, or a newer one"
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return before, newest_revision()


def _lock(connection: Connection) -> None:
    """Waits until no other process migrates the database, and lets none begin until the end of the transaction.

    On SQLite the writer's BEGIN IMMEDIATE does so already. In an empty PostgreSQL database there is no row to lock: one of
    several processes creates Alembic's table, and the others fail when it has, and try again.
    """
    if connection.dialect.name != "postgresql":
        return
    if inspect(connection).has_table("alembic_version"):
        connection.execute(text("SELECT version_num FROM alembic_version FOR UPDATE"))
    else:
        connection.execute(text(_VERSION_TABLE))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
