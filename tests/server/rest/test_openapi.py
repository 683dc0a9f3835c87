"""The OpenAPI document: what it says of requests is what the endpoints read."""

from typing import Any

from server.rest.endpoints import ENDPOINTS
from server.rest.openapi import document
from tests.support.rest import Rest

DOCUMENT = document(ENDPOINTS, "http://127.0.0.1:8000")


def body_of(method: str, path: str) -> dict[str, Any]:
    """The schema of a request's body."""
    return DOCUMENT["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"]


def parameters_of(path: str) -> dict[str, bool]:
    """The parameters of a GET, and whether they are required."""
    return {each["name"]: each["required"] for each in DOCUMENT["paths"][path]["get"].get("parameters", ())}


async def test_it_is_served_to_everybody(rest: Rest) -> None:
    assert await rest.ok("GET", "/v1/openapi.json") == DOCUMENT


def test_it_has_every_endpoint() -> None:
    found = {f"{method.upper()} {path}" for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert found == {endpoint.name for endpoint in ENDPOINTS}


def test_it_has_the_fields_that_are_read() -> None:
    """Nested ones too, with those that are required."""
    event = body_of("post", "/v1/calendars/{calendar_id}/events")
    assert event["required"] == ["end", "event_id", "start", "summary"]
    assert event["properties"].keys() == {
        *("event_id", "summary", "start", "end", "description", "tzid", "location", "url", "transparency")
    }
    assert event["properties"]["location"]["properties"].keys() == {"description", "lat", "long"}
    assert event["properties"]["transparency"] == {"enum": ["opaque", "transparent", None]}
    query = body_of("post", "/v1/availability")
    group = query["properties"]["participants"]["items"]
    assert group["required"] == ["members"]
    assert group["properties"]["members"]["items"]["properties"].keys() == {
        *("sub", "available_periods", "calendar_ids", "buffer", "ignore_tentative", "managed_availability"),
        *("availability_rule_ids", "availability_constraints"),
    }
    gap = body_of("post", "/v1/sequenced_availability")["properties"]["sequence"]["items"]["properties"]["buffer"]
    assert gap["properties"]["before"]["properties"].keys() == {"hours", "minutes", "minimum", "maximum"}
    assert body_of("post", "/v1/batch")["properties"]["batch"]["items"]["required"] == ["method", "relative_url"]
    assert parameters_of("/v1/events") == {
        "tzid": True,
        **dict.fromkeys(("from", "to", "last_modified", "calendar_ids[]", "include_deleted", "include_geo"), False),
        **dict.fromkeys(("include_managed", "only_managed", "localized_times", "include_userinfo"), False),
    }
    assert parameters_of("/v1/availability_rules/{availability_rule_id}") == {"availability_rule_id": True}


def test_only_credentials_in_the_body_need_no_token() -> None:
    free = {
        path for path, methods in DOCUMENT["paths"].items() for each in methods.values() if not each.get("security")
    }
    assert free == {"/v1/application_calendars", "/oauth/token", "/oauth/token/revoke", "/v1/openapi.json"}
