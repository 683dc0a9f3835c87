"""Upserting, deleting and listing events, and free/busy."""

from typing import Any

import pytest

from core.instants import format_instant
from tests.support.api import Account, Api
from tests.support.builders import create_account, event_input
from tests.support.graphql_queries import DELETE_EVENT, DELETE_EVENTS, UPSERT_EVENT_WITH_ALL_FIELDS, UPSERT_EVENTS

EVENTS = """
query ($input: EventsInput!, $first: Int, $after: String) {
  events(input: $input, first: $first, after: $after) {
    nodes { eventId deleted }
    edges { cursor node { eventId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""

FREE_BUSY = "query ($input: EventsInput!) { freeBusy(input: $input) { nodes { start end freeBusyStatus } } }"


async def put(api: Api, whose: Account, *events: dict[str, Any]) -> dict[str, int]:
    """Upserts events on the account's calendar."""
    given = {"calendarId": whose.calendar_id, "events": list(events)}
    return (await api.data(UPSERT_EVENTS, whose.token, input=given))["upsertEvents"]


async def ids(api: Api, whose: Account, **window: Any) -> list[str]:
    """The ids of the account's events in a window."""
    data = await api.data(EVENTS, whose.token, input=window)
    return [node["eventId"] for node in data["events"]["nodes"]]


async def test_an_event_is_created_and_then_replaced_completely(api: Api, store: Account) -> None:
    """The second upsert of an id replaces the event; omitted fields get their defaults."""
    full = event_input(
        "e1",
        description="Plans",
        tzid="Europe/London",
        location={"description": "Board room", "lat": "1.2345", "long": "0.1234"},
        url="https://example.com/plans",
        transparency="TRANSPARENT",
        status="TENTATIVE",
    )
    made = await api.data(
        UPSERT_EVENT_WITH_ALL_FIELDS, store.token, input={"calendarId": store.calendar_id, "event": full}
    )
    made = made["upsertEvent"]
    uid = made["event"].pop("eventUid")
    assert uid.startswith("evt_")
    assert made == {
        "created": True,
        "event": {
            **full,
            "calendarId": store.calendar_id,
            "deleted": False,
            "created": "2027-01-01T00:00:00Z",
            "updated": "2027-01-01T00:00:00Z",
        },
    }

    api.now += 60
    given = {"calendarId": store.calendar_id, "event": event_input("e1", summary="Changed")}
    again = (await api.data(UPSERT_EVENT_WITH_ALL_FIELDS, store.token, input=given))["upsertEvent"]
    assert again == {
        "created": False,
        "event": {
            "calendarId": store.calendar_id,
            "eventId": "e1",
            "eventUid": uid,
            "summary": "Changed",
            "description": "",
            "start": "2027-01-19T09:00:00Z",
            "end": "2027-01-19T10:00:00Z",
            "tzid": "Etc/UTC",
            "location": None,
            "url": None,
            "transparency": "OPAQUE",
            "status": "CONFIRMED",
            "deleted": False,
            "created": "2027-01-01T00:00:00Z",
            "updated": "2027-01-01T00:01:00Z",
        },
    }


async def test_times_are_returned_in_utc(api: Api, store: Account) -> None:
    """Offsets in the input are converted; the answer is always in Z."""
    given = event_input("e1", "2027-01-19T10:00:00+01:00", "2027-01-19 09:30:00Z")
    data = await api.data(
        UPSERT_EVENT_WITH_ALL_FIELDS, store.token, input={"calendarId": store.calendar_id, "event": given}
    )
    assert data["upsertEvent"]["event"]["start"] == "2027-01-19T09:00:00Z"
    assert data["upsertEvent"]["event"]["end"] == "2027-01-19T09:30:00Z"


async def test_an_all_day_event_keeps_its_dates(api: Api, store: Account) -> None:
    """In Auckland the day begins eleven hours before it does in UTC."""
    day = event_input("trip", "2027-01-19", "2027-01-20", tzid="Pacific/Auckland")
    data = await api.data(
        UPSERT_EVENT_WITH_ALL_FIELDS, store.token, input={"calendarId": store.calendar_id, "event": day}
    )
    assert (data["upsertEvent"]["event"]["start"], data["upsertEvent"]["event"]["end"]) == ("2027-01-19", "2027-01-20")
    assert await ids(api, store, **{"from": "2027-01-18T10:00:00Z", "to": "2027-01-18T11:00:00Z"}) == []
    assert await ids(api, store, **{"from": "2027-01-18T10:00:00Z", "to": "2027-01-18T11:00:01Z"}) == ["trip"]
    assert await ids(api, store, **{"from": "2027-01-19T11:00:00Z"}) == []


@pytest.mark.parametrize("many", [False, True])
async def test_an_event_without_a_zone_takes_its_account_s(api: Api, many: bool) -> None:
    """A day off in Los Angeles begins eight hours later than in UTC. Null is the same as no zone."""
    ada = await create_account(api, "ada", tzid="America/Los_Angeles")
    for draft in (
        event_input("off", "2027-01-19", "2027-01-20", tzid=None),
        event_input("call", "2027-01-18T23:00:00Z", "2027-01-19T07:00:00Z"),
    ):
        given = {"calendarId": ada.calendar_id, **({"events": [draft]} if many else {"event": draft})}
        await api.data(UPSERT_EVENTS if many else UPSERT_EVENT_WITH_ALL_FIELDS, ada.token, input=given)
    found = await api.rows("SELECT starts_at, ends_at, tzid FROM events ORDER BY starts_at")
    assert [(format_instant(start), format_instant(end), tzid) for start, end, tzid in found] == [
        ("2027-01-18T23:00:00Z", "2027-01-19T07:00:00Z", "America/Los_Angeles"),
        ("2027-01-19T08:00:00Z", "2027-01-20T08:00:00Z", "America/Los_Angeles"),
    ]


async def test_events_keep_the_zone_that_they_were_written_in(api: Api) -> None:
    """When the account moves, until they are written again; the answer says which zone that is."""
    ada = await create_account(api, "ada", tzid="America/Los_Angeles")
    given = {"calendarId": ada.calendar_id, "event": event_input("off", "2027-01-19", "2027-01-20")}
    window = {"from": "2027-01-19T15:00:00Z", "to": "2027-01-20T08:00:00Z"}
    await api.data(UPSERT_EVENT_WITH_ALL_FIELDS, ada.token, input=given)
    await create_account(api, "ada", tzid="Asia/Tokyo")
    assert await ids(api, ada, **window) == ["off"]
    answer = (await api.data(UPSERT_EVENT_WITH_ALL_FIELDS, ada.token, input=given))["upsertEvent"]
    assert (answer["created"], answer["event"]["tzid"]) == (False, "Asia/Tokyo")
    assert await ids(api, ada, **window) == []


async def test_all_problems_of_an_event_are_reported_at_once(api: Api, store: Account) -> None:
    """Each with its path and key; nothing is written."""
    bad = event_input(
        "x" * 256,
        "2027-01-19T09:00:00",
        "2027-02-30T09:00:00Z",
        summary="s" * 1025,
        description="d" * 4097,
        tzid="Mars/Olympus",
        url="javascript:alert(1)",
        location={"lat": "91", "long": "east"},
    )
    given = {"calendarId": "cal_of_somebody_else", "event": bad}
    refused = await api.refusal(UPSERT_EVENT_WITH_ALL_FIELDS, store.token, input=given)
    assert refused["code"] == "UNPROCESSABLE"
    assert {path: found[0]["key"] for path, found in refused["errors"].items()} == {
        "calendarId": "errors.unknown",
        "event.eventId": "errors.too_long",
        "event.summary": "errors.too_long",
        "event.description": "errors.too_long",
        "event.tzid": "errors.invalid",
        "event.url": "errors.invalid",
        "event.location.lat": "errors.invalid",
        "event.location.long": "errors.invalid",
        "event.start": "errors.invalid",
        "event.end": "errors.invalid",
    }
    assert await ids(api, store) == []


@pytest.mark.parametrize(
    ("start", "end", "path"),
    [
        ("2027-01-19T09:00:00Z", "2027-01-19T09:00:00Z", "event.end"),
        ("2027-01-19T09:00:00Z", "2027-01-19T08:00:00Z", "event.end"),
        ("2027-01-19", "2027-01-19", "event.end"),
        ("2027-01-19", "2027-01-20T00:00:00Z", "event.end"),
        ("2027-01-19T09:00:00.5Z", "2027-01-19T10:00:00Z", "event.start"),
        ("tomorrow", "2027-01-19T10:00:00Z", "event.start"),
    ],
)
async def test_invalid_times_of_an_event_are_refused(api: Api, store: Account, start: str, end: str, path: str) -> None:
    """An event ends after it starts, both are of the same kind, and times have whole seconds."""
    given = {"calendarId": store.calendar_id, "event": event_input("e1", start, end)}
    refused = await api.refusal(UPSERT_EVENT_WITH_ALL_FIELDS, store.token, input=given)
    assert {path: found[0]["key"] for path, found in refused["errors"].items()} == {path: "errors.invalid"}


async def test_a_batch_of_events_is_written_completely_or_not_at_all(api: Api, store: Account) -> None:
    """With one invalid event in a thousand nothing is written; without it all are, in one transaction."""
    many = [event_input(f"e{n}") for n in range(1000)]
    bad = [*many[:999], event_input("e999", end="2027-01-19T09:00:00Z")]
    refused = await api.refusal(UPSERT_EVENTS, store.token, input={"calendarId": store.calendar_id, "events": bad})
    assert list(refused["errors"]) == ["events[999].end"]
    assert await ids(api, store) == []
    assert await put(api, store, *many) == {"created": 1000, "updated": 0}
    assert await put(api, store, event_input("e1"), event_input("new")) == {"created": 1, "updated": 1}


async def test_the_size_of_a_batch_is_limited(api: Api, store: Account) -> None:
    """From one event to a thousand, each id once."""

    async def keys(*events: dict[str, Any]) -> dict[str, str]:
        given = {"calendarId": store.calendar_id, "events": list(events)}
        refused = await api.refusal(UPSERT_EVENTS, store.token, input=given)
        return {path: found[0]["key"] for path, found in refused["errors"].items()}

    assert await keys() == {"events": "errors.too_few"}
    assert await keys(*(event_input(f"e{n}") for n in range(1001))) == {"events": "errors.too_many"}
    assert await keys(event_input("e1"), event_input("e1")) == {"events[1].eventId": "errors.duplicate"}


async def test_deleted_events_are_listed_only_on_request(api: Api, store: Account) -> None:
    """Clients that synchronise need them; upserting one again creates a new event."""
    await put(api, store, event_input("e1"), event_input("e2"))
    given = {"calendarId": store.calendar_id, "eventId": "e1"}
    assert await api.data(DELETE_EVENT, store.token, input=given) == {"deleteEvent": {"deleted": True}}
    assert await api.data(DELETE_EVENT, store.token, input=given) == {"deleteEvent": {"deleted": False}}
    assert await ids(api, store) == ["e2"]
    assert sorted(await ids(api, store, includeDeleted=True)) == ["e1", "e2"]
    api.now += 60
    back = await api.data(
        UPSERT_EVENT_WITH_ALL_FIELDS, store.token, input={"calendarId": store.calendar_id, "event": event_input("e1")}
    )
    assert back["upsertEvent"]["created"] is True
    assert back["upsertEvent"]["event"]["created"] == "2027-01-01T00:01:00Z"


async def test_events_can_be_deleted_by_calendar_or_all_at_once(api: Api, store: Account) -> None:
    """Exactly one of the two arguments is required."""
    await put(api, store, event_input("e1"), event_input("e2"))
    assert await api.data(DELETE_EVENTS, store.token, input={"calendarIds": [store.calendar_id]}) == {
        "deleteEvents": {"deleted": 2}
    }
    await put(api, store, event_input("e1"))
    assert await api.data(DELETE_EVENTS, store.token, input={"deleteAll": True}) == {"deleteEvents": {"deleted": 1}}
    assert await ids(api, store) == []

    async def keys(**given: Any) -> dict[str, str]:
        refused = await api.refusal(DELETE_EVENTS, store.token, input=given)
        return {path: found[0]["key"] for path, found in refused["errors"].items()}

    assert await keys() == {"deleteAll": "errors.required"}
    assert await keys(deleteAll=False) == {"deleteAll": "errors.required"}
    assert await keys(calendarIds=[]) == {"calendarIds": "errors.too_few"}
    assert await keys(deleteAll=True, calendarIds=[store.calendar_id]) == {
        "deleteAll": "errors.conflict",
        "calendarIds": "errors.conflict",
    }


async def test_another_account_s_calendar_is_not_found(api: Api, store: Account) -> None:
    """The same refusal as for an unknown calendar, in every operation, and without effect."""
    other = await api.application_calendar("store-43")
    await put(api, other, event_input("e1"))

    async def refusals(calendar_id: str) -> list[dict[str, Any]]:
        asked = [
            (UPSERT_EVENT_WITH_ALL_FIELDS, {"calendarId": calendar_id, "event": event_input("e1")}),
            (UPSERT_EVENTS, {"calendarId": calendar_id, "events": [event_input("e1")]}),
            (DELETE_EVENT, {"calendarId": calendar_id, "eventId": "e1"}),
            (DELETE_EVENTS, {"calendarIds": [calendar_id]}),
            (EVENTS, {"calendarIds": [calendar_id]}),
            (FREE_BUSY, {"calendarIds": [calendar_id]}),
        ]
        return [await api.refusal(query, store.token, input=given) for query, given in asked]

    theirs, nowhere, odd = [await refusals(id) for id in (other.calendar_id, "cal_nowhere_0", "no calendar\u0000")]
    assert {refused["code"] for refused in theirs} == {"NOT_FOUND"}
    assert theirs == nowhere == odd
    assert await ids(api, other) == ["e1"]


async def test_pages_have_no_gap_or_overlap(api: Api, store: Account) -> None:
    """Seven events, two of them at the same instant, three per page; each cursor belongs to its own item."""
    hours = [9, 10, 10, 11, 12, 13, 14]
    await put(
        api,
        store,
        *(event_input(f"e{n}", f"2027-01-19T{h:02}:00:00Z", f"2027-01-19T{h:02}:30:00Z") for n, h in enumerate(hours)),
    )
    seen: list[str] = []
    after, sizes = None, []
    while True:
        page = (await api.data(EVENTS, store.token, input={}, first=3, after=after))["events"]
        sizes.append((len(page["nodes"]), page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]))
        assert [edge["node"]["eventId"] for edge in page["edges"]] == [node["eventId"] for node in page["nodes"]]
        assert page["edges"][0]["cursor"] == page["pageInfo"]["startCursor"]
        seen += [node["eventId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sizes == [(3, False, True), (3, True, True), (1, True, False)]
    assert sorted(seen) == [f"e{n}" for n in range(7)]
    assert [seen[0], *seen[3:]] == ["e0", "e3", "e4", "e5", "e6"]


async def test_pages_are_stable_when_events_are_added_or_deleted(api: Api, store: Account) -> None:
    """Keyset pagination: changes before the cursor do not affect the items after it."""
    await put(
        api,
        store,
        *(event_input(f"e{n}", f"2027-01-19T{9 + n:02}:00:00Z", f"2027-01-19T{10 + n:02}:00:00Z") for n in range(4)),
    )
    page = (await api.data(EVENTS, store.token, input={}, first=2))["events"]
    await api.data(DELETE_EVENT, store.token, input={"calendarId": store.calendar_id, "eventId": "e1"})
    await put(api, store, event_input("early", "2027-01-19T07:00:00Z", "2027-01-19T08:00:00Z"))
    rest = (await api.data(EVENTS, store.token, input={}, after=page["pageInfo"]["endCursor"]))["events"]
    assert [node["eventId"] for node in rest["nodes"]] == ["e2", "e3"]


async def test_invalid_pagination_is_refused(api: Api, store: Account) -> None:
    """An invalid size, an invalid cursor and an inverted window, all reported at once."""
    window = {"from": "2027-01-19T09:00:00Z", "to": "2027-01-19T09:00:00Z", "lastModified": "yesterday"}
    refused = await api.refusal(EVENTS, store.token, input=window, first=0, after="nonsense")
    assert {path: found[0]["key"] for path, found in refused["errors"].items()} == {
        "to": "errors.invalid",
        "lastModified": "errors.invalid",
        "first": "errors.too_few",
        "after": "errors.invalid",
    }
    refused = await api.refusal(EVENTS, store.token, input={}, first=1001)
    assert refused["errors"]["first"][0]["key"] == "errors.too_many"


async def test_the_window_is_half_open(api: Api, store: Account) -> None:
    """An event that ends when the window begins, or starts when it ends, is not listed."""
    await put(api, store, event_input("e1", "2027-01-19T09:00:00Z", "2027-01-19T10:00:00Z"))
    assert await ids(api, store, **{"from": "2027-01-19T10:00:00Z"}) == []
    assert await ids(api, store, to="2027-01-19T09:00:00Z") == []
    assert await ids(api, store, **{"from": "2027-01-19T09:59:59Z", "to": "2027-01-19T10:00:00Z"}) == ["e1"]


async def test_last_modified_selects_recent_changes(api: Api, store: Account) -> None:
    """Changed at that instant or later; a deletion is a change."""
    await put(api, store, event_input("e1"), event_input("e2"), event_input("e3"))
    api.now += 60
    await put(api, store, event_input("e2", summary="Changed"))
    await api.data(DELETE_EVENT, store.token, input={"calendarId": store.calendar_id, "eventId": "e3"})
    changed = {"lastModified": "2027-01-01T00:01:00Z", "includeDeleted": True}
    assert sorted(await ids(api, store, **changed)) == ["e2", "e3"]


async def test_free_busy_shows_times_without_content(api: Api, store: Account) -> None:
    """Opaque is busy, tentative is marked, transparent and deleted events are free."""
    hours = {"busy": 9, "maybe": 10, "free": 11, "gone": 12}
    kinds = {"maybe": {"status": "TENTATIVE"}, "free": {"transparency": "TRANSPARENT"}}
    await put(
        api,
        store,
        *(
            event_input(k, f"2027-01-19T{h:02}:00:00Z", f"2027-01-19T{h:02}:30:00Z", **kinds.get(k, {}))
            for k, h in hours.items()
        ),
    )
    await put(api, store, event_input("day", "2027-01-20", "2027-01-21"))
    await api.data(DELETE_EVENT, store.token, input={"calendarId": store.calendar_id, "eventId": "gone"})
    nodes = (await api.data(FREE_BUSY, store.token, input={"includeDeleted": True}))["freeBusy"]["nodes"]
    assert [(node["start"], node["freeBusyStatus"]) for node in nodes] == [
        ("2027-01-19T09:00:00Z", "BUSY"),
        ("2027-01-19T10:00:00Z", "TENTATIVE"),
        ("2027-01-19T11:00:00Z", "FREE"),
        ("2027-01-19T12:00:00Z", "FREE"),
        ("2027-01-20", "BUSY"),
    ]
