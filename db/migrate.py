"""Migrates a database to the schema of this code, with Alembic and without an ini file."""

import asyncio
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from .database import Database
from .retries import is_locked

#: "openings" in hexadecimal: the advisory lock against concurrent migrations of one PostgreSQL database
_LOCK = 0x6F70656E696E6773


# SQLite fails at once, without waiting, when two processes switch a new file to write-ahead logging
# concurrently.
_LOCKED_ATTEMPTS = 40
_LOCKED_PAUSE = 0.05


class NewerDatabaseError(RuntimeError):
    """The database was migrated by a newer version of Openings, whose schema this one cannot use."""


async def migrate(database: Database) -> tuple[str | None, str]:
    """Migrates the database to the newest revision. Returns the revisions before and after.

    Safe when many processes start at once: one migrates, the others wait and find it done. Raises
    NewerDatabaseError, without changing anything, if the database has a revision that this code can
    not use. One that it can use is left as it is.
    """
    database.make_folder()
    for _ in range(_LOCKED_ATTEMPTS):
        try:
            return await _migrate(database)
        except OperationalError as error:
            if not is_locked(error):
                raise
            await asyncio.sleep(_LOCKED_PAUSE)
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
    # On SQLite the writer's BEGIN IMMEDIATE is the lock.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
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


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
