"""What holds at every endpoint: paths, bodies, statuses, limits, logs and metrics."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from prometheus_client import REGISTRY

from server.rest.endpoints import ENDPOINTS, ROUTER
from server.rest.routing import Match
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.held_locks import locked_calendars, wait_until_rolled_back
from tests.support.rest import CREDENTIALS, Rest, availability

#: of everything that may be an answer, the statuses that PHP's HTTP client has a class for
KNOWN_STATUSES = {200, 202, 207, 400, 401, 402, 403, 404, 405, 408, 413, 415, 422, 429, 500, 501, 503}

SECRET = "a-secret-that-no-log-may-have"


async def test_a_slash_at_the_end_is_the_same_path(rest: Rest, store: Account) -> None:
    """PHP's client sends one, and follows no redirects."""
    for path in ("/v1/userinfo/", "/v1/userinfo//", "/v1/availability_rules/"):
        assert (await rest("GET", path, token=store.token)).status_code == 200


async def test_paths_that_do_not_exist_are_404_and_missing_parts_501(rest: Rest, store: Account) -> None:
    for path in (
        "/v1/nothing",
        "/v1/",
        "/v1//userinfo",
        "/oauth/",
        "/v1/calendars/x/y",
        "/v1/userinfo/x",
        "/v1/%2e%2e",
    ):
        response = await rest("GET", path, token=store.token)
        assert (response.status_code, response.json()["error"]) == (404, "not_found"), path
    for method, path in (
        ("GET", "/v1/smart_invites"),
        ("POST", "/v1/smart_invites"),
        ("POST", "/v1/real_time_sequencing"),
        ("POST", "/v1/calendars"),
        ("GET", "/oauth/authorize?response_type=code"),
        ("POST", "/v1/calendars/x/events/y/participation_status"),
    ):
        response = await rest(method, path, token=store.token)
        assert (response.status_code, response.json()["error"]) == (501, "not_implemented"), path
    response = await rest("PATCH", "/v1/events", token=store.token)
    assert (response.status_code, response.headers["allow"]) == (405, "DELETE, GET")


async def test_a_get_may_have_a_body_and_a_content_type_without_one(rest: Rest, store: Account) -> None:
    """Python's client sends `{}`, JavaScript's a Content-Type alone."""
    json = {"content-type": "application/json"}
    for more in ({"json": {}}, {"headers": json}, {"content": b"<", "headers": {"content-type": "text/xml"}}):
        assert (await rest("GET", "/v1/userinfo", token=store.token, **more)).status_code == 200
    assert (await rest("HEAD", "/v1/userinfo", token=store.token)).status_code == 200


async def test_bodies_that_cannot_be_read(rest: Rest, store: Account) -> None:
    for content_type, body, status in (
        ("application/json", b"{", 422),
        ("application/json", b"[1]", 422),
        ("application/json", b"null", 422),
        ("application/json", b"\xff", 422),
        ("application/json", b"[]", 422),  # an empty object, so the fields are missing
        ("application/json; charset=utf-8", b"{}", 422),
        ("application/json; charset=utf-16", b"{}", 415),
        ("text/plain", b"{}", 415),
        ("multipart/form-data", b"x", 415),
        ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 3_000), 422),
    ):
        headers = {"content-type": content_type}
        response = await rest("POST", "/v1/availability_rules", token=store.token, content=body, headers=headers)
        assert response.status_code == status, body[:20]
        assert ("errors" if status == 422 else "error") in response.json()


async def test_a_body_has_a_limit(rest: Rest, store: Account) -> None:
    """A small one without a valid token."""
    headers = {"content-type": "application/json"}
    for token, size in ((None, 300 * 1024), (store.token, 9 * 1024 * 1024)):
        response = await rest("POST", "/v1/availability", token=token, content=b" " * size, headers=headers)
        assert (response.status_code, response.json()["error"]) == (413, "bad_request")


async def test_a_request_has_a_limit_of_values(rest: Rest, store: Account) -> None:
    query = availability(participants=[{"members": [store.sub] * 25_000}])
    assert await rest.keys("POST", "/v1/availability", query, token=CLIENT_SECRET) == {
        "participants[0].members": ["errors.too_many"]
    }


async def test_every_error_has_the_headers_and_the_shape_that_clients_expect(rest: Rest, store: Account) -> None:
    """And a status that PHP's client has a class for: its error handling breaks at any other."""
    for endpoint in ENDPOINTS:
        for token in (None, store.token, CLIENT_SECRET):
            response = await rest(endpoint.method, endpoint.path, token=token)
            assert response.status_code in KNOWN_STATUSES, endpoint.name
            assert response.headers["cache-control"] == "no-store"
            if response.content:
                assert response.headers["content-type"] == "application/json; charset=utf-8"
            if response.status_code >= 400:
                assert {"error", "errors"} & response.json().keys()


def test_every_endpoint_is_found_at_its_path() -> None:
    """None is hidden by another."""
    for endpoint in ENDPOINTS:
        found = ROUTER.find(endpoint.method, endpoint.path)
        assert isinstance(found, Match)
        assert found.endpoint is endpoint


async def test_a_refusal_is_one_line_without_secrets(
    rest: Rest, store: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await rest("POST", "/v1/application_calendars", {"client_id": SECRET, "client_secret": SECRET})
    await rest("POST", "/oauth/token", {**CREDENTIALS, "client_secret": SECRET, "grant_type": "refresh_token"})
    await rest("GET", f"/v1/events?et={SECRET}", token=SECRET)
    await rest("POST", f"/v1/calendars/{store.calendar_id}/events", {"event_id": [SECRET]}, token=store.token)
    lines = [record.getMessage() for record in caplog.records if record.name == "openings"]
    assert lines == [
        "refused POST /v1/application_calendars: UNPROCESSABLE; application_calendar_id errors.required",
        "refused POST /oauth/token: UNAUTHENTICATED",
        "refused GET /v1/events: UNPROCESSABLE; tzid errors.required",
        "refused POST /v1/calendars/{calendar_id}/events: UNPROCESSABLE; start errors.required; end errors.required; "
        "event_id errors.invalid; summary errors.required",
    ]
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("openings")]
    assert len(ours) == 8
    assert SECRET not in "".join(ours)


async def test_the_access_log_names_the_endpoint(rest: Rest, store: Account, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "openings.access")
    response = await rest("GET", "/v1/events?tzid=Etc/UTC&et=secret", token=store.token)
    assert len(response.headers["x-request-id"]) == 16
    [record] = [each for each in caplog.records if each.name == "openings.access" and each.args]
    line = record.getMessage()
    assert line.startswith("GET /v1/events 200 ")
    assert "secret" not in line


async def test_requests_are_counted_by_endpoint_and_code(rest: Rest, store: Account) -> None:
    def count(operation: str, code: str) -> float:
        labels = {"operation": operation, "code": code}
        return REGISTRY.get_sample_value("openings_requests_total", labels) or 0

    names = [("GET /v1/userinfo", "OK"), ("GET /v1/userinfo", "UNAUTHENTICATED"), ("GET /v1/events", "UNPROCESSABLE")]
    before = [count(*name) for name in names]
    await rest("GET", "/v1/userinfo", token=store.token)
    await rest("GET", "/v1/userinfo")
    await rest("GET", "/v1/events", token=store.token)
    assert [count(*name) - earlier for name, earlier in zip(names, before, strict=True)] == [1, 1, 1]


async def test_repeated_wrong_credentials_are_answered_late(rest: Rest) -> None:
    """At this door as at the others, which share the count."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    rest.api.engine.throttle.sleep = sleep
    for _ in range(12):
        wrong = {"client_id": "x", "client_secret": "y", "application_calendar_id": "z"}
        assert (await rest("POST", "/v1/application_calendars", wrong)).status_code == 401
    assert len(slept) == 2
    rest.api.engine.throttle.max_waiting = 0
    response = await rest("GET", "/v1/userinfo", token="unknown")
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")


async def test_requests_over_the_rate_limit_are_429(database_url: str) -> None:
    async with Api.open(database_url, NOW, rate_limit="2/h") as api:
        responses = [await Rest(api)("GET", "/v1/userinfo", token=CLIENT_SECRET) for _ in range(3)]
    assert [response.status_code for response in responses] == [403, 403, 429]
    assert responses[2].headers["retry-after"] == "1800"
    assert responses[2].json()["retry_after"] == 1800


async def test_a_request_that_takes_too_long_is_cancelled(database_url: str) -> None:
    async with Api.open(database_url, NOW) as api:
        rest, store = Rest(api), await api.application_calendar("store-42")
        api.gate.deadline = 0.3
        event = {"event_id": "1", "summary": "s", "start": "2027-01-04", "end": "2027-01-05"}
        path = f"/v1/calendars/{store.calendar_id}/events"
        async with locked_calendars(database_url):
            response = await rest("POST", path, event, token=store.token)
        assert (response.status_code, response.json()["error"]) == (503, "timeout")
        assert response.headers["retry-after"] == "1"
        await wait_until_rolled_back(api)
        await rest.accepted("POST", path, event, token=store.token)


async def test_a_body_that_does_not_arrive_is_408(database_url: str) -> None:
    async def late() -> AsyncGenerator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    headers = {"content-type": "application/json", "content-length": "100"}
    async with Api.open(database_url, NOW, deadline=0.1) as api:
        response = await Rest(api)("POST", "/v1/availability", content=late(), headers=headers)
    assert response.status_code == 408


async def test_a_fault_is_500_with_its_id(
    rest: Rest, store: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("server.rest.endpoints.accounts.user_info", fail)
    response = await rest("GET", "/v1/userinfo", token=store.token)
    found = response.json()
    assert (response.status_code, found["error"]) == (500, "internal")
    assert found["id"] in caplog.text
    assert "a fault" not in response.text
