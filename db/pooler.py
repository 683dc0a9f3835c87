"""What a pooler between Openings and PostgreSQL breaks, found at the start.

In session mode a pooler is not noticed. In transaction mode each transaction of a connection may get another backend:
a prepared statement may then be missing or be another's, unless the pooler carries statements from backend to backend,
and a LISTEN stays behind on a backend that others use.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import uuid4

import asyncpg

from .database import Database
from .database_urls import UNUSABLE, cause_of
from .drivers.hosts import Hosts

#: how often two connections try to get each other's backend, and the seconds that they have for it
_ROUNDS, _ROUNDS_TIMEOUT = 5, 3
#: seconds in which a notification arrives
_NOTIFICATION_TIMEOUT = 2

_PID = "SELECT pg_backend_pid()"

#: what is raised for a statement that is not there, and for one whose name is another's
_LOST = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)


class PoolerError(RuntimeError):
    """The database is behind a pooler that loses prepared statements."""


async def check_statements(database: Database) -> None:
    """Raises PoolerError if statements are prepared on connections that lose them, so that most requests would fail."""
    if database.dialect == "postgresql" and database.hosts.prepares and await _loses_statements(database.hosts):
        raise PoolerError(
            f"the database {database.shown_url} is behind a pooler in transaction mode that loses prepared statements: "
            "add the parameter statement_cache_size=0 to OPENINGS_DATABASE_URL, or use PgBouncer 1.21 or newer with "
            "max_prepared_statements, or session mode"
        )


async def push_problem(database: Database) -> str | None:
    """Returns why changes do not reach subscriptions, with the cure; None if they do, or are polled for."""
    if not database.is_postgresql:
        return None
    shown = database.shown_listen_url
    address = f"OPENINGS_LISTEN_URL ({shown})" if shown else database.shown_url
    cure = "set it to a direct address of this database" if shown else "set OPENINGS_LISTEN_URL to a direct address"
    try:
        if await _is_notified(database):
            return None
    except UNUSABLE as error:
        cause = f"cannot listen at {address}: {cause_of(error)}"
    else:
        cause = f"no notification arrives at {address}, as behind a pooler in transaction mode"
    return f"subscriptions get no pushes: {cause}; {cure}"


async def _loses_statements(hosts: Hosts) -> bool:
    """Whether a statement that one connection has prepared is lost when another one takes its backend."""
    try:
        async with asyncio.timeout(_ROUNDS_TIMEOUT), AsyncExitStack() as stack:
            first = await stack.enter_async_context(_connected(hosts))
            if await first.fetchval(_PID) == first.get_server_pid():
                return False  # a pooler tells its clients a number of its own
            second = await stack.enter_async_context(_connected(hosts))
            for _ in range(_ROUNDS):
                await _exchange(first, second)
    except _LOST:
        return True
    except TimeoutError:
        return False  # there is no other backend to be had
    return False


async def _exchange(first: asyncpg.Connection, second: asyncpg.Connection) -> None:
    """Lets the second connection take the backend on which the first has prepared a statement. Raises what then is lost."""
    name = f"openings_{uuid4().hex}"
    async with first.transaction():
        statement = await first.prepare(_PID, name=name)
        prepared_at = await statement.fetchval()
    async with second.transaction():
        if await second.fetchval(_PID) == prepared_at:
            await second.prepare(_PID, name=name)
        else:
            await statement.fetchval()


async def _is_notified(database: Database) -> bool:
    """Whether a notification that is sent as all are reaches a connection that listens."""
    channel = f"openings_{uuid4().hex}"
    notified = asyncio.Event()

    def notify(*_: object) -> None:
        notified.set()

    async with _connected(database.listen_hosts) as connection:
        await connection.add_listener(channel, notify)
        await database.driver.fetch_many("SELECT pg_notify($1, '')", channel)
        try:
            async with asyncio.timeout(_NOTIFICATION_TIMEOUT):
                await notified.wait()
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def _connected(hosts: Hosts) -> AsyncGenerator[asyncpg.Connection]:
    connection = await hosts.connect(statement_cache_size=0)
    try:
        yield connection
    finally:
        connection.terminate()
