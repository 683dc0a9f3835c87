"""Hostile requests: none is a fault, and every response is one that clients know."""

import base64
import logging
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.rest.endpoints import ENDPOINTS
from server.rest.routing import Endpoint
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account
from tests.support.rest import Rest

#: names that endpoints read, so that made-up requests get further than to their first missing field
_NAMES = st.sampled_from(
    [
        *(
            "participants",
            "members",
            "sub",
            "required",
            "required_duration",
            "minutes",
            "hours",
            "query_periods",
            "start",
        ),
        *(
            "end",
            "time",
            "tzid",
            "buffer",
            "before",
            "minimum",
            "query_slots",
            "start_interval",
            "max_results",
            "batch",
        ),
        *(
            "method",
            "relative_url",
            "data",
            "event_id",
            "event_uid",
            "summary",
            "location",
            "lat",
            "calendar_ids",
            "url",
        ),
        *("weekly_periods", "day", "start_time", "availability_rule_id", "available_period_id", "delete_all", "event"),
        *("availability", "target_calendars", "callback_urls", "client_id", "client_secret", "token", "refresh_token"),
        *(
            "grant_type",
            "application_calendar_id",
            "from",
            "to",
            "last_modified",
            "include_managed",
            "formatting",
            "et",
        ),
        *("excluded_events", "response_format", "recurrence", "localized_times", "include_userinfo", "display_message"),
    ]
)
_PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        [
            *(
                "all",
                "true",
                "False",
                "2027-01-04T09:00:00Z",
                "2027-01-04",
                "9999-12-31T23:59:59Z",
                "0001-01-01",
                "UTC",
            ),
            *("Etc/UTC", "Europe/London", "refresh_token", CLIENT_ID, CLIENT_SECRET, "POST", "DELETE", "/v1/events"),
            *("\0", "\ud800".encode("utf-8", "replace").decode(), "٣", "x" * 5_000, "apc_64b17d868090ea21640c914c"),
        ]
    ),
)
_VALUES = st.recursive(
    _PLAIN, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=6), max_leaves=25
)
_BODIES = st.dictionaries(_NAMES, _VALUES, max_size=8).map(orjson.dumps) | st.binary(max_size=200)

_NESTED = b'{"participants":' * 5_000 + b"1" + b"}" * 5_000

BODIES = {
    "lists in lists": b"[" * 100_000 + b"]" * 100_000,
    "objects in objects": _NESTED,
    "a huge number": b'{"max_results": ' + b"9" * 10_000 + b"}",
    "a huge exponent": b'{"required_duration": {"minutes": 1e999}}',
    "a huge duration": b'{"required_duration": {"minutes": 2147483647}, "minimum_notice": {"hours": 2147483647}}',
    "many unknown fields": b"{" + b",".join(b'"f%d":1' % n for n in range(20_000)) + b"}",
    "half a character": rb'{"event_id": "\ud800", "client_id": "\udfff"}',
    "a zero byte": rb'{"event_id": "\u0000", "availability_rule_id": "\u0000", "client_id": "\u0000"}',
    "a batch of batches": orjson.dumps(
        {"batch": [{"method": "POST", "relative_url": "/v1/batch", "data": {"batch": [{}] * 50}}] * 50}
    ),
    "thousands of members": orjson.dumps({"participants": [{"members": [{}] * 200}] * 90}),
}


def page(*parts: Any) -> str:
    """The last part of the address of a page, with this content."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


PATHS = {
    "8 kB": "/v1/availability_rules/" + "x" * 8_000,
    "many parts": "/v1" + "/x" * 4_000,
    "many slashes": "/v1/userinfo" + "/" * 8_000,
    "escapes that are none": "/v1/availability_rules/%zz%",
    "bytes that are no text": "/v1/availability_rules/%ff%fe",
    "a zero byte": "/v1/availability_rules/%00",
    "a long page": "/v1/events/pages/" + "A" * 8_000,
    "a page of another list": "/v1/events/pages/" + page(2, "x"),
    "a page with a number for a cursor": "/v1/events/pages/" + page(2, 5, {}),
    "a page without a zone": "/v1/events/pages/" + page(2, "x", {}),
    "a page with a wrong cursor": "/v1/events/pages/" + page(2, "x", {"tzid": "Etc/UTC", "include_managed": True}),
    "a page with anything": "/v1/free_busy/pages/" + page(2, "x", {"tzid": ["x"], "calendar_ids": {"a": [1]}}),
    "a page with a huge number": "/v1/available_periods/pages/" + page(2**60, "x", {}),
    "a query of 8 kB": "/v1/events?tzid=" + "x" * 8_000,
    "many parameters": "/v1/events?" + "&".join(["a=b"] * 2_500),
    "many calendars": "/v1/events?tzid=Etc/UTC&" + "&".join(["calendar_ids[]=cal_x"] * 1_500),
    "no text in a query": "/v1/events?tzid=%ff&from=%00&%5B%5D=x&=",
}


async def test_hostile_paths(rest: Rest, store: Account, caplog: pytest.LogCaptureFixture) -> None:
    for name, path in PATHS.items():
        response = await rest("GET", path, token=store.token)
        assert response.status_code in (200, 404, 422), name
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_hostile_bodies_at_every_endpoint(rest: Rest, store: Account, caplog: pytest.LogCaptureFixture) -> None:
    headers = {"content-type": "application/json"}
    for endpoint in ENDPOINTS:
        token = CLIENT_SECRET if "availability" in endpoint.path or "scheduling" in endpoint.path else store.token
        for name, body in BODIES.items():
            response = await rest(endpoint.method, endpoint.path, token=token, content=body, headers=headers)
            assert response.status_code < 500, (endpoint.name, name)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    endpoint=st.sampled_from(ENDPOINTS),
    body=_BODIES,
    form=st.booleans(),
    key=st.booleans(),
    parameters=st.dictionaries(_NAMES, st.text(max_size=10) | st.lists(st.text(max_size=5), max_size=3), max_size=5),
)
async def test_made_up_requests(
    rest: Rest, store: Account, endpoint: Endpoint, body: bytes, form: bool, key: bool, parameters: dict[str, Any]
) -> None:
    """Fields in wrong places, values of wrong types, and random bytes."""
    rest.api.engine.throttle.delay = 0
    path = endpoint.path.replace("{calendar_id}", store.calendar_id)
    headers = {"content-type": "application/x-www-form-urlencoded" if form else "application/json"}
    token = CLIENT_SECRET if key else store.token
    response = await rest(endpoint.method, path, token=token, content=body, headers=headers, params=parameters)
    assert response.status_code < 500, response.text
