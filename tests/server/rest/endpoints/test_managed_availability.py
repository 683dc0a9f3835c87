"""Availability rules and available periods."""

from typing import Any

from tests.support.api import CLIENT_SECRET, Account
from tests.support.rest import Rest, availability

RULE: dict[str, Any] = {
    "availability_rule_id": "default",
    "tzid": "Europe/London",
    "weekly_periods": [
        {"day": "monday", "start_time": "10:00", "end_time": "24:00"},
        {"day": "sunday", "start_time": "09:30", "end_time": "12:30"},
    ],
}
SORTED = {**RULE, "weekly_periods": RULE["weekly_periods"][::-1]}


async def test_a_rule_is_written_read_and_deleted(rest: Rest, store: Account) -> None:
    """PHP's client always sends a list of calendars."""
    for more in ({}, {"calendar_ids": []}, {"calendar_ids": None}):
        found = await rest.ok("POST", "/v1/availability_rules", {**RULE, **more}, token=store.token)
        assert found == {"availability_rule": SORTED}
    bound = {**RULE, "availability_rule_id": "night/shift 2", "calendar_ids": [store.calendar_id]}
    await rest.ok("POST", "/v1/availability_rules", bound, token=store.token)
    path = "/v1/availability_rules/night%2Fshift%202"
    found = (await rest.ok("GET", path, {}, token=store.token))["availability_rule"]
    assert found["calendar_ids"] == [store.calendar_id]
    listed = (await rest.ok("GET", "/v1/availability_rules", token=store.token))["availability_rules"]
    assert listed == [SORTED, found]
    await rest.accepted("DELETE", path, {"availability_rule_id": "night/shift 2"}, token=store.token)
    await rest.accepted("DELETE", path, token=store.token)
    assert (await rest("GET", path, token=store.token)).status_code == 404


async def test_a_rule_applies_to_queries(rest: Rest, store: Account) -> None:
    await rest.ok("POST", "/v1/availability_rules", RULE, token=store.token)
    member = {"sub": store.sub, "managed_availability": True, "availability_rule_ids": ["default"]}
    query = availability(participants=[{"members": [member]}])
    found = await rest.ok("POST", "/v1/availability", query, token=CLIENT_SECRET)
    assert [each["start"] for each in found["available_periods"]] == ["2027-01-04T10:00:00Z"]


async def test_every_problem_of_a_rule_is_reported_at_once(rest: Rest, store: Account) -> None:
    required = ["errors.required"]
    assert await rest.keys("POST", "/v1/availability_rules", {}, token=store.token) == {
        "availability_rule_id": required,
        "tzid": required,
        "weekly_periods": required,
    }
    wrong = {
        "availability_rule_id": "x" * 65,
        "tzid": "Nowhere",
        "weekly_periods": [{"day": "Monday", "start_time": "9", "end_time": "17:00"}, {}],
        "calendar_ids": {},
    }
    assert await rest.keys("POST", "/v1/availability_rules", wrong, token=store.token) == {
        "availability_rule_id": ["errors.too_long"],
        "tzid": ["errors.invalid"],
        "weekly_periods[0].day": ["errors.inclusion"],
        "weekly_periods[0].start_time": ["errors.invalid"],
        "weekly_periods[1].day": required,
        "weekly_periods[1].start_time": required,
        "weekly_periods[1].end_time": required,
        "calendar_ids": ["errors.invalid"],
    }


async def test_periods_are_written_listed_and_deleted(rest: Rest, store: Account) -> None:
    """JavaScript, Ruby and PHP each have their own way to delete; PHP's has a slash at the end."""
    path = "/v1/available_periods"

    async def ids(query: str = "") -> list[str]:
        found = await rest.ok("GET", f"{path}{query}", {}, token=store.token)
        assert found["pages"] == {"current": 1, "total": 1}
        return [each["available_period_id"] for each in found["available_periods"]]

    for day in (4, 5, 6):
        start = {"time": f"2027-01-{day:02}T09:00:00Z", "tzid": "Europe/Paris"}
        period = {"available_period_id": f"p{day}", "start": start, "end": f"2027-01-{day:02}T17:00:00Z"}
        await rest.accepted("POST", path, {**period, "tzid": "Europe/Paris"}, token=store.token)
    assert await ids("?from=2027-01-05&to=2027-01-06&tzid=Etc/UTC") == ["p5"]
    localized = await rest.ok("GET", f"{path}?localized_times=true&tzid=Asia/Tokyo", token=store.token)
    assert localized["available_periods"][0]["start"] == {"time": "2027-01-04T18:00:00+09:00", "tzid": "Asia/Tokyo"}
    await rest.accepted("DELETE", f"{path}/", {"available_period_id": "p4"}, token=store.token)
    assert await ids() == ["p5", "p6"]
    assert await rest.keys("DELETE", path, {"delete_all": False}, token=store.token) == {
        "available_period_id": ["errors.required"]
    }
    await rest.accepted("DELETE", path, {"delete_all": True}, token=store.token)
    assert await ids() == []


async def test_periods_are_listed_in_pages(rest: Rest, store: Account) -> None:
    hour = {"start": "2027-01-04T09:00:00Z", "end": "2027-01-04T10:00:00Z"}
    request = {"method": "POST", "relative_url": "/v1/available_periods"}
    for count, since in ((50, 0), (50, 50), (1, 100)):
        batch = [{**request, "data": {**hour, "available_period_id": f"p{since + n}"}} for n in range(count)]
        response = await rest("POST", "/v1/batch", {"batch": batch}, token=store.token)
        assert {each["status"] for each in response.json()["batch"]} == {202}
    first = await rest.ok("GET", "/v1/available_periods", token=store.token)
    assert (len(first["available_periods"]), first["pages"]["total"]) == (100, 2)
    second = await rest.ok("GET", first["pages"]["next_page"], token=store.token)
    assert (len(second["available_periods"]), second["pages"]) == (1, {"current": 2, "total": 2})
