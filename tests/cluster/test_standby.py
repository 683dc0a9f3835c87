"""The commands of docs/operations.md that make a standby and promote it, below a server that runs on."""

import asyncio

import asyncpg

from tests.conftest import NOW
from tests.support.api import Account, Api
from tests.support.builders import upsert_event_input
from tests.support.graphql_queries import UPSERT_EVENT
from tests.support.own_postgresql import OwnPostgreSQL, own_postgresql
from tests.support.postgresql_proxy import proxy, several_hosts
from tests.support.waiting import until


async def test_a_standby_takes_over_and_is_followed_by_another() -> None:
    """What was acknowledged is there, and writes succeed again without a restart. They wait while there is no standby."""
    async with own_postgresql() as servers:
        first, second = (servers.url(servers.data_of(name)) for name in ("first", "second"))
        await make_standby(servers, first, "second")
        async with (
            proxy(first) as one,
            proxy(second) as other,
            Api.open(several_hosts(first, one.port, other.port), NOW) as api,
        ):
            ada = await api.application_calendar("ada")
            assert await writes(api, ada, 9)
            await servers.stop(servers.data)
            assert not await writes(api, ada, 10)
            await servers.run("sh promote=postgresql", STANDBY=servers.data_of("second"))
            await until(lambda: writes(api, ada, 11))
            await make_standby(servers, second, "third")
            assert await writes(api, ada, 12)
            await servers.stop(servers.data_of("third"))
            waiting = asyncio.create_task(writes(api, ada, 13))
            assert (await api.http.get("/readyz")).status_code == 503
            assert not waiting.done()
            await servers.run("sh alone=postgresql", PRIMARY_URL=second)
            assert await waiting
            assert (await api.http.get("/readyz")).status_code == 200
            assert {id for (id,) in await api.rows("SELECT event_id FROM events")} >= {"at 9", "at 11", "at 12"}


async def make_standby(servers: OwnPostgreSQL, primary_url: str, name: str) -> None:
    """Makes a standby of this name, and waits until commits wait for it."""
    servers.new_folder(name)
    await servers.run("sh standby=postgresql", PRIMARY_URL=primary_url, STANDBY=servers.data_of(name))

    async def is_followed() -> bool:
        connection = await asyncpg.connect(primary_url)
        try:
            return await connection.fetchval("SELECT sync_state = 'sync' FROM pg_stat_replication") is True
        finally:
            await connection.close()

    await until(is_followed)


async def writes(api: Api, ada: Account, hour: int) -> bool:
    """Whether an event is written; if not, the request may be sent again."""
    answer = await api(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, hour, hour + 1, f"at {hour}"))
    for error in answer.get("errors", ()):
        assert error["extensions"]["retry"], answer
    return "errors" not in answer
