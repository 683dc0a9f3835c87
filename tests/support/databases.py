"""Databases on a PostgreSQL server of the tests' own."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import make_url

#: what a test may have left on a database that nobody else has to know of
OTHERS_AWAY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
#: another one when a table, a column or an index has come or gone
SHAPE = """
SELECT sum(pg_class.oid::bigint), count(*), sum(relnatts), (SELECT version_num FROM alembic_version)
FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""
#: more than is soon undone
MANY = "SELECT count(*) > 500 FROM events"
SEQUENCES = "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"


def named(server: str, database: str) -> str:
    """The URL of another database of the same server."""
    return make_url(server).set(database=database).render_as_string(hide_password=False)


async def administer(server: str, statement: str) -> None:
    """Has the server do something that belongs to no transaction."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@dataclass
class Used:
    """Copies of templates, used by one test after the other: to empty one takes a fifth of the time that making one does."""

    server: str
    #: by template
    _free: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    #: how a template is: its shape, its sequences, its clients
    _new: dict[str, tuple[Any, list[str], list[Any]]] = field(default_factory=dict[str, Any])

    async def take(self, template: str) -> str:
        """The name of a database that is as the template is."""
        free = self._free.setdefault(template, [])
        if free:
            return free.pop()
        name = f"test_{uuid4().hex}"
        await administer(self.server, f"CREATE DATABASE {name} TEMPLATE {template}")
        if template not in self._new:
            self._new[template] = await self._look(name)
        return name

    async def give(self, name: str, template: str) -> None:
        """It is not needed any more, and whatever the test has done to it is undone; or it is dropped."""
        connection = await asyncpg.connect(named(self.server, name))
        try:
            await connection.execute(OTHERS_AWAY)
            good = await _emptied(connection, *self._new[template])
        finally:
            await connection.close()
        if good:
            self._free[template].append(name)
        else:
            await administer(self.server, f"DROP DATABASE {name} WITH (FORCE)")

    async def drop(self) -> None:
        """All that is kept."""
        for name in (name for free in self._free.values() for name in free):
            await administer(self.server, f"DROP DATABASE {name} WITH (FORCE)")

    async def _look(self, name: str) -> tuple[Any, list[str], list[Any]]:
        connection = await asyncpg.connect(named(self.server, name))
        try:
            sequences = [row[0] for row in await connection.fetch(SEQUENCES)]
            return await connection.fetchrow(SHAPE), sequences, await connection.fetch("SELECT * FROM clients")
        finally:
            await connection.close()


async def _emptied(connection: "asyncpg.Connection[Any]", shape: Any, sequences: list[str], clients: list[Any]) -> bool:
    """Whether it is as new: it cannot be made so when the test has changed its tables, and is not when it holds much."""
    try:
        if await connection.fetchrow(SHAPE) != shape or await connection.fetchval(MANY):
            return False
    except asyncpg.PostgresError:  # there is no such table any more
        return False
    restart = "; ".join(f"ALTER SEQUENCE {sequence} RESTART" for sequence in sequences)
    await connection.execute(f"DELETE FROM clients; {restart}")  # and with them all that is theirs
    for row in clients:
        places = ", ".join(f"${number}" for number, _ in enumerate(row, 1))
        await connection.execute(f"INSERT INTO clients VALUES ({places})", *row)
    await connection.execute("SELECT setval('clients_key_seq', $1)", max(row["key"] for row in clients))
    return True
