"""Upserting one event and upserting many: two code paths with the same result."""

from typing import Any

import pytest

from tests.support.api import Account, Api
from tests.support.builders import event_input
from tests.support.graphql_queries import DELETE_EVENT, UPSERT_EVENT_WITH_ALL_FIELDS, UPSERT_EVENTS

LISTED = """
query ($input: EventsInput!) {
  events(input: $input) {
    nodes {
      calendarId eventId eventUid summary description start end tzid url transparency status deleted created updated
      location { description lat long }
    }
  }
}
"""
DRAFTS = [
    event_input("plain"),
    event_input("free", transparency="TRANSPARENT", status="TENTATIVE"),
    event_input("all day", "2027-03-28", "2027-03-29", tzid="Europe/London"),
    event_input("any day", "2027-03-28", "2027-03-29"),
    event_input("nowhere", location={}),
    event_input("somewhere", location={"lat": "1.50"}, url="https://example.com/", description="Plans"),
    event_input("in words", summary="Żółw 🐢 'quoted' $1 ?1 :name %s", description='{"a": [1]}'),
]


async def upsert(api: Api, whose: Account, draft: dict[str, Any], *, many: bool) -> bool:
    """Upserts the event; returns whether it was created."""
    given = {"calendarId": whose.calendar_id, **({"events": [draft]} if many else {"event": draft})}
    data = await api.data(UPSERT_EVENTS if many else UPSERT_EVENT_WITH_ALL_FIELDS, whose.token, input=given)
    return data["upsertEvents"]["created"] == 1 if many else data["upsertEvent"]["created"]


async def listed(api: Api, whose: Account) -> list[dict[str, Any]]:
    """The events on the account's calendar."""
    return (await api.data(LISTED, whose.token, input={}))["events"]["nodes"]


@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft["eventId"])
async def test_an_upsert_returns_the_event_as_later_reads_do(api: Api, store: Account, draft: dict[str, Any]) -> None:
    """When it is created and when it is replaced, which keeps its uid and its creation time."""
    for summary, created in (("Before", True), ("After", False)):
        given = {"calendarId": store.calendar_id, "event": {**draft, "summary": summary}}
        answer = (await api.data(UPSERT_EVENT_WITH_ALL_FIELDS, store.token, input=given))["upsertEvent"]
        assert answer["created"] is created
        assert await listed(api, store) == [answer["event"]]
        assert (answer["event"]["created"] == answer["event"]["updated"]) is created
        api.now += 60


@pytest.mark.parametrize("draft", DRAFTS, ids=lambda draft: draft["eventId"])
async def test_one_event_is_stored_like_one_of_many(api: Api, store: Account, draft: dict[str, Any]) -> None:
    """With equal values in every column."""
    kept: list[Any] = []
    for many in (False, True):
        assert await upsert(api, store, draft, many=many) is not many  # the second call updates the event of the first
        [row] = await api.rows("SELECT * FROM events")
        kept.append(row)
    assert kept[0] == kept[1]


@pytest.mark.parametrize("many", [False, True])
async def test_upserting_a_deleted_event_creates_a_new_one(api: Api, store: Account, many: bool) -> None:
    """With a new creation time and a new uid."""
    assert await upsert(api, store, event_input("e"), many=many) is True
    [first] = await listed(api, store)
    await api.data(DELETE_EVENT, store.token, input={"calendarId": store.calendar_id, "eventId": "e"})
    assert await upsert(api, store, event_input("e"), many=many) is True
    [second] = await listed(api, store)
    assert second["eventUid"] != first["eventUid"]
    assert await upsert(api, store, event_input("e"), many=many) is False
    assert await listed(api, store) == [second]


async def test_an_event_on_another_account_s_calendar_is_not_written(api: Api, store: Account) -> None:
    """That calendar's version is unchanged too, so that caches of it stay valid."""
    another = await api.application_calendar("another")
    versions = await api.rows("SELECT key, version FROM calendars ORDER BY key")
    given = {"calendarId": another.calendar_id, "event": event_input("e")}
    assert (await api.refusal(UPSERT_EVENT_WITH_ALL_FIELDS, store.token, input=given))["code"] == "NOT_FOUND"
    assert await api.rows("SELECT count(*) FROM events") == [(0,)]
    assert await api.rows("SELECT key, version FROM calendars ORDER BY key") == versions
