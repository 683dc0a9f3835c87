"""SQLAlchemy's engines for a database: one that reads and one that writes."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, cast

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ManagesConnection

from .drivers.hosts import Hosts
from .drivers.liveness import Connection as PostgreSQLConnection
from .drivers.write_lock import begin_immediate_session
from .files import FileGuard
from .retries import is_read_only

POOL_TIMEOUT = 5
"""Seconds that a request waits for a free connection, of the pool or of the driver."""

SQLITE_READERS = 8
"""Connections of SQLite that read."""

#: Options of every engine. Parameter values are kept out of logged errors.
_OPTIONS: dict[str, Any] = {"hide_parameters": True, "pool_timeout": POOL_TIMEOUT}


def postgresql(url: URL, pool_size: int, hosts: Hosts) -> tuple[AsyncEngine, AsyncEngine]:
    """Returns the engines that read and write. Both share a pool.

    A read sees one snapshot.
    """
    # No ping before each use: it would cost a round trip per request. A dead connection is ended by `liveness`, and
    # `retry_transaction` recovers from it. SQLAlchemy then discards all pooled ones of that age.
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        async_creator=hosts.connect,
        **_OPTIONS,
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def check(_connection: object, record: ManagesConnection, _proxy: object) -> None:  # pyright: ignore[reportUnusedFunction]
        # Closed while it was idle. Otherwise the first statement would fail.
        if _driver_connection(record).is_closed():
            raise DisconnectionError

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def ask(connection: Connection, *_more: object) -> None:  # pyright: ignore[reportUnusedFunction]
        _driver_connection(connection.connection).due_since = monotonic()

    @event.listens_for(engine.sync_engine, "after_cursor_execute")
    def answered(connection: Connection, *_more: object) -> None:  # pyright: ignore[reportUnusedFunction]
        _driver_connection(connection.connection).due_since = None

    @event.listens_for(engine.sync_engine, "handle_error")
    def failed(context: ExceptionContext) -> None:  # pyright: ignore[reportUnusedFunction]
        if context.connection is not None and not (context.connection.closed or context.connection.invalidated):
            connection = _driver_connection(context.connection.connection)
            connection.due_since = None
            # After a failover all connections of that age lead to a server that only reads.
            if is_read_only(context.original_exception):
                context.is_disconnect = True
                hosts.doubt(connection)

    snapshot = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return snapshot, engine.execution_options(isolation_level="READ COMMITTED")


def _driver_connection(pooled: ManagesConnection) -> PostgreSQLConnection:
    return cast("PostgreSQLConnection", pooled.driver_connection)


def sqlite(url: URL, guard: FileGuard, lock_timeout: float) -> tuple[AsyncEngine, AsyncEngine]:
    """Returns the engines that read and write a file, each with a pool of its own, the writer's of one connection."""
    # Never creates the file: if it was deleted, an empty one would take its place.
    url = url.set(database=Path(str(url.database)).absolute().as_uri(), query={"uri": "true", "mode": "rw"})
    busy = {"timeout": lock_timeout}
    idle = SQLITE_READERS // 2
    reader = create_async_engine(url, pool_size=idle, max_overflow=SQLITE_READERS - idle, connect_args=busy, **_OPTIONS)
    writer = create_async_engine(url, pool_size=1, max_overflow=0, connect_args=busy, **_OPTIONS)
    _prepare(reader, guard, lambda connection: connection.exec_driver_sql("BEGIN"), "query_only = ON")
    # FULL: acknowledged writes survive a power cut, not only a crash of this process. The busy handler
    # is switched off once the connection is set up, because `begin_immediate_session` does the waiting.
    pragmas = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "busy_timeout = 0")
    _prepare(writer, guard, partial(_begin_write, guard, lock_timeout), *pragmas)
    return reader, writer


def _begin_write(guard: FileGuard, lock_timeout: float, connection: Connection) -> None:
    guard.check()
    begin_immediate_session(connection, lock_timeout)


def _prepare(engine: AsyncEngine, guard: FileGuard, begin: Callable[[Connection], object], *pragmas: str) -> None:
    """Sets up each new connection, and begins transactions explicitly instead of by the driver's guess."""

    @event.listens_for(engine.sync_engine, "do_connect")
    def check(*_arguments: object) -> None:  # pyright: ignore[reportUnusedFunction]
        guard.check()

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _record: object) -> None:  # pyright: ignore[reportUnusedFunction]
        _stop_once(connection.driver_connection)
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    # A caller cancelled in the middle of a statement has its connection closed. But SQLite closes it
    # only when Python has released all its statements; until then its transaction would stay open and
    # block all other writers.
    @event.listens_for(engine.sync_engine, "invalidate")
    def rollback(connection: Any, _record: object, _error: object) -> None:  # pyright: ignore[reportUnusedFunction]
        with suppress(sqlite3.Error):
            connection.rollback()

    event.listen(engine.sync_engine, "begin", begin)


def _stop_once(connection: Any) -> None:
    """Makes aiosqlite's stop() of this connection return the same future the second time.

    SQLAlchemy closes the connection of a cancelled caller, and stops it if the caller is cancelled again. The close that
    is under way then stops it once more, and would wait for ever for a thread that has ended, and with it the end of the
    event loop.
    """
    stop = connection.stop

    def stop_once() -> Any:
        stopped = stop()
        connection.stop = lambda: stopped
        return stopped

    connection.stop = stop_once
