"""A TCP port that leads to a PostgreSQL server on a Unix socket: it counts trips, is slow, falls silent, and breaks."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass

from sqlalchemy.engine import make_url


@dataclass(eq=False)
class Line:
    """A connection through the proxy."""

    writer: asyncio.StreamWriter
    is_answered: bool = True
    #: whether what both sides send is lost from now on, while both take the connection for good
    is_cut: bool = False


class Proxy:
    """A proxy in front of a server."""

    def __init__(self, path: str) -> None:
        """Takes the server's socket."""
        self._path = path
        self._lines: set[Line] = set()
        self.port = 0
        #: how often something was sent to the server after it had last sent something
        self.trips = 0
        #: the seconds that everything takes on its way, in either direction
        self.delay = 0.0
        #: whether new connections are accepted, and then hear nothing
        self.is_silent = False

    @contextmanager
    def counted(self, trips: int) -> Generator[None]:
        """A block in which there are so many trips at most."""
        before = self.trips
        yield
        assert self.trips - before <= trips

    def cut(self) -> None:
        """Cuts all connections without a word; new ones are as good as ever."""
        for line in self._lines:
            line.is_cut = True

    def fall_silent(self) -> None:
        """Cuts all connections, and says nothing to new ones, as a host that has lost its power."""
        self.is_silent = True
        self.cut()

    def reset(self) -> None:
        """Resets all connections."""
        for line in self._lines:
            line.writer.transport.abort()

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Passes on what both sides of a connection send. Closes it if the server cannot be reached."""
        line = Line(writer)
        with closing(writer):
            if self.is_silent:
                await self._lose(reader)
            server_reader, server_writer = await asyncio.open_unix_connection(self._path)
            self._lines.add(line)
            with closing(server_writer):
                ends = asyncio.gather(self._ask(line, reader, server_writer), self._answer(line, server_reader))
                try:
                    await ends
                finally:
                    ends.cancel()
                    self._lines.discard(line)

    async def _ask(self, line: Line, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while read := await reader.read(65_536):
            await asyncio.sleep(self.delay)
            if line.is_cut:
                break
            self.trips += line.is_answered
            line.is_answered = False
            server.write(read)
            await server.drain()
        await self._end(line, reader)

    async def _answer(self, line: Line, server: asyncio.StreamReader) -> None:
        while read := await server.read(65_536):
            await asyncio.sleep(self.delay)
            if line.is_cut:
                break
            line.is_answered = True
            line.writer.write(read)
            await line.writer.drain()
        await self._end(line, server)

    async def _end(self, line: Line, reader: asyncio.StreamReader) -> None:
        """Ends the connection when one side has closed it. The other side of one that is cut does not learn of that."""
        if line.is_cut:
            await self._lose(reader)
        raise ConnectionError

    async def _lose(self, reader: asyncio.StreamReader) -> None:
        """Reads for ever, and passes nothing on."""
        while await reader.read(65_536):
            pass
        await asyncio.Event().wait()


@asynccontextmanager
async def proxy(database_url: str) -> AsyncGenerator[Proxy]:
    """A proxy to the server of a database."""
    made = Proxy(f"{make_url(database_url).query['host']}/.s.PGSQL.5432")
    relaying = set[asyncio.Task[None]]()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relays in a task that ends with the proxy."""
        task = asyncio.create_task(made.relay(reader, writer))
        relaying.add(task)
        task.add_done_callback(relaying.discard)
        with suppress(OSError, asyncio.CancelledError):
            await task

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        made.port = server.sockets[0].getsockname()[1]
        yield made
        for task in relaying:
            task.cancel()
        await asyncio.gather(*relaying, return_exceptions=True)


def several_hosts(database_url: str, *ports: int) -> str:
    """The URL of a database at these ports of this machine."""
    parsed = make_url(database_url)
    places = ",".join(f"127.0.0.1:{port}" for port in ports)
    return f"postgresql://{parsed.username}@{places}/{parsed.database}?ssl=disable"
