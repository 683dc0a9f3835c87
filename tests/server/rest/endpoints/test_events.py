"""Events and free-busy."""

from typing import Any

import pytest

from core.instants import format_instant
from tests.support.api import Account, Api
from tests.support.builders import create_account
from tests.support.rest import Rest

NINE, TEN = "2027-01-04T09:00:00Z", "2027-01-04T10:00:00Z"
ALL = "tzid=Etc/UTC&include_managed=true"


async def listed(rest: Rest, store: Account, query: str = ALL, what: str = "events") -> list[dict[str, Any]]:
    """The items of a list."""
    return (await rest.ok("GET", f"/v1/{what}?{query}", {}, token=store.token))[what]


async def test_an_event_is_written_replaced_and_deleted(rest: Rest, store: Account) -> None:
    path = f"/v1/calendars/{store.calendar_id}/events"
    await rest.upsert_event(store, "1", NINE, TEN, location={"description": "Board room"}, url="https://example.com/a")
    await rest.upsert_event(store, "1", NINE, TEN, summary="Board meeting", location=None, description="Quarter")
    [event] = await listed(rest, store)
    assert event.pop("event_uid").startswith("evt_")
    assert event == {
        "calendar_id": store.calendar_id,
        "event_id": "1",
        "summary": "Board meeting",
        "description": "Quarter",
        "start": NINE,
        "end": TEN,
        "deleted": False,
        "created": "2027-01-01T00:00:00Z",
        "updated": "2027-01-01T00:00:00Z",
        "participation_status": "accepted",
        "attendees": [],
        "transparency": "opaque",
        "status": "confirmed",
        "categories": [],
        "recurring": False,
        "event_private": False,
        "options": {"delete": True, "update": True, "change_participation_status": False},
    }
    for _ in range(2):  # what is not there is deleted already
        await rest.accepted("DELETE", path, {"event_id": "1"}, token=store.token)
    assert await listed(rest, store) == []
    [event] = await listed(rest, store, f"{ALL}&include_deleted=True")
    assert event["deleted"] is True


async def test_what_has_no_place_here_is_accepted(rest: Rest, store: Account) -> None:
    """Ids and degrees may be numbers."""
    await rest.upsert_event(
        store,
        7,  # pyright: ignore[reportArgumentType]: as some callers send them
        "2027-01-04 09:00:00Z",
        "2027-01-04T10:00:00UTC",
        reminders=[{"minutes": 5}],
        attendees={"invite": []},
        color="#fff",
        event_private=True,
        location={"lat": 1.2345, "long": 0},
        tzid=None,
        recurrence=None,
    )
    [event] = await listed(rest, store, f"{ALL}&include_geo=True")
    assert (event["event_id"], event["start"], event["location"]) == (
        "7",
        NINE,
        {"description": "", "lat": "1.2345", "long": "0"},
    )
    assert "location" not in (await listed(rest, store))[0]  # the Agenda breaks without a description


async def test_times_with_a_zone_and_dates(rest: Rest, store: Account) -> None:
    zoned = {"time": NINE, "tzid": "Asia/Tokyo"}
    await rest.upsert_event(store, "zoned", zoned, {"time": "2027-01-04T19:00:00+09:00"})  # pyright: ignore[reportArgumentType]
    await rest.upsert_event(store, "days", "2027-01-05", "2027-01-07", tzid="Europe/London")
    plain = await listed(rest, store)
    assert [(event["start"], event["end"]) for event in plain] == [(NINE, TEN), ("2027-01-05", "2027-01-07")]
    localized = await listed(rest, store, f"{ALL}&localized_times=True")
    assert [event["start"] for event in localized] == [
        {"time": "2027-01-04T18:00:00+09:00", "tzid": "Asia/Tokyo"},
        {"time": "2027-01-05", "tzid": "Europe/London"},
    ]


async def test_every_problem_is_reported_at_once(rest: Rest, store: Account) -> None:
    path = f"/v1/calendars/{store.calendar_id}/events"
    assert await rest.keys("POST", path, {}, token=store.token) == {
        name: ["errors.required"] for name in ("event_id", "summary", "start", "end")
    }
    wrong = {
        "event_id": {},
        "summary": "s",
        "start": "soon",
        "end": 5,
        "tzid": "Nowhere",
        "url": "x",
        "transparency": "unknown",
        "location": {"lat": "99"},
        "recurrence": {"frequency": "daily"},
    }
    assert await rest.keys("POST", path, wrong, token=store.token) == {
        "event_id": ["errors.invalid"],
        "start": ["errors.invalid"],
        "end": ["errors.invalid"],
        "tzid": ["errors.invalid"],
        "url": ["errors.invalid"],
        "transparency": ["errors.inclusion"],
        "location.lat": ["errors.invalid"],
        "recurrence": ["errors.unsupported"],
    }
    event = {"event_id": "1", "summary": "s", "start": TEN, "end": NINE}
    assert await rest.keys("POST", path, event, token=store.token) == {"end": ["errors.invalid"]}


async def test_another_calendar_and_an_external_event_are_404(rest: Rest, store: Account) -> None:
    other = await rest.api.application_calendar("other")
    for calendar_id in (other.calendar_id, "cal_unknown", "%00", "x%2Fy"):
        path = f"/v1/calendars/{calendar_id}/events"
        event = {"event_id": "1", "summary": "s", "start": NINE, "end": TEN}
        for method, body in (("POST", event), ("DELETE", {"event_id": "1"})):
            response = await rest(method, path, body, token=store.token)
            assert (response.status_code, response.json()["error"]) == (404, "not_found")
    response = await rest(
        "DELETE", f"/v1/calendars/{store.calendar_id}/events", {"event_uid": "evt_external_1"}, token=store.token
    )
    assert response.status_code == 404


async def test_many_events_are_deleted_by_query_or_body(rest: Rest, store: Account) -> None:
    """Python's client says in the query which, the others in the body."""
    for query, body in (
        ("?delete_all=True", {}),
        ("", {"delete_all": True}),
        (f"?calendar_ids%5B%5D={store.calendar_id}", {}),
        ("", {"calendar_ids": [store.calendar_id]}),
    ):
        await rest.upsert_event(store, "1", NINE, TEN)
        await rest.accepted("DELETE", f"/v1/events{query}", body, token=store.token)
        assert await listed(rest, store) == [], (query, body)


async def test_which_events_to_delete_has_to_be_said(rest: Rest, store: Account) -> None:
    for body in ({}, [], {"delete_all": False}, {"delete_all": None}):
        assert await rest.keys("DELETE", "/v1/events", body, token=store.token) == {"delete_all": ["errors.required"]}
    both = {"delete_all": True, "calendar_ids": [store.calendar_id]}
    assert set(await rest.keys("DELETE", "/v1/events", both, token=store.token)) == {"delete_all", "calendar_ids"}


async def test_events_of_the_application_are_listed_only_if_it_says_so(rest: Rest, store: Account) -> None:
    """All events here are an application's own."""
    await rest.upsert_event(store, "1", NINE, TEN)
    for what in ("events", "free_busy"):
        assert await listed(rest, store, "tzid=Etc/UTC", what) == []
        assert await listed(rest, store, "tzid=Etc/UTC&include_managed=False", what) == []
        assert len(await listed(rest, store, "tzid=Etc/UTC&only_managed=True", what)) == 1
    assert await listed(rest, store, ALL, "free_busy") == [
        {"calendar_id": store.calendar_id, "start": NINE, "end": TEN, "free_busy_status": "busy"}
    ]


async def test_a_date_is_midnight_in_the_zone_of_the_request(rest: Rest, store: Account) -> None:
    await rest.upsert_event(store, "monday morning in Tokyo", "2027-01-03T22:00:00Z", "2027-01-03T23:00:00Z")
    for tzid, found in (("Asia/Tokyo", 1), ("Etc/UTC", 0)):
        query = f"tzid={tzid}&include_managed=true&from=2027-01-04&to=2027-01-05"
        assert len(await listed(rest, store, query)) == found


async def test_an_event_without_a_zone_takes_its_account_s(rest: Rest, api: Api) -> None:
    """Unless its start has one. An event of a whole day covers that day there."""
    ada = await create_account(api, "ada", tzid="America/Los_Angeles")
    await rest.upsert_event(ada, "off", "2027-01-05", "2027-01-06")
    await rest.upsert_event(ada, "call", NINE, TEN)
    await rest.upsert_event(ada, "trip", {"time": NINE, "tzid": "Asia/Tokyo"}, TEN)  # pyright: ignore[reportArgumentType]
    events = await listed(rest, ada, f"{ALL}&localized_times=true")
    assert {event["event_id"]: event["start"]["tzid"] for event in events} == {
        "off": "America/Los_Angeles",
        "call": "America/Los_Angeles",
        "trip": "Asia/Tokyo",
    }
    [(start,)] = await api.rows("SELECT starts_at FROM events WHERE event_id = 'off'")
    assert format_instant(start) == "2027-01-05T08:00:00Z"


async def test_a_list_needs_a_zone_and_says_what_else_is_wrong(rest: Rest, store: Account) -> None:
    query = "from=soon&to=2027-02-30&calendar_ids[]=x&include_deleted=perhaps"
    assert await rest.keys("GET", f"/v1/events?{query}", token=store.token) == {
        "tzid": ["errors.required"],
        "from": ["errors.invalid"],
        "to": ["errors.invalid"],
        "include_deleted": ["errors.invalid"],
    }
    query = "tzid=Nowhere&from=2027-01-05&to=2027-01-04"
    assert await rest.keys("GET", f"/v1/free_busy?{query}", token=store.token) == {
        "tzid": ["errors.invalid"],
        "to": ["errors.invalid"],
    }
    response = await rest("GET", "/v1/events?tzid=Etc/UTC&calendar_ids[]=cal_x", token=store.token)
    assert response.status_code == 404


@pytest.mark.parametrize("what", ["events", "free_busy"])
async def test_pages_follow_each_other_by_their_addresses(rest: Rest, store: Account, what: str) -> None:
    """Clients append parameters with a question mark of their own."""
    drafts = [
        {
            "eventId": f"{n:03}",
            "summary": "s",
            "start": f"2027-01-04T{n // 60:02}:{n % 60:02}:00Z",
            "end": "2027-01-05T00:00:00Z",
        }
        for n in range(250)
    ]
    mutation = "mutation ($input: UpsertEventsInput!) { upsertEvents(input: $input) { created } }"
    await rest.api.data(mutation, store.token, input={"calendarId": store.calendar_id, "events": drafts})
    path = f"/v1/{what}?{ALL}&localized_times=true&calendar_ids[]={store.calendar_id}"
    found, pages = [], []
    while path:
        page = await rest.ok("GET", path, {}, token=store.token)
        found += [item["start"]["time"] for item in page[what]]
        pages.append((page["pages"]["current"], page["pages"]["total"]))
        path = page["pages"].get("next_page")
        if path is not None:
            assert path.startswith(f"http://127.0.0.1:8000/v1/{what}/pages/")
            assert "?" not in path
            path += "?tzid=Asia/Tokyo&unknown=1"
    assert found == [f"2027-01-04T{n // 60:02}:{n % 60:02}:00+00:00" for n in range(250)]
    assert pages == [(1, 2), (2, 3), (3, 3)]


async def test_another_account_sees_its_own_events_at_the_same_address(rest: Rest, store: Account) -> None:
    """The address of a page gives no access."""
    drafts = [{"eventId": str(n), "summary": "s", "start": NINE, "end": TEN} for n in range(101)]
    mutation = "mutation ($input: UpsertEventsInput!) { upsertEvents(input: $input) { created } }"
    await rest.api.data(mutation, store.token, input={"calendarId": store.calendar_id, "events": drafts})
    page = (await rest.ok("GET", f"/v1/events?{ALL}", token=store.token))["pages"]["next_page"]
    assert len((await rest.ok("GET", page, token=store.token))["events"]) == 1
    other = await rest.api.application_calendar("other")
    assert (await rest.ok("GET", page, token=other.token))["events"] == []
    assert (await rest("GET", page)).status_code == 401


async def test_who_the_events_belong_to_can_be_asked_with_them(rest: Rest, store: Account) -> None:
    found = await rest.ok("GET", f"/v1/events?{ALL}&include_userinfo=true", token=store.token)
    assert found["userinfo"] == await rest.ok("GET", "/v1/userinfo", token=store.token)
