"""Batches of writes."""

from typing import Any

from tests.support.api import CLIENT_SECRET, Account
from tests.support.rest import Rest

EVENT = {"event_id": "1", "summary": "s", "start": "2027-01-04T09:00:00Z", "end": "2027-01-04T10:00:00Z"}


async def answered(rest: Rest, token: str, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    """The responses to a batch, which has status 207."""
    response = await rest("POST", "/v1/batch", {"batch": list(requests)}, token=token)
    assert response.status_code == 207, response.text
    return response.json()["batch"]


async def test_each_request_succeeds_or_fails_by_itself(rest: Rest, store: Account) -> None:
    """Two clients take every status that does not end in 02 for a failure."""
    events = f"/v1/calendars/{store.calendar_id}/events"
    required = [{"key": "errors.required", "description": "required"}]
    rule = {"availability_rule_id": "r", "tzid": "Etc/UTC", "weekly_periods": []}
    found = await answered(
        rest,
        store.token,
        {"method": "POST", "relative_url": events, "data": EVENT},
        {"method": "POST", "relative_url": events, "data": {**EVENT, "event_id": "2", "summary": None}},
        {"method": "delete", "relative_url": events, "data": {"event_id": "unknown"}},
        {"method": "POST", "relative_url": "/v1/calendars/cal_x/events", "data": EVENT},
        {"method": "POST", "relative_url": "/v1/availability_rules", "data": rule},
        {"method": "DELETE", "relative_url": "/v1/available_periods/", "data": {"delete_all": True}},
        {"method": "DELETE", "relative_url": "/v1/events", "data": []},
    )
    assert found[:3] == [{"status": 202}, {"status": 422, "data": {"errors": {"summary": required}}}, {"status": 202}]
    assert [each["status"] for each in found[3:]] == [404, 202, 202, 422]
    listed = await rest.ok("GET", "/v1/events?tzid=Etc/UTC&only_managed=true", token=store.token)
    assert [event["event_id"] for event in listed["events"]] == ["1"]


async def test_only_writes_may_be_in_a_batch(rest: Rest, store: Account) -> None:
    """No batch of batches, for one."""
    batch = {"method": "POST", "relative_url": "/v1/batch", "data": {"batch": []}}
    others = ["GET /v1/userinfo", "POST /oauth/token", "POST /v1/availability", "PUT /v1/events", "POST x", "POST /"]
    requests = [{"method": name.split()[0], "relative_url": name.split()[1]} for name in others]
    assert {each["status"] for each in await answered(rest, store.token, batch, *requests)} == {404}


async def test_a_batch_is_refused_as_a_whole(rest: Rest, store: Account) -> None:
    request = {"method": "POST", "relative_url": "/v1/events"}
    path = "/v1/batch"
    assert (await rest("POST", path, {"batch": [request]}, token="unknown")).status_code == 401
    assert await rest.keys("POST", path, {}, token=store.token) == {"batch": ["errors.required"]}
    assert await rest.keys("POST", path, {"batch": []}, token=store.token) == {"batch": ["errors.too_few"]}
    assert await rest.keys("POST", path, {"batch": [request] * 51}, token=store.token) == {"batch": ["errors.too_many"]}
    assert await rest.keys("POST", path, {"batch": [{}, 1, {**request, "data": "x"}]}, token=store.token) == {
        "batch[0].method": ["errors.required"],
        "batch[0].relative_url": ["errors.required"],
        "batch[1]": ["errors.invalid"],
        "batch[2].data": ["errors.invalid"],
    }


async def test_the_key_writes_nothing(rest: Rest, store: Account) -> None:
    request = {"method": "POST", "relative_url": f"/v1/calendars/{store.calendar_id}/events", "data": EVENT}
    assert [each["status"] for each in await answered(rest, CLIENT_SECRET, request)] == [403]
