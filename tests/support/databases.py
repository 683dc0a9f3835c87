"""A pool of PostgreSQL databases for the tests, and statements on any database."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import make_url

from db.database import Database

SPARED = {"tests.spared": "on"}
"""Settings of a connection of the tests, none of whose commits fails (see `assumptions`)."""

#: ends the connections that a test has left open
TERMINATE_OTHER_CONNECTIONS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
#: changes when a table, a column or an index is created or dropped
SCHEMA_FINGERPRINT = """
SELECT sum(pg_class.oid::bigint), count(*), sum(relnatts), (SELECT version_num FROM alembic_version)
FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
#: more events than are deleted faster than a new database is created
HAS_MANY_EVENTS = "SELECT count(*) > 500 FROM events"
SEQUENCES = "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"


def with_database(server: str, database: str) -> str:
    """The URL of another database of the same server."""
    return make_url(server).set(database=database).render_as_string(hide_password=False)


async def execute_sql(server: str, statement: str) -> None:
    """Executes a statement on the server, outside of a transaction."""
    connection = await asyncpg.connect(server, server_settings=SPARED)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def inspect_database(db: Database, inspect: Any) -> Any:
    """Calls a function with a synchronous connection to the database, and returns its result."""
    async with db.reader.connect() as connection:
        return await connection.run_sync(inspect)


@dataclass
class DatabasePool:
    """Copies of template databases, which tests use in turn: emptying one takes a fifth of the time of creating one."""

    server: str
    #: the names of the databases that no test uses, by template
    _free: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    #: the state of each template: the fingerprint of its schema, its sequences, its clients
    _templates: dict[str, tuple[Any, list[str], list[Any]]] = field(default_factory=dict[str, Any])

    async def acquire(self, template: str) -> str:
        """Returns the name of a database that equals the template."""
        free = self._free.setdefault(template, [])
        if free:
            return free.pop()
        name = f"test_{uuid4().hex}"
        await execute_sql(self.server, f"CREATE DATABASE {name} TEMPLATE {template}")
        if template not in self._templates:
            self._templates[template] = await self._template_state(name)
        return name

    async def release(self, name: str, template: str) -> None:
        """Resets a database that a test has used to the state of its template, or drops it."""
        connection = await asyncpg.connect(with_database(self.server, name), server_settings=SPARED)
        try:
            await connection.execute(TERMINATE_OTHER_CONNECTIONS)
            is_reset = await _reset(connection, *self._templates[template])
        finally:
            await connection.close()
        if is_reset:
            self._free[template].append(name)
        else:
            await execute_sql(self.server, f"DROP DATABASE {name} WITH (FORCE)")

    async def drop_all(self) -> None:
        """Drops every database of the pool that no test uses."""
        for name in (name for free in self._free.values() for name in free):
            await execute_sql(self.server, f"DROP DATABASE {name} WITH (FORCE)")

    async def _template_state(self, name: str) -> tuple[Any, list[str], list[Any]]:
        connection = await asyncpg.connect(with_database(self.server, name))
        try:
            sequences = [row[0] for row in await connection.fetch(SEQUENCES)]
            return (
                await connection.fetchrow(SCHEMA_FINGERPRINT),
                sequences,
                await connection.fetch("SELECT * FROM clients"),
            )
        finally:
            await connection.close()


async def _reset(
    connection: "asyncpg.Connection[Any]", fingerprint: Any, sequences: list[str], clients: list[Any]
) -> bool:
    """Deletes all data but the template's clients; returns False for a database that is faster to replace.

    That is one whose schema the test has changed, or with many events.
    """
    try:
        if await connection.fetchrow(SCHEMA_FINGERPRINT) != fingerprint or await connection.fetchval(HAS_MANY_EVENTS):
            return False
    except asyncpg.PostgresError:  # the test has dropped a table
        return False
    restart = "; ".join(f"ALTER SEQUENCE {sequence} RESTART" for sequence in sequences)
    # The first cascades to all tables but two, which refer to clients without a constraint.
    await connection.execute(f"DELETE FROM clients; DELETE FROM bookings; DELETE FROM booking_answers; {restart}")
    for row in clients:
        places = ", ".join(f"${number}" for number, _ in enumerate(row, 1))
        await connection.execute(f"INSERT INTO clients VALUES ({places})", *row)
    await connection.execute("SELECT setval('clients_key_seq', $1)", max(row["key"] for row in clients))
    return True
