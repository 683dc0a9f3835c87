"""A TCP port that leads to a PostgreSQL server on a Unix socket, and counts trips."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager

from sqlalchemy.engine import make_url


class Proxy:
    """A proxy in front of a server."""

    def __init__(self, path: str) -> None:
        """Takes the server's socket."""
        self._path = path
        self.port = 0
        #: how often something was sent to the server after it had last sent something
        self.trips = 0

    @contextmanager
    def counted(self, trips: int) -> Generator[None]:
        """A block in which there are so many trips at most."""
        before = self.trips
        yield
        assert self.trips - before <= trips

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes on what both sides of a connection send."""
        server_reader, server_writer = await asyncio.open_unix_connection(self._path)
        is_answered = True

        async def ask() -> None:
            nonlocal is_answered
            with closing(server_writer):
                while read := await reader.read(65_536):
                    self.trips += is_answered
                    is_answered = False
                    server_writer.write(read)
                    await server_writer.drain()

        async def answer() -> None:
            nonlocal is_answered
            with closing(writer):
                while read := await server_reader.read(65_536):
                    is_answered = True
                    writer.write(read)
                    await writer.drain()

        await asyncio.gather(ask(), answer(), return_exceptions=True)


@asynccontextmanager
async def proxy(database_url: str) -> AsyncGenerator[Proxy]:
    """A proxy to the server of a database."""
    made = Proxy(f"{make_url(database_url).query['host']}/.s.PGSQL.5432")
    async with await asyncio.start_server(made.relay, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


def several_hosts(database_url: str, *ports: int) -> str:
    """The URL of a database at these ports of this machine."""
    parsed = make_url(database_url)
    places = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://{parsed.username}@{places}/{parsed.database}?ssl=disable"
