"""The tools for assistants, with the official SDK's client: over HTTP and over standard input and output."""

import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from core.instants import HOUR, format_instant
from server import demo
from server.app import clock
from tests.support.api import Api
from tests.support.command_line import ROOT
from tests.support.server_process import ServerProcess, running_server

TUESDAY = demo.nine_on_tuesday(clock())


class Demo:
    """A database with demo data, and its credentials."""

    def __init__(self, url: str, credentials: demo.Credentials, cast: demo.Cast) -> None:
        self.url, self.secret, self.token, self.cast = url, credentials.client_secret, credentials.access_token, cast

    def question(self, **more: Any) -> dict[str, Any]:
        """When can Ada and Ben meet for an hour in one of the rooms?"""
        return {
            "participants": [{"members": [*self.cast.people]}, {"members": [*self.cast.rooms], "required": 1}],
            "minutes": 60,
            "start": format_instant(TUESDAY),
            "end": format_instant(TUESDAY + 8 * HOUR),
            "start_interval_minutes": 60,
            **more,
        }


@pytest.fixture
async def story(database_url: str) -> Demo:
    """Demo data by the real clock, which a server process uses."""
    async with Api.open(database_url, clock(), key="") as api:
        credentials = await demo.prepare(api.db, clock())
        return Demo(database_url, credentials, await demo.cast(api.db))


@asynccontextmanager
async def over_stdio(story: Demo, token: str) -> AsyncIterator[Client]:
    """An assistant that has started the command."""
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "server.cli", "mcp", "--database-url", story.url],
        env={"OPENINGS_MCP_TOKEN": token},
        cwd=ROOT,
    )
    async with Client(stdio_client(command)) as client:
        yield client


@asynccontextmanager
async def over_http(server: ServerProcess, token: str) -> AsyncIterator[Client]:
    """An assistant that asks the server."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(f"{server.url}/mcp", http_client=http)) as client,
    ):
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The result of a tool, which must not be an error: the same as data and as text."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    [text] = result.content
    assert json.loads(text.text) == result.structured_content  # pyright: ignore[reportAttributeAccessIssue]
    return result.structured_content


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    """The words of a tool's error."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    [text] = result.content
    return text.text  # pyright: ignore[reportAttributeAccessIssue]


async def tell_the_story(client: Client, story: Demo) -> None:
    """Finds Ada and Ben, asks when they can meet, books, and finds the slot taken."""
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert [*tools] == ["find_accounts", "availability", "book", "list_bookings", "cancel_booking"]
    assert [name for name, tool in tools.items() if tool.annotations and tool.annotations.destructive_hint] == [
        "cancel_booking"
    ]
    found = await call(client, "find_accounts", search="ada")
    assert [(each["sub"], each["name"]) for each in found["accounts"]] == [
        (story.cast.people[0], {"untrusted_text": "Ada"})
    ]
    answer = await call(client, "availability", **story.question())
    assert [slot["start"] for slot in answer["slots"]] == [
        format_instant(TUESDAY + 3 * HOUR),
        format_instant(TUESDAY + 7 * HOUR),
    ]
    assert "Red room" in answer["explanation"]["picture"]["untrusted_text"]
    booking = {
        "availability": story.question(),
        "start": answer["slots"][0]["start"],
        "summary": "Planning the opening",
        "idempotency_key": "one",
    }
    first, again = [await call(client, "book", **booking) for _ in range(2)]
    assert first["booked"] is True
    assert first == again
    other = await call(client, "book", **{**booking, "idempotency_key": "another"})
    assert (other["booked"], [slot["start"] for slot in other["next_slots"]]) == (
        False,
        [format_instant(TUESDAY + 7 * HOUR)],
    )
    [listed] = (await call(client, "list_bookings", sub=story.cast.people[1]))["bookings"]
    assert (listed["booking_id"], listed["status"]) == (first["booking_id"], "confirmed")
    assert listed["summary"] == {"untrusted_text": "Planning the opening"}
    assert listed["participants"][0] == {"sub": story.cast.people[0], "name": {"untrusted_text": "Ada"}}
    cancelled = [await call(client, "cancel_booking", booking_id=first["booking_id"], reason="Rain") for _ in range(2)]
    assert [each["status"] for each in cancelled] == ["cancelled"] * 2
    assert "not a booking" in await refusal(client, "cancel_booking", booking_id="bkg_of_nobody")
    answer = await call(client, "availability", **story.question())
    assert len(answer["slots"]) == 2


@pytest.fixture
async def server(story: Demo, tmp_path: Path) -> AsyncGenerator[ServerProcess]:
    """The server with its tools."""
    async with running_server(tmp_path, story.url, OPENINGS_MCP="1") as running:
        yield running


async def test_an_assistant_books_over_stdio(story: Demo) -> None:
    """And learns every problem of what it sends, with nothing of the values."""
    async with over_stdio(story, story.secret) as client:
        await tell_the_story(client, story)
        words = await refusal(client, "availability", **story.question(minutes=0, perhaps=1, tzid="x" * 2000))
        assert [word in words for word in ("minutes: ", "perhaps: ", "tzid: ")] == [True] * 3
        assert "xxx" not in words
        words = await refusal(client, "availability", **story.question(start="2020-05-14T09:00:00", tzid="Mars"))
        assert "has no time zone" in words
        assert "There are: find_accounts" in await refusal(client, "delete_everything")


async def test_an_assistant_books_over_http(story: Demo, server: ServerProcess) -> None:
    """The calls are in the metrics, and no token is in the log."""
    async with over_http(server, story.secret) as client:
        await tell_the_story(client, story)
    metrics = (await server.http.get("/metrics")).text
    assert 'openings_requests_total{code="OK",operation="mcp book"} 3.0' in metrics
    log = "\n".join(server.log_lines)
    assert "POST /mcp" in log
    assert [word for word in (story.secret, "Traceback") if word in log] == []


async def test_a_token_s_account_is_all_that_it_finds(story: Demo, server: ServerProcess) -> None:
    """It may ask for times, as over GraphQL, but not book for others."""
    async with over_http(server, story.token) as client:
        found = await call(client, "find_accounts", search="ben")
        assert [each["sub"] for each in found["accounts"]] == [story.cast.people[0]]
        answer = await call(client, "availability", **story.question())
        assert len(answer["slots"]) == 2
        booking = {"availability": story.question(), "start": answer["slots"][0]["start"]}
        words = await refusal(client, "book", **booking, summary="Mine", idempotency_key="one")
        assert "application's own key" in words
        assert "application's own key" in await refusal(client, "list_bookings")
        assert "application's own key" in await refusal(client, "cancel_booking", booking_id="bkg_1")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Host": "attacker.example"}, 421),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Length": "99999999"}, 413),
        ({}, 200),
    ],
    ids=str,
)
async def test_the_sender_is_checked_with_every_request(
    story: Demo, api_with_tools: Api, headers: dict[str, str], status: int
) -> None:
    """A domain that points here names itself as Host, and a page of another site has its Origin."""
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    given = {"Authorization": f"Bearer {story.secret}", "Accept": "application/json, text/event-stream", **headers}
    response = await api_with_tools.http.post("/mcp", json=body, headers=given)
    assert response.status_code == status, response.text
    assert ("www-authenticate" in response.headers) is (status == 401)
    if status == 200:
        assert len(response.json()["result"]["tools"]) == 5


@asynccontextmanager
async def running_tools(story: Demo, **settings: Any) -> AsyncIterator[Api]:
    async with (
        Api.open(story.url, clock(), mcp=True, key="", **settings) as api,
        api.app.router.lifespan_context(api.app),
    ):
        yield api


@pytest.fixture
async def api_with_tools(story: Demo) -> AsyncGenerator[Api]:
    """The application in this process, whose tools are running."""
    async with running_tools(story) as api:
        yield api


async def test_there_is_nothing_to_listen_to(story: Demo, api_with_tools: Api) -> None:
    """No sessions, so no GET and no DELETE; and nothing but POST for a page that asks first."""
    for method in ("GET", "DELETE", "OPTIONS"):
        response = await api_with_tools.http.request(method, "/mcp")
        assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_calls_count_against_the_rate_limit(story: Demo) -> None:
    async with running_tools(story, rate_limit="2/min") as api:
        headers = {"Authorization": f"Bearer {story.secret}", "Accept": "application/json, text/event-stream"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        answers = [await api.http.post("/mcp", json=body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert "retry-after" in answers[2].headers


async def test_repeated_wrong_tokens_are_answered_late(api_with_tools: Api) -> None:
    """As at every other doorway, with which they are counted together."""
    throttle, slept = api_with_tools.engine.throttle, list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    throttle.sleep = sleep
    headers = {"Authorization": "Bearer wrong"}
    answers = [await api_with_tools.http.post("/mcp", json={}, headers=headers) for _ in range(12)]
    assert {answer.status_code for answer in answers} == {401}
    assert slept == [throttle.delay] * 2
    throttle.max_waiting = 0
    assert (await api_with_tools.http.post("/mcp", json={}, headers=headers)).status_code == 429


async def test_without_the_setting_there_are_no_tools(api: Api) -> None:
    assert (await api.http.post("/mcp", json={})).status_code == 404
