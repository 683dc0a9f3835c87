"""The commands of docs/operations.md that move a database back to a moment, below a server that runs on."""

from typing import Any

import asyncpg

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import availability_input, period_hours, upsert_event_input
from tests.support.graphql_queries import AVAILABILITY_CHANGED, UPSERT_EVENT
from tests.support.live_clients import live_server
from tests.support.own_postgresql import OwnPostgreSQL, own_postgresql
from tests.support.waiting import until

AVAILABILITY = AVAILABILITY_CHANGED.replace("subscription", "query").replace(
    "availabilityChanged", "availabilityChanged: availability"
)


async def moment(url: str) -> str:
    """The present by PostgreSQL's clock."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT clock_timestamp()::text")
    finally:
        await connection.close()


async def free(api: Api, person: Account) -> list[str]:
    """When somebody is free, as an answer says."""
    return period_hours(await api(AVAILABILITY, CLIENT_SECRET, input=availability_input(person)))


async def is_ready(api: Api) -> bool:
    return (await api.http.get("/readyz")).status_code == 200


async def test_a_running_server_goes_on_with_the_database_of_the_moment() -> None:
    """What was written before the moment is there, and what was written after it in no answer, cached or pushed."""
    async with own_postgresql() as server:
        await move_back(server)


async def move_back(server: OwnPostgreSQL) -> None:
    url = server.url(server.data)
    given: dict[str, Any] = {"DATABASE_URL": url, "PGDATA": server.data, "BASE": server.folder / "base"}
    given["ARCHIVE"] = server.new_folder("archive")
    await server.run("sh archive=postgresql", **given)
    async with live_server(url) as live:
        api = live.api
        ada, ben = [await api.application_calendar(name) for name in ("ada", "ben")]
        await server.run("sh base=postgresql", **given)
        async with live.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada)) as ws:
            assert period_hours(await ws.next_result()) == ["9-17"]
            for person in (ada, ben):
                await api.data(UPSERT_EVENT, person.token, input=upsert_event_input(person, 9, 10, "before"))
            assert period_hours(await ws.next_result()) == ["10-17"]
            given["MOMENT"] = await moment(url)
            for person in (ada, ben):
                await api.data(UPSERT_EVENT, person.token, input=upsert_event_input(person, 10, 11, "after"))
            cem = await api.application_calendar("cem")
            assert period_hours(await ws.next_result()) == ["11-17"]
            assert await free(api, ben) == ["11-17"]

            await server.run("sh recover=postgresql", **given)
            await until(lambda: is_ready(api))
            assert period_hours(await ws.next_result()) == ["10-17"]
            assert await free(api, ada) == ["10-17"]
            # The counting part of his calendar's version is now what it was after the event that is gone.
            await api.data(UPSERT_EVENT, ben.token, input=upsert_event_input(ben, 11, 12, "later"))
            assert await free(api, ben) == ["10-11", "12-17"]
            await api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 11, 12, "later"))
            assert period_hours(await ws.next_result()) == ["10-11", "12-17"]
            assert (await api.refusal("{ calendars { calendarId } }", cem.token))["code"] == "UNAUTHENTICATED"
            assert (await api.application_calendar("cem")).token != cem.token
        await live.wait_until_idle()
    await server.run("sh recovered=postgresql", **given)
