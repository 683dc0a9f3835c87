"""Limits apply equally to HTTP, server-sent events and WebSocket."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from server.http.credential_throttle import _FREE
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Account
from tests.support.builders import availability_input, upsert_event_input
from tests.support.graphql_queries import AVAILABILITY_CHANGED, AVAILABILITY_PERIOD_STARTS, CALENDARS, UPSERT_EVENT
from tests.support.held_locks import locked_calendars, wait_until_rolled_back
from tests.support.live_clients import LiveServer, live_server

#: these tests do not depend on the database
pytestmark = pytest.mark.parametrize("backend", ["sqlite"])

HELLO = "{ __typename }"

every_way = pytest.mark.parametrize("way", ["http", "events", "websocket"])


@asynccontextmanager
async def opened(database_url: str, **settings: Any) -> AsyncGenerator[tuple[LiveServer, Account]]:
    """The application on a socket, and an account, whose creation does not count towards the limits."""
    async with live_server(database_url) as unlimited:
        person = await unlimited.api.application_calendar("person")
    async with live_server(database_url, NOW, **settings) as live:
        yield live, person
        await live.wait_until_idle()


async def ask(live: LiveServer, way: str, query: str, token: str, **variables: Any) -> dict[str, Any]:
    """The first answer. A request error is returned in the shape that it has over HTTP."""
    if way == "http":
        return await live.api(query, token, **variables)
    if way == "events":
        async with live.event_stream(query, token, **variables) as events:
            if events.response.headers["content-type"].startswith("text/event-stream"):
                return await events.next_result()
            await events.response.aread()
            return events.response.json()
    async with live.subscribe(query, token, **variables) as ws:
        message = await ws.receive()
        return message["payload"] if message["type"] == "next" else {"errors": message["payload"]}


def code(answer: dict[str, Any]) -> str | None:
    """The code of the first error, if there is one."""
    return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None


@every_way
async def test_the_rate_of_a_client_is_limited(database_url: str, way: str) -> None:
    async with opened(database_url, rate_limit="2/h") as (live, person):
        answers = [await ask(live, way, HELLO, person.token) for _ in range(3)]
        assert [code(answer) for answer in answers] == [None, None, "RATE_LIMITED"]
        assert answers[-1]["errors"][0]["extensions"]["retryAfter"] > 0


async def test_a_cached_answer_counts_towards_the_rate_limit(database_url: str) -> None:
    async with opened(database_url, rate_limit="2/h") as (live, person):
        answers = [
            await ask(live, "http", AVAILABILITY_PERIOD_STARTS, person.token, input=availability_input(person))
            for _ in range(3)
        ]
        assert [code(answer) for answer in answers] == [None, None, "RATE_LIMITED"]


@every_way
async def test_the_number_of_values_in_variables_is_limited(database_url: str, way: str) -> None:
    async with opened(database_url, max_values=100) as (live, person):
        answer = await ask(live, way, HELLO, person.token, input=list(range(101)))
        assert code(answer) == "QUERY_TOO_COMPLEX"


@every_way
async def test_introspection_can_be_disabled(database_url: str, way: str) -> None:
    async with opened(database_url, introspection="off") as (live, _):
        answer = await ask(live, way, "{ __schema { types { name } } }", CLIENT_SECRET)
        assert code(answer) == "BAD_REQUEST"
        [hinted] = (await ask(live, way, "{ calendar { calendarId } }", CLIENT_SECRET))["errors"]
        assert "calendars" not in hinted["message"]


@every_way
async def test_an_operation_beyond_the_deadline_is_cancelled(database_url: str, way: str) -> None:
    """Its transaction is rolled back."""
    async with opened(database_url) as (live, person):
        live.api.gate.deadline = 0.2
        async with locked_calendars(database_url):
            answer = await ask(live, way, UPSERT_EVENT, person.token, input=upsert_event_input(person, 9, 10))
        assert (code(answer), answer["data"]) == ("TIMEOUT", None)
        await wait_until_rolled_back(live.api)
        assert await live.api.rows("SELECT count(*) FROM events") == [(0,)]


@pytest.mark.parametrize(
    ("way", "query"),
    [
        ("http", CALENDARS),
        ("events", CALENDARS),
        ("events", AVAILABILITY_CHANGED),
        ("websocket", CALENDARS),
        ("websocket", AVAILABILITY_CHANGED),
    ],
)
async def test_wrong_tokens_are_answered_late_after_a_few(database_url: str, way: str, query: str) -> None:
    """Whatever the query."""
    async with opened(database_url) as (live, person):
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        live.api.engine.throttle.sleep = sleep
        variables = {"input": availability_input(person)} if query == AVAILABILITY_CHANGED else {}
        for _ in range(_FREE + 1):
            assert code(await ask(live, way, query, "wrong", **variables)) == "UNAUTHENTICATED"
        assert slept == [live.api.engine.throttle.delay]
