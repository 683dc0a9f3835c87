"""The database behind a URL: sessions that read and write, and a driver for single statements.

SQLite allows one writer at a time, so it has one writing connection and a few reading ones. PostgreSQL
has one pool for both, of which writes leave a part to reads. On either, a `read` sees one snapshot from
start to end, and a `write` is one transaction; requests that wait for a connection are served client by
client.
"""

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TypeAlias, cast

from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool
from sqlmodel.ext.asyncio.session import AsyncSession

from . import database_urls, engines, files
from .drivers.base import Driver
from .drivers.fair_queue import Client, FairQueue
from .drivers.hosts import Hosts
from .drivers.keyed_locks import KeyedLocks, LockKey
from .drivers.postgresql import PostgreSQLDriver
from .drivers.sqlite import SQLiteDriver
from .drivers.sqlite_writer import SQLiteWriter
from .encryption import Encryption
from .notifications import listener
from .notifications.outbox import Outbox
from .notifications.polling import poll_versions
from .notifications.subscribers import Subscribers, notify_in_transaction

Session: TypeAlias = AsyncSession
"""The session type, for callers that pass sessions to functions of this package."""

POOL_SIZE = 10
"""Maximum PostgreSQL connections per process, in addition to those of the driver."""

LOCK_TIMEOUT = 10
"""Seconds that a write waits for a lock: once for those of this process, and again for those of others."""

IDLE_TIMEOUT = 15
"""Seconds for which PostgreSQL waits for the next statement of a writing transaction, and holds its locks. One whose host has
lost its power would otherwise hold them for hours."""

#: connections of the driver: a few, because each is busy for some milliseconds at most unless it waits
#: for a lock
_DRIVER_CONNECTIONS = 8


class Database:
    """A database, with an engine for reading and one for writing; on PostgreSQL both share a pool."""

    def __init__(
        self,
        url: str,
        *,
        listen_url: str = "",
        pool_size: int = POOL_SIZE,
        lock_timeout: float = LOCK_TIMEOUT,
        assume_postgresql: bool = True,
        encryption: Callable[[], Encryption] | None = None,
    ) -> None:
        """Takes `sqlite:///path/file.db` or `postgresql://user@host/name`. Raises DatabaseUrlError.
        Connects when used.

        `listen_url` is a direct address of the same PostgreSQL, for what a pooler in transaction mode does not pass on.
        Without `assume_postgresql` nothing is used that PostgreSQL's distributed relatives lack: NOTIFY, snapshots.
        `encryption` is called when it is first needed; it may be omitted where no secrets are read or written.
        """
        parsed = database_urls.parse(url)
        direct = database_urls.parse_listen_url(listen_url, parsed) if listen_url else None
        self._make_encryption = encryption
        self.shown_url = database_urls.show(parsed)
        #: empty if there is none
        self.shown_listen_url = database_urls.show(direct) if direct is not None else ""
        self.dialect = parsed.get_backend_name()
        #: the SQLite file; None on PostgreSQL
        self.file = Path(str(parsed.database)).absolute() if self.dialect == "sqlite" else None
        #: notices that the SQLite file was deleted or replaced; None on PostgreSQL
        self.file_guard = files.FileGuard(self.file) if self.file is not None else None
        #: whether it is PostgreSQL itself, with all that it offers: neither SQLite nor one of PostgreSQL's relatives
        self.is_postgresql = self.dialect == "postgresql" and assume_postgresql
        self._lock_timeout = lock_timeout
        self._locks = KeyedLocks(lock_timeout)
        if self.file_guard is not None:
            self.reader, self.writer = engines.sqlite(parsed, self.file_guard, lock_timeout)
            self._connections = _shared(engines.SQLITE_READERS)
            self._writes = FairQueue(1, lock_timeout, name="lock")
        else:
            self.hosts = Hosts(database_urls.connect_options(parsed))
            self.listen_hosts = Hosts(database_urls.connect_options(direct)) if direct is not None else self.hosts
            self.reader, self.writer = engines.postgresql(parsed, pool_size, self.hosts)
            self._connections, self._writes = _shared(pool_size), _shared(_most(pool_size))
        self.subscribers = Subscribers()
        self.driver = self._make_driver(parsed)
        self.outbox = Outbox()
        self._listener = listener.ChangeListener(self.subscribers, self._listen)

    @asynccontextmanager
    async def read(self, client: Client = None) -> AsyncGenerator[AsyncSession]:
        """A session on one snapshot of the database, for this client. Raises TimedOut."""
        async with self._connections.slot(client), AsyncSession(self.reader, autoflush=False) as session:
            yield session

    @asynccontextmanager
    async def write(self, client: Client = None, locks: Collection[LockKey] = ()) -> AsyncGenerator[AsyncSession]:
        """A session whose changes are committed at the end of the block, or rolled back on an exception.

        `locks` are the keys of the rows that the transaction will lock. They are waited for here, without
        a connection. Raises TimedOut, and FileReplacedError if the SQLite file is not there any more, so
        that no lost write is acknowledged.
        """
        try:
            async with (
                self.hold(locks),
                self._writes.slot(client),
                self._connections.slot(client) if self.dialect == "postgresql" else nullcontext(),
                AsyncSession(self.writer, autoflush=False) as session,
            ):
                with self.subscribers.notify_after(session), self.outbox.notify_after(session):
                    async with session.begin(), notify_in_transaction(session, notify=self.is_postgresql):
                        await self._limit_waiting(session)
                        yield session
            if self.file_guard is not None:
                self.file_guard.check()
        finally:
            self.driver.invalidate()

    def hold(self, locks: Collection[LockKey]) -> AbstractAsyncContextManager[bool]:
        """Holds locks of this process during the block, which must not hold a connection before.

        Returns whether it had to wait. Raises TimedOut. On SQLite writes wait for the whole file instead.
        """
        return self._locks.hold(locks) if locks and self.dialect == "postgresql" else nullcontext(False)

    async def _limit_waiting(self, session: AsyncSession) -> None:
        """Limits the time that the transaction waits for rows that another process has locked, and for its own process."""
        if self.dialect == "postgresql":
            limits = {"lock_timeout": self._lock_timeout, "idle_in_transaction_session_timeout": IDLE_TIMEOUT}
            settings = ", ".join(
                f"set_config('{name}', '{_milliseconds(value)}', true)" for name, value in limits.items()
            )
            await (await session.connection()).exec_driver_sql(f"SELECT {settings}")

    def _make_driver(self, url: URL) -> Driver:
        if self.file_guard is not None:
            return SQLiteDriver(
                str(url.database),
                self.file_guard,
                timeout=self._lock_timeout,
                writer=SQLiteWriter(self.writer, self._lock_timeout, self.file_guard),
                write_lock=self._writes,
                wake=self.subscribers.wake,
            )
        return PostgreSQLDriver(
            self.hosts,
            size=_DRIVER_CONNECTIONS,
            timeout=engines.POOL_TIMEOUT,
            lock_timeout=_milliseconds(self._lock_timeout),
            locks=self._locks,
            wake=None if self.is_postgresql else self.subscribers.wake,
        )

    async def _listen(self) -> None:
        """Receives changes by other processes, until cancelled."""
        if self.dialect == "sqlite":
            await listener.poll_sqlite(self.writer, self._writes, self.subscribers)
        elif not self.is_postgresql:
            await poll_versions(self.driver, self.subscribers)
        else:
            await listener.listen_postgresql(self.listen_hosts, self.subscribers)

    @property
    def connections_in_use(self) -> int:
        """Number of busy connections."""
        return sum(pool.checkedout() for pool in self._pools) + self.driver.in_use

    @property
    def waiting(self) -> dict[str, int]:
        """Number of requests that wait: for writes of this process to the same rows, and for a connection."""
        connections = self._connections.waiting + self._writes.waiting + self.driver.waiting
        return {"lock": self._locks.waiting, "connection": connections}

    @cached_property
    def _pools(self) -> set[QueuePool]:
        return {cast("QueuePool", engine.pool) for engine in (self.reader, self.writer)}

    @cached_property
    def encryption(self) -> Encryption:
        """Encryption of the secrets in this database. Raises RuntimeError if none was given."""
        if self._make_encryption is None:
            raise RuntimeError("the database was opened without the installation's key")
        return self._make_encryption()

    def make_folder(self) -> None:
        """Creates the folder of a SQLite file and an empty file, unless they exist: only their owner may read them.

        SQLite gives its other files, `-wal` and `-shm`, the mode of this one. Raises OSError.
        """
        if self.file is not None:
            files.create_private_file(self.file)

    async def close(self) -> None:
        """Closes every connection."""
        await self.driver.close()
        await self._listener.close()
        if self.dialect == "postgresql":
            await self.hosts.close()
            await self.listen_hosts.close()
            await self.listen_hosts.close()
        await self.writer.dispose()
        await self.reader.dispose()


def _most(connections: int) -> int:
    """How many of these connections one client may have, and all writes together: a quarter is left to others."""
    return connections - connections // 4


def _shared(connections: int) -> FairQueue:
    return FairQueue(connections, engines.POOL_TIMEOUT, most=_most(connections))


def _milliseconds(seconds: float) -> str:
    """A time as PostgreSQL reads it in its settings."""
    return f"{seconds * 1000:.0f}ms"
