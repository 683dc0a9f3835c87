"""Whether the database can be used now, for health checks: an answer within two seconds, whatever the database does."""

import asyncio
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import asyncpg

from .database import Database
from .files import FileGuard
from .migrate import is_usable
from .retries import is_locked

UNREACHABLE = "the database cannot be reached"
SILENT = "the database does not answer in time"
OTHER_SCHEMA = "the database has another schema: run openings migrate"
READ_ONLY = "the database is read-only"
FULL = "the disk of the database is full"
REPLACED = (
    "the SQLite file was deleted or replaced while the server runs: what is written now is lost; restart the server"
)

#: seconds that a check may take; the rest of two seconds is for sending the answer
_TIMEOUT = 1.5
#: seconds that a check of SQLite waits for a lock that keeps it from reading
_BUSY_TIMEOUT = 1.0
#: a SQLite disk with fewer free bytes is full: the pages of a small write, and a few more
_LEAST_FREE = 64 * 1024

_POSTGRESQL = """
SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS read_only,
       version_num, compatible_since,
       set_config('work_mem', '64kB', true), set_config('temp_tablespaces', '', true)
FROM alembic_version
"""

#: With so little memory, writes a temporary file of 280 kB to the disk of the tables. A write to a table that is rolled back
#: would go into free space that the table has already, and would not show that there is no more.
_SPILL = "SELECT count(*) FROM generate_series(1, 20000)"

#: A commit like that of any write: it waits for the disk of the log, and for a standby if commits have to. Changes nothing.
_COMMIT = "SELECT pg_logical_emit_message(true, 'openings', 'ready')"

#: for PostgreSQL's distributed relatives, which have no such messages, and of whose disks a query says nothing
_RELATIVE = """
SELECT current_setting('transaction_read_only')::boolean AS read_only, version_num, compatible_since FROM alembic_version
"""
_RELATIVE_COMMIT = "INSERT INTO locks VALUES ('readiness') ON CONFLICT (name) DO UPDATE SET name = excluded.name"


class Readiness:
    """Checks one database. Concurrent calls share a check."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._check: asyncio.Task[str | None] | None = None
        #: of PostgreSQL, while the check uses it
        self._connection: asyncpg.Connection | None = None

    async def problem(self) -> str | None:
        """Why the database cannot be used, in words for operators; None if it can."""
        if self._check is None or self._check.done():
            self._check = asyncio.create_task(self._find_problem())
        check = self._check
        done, _ = await asyncio.wait({check}, timeout=_TIMEOUT)
        if done:
            return check.result()
        # What cannot be ended here goes on, and the next call waits for the same check: a thread that reads a file, and the
        # way to the first of several hosts that accepts a connection, each of which has its own timeout.
        if self._connection is not None:
            self._connection.terminate()  # cancelled instead, it would wait for the server to cancel the statement
            await asyncio.wait({check})
        return SILENT

    async def _find_problem(self) -> str | None:
        try:
            if self._database.file is not None and self._database.file_guard is not None:
                return await asyncio.to_thread(_sqlite_problem, self._database.file_guard, self._database.file)
            # A connection of its own: the pool may have none to spare, or only such as are dead or lead to a standby.
            self._connection = await self._database.hosts.connect()
            look = _postgresql_problem if self._database.is_postgresql else _relative_problem
            return await look(self._connection)
        except (sqlite3.Error, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            return UNREACHABLE
        finally:
            if self._connection is not None:
                self._connection.terminate()
                self._connection = None


async def _postgresql_problem(connection: asyncpg.Connection) -> str | None:
    try:
        async with connection.transaction():
            if (problem := _row_problem(await connection.fetchrow(_POSTGRESQL))) is not None:
                return problem
            await connection.execute(_SPILL)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        return OTHER_SCHEMA
    except asyncpg.DiskFullError:
        return FULL
    except asyncpg.ConfigurationLimitExceededError:
        pass  # temp_file_limit, which the operator has set, does not allow the file
    await connection.execute(_COMMIT)
    return None


async def _relative_problem(connection: asyncpg.Connection) -> str | None:
    try:
        if (problem := _row_problem(await connection.fetchrow(_RELATIVE))) is not None:
            return problem
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        return OTHER_SCHEMA
    with suppress(asyncpg.SerializationError):  # another server has just written this row
        await connection.execute(_RELATIVE_COMMIT)
    return None


def _row_problem(row: asyncpg.Record | None) -> str | None:
    if row is None or not is_usable(row["version_num"], row["compatible_since"]):
        return OTHER_SCHEMA
    return READ_ONLY if row["read_only"] else None


def _sqlite_problem(guard: FileGuard, file: Path) -> str | None:
    if guard.is_replaced():
        return REPLACED
    if guard.is_missing:
        return UNREACHABLE
    if (problem := _disk_problem(file)) is not None:
        return problem
    uri = f"{file.as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, _BUSY_TIMEOUT, isolation_level=None, uri=True)) as connection:
        try:
            revision = connection.execute("SELECT version_num, compatible_since FROM alembic_version").fetchone()
        except sqlite3.OperationalError as error:
            if not str(error).startswith("no such"):
                raise
            revision = None
        if revision is None or not is_usable(*revision):
            return OTHER_SCHEMA
        return _write_problem(connection)


def _disk_problem(file: Path) -> str | None:
    """A write that is rolled back does not reach the disk, so its state is read from the system."""
    if not os.access(file, os.W_OK):
        return READ_ONLY
    if hasattr(os, "statvfs"):
        disk = os.statvfs(file)
        free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
        if free * disk.f_frsize < _LEAST_FREE:
            return FULL
    return None


def _write_problem(connection: sqlite3.Connection) -> str | None:
    """Writes a page in a transaction that is rolled back. Another writer's lock is no problem: it shows that writing works."""
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE alembic_version SET version_num = version_num")
    except sqlite3.OperationalError as error:
        if is_locked(error):
            return None
        return {sqlite3.SQLITE_READONLY: READ_ONLY, sqlite3.SQLITE_FULL: FULL}.get(
            error.sqlite_errorcode & 0xFF, UNREACHABLE
        )
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    return None
