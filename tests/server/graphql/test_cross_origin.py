"""Pages of other origins: preflights, readable responses and refusals, and WebSockets."""

import json
import logging
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.support.api import CLIENT_SECRET, PAGE, Api
from tests.support.builders import availability_input, period_hours
from tests.support.graphql_queries import AVAILABILITY_CHANGED, AVAILABILITY_PERIOD_STARTS, CALENDARS
from tests.support.live_clients import live_server
from tests.support.server_process import raw, running_server

SITE = "http://localhost:5173"
EVIL = "https://evil.example"
JSON = "application/json"
TYPENAME = {"query": "{ __typename }"}


@pytest.fixture
async def open_api(sqlite_template: Path) -> AsyncGenerator[Api]:
    """An application whose setting allows one origin, and few and small requests."""
    settings: dict[str, Any] = {"origins": SITE, "max_body": 2000}
    async with Api.open(f"sqlite:///{sqlite_template}", 0, **settings) as api:
        yield api


def allowed(response: httpx2.Response) -> str | None:
    """The origin whose pages may read the response, which never allows credentials."""
    assert "access-control-allow-credentials" not in response.headers
    assert "Origin" in response.headers.get("vary", "")
    return response.headers.get("access-control-allow-origin")


class TestPreflight:
    """OPTIONS /graphql."""

    @pytest.mark.parametrize("origin", [SITE, EVIL, "null", "x" * 8000, None])
    async def test_it_is_answered_for_every_origin(self, open_api: Api, origin: str | None) -> None:
        """From memory, and for a day: the token comes with the request itself."""
        headers = {"Origin": origin} if origin is not None else {}
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        response = await open_api.http.options("/graphql", headers={**headers, **asked})
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["access-control-allow-origin"] == "*"
        assert response.headers["access-control-allow-methods"] == "GET, POST"
        assert response.headers["access-control-allow-headers"] == "Authorization, Content-Type, *"
        assert response.headers["access-control-max-age"] == "86400"
        assert "access-control-allow-credentials" not in response.headers
        assert response.headers["x-request-id"]

    async def test_other_paths_have_none(self, open_api: Api) -> None:
        for path in ("/book/token", "/healthz", "/graphql/"):
            response = await open_api.http.options(path, headers={"Origin": SITE})
            assert response.status_code in (404, 405)
            assert "access-control-allow-origin" not in response.headers


#: requests with the status of their responses: method, body, headers
REQUESTS: dict[str, tuple[int, str, bytes, dict[str, str]]] = {
    "a query": (200, "POST", json.dumps(TYPENAME).encode(), {}),
    "a query by GET": (200, "GET", b"", {}),
    "no token": (200, "POST", json.dumps({"query": CALENDARS}).encode(), {}),
    "an unknown token": (200, "POST", json.dumps({"query": CALENDARS}).encode(), {"Authorization": "Bearer x"}),
    "a document with an error": (400, "POST", b'{"query": "{"}', {"Accept": "application/graphql-response+json"}),
    "no JSON": (400, "POST", b"{", {}),
    "another method": (405, "PUT", b"{}", {}),
    "another format": (406, "POST", json.dumps(TYPENAME).encode(), {"Accept": "image/png"}),
    "a large body": (413, "POST", b"x" * 3000, {}),
    "another content type": (415, "POST", b"", {"Content-Type": "text/plain"}),
    "server-sent events": (200, "POST", json.dumps(TYPENAME).encode(), {"Accept": "text/event-stream"}),
}


async def send(api: Api, name: str, origin: str | None) -> httpx2.Response:
    """Sends a request of the table from a page of this origin."""
    status, method, body, headers = REQUESTS[name]
    sent = {"Content-Type": JSON, **({"Origin": origin} if origin is not None else {}), **headers}
    parameters: Any = {**TYPENAME} if method == "GET" else {}
    response = await api.http.request(method, "/graphql", content=body, headers=sent, params=parameters)
    assert response.status_code == status, name
    return response


class TestResponses:
    """Which responses the page of an origin may read."""

    @pytest.mark.parametrize("name", REQUESTS)
    async def test_a_page_of_an_allowed_origin_reads_every_response(self, open_api: Api, name: str) -> None:
        """Refusals too, with what a client needs to try again or to ask the operator."""
        response = await send(open_api, name, SITE)
        assert allowed(response) == SITE
        assert response.headers["access-control-expose-headers"] == "Retry-After, X-Request-ID"
        assert response.headers["x-request-id"]

    @pytest.mark.parametrize("name", REQUESTS)
    async def test_no_other_page_reads_any(self, open_api: Api, name: str) -> None:
        """Neither of another origin, nor of none; caches are told that it depends on the origin."""
        for origin in (EVIL, "null", f"{SITE}, {SITE}", f"{SITE}/", "x" * 8000, "", None):
            assert allowed(await send(open_api, name, origin)) is None, origin

    async def test_a_rate_limit_is_readable(self, sqlite_template: Path) -> None:
        async with Api.open(f"sqlite:///{sqlite_template}", 0, origins=SITE, rate_limit="1/min") as api:
            await send(api, "a query", SITE)
            headers = {"Content-Type": JSON, "Origin": SITE}
            response = await api.http.post("/graphql", json=TYPENAME, headers=headers)
            assert (response.status_code, allowed(response)) == (429, SITE)
            assert response.headers["retry-after"]

    async def test_a_fault_is_readable(self, open_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        async def fail(*_: object) -> None:
            raise RuntimeError

        monkeypatch.setattr("server.graphql.endpoint.read_body", fail)
        response = await open_api.http.post("/graphql", json=TYPENAME, headers={"Origin": SITE})
        assert (response.status_code, allowed(response)) == (500, SITE)

    async def test_the_page_of_an_element_token_reads_whatever_comes_of_it(self, api: Api) -> None:
        """An answer, a refusal, a token that was revoked; and no other page does, not even with the token."""
        ada = await api.application_calendar("ada")
        token = await api.element_token(ada, permissions=["AVAILABILITY"])
        for query, revoked in ((TYPENAME["query"], False), (CALENDARS, False), (CALENDARS, True)):
            if revoked:
                await api.data(
                    "mutation ($i: RevokeAuthorizationInput!) { revokeAuthorization(input: $i) { revoked } }",
                    i={**api.credentials, "token": token},
                )
            for origin in (PAGE, EVIL):
                headers = {"Authorization": f"Bearer {token}", "Origin": origin}
                response = await api.http.post("/graphql", json={"query": query}, headers=headers)
                assert allowed(response) == (PAGE if origin == PAGE else None)

    async def test_a_stored_answer_is_for_the_page_that_asks(self, open_api: Api, database_url: str) -> None:
        """The bytes are the same for all callers, the headers are not."""
        async with Api.open(database_url, 1_798_761_600, origins=SITE) as api:
            ada = await api.application_calendar("ada")
            given = {"query": AVAILABILITY_PERIOD_STARTS, "variables": {"input": availability_input(ada)}}
            found: list[tuple[bytes, str | None]] = []
            for origin in (SITE, EVIL, SITE):
                headers = {"Authorization": f"Bearer {CLIENT_SECRET}", "Origin": origin}
                response = await api.http.post("/graphql", json=given, headers=headers)
                found.append((response.content, allowed(response)))
            assert [readable for _, readable in found] == [SITE, None, SITE]
            assert len({body for body, _ in found}) == 1

    async def test_every_origin_can_be_allowed(self, sqlite_template: Path) -> None:
        async with Api.open(f"sqlite:///{sqlite_template}", 0, origins="*") as api:
            for origin in (SITE, EVIL, "null"):
                response = await api.http.post("/graphql", json=TYPENAME, headers={"Origin": origin})
                assert response.headers["access-control-allow-origin"] == "*"


class TestLog:
    """One line for a page that cannot read a response."""

    async def test_it_names_the_origin_and_the_remedy(self, open_api: Api, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "openings"):
            for origin in (EVIL, EVIL, SITE, None):
                await send(open_api, "a query", origin)
        lines = [message for message in caplog.messages if "origin" in message]
        assert lines == [f"refused origin '{EVIL}' at /graphql: add {EVIL} to OPENINGS_ORIGINS to allow it"]

    async def test_a_page_of_this_server_is_none(self, open_api: Api, caplog: pytest.LogCaptureFixture) -> None:
        """It needs no permission: by its address, or because the browser says so, behind a proxy."""
        with caplog.at_level(logging.INFO, "openings"):
            for headers in (
                {"Origin": "http://localhost:8000"},
                {"Origin": "http://127.0.0.1:8000"},
                {"Origin": EVIL, "Sec-Fetch-Site": "same-origin"},
            ):
                await open_api.http.post("/graphql", json=TYPENAME, headers=headers)
        assert not [message for message in caplog.messages if "origin" in message]


class TestWebSocket:
    """Sockets are accepted from pages of every origin, until the token is known."""

    async def test_a_page_of_an_allowed_origin_subscribes(self, database_url: str) -> None:
        async with live_server(database_url, origins=SITE) as live:
            ada = await live.api.application_calendar("ada")
            async with live.connect(Origin=SITE) as ws:
                await ws.initialize(Authorization=f"Bearer {ada.token}")
                await ws.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada))
                assert period_hours(await ws.next_result()) == ["9-17"]

    @pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1", "http://127.0.0.1:1", "http://[", "x" * 7000])
    async def test_a_page_of_another_is_closed_with_words(self, sqlite_template: Path, origin: str) -> None:
        """With any token that is not an element token of this origin, and without one."""
        async with live_server(f"sqlite:///{sqlite_template}", origins=SITE) as live:
            for payload in ({}, {"Authorization": f"Bearer {CLIENT_SECRET}"}):
                async with live.connect(Origin=origin) as ws:
                    await ws.send(type="connection_init", payload=payload)
                    code, words = await ws.wait_closed()
                    assert code == 4403
                    assert "OPENINGS_ORIGINS" in words

    async def test_a_forged_host_is_not_the_own_origin(self, sqlite_template: Path) -> None:
        """Origin and Host alike, as a domain that points here makes a browser send them."""
        forged = {"Origin": "http://evil.example:8000", "Host": "evil.example:8000"}
        async with live_server(f"sqlite:///{sqlite_template}") as live, live.connect(**forged) as ws:
            await ws.send(type="connection_init")
            assert (await ws.wait_closed())[0] == 4403

    async def test_an_element_token_opens_it_from_its_own_origin_only(self, database_url: str) -> None:
        """Neither from another allowed one, nor from this server's, nor from a program."""
        async with live_server(database_url, origins=SITE) as live:
            token = await live.api.element_token(await live.api.application_calendar("ada"))
            async with live.connect(Origin=PAGE) as ws:
                await ws.initialize(Authorization=f"Bearer {token}")
            for headers in ({"Origin": SITE}, {"Origin": f"http://127.0.0.1:{live.port}"}, {"Origin": EVIL}, {}):
                async with live.connect(**headers) as ws:
                    await ws.send(type="connection_init", payload={"Authorization": f"Bearer {token}"})
                    assert (await ws.wait_closed())[0] == 4403


async def test_a_refusal_below_the_application_is_readable(tmp_path: Path, sqlite_template: Path) -> None:
    """A head with too many headers, and one that cannot be parsed; as far as the Origin has arrived before."""
    environment = {"OPENINGS_ORIGINS": SITE}
    async with running_server(tmp_path, f"sqlite:///{sqlite_template}", **environment) as server:
        many = "".join(f"X-{n}: 1\r\n" for n in range(101))
        for origin, path, rest, status, readable in (
            (SITE, "/graphql", many, 431, True),
            (SITE, "/graphql?query=x", "X-1: 1\r\nno header\r\n", 400, True),
            (EVIL, "/graphql", many, 431, False),
            (SITE, "/book/x", many, 431, False),
        ):
            response = await raw(server.url, f"POST {path} HTTP/1.1\r\nHost: x\r\nOrigin: {origin}\r\n{rest}\r\n")
            assert response.startswith(f"HTTP/1.1 {status} ")
            assert (f"access-control-allow-origin: {SITE}\r\n" in response) == readable
        assert (await raw(server.url, "nonsense\r\n\r\n")).startswith("HTTP/1.1 400 ")
