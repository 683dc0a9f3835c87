"""Requests as Cronofy's clients for Ruby, PHP and C# send them, byte for byte where that matters."""

from typing import Any
from urllib.parse import quote

import orjson
import pytest

from tests.support.api import CLIENT_SECRET, Account
from tests.support.rest import CREDENTIALS, Rest

RUBY = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Cronofy Ruby 0.41.2"}
PHP = {"Content-Type": "application/json; charset=utf-8", "Host": "127.0.0.1:8000"}
NINE, TEN, NOON = (f"2027-01-04T{hour:02}:00:00Z" for hour in (9, 10, 12))


def php(body: Any) -> bytes:
    """JSON as `json_encode` writes it: slashes escaped, and an object without fields as a list."""
    return orjson.dumps(body if body else []).replace(b"/", rb"\/").replace(b"{}", b"[]")


async def test_ruby(rest: Rest) -> None:
    """Forms for tokens, JSON with a charset, credentials of links in the body alone, and pages without Accept."""
    form = {**CREDENTIALS, "application_calendar_id": "ruby"}
    made = await rest.ok("POST", "/v1/application_calendars", data=form)
    form = {**CREDENTIALS, "grant_type": "refresh_token", "refresh_token": made["refresh_token"]}
    token = (await rest.ok("POST", "/oauth/token", data=form))["access_token"]
    calendar = (await rest.ok("GET", "/v1/calendars", token=token))["calendars"][0]["calendar_id"]
    event = {"event_id": "1", "summary": "s", "start": NINE, "end": TEN, "location": {"lat": 1.5, "long": -2}}
    await rest.accepted("POST", f"/v1/calendars/{calendar}/events", event, token=token, headers=RUBY)
    listed = await rest("GET", "/v1/events?tzid=Etc%2FUTC&include_managed=true", token=token, headers={"Accept": ""})
    assert listed.status_code == 200  # it reads pages at exactly this status
    assert all(listed.json()["events"][0][name].endswith("Z") for name in ("created", "updated"))
    query = {
        "participants": [{"members": [{"sub": made["sub"]}], "required": "all"}],
        "required_duration": {"minutes": 60},
        "available_periods": [{"start": NINE, "end": NOON}],
        "buffer": {"before": {"minutes": 30}},
    }
    found = await rest.ok("POST", "/v1/availability", query, token=token, headers=RUBY)
    assert [each["start"] for each in found["available_periods"]] == ["2027-01-04T10:30:00Z"]
    element = {"permissions": ["agenda"], "subs": [made["sub"]], "origin": "http://localhost"}
    assert "element_token" in await rest.ok("POST", "/v1/element_tokens", element, token=CLIENT_SECRET)
    link = {**CREDENTIALS, "availability": query, "event": {"event_id": "v", "summary": "s"}, "target_calendars": []}
    assert (await rest.ok("POST", "/v1/real_time_scheduling", link, headers=RUBY))["url"]
    channel = {"callback_url": "https://app.example.com/changes", "filters": {}}
    assert (await rest.ok("POST", "/v1/channels", channel, token=token, headers=RUBY))["channel"]["channel_id"]
    await rest.accepted("DELETE", "/v1/events", {"delete_all": True}, token=token, headers=RUBY)
    revoked = await rest("POST", "/oauth/token/revoke", data={**CREDENTIALS, "token": made["refresh_token"]})
    assert (revoked.status_code, revoked.content) == (200, b"")


async def test_php(rest: Rest, store: Account) -> None:
    """Escaped slashes, lists for empty objects, a body with a DELETE that needs none, a slash at the end of a path."""

    async def send(method: str, path: str, body: Any, token: str) -> Any:
        return await rest(method, path, token=token, content=php(body), headers=PHP)

    path = f"/v1/calendars/{store.calendar_id}/events"
    event = {"event_id": "a/1", "summary": "s", "start": NINE, "end": TEN, "tzid": "Etc/UTC"}
    assert (await send("POST", path, event, store.token)).status_code == 202
    asked = f"tzid={quote('Etc/UTC', safe='')}&include_managed=true&calendar_ids%5B%5D={store.calendar_id}"
    listed = (await rest.ok("GET", f"/v1/events?{asked}", token=store.token, headers=PHP))["events"]
    assert [each["event_id"] for each in listed] == ["a/1"]
    query: dict[str, Any] = {
        "participants": [{"members": [{"sub": store.sub, "calendar_ids": []}], "required": "all"}],
        "required_duration": {"minutes": 60},
        "query_periods": [{"start": NINE, "end": NOON}],
    }
    found = (await send("POST", "/v1/availability", query, CLIENT_SECRET)).json()["available_periods"]
    assert [each["start"] for each in found] == [NINE]  # no calendars: nothing blocks
    rule = {"availability_rule_id": "a b/c", "tzid": "Etc/UTC", "calendar_ids": [], "weekly_periods": []}
    stored = await send("POST", "/v1/availability_rules", rule, store.token)
    assert stored.json()["availability_rule"] == {
        "availability_rule_id": "a b/c",
        "tzid": "Etc/UTC",
        "weekly_periods": [],
    }
    assert (await send("DELETE", "/v1/availability_rules/a%20b%2Fc", {}, store.token)).status_code == 202
    period = {"available_period_id": "p", "start": NINE, "end": TEN}
    assert (await send("POST", "/v1/available_periods", period, store.token)).status_code == 202
    period = {"available_period_id": "p"}
    assert (await send("DELETE", "/v1/available_periods/", period, store.token)).status_code == 202
    batch = {"batch": [{"method": "DELETE", "relative_url": path, "data": {"event_id": "a/1"}}]}
    answered = await send("POST", "/v1/batch", batch, store.token)
    assert (answered.status_code, answered.json()) == (207, {"batch": [{"status": 202}]})
    query["participants"] = [{"members": [{"sub": store.sub}], "required": "all"}]
    link = {**CREDENTIALS, "availability": query, "event": {"event_id": "v", "summary": "s"}, "tzid": "Europe/London"}
    assert (await send("POST", "/v1/real_time_scheduling", link, store.token)).json()["url"]
    revoke = {**CREDENTIALS, "token": store.refresh_token}
    assert (await send("POST", "/oauth/token/revoke", revoke, store.token)).status_code == 200


@pytest.mark.parametrize("time", ["2027-01-04 09:00:00Z", "2027-01-04T09:00:00+00:00", "2027-01-04T09:00:00UTC"])
async def test_times_of_other_clients(rest: Rest, store: Account, time: str) -> None:
    """C#'s have a space, Ruby's an offset, and Python's a zone."""
    group = {"members": [{"sub": store.sub}]}  # C# leaves `required` out
    buffer = {"before": {"minimum": {"minutes": 0}}, "after": {"minimum": {"minutes": 15}}}
    query = {
        "participants": [group],
        "required_duration": {"minutes": 60},
        "available_periods": [{"start": time, "end": NOON}],
        "buffer": buffer,
    }
    found = await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET)
    assert [each["start"] for each in found["available_periods"]] == [NINE]
