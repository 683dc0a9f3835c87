"""GraphQL over server-sent events, on a real socket."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from server.graphql import sse
from tests.support.api import CLIENT_SECRET
from tests.support.builders import availability_input, period_hours, upsert_event_input
from tests.support.graphql_queries import AVAILABILITY_CHANGED, UPSERT_EVENT
from tests.support.live_clients import TIMEOUT, LiveServer, live_server

#: nothing here depends on the database
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
async def live(database_url: str) -> AsyncGenerator[LiveServer]:
    """The application on a socket. Whatever a test does there, nobody is left on the line when its clients are gone."""
    async with live_server(database_url) as opened:
        yield opened
        await opened.wait_until_idle()


async def test_a_query_is_one_event_and_then_complete(live: LiveServer) -> None:
    """Lines end as on Unix: there are clients that look for two such ends, and find no event otherwise."""
    response = await live.api.http.post("/graphql", json={"query": "{ __typename }"}, headers=STREAM)
    assert response.text == 'event: next\ndata: {"data":{"__typename":"Query"}}\n\nevent: complete\ndata: \n\n'
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-length" not in response.headers


@pytest.mark.parametrize("accept", ["text/event-stream, application/json", "application/json;q=0.9, text/event-stream"])
async def test_events_are_for_those_who_like_them_best(live: LiveServer, accept: str) -> None:
    """Or as much as JSON, and name them first; who names them last is answered in JSON, as `test_transport.py` has it."""
    response = await live.api.http.post("/graphql", json={"query": "{ __typename }"}, headers={"Accept": accept})
    assert response.headers["content-type"].startswith("text/event-stream")


async def test_a_subscription_is_an_event_for_every_answer(live: LiveServer) -> None:
    ada = await live.api.application_calendar("ada")
    async with live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as events:
        assert period_hours(await events.next_result()) == ["9-17"]
        await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
        assert period_hours(await events.next_result()) == ["10-17"]


async def test_a_refusal_is_the_last_answer(live: LiveServer) -> None:
    ada = await live.api.application_calendar("ada")
    async with live.event_stream(AVAILABILITY_CHANGED, "nonsense", input=availability_input(ada)) as events:
        refused = await events.next_result()
        assert refused["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
        assert await events.receive() == ("complete", None)


@pytest.mark.parametrize("query", ["{", "{ nothing }"])
async def test_what_is_no_graphql_is_an_answer_too(live: LiveServer, query: str) -> None:
    """Who waits for events reads nothing else."""
    async with live.event_stream(query) as events:
        assert (await events.next_result())["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
        assert await events.receive() == ("complete", None)


async def test_a_request_that_is_none_is_refused_as_ever(live: LiveServer) -> None:
    """In JSON, with its status."""
    response = await live.api.http.post(
        "/graphql", content=b"[", headers={**STREAM, "Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/json")


async def test_by_get_there_are_subscriptions_but_no_mutations(live: LiveServer) -> None:
    ada = await live.api.application_calendar("ada")
    headers = {**STREAM, "Authorization": f"Bearer {ada.token}"}
    query = "{ userInfo { sub } }"
    response = await live.api.http.get("/graphql", params={"query": query}, headers=headers)
    assert ada.sub in response.text
    mutation = "mutation { deleteAvailablePeriods { deleted } }"
    response = await live.api.http.get("/graphql", params={"query": mutation}, headers=headers)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_a_subscription_for_which_no_events_are_wanted_is_told_how_it_is_sent(live: LiveServer) -> None:
    ada = await live.api.application_calendar("ada")
    answer = await live.api(AVAILABILITY_CHANGED, CLIENT_SECRET, input=availability_input(ada))
    assert answer["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
    assert "text/event-stream" in answer["errors"][0]["message"]
    assert "data" not in answer


async def test_a_silent_line_is_kept_alive_by_comments(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies give up on a line on which nothing comes."""
    monkeypatch.setattr(sse, "HEARTBEAT", 0.02)
    ada = await live.api.application_calendar("ada")
    async with (
        live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as events,
        asyncio.timeout(TIMEOUT),
    ):
        found = b""
        async for chunk in events.response.aiter_raw():
            found += chunk
            if found.count(b":\n\n") >= 3 and b"data" in found:
                break
    comments = found.split(b"\n\n").count(b":")
    [answer] = [part for part in found.split(b"\n\n") if b"data" in part]
    assert comments >= 3
    assert answer.startswith(b"event: next\ndata: {")


async def test_who_hangs_up_is_forgotten(live: LiveServer) -> None:
    """At once, and not when there is something to tell it."""
    ada = await live.api.application_calendar("ada")
    for _ in range(3):
        async with live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as events:
            await events.next_result()
            assert len(live.api.db.subscribers) == 1
        await live.wait_until_idle()


async def test_more_streams_than_there_is_room_for_are_refused(database_url: str) -> None:
    async with live_server(database_url, max_subscriptions=1) as live:
        ada = await live.api.application_calendar("ada")
        async with live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as events:
            await events.next_result()
            async with live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as refused:
                assert (await refused.next_result())["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}


async def test_the_gauges_tell_how_many_are_on_the_line(live: LiveServer) -> None:
    """As they go, they go down."""

    async def gauge(name: str) -> float:
        lines = (await live.api.http.get("/metrics")).text.splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    ada = await live.api.application_calendar("ada")
    pushes = await gauge("openings_pushes_total")
    async with (
        live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as events,
        live.connect(),
    ):
        await events.next_result()
        assert await gauge("openings_subscriptions") == 1
        assert await gauge("openings_sockets") == 1
        assert await gauge("openings_pushes_total") == pushes + 1
    await live.wait_until_idle()
    assert await gauge("openings_subscriptions") == 0
    assert await gauge("openings_sockets") == 0
