"""GraphQL over server-sent events, on a real socket."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from server.graphql import sse
from tests.support.api import CLIENT_SECRET
from tests.support.builders import availability_input, period_hours, upsert_event_input
from tests.support.graphql_queries import AVAILABILITY_CHANGED, UPSERT_EVENT
from tests.support.live_clients import LiveServer, live_server
from tests.support.waiting import TIMEOUT

#: these tests do not depend on the database
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])

STREAM = {"Accept": "text/event-stream"}


@pytest.fixture
async def live(database_url: str) -> AsyncGenerator[LiveServer]:
    """The application on a socket. After the test, no connection may be left open."""
    async with live_server(database_url) as opened:
        yield opened
        await opened.wait_until_idle()


async def test_a_query_is_one_next_event_and_complete(live: LiveServer) -> None:
    """Lines end with LF: some clients search for two of them and find no event otherwise."""
    response = await live.api.http.post("/graphql", json={"query": "{ __typename }"}, headers=STREAM)
    assert response.text == 'event: next\ndata: {"data":{"__typename":"Query"}}\n\nevent: complete\ndata: \n\n'
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-length" not in response.headers


@pytest.mark.parametrize("accept", ["text/event-stream, application/json", "application/json;q=0.9, text/event-stream"])
async def test_events_are_sent_if_the_client_prefers_them(live: LiveServer, accept: str) -> None:
    """Or accepts JSON equally but lists events first; for the opposite order, see `test_http.py`."""
    response = await live.api.http.post("/graphql", json={"query": "{ __typename }"}, headers={"Accept": accept})
    assert response.headers["content-type"].startswith("text/event-stream")


async def test_a_subscription_sends_an_event_for_every_answer(live: LiveServer) -> None:
    ada = await live.api.application_calendar("ada")
    async with live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as events:
        assert period_hours(await events.next_result()) == ["9-17"]
        await live.api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
        assert period_hours(await events.next_result()) == ["10-17"]


async def test_a_refusal_completes_the_stream(live: LiveServer) -> None:
    ada = await live.api.application_calendar("ada")
    async with live.event_stream(AVAILABILITY_CHANGED, "nonsense", input=availability_input(ada)) as events:
        refused = await events.next_result()
        assert refused["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
        assert await events.receive() == ("complete", None)


@pytest.mark.parametrize("query", ["{", "{ nothing }"])
async def test_an_invalid_document_is_reported_in_the_stream(live: LiveServer, query: str) -> None:
    """A client that expects events reads nothing else."""
    async with live.event_stream(query) as events:
        assert (await events.next_result())["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
        assert await events.receive() == ("complete", None)


async def test_an_invalid_request_is_refused_in_json(live: LiveServer) -> None:
    """With its usual status."""
    response = await live.api.http.post(
        "/graphql", content=b"[", headers={**STREAM, "Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("application/json")


async def test_get_allows_queries_but_no_mutations(live: LiveServer) -> None:
    ada = await live.api.application_calendar("ada")
    headers = {**STREAM, "Authorization": f"Bearer {ada.token}"}
    query = "{ userInfo { sub } }"
    response = await live.api.http.get("/graphql", params={"query": query}, headers=headers)
    assert ada.sub in response.text
    mutation = "mutation { deleteAvailablePeriods { deleted } }"
    response = await live.api.http.get("/graphql", params={"query": mutation}, headers=headers)
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_a_subscription_without_events_is_refused_with_the_media_type_to_use(live: LiveServer) -> None:
    ada = await live.api.application_calendar("ada")
    answer = await live.api(AVAILABILITY_CHANGED, CLIENT_SECRET, input=availability_input(ada))
    assert answer["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
    assert "text/event-stream" in answer["errors"][0]["message"]
    assert "data" not in answer


async def test_comments_keep_an_idle_connection_alive(live: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies close connections without traffic."""
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


async def test_a_disconnected_client_is_unsubscribed(live: LiveServer) -> None:
    """At once, not only when the next answer is due."""
    ada = await live.api.application_calendar("ada")
    for _ in range(3):
        async with live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as events:
            await events.next_result()
            assert len(live.api.db.subscribers) == 1
        await live.wait_until_idle()


async def test_streams_beyond_the_limit_are_refused(database_url: str) -> None:
    async with live_server(database_url, max_subscriptions=1) as live:
        ada = await live.api.application_calendar("ada")
        async with live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as events:
            await events.next_result()
            async with live.event_stream(AVAILABILITY_CHANGED, ada.token, input=availability_input(ada)) as refused:
                assert (await refused.next_result())["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}


async def test_gauges_count_subscriptions_and_sockets(live: LiveServer) -> None:
    """They go back to zero when the clients have gone."""

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
