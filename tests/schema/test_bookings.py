"""Booking a slot through GraphQL."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from db.database import Session
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import book_slot, booking_errors, booking_input, count_events, create_busy_event, iso_time
from tests.support.graphql_queries import (
    BOOK_SLOT,
    DELETE_ALL_EVENTS,
    REVOKE_AUTHORIZATION,
    UPSERT_AVAILABILITY_RULE,
    UPSERT_EVENT,
)

ACCOUNT = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken } }"


async def test_a_booking_is_on_the_calendars_of_all_participants(api: Api, people: list[Account]) -> None:
    """With all fields of the event; the next request for the slot is offered others."""
    ada, ben, cem = people
    event = {"description": "Plans", "tzid": "Europe/London", "location": {"lat": "1.5"}, "url": "https://example.com/"}
    booked = await book_slot(api, booking_input(("all", [ada, ben]), event=event))
    assert (booked["__typename"], booked["start"], booked["end"]) == ("Booked", iso_time(9), iso_time(10))
    assert booked["participants"] == [{"sub": ada.sub}, {"sub": ben.sub}]
    assert [written["calendarId"] for written in booked["events"]] == [ada.calendar_id, ben.calendar_id]
    for written in booked["events"]:
        assert (written["eventId"], written["summary"]) == ("booking", "Meeting")
        assert (written["start"], written["end"], written["tzid"]) == (iso_time(9), iso_time(10), "Europe/London")
        assert (written["status"], written["transparency"]) == ("CONFIRMED", "OPAQUE")
        assert (written["description"], written["location"], written["url"]) == ("Plans", {"lat": "1.5"}, event["url"])
    assert len({written["eventUid"] for written in booked["events"]}) == 2
    taken = await book_slot(api, booking_input(("all", [cem, ben]), start=iso_time(9, 30), event_id="another"))
    assert taken == {
        "__typename": "SlotTaken",
        "nextSlots": [
            {"start": iso_time(10), "end": iso_time(11), "participants": [{"sub": cem.sub}, {"sub": ben.sub}]},
            {"start": iso_time(11), "end": iso_time(12), "participants": [{"sub": cem.sub}, {"sub": ben.sub}]},
        ],
    }
    assert await count_events(api) == 2


async def test_next_slots_may_be_earlier_ones(api: Api, people: list[Account]) -> None:
    """If no later one is free; on a full day there are none."""
    ada = people[0]
    await create_busy_event(api, ada, iso_time(10), iso_time(12))
    taken = await book_slot(api, booking_input(("all", [ada]), start=iso_time(11)))
    assert [slot["start"] for slot in taken["nextSlots"]] == [iso_time(9)]
    await create_busy_event(api, ada, iso_time(9), iso_time(12))
    assert (await book_slot(api, booking_input(("all", [ada]), start=iso_time(11)))) == {
        "__typename": "SlotTaken",
        "nextSlots": [],
    }


async def test_the_required_number_of_a_group_is_booked(api: Api, people: list[Account]) -> None:
    """In the order of the request; the others stay free."""
    group = (1, people)
    found = [await book_slot(api, booking_input(group, event_id=f"b{n}")) for n in range(4)]
    assert [booked["__typename"] for booked in found] == ["Booked"] * 3 + ["SlotTaken"]
    assert [booked["participants"] for booked in found[:3]] == [[{"sub": person.sub}] for person in people]


async def test_the_least_busy_members_are_booked_on_request(api: Api, people: list[Account]) -> None:
    ada, ben, cem = people
    await create_busy_event(api, ada, iso_time(11), iso_time(12))
    await create_busy_event(api, cem, iso_time(11), iso_time(11, 30))
    given = booking_input((2, people), assignment="LEAST_BUSY")
    assert (await book_slot(api, given))["participants"] == [{"sub": ben.sub}, {"sub": cem.sub}]


async def test_rules_and_buffers_apply_to_bookings_as_to_queries(api: Api, people: list[Account]) -> None:
    given = {**api.credentials, "kind": "RESOURCE", "accountId": "lathe", "tzid": "Etc/UTC"}
    lathe = (await api.data(ACCOUNT, input=given))["account"]
    hours = [{"day": "TUESDAY", "startTime": "10:00", "endTime": "12:00"}]
    rule = {"availabilityRuleId": "work", "tzid": "Etc/UTC", "weeklyPeriods": hours}
    await api.data(UPSERT_AVAILABILITY_RULE, lathe["accessToken"], input=rule)
    managed = {"sub": lathe["sub"], "managedAvailability": True}
    early = await book_slot(api, booking_input(("all", [managed, people[0]])))
    assert [slot["start"] for slot in early["nextSlots"]] == [iso_time(10), iso_time(11)]
    await create_busy_event(api, people[0], iso_time(9), iso_time(10))
    buffer: dict[str, Any] = {"availability": {"buffer": {"before": {"minutes": 30}}}}
    tight = await book_slot(api, booking_input(("all", [managed, people[0]]), start=iso_time(10), **buffer))
    assert [slot["start"] for slot in tight["nextSlots"]] == [iso_time(10, 30)]
    assert (await book_slot(api, booking_input(("all", [managed, people[0]]), start=iso_time(10, 30), **buffer)))[
        "start"
    ] == iso_time(10, 30)


async def test_a_query_that_has_begun_can_still_be_booked(api: Api, people: list[Account]) -> None:
    """Its remaining starts can be booked; those that have passed are neither booked nor offered."""
    ada = people[0]
    await create_busy_event(api, ada, iso_time(10), iso_time(10, 1))
    api.now += 18 * 86_400 + 9 * 3600 + 1800  # 09:30
    assert await booking_errors(api, booking_input(("all", [ada]), start=iso_time(9))) == {"start": ["errors.in_past"]}
    taken = await book_slot(api, booking_input(("all", [ada]), start=iso_time(10)))
    assert [slot["start"] for slot in taken["nextSlots"]] == [iso_time(10, 1)]
    assert (await book_slot(api, booking_input(("all", [ada]), start=iso_time(10, 1))))["__typename"] == "Booked"


async def test_only_a_start_of_the_query_can_be_booked(api: Api, people: list[Account]) -> None:
    grid: dict[str, Any] = {"availability": {"startInterval": {"minutes": 15}}}
    local: dict[str, Any] = {"availability": {"startInterval": {"minutes": 60}, "startIntervalTzid": "Asia/Kathmandu"}}
    for start, more in ((iso_time(8), {}), (iso_time(11, 30), {}), (iso_time(9, 10), grid), (iso_time(10), local)):
        assert await booking_errors(api, booking_input(("all", [people[0]]), start=start, **more)) == {
            "start": ["errors.inclusion"]
        }
    slots: dict[str, Any] = {
        "availability": {"queryPeriods": None, "querySlots": [{"start": iso_time(7)}, {"start": iso_time(8)}]}
    }
    assert await booking_errors(api, booking_input(("all", [people[0]]), start=iso_time(9), **slots)) == {
        "start": ["errors.inclusion"]
    }
    assert (await book_slot(api, booking_input(("all", [people[0]]), start=iso_time(8), **slots)))["start"] == iso_time(
        8
    )
    local = booking_input(("all", [people[1]]), start=iso_time(9, 15), **local)
    assert (await book_slot(api, local))["__typename"] == "Booked"


async def test_what_is_booked_excludes_no_events(api: Api, people: list[Account]) -> None:
    """Otherwise two meetings could be booked at one time."""
    excluding: dict[str, Any] = {"availability": {"excludedEvents": [{"eventId": "other"}]}}
    assert await booking_errors(api, booking_input(("all", [people[0]]), **excluding)) == {
        "availability.excludedEvents": ["errors.conflict"]
    }


async def test_all_problems_are_reported_at_once(api: Api, people: list[Account]) -> None:
    """Those of the query under its path; nothing is written."""
    ada, ben, _ = people
    given = booking_input(
        ("all", [{"sub": "apc_000000000000000000000000"}, ada]),
        start="soon",
        event={"summary": "x" * 1025, "tzid": "Mars/Olympus"},
        targetCalendars=[
            {"sub": ada.sub, "calendarId": ben.calendar_id},
            {"sub": ben.sub, "calendarId": ben.calendar_id},
        ],
        idempotencyKey="",
    )
    given["availability"]["maxResults"] = 0
    assert await booking_errors(api, given) == {
        "start": ["errors.invalid"],
        "event.summary": ["errors.too_long"],
        "event.tzid": ["errors.invalid"],
        "targetCalendars[0].calendarId": ["errors.unknown"],
        "targetCalendars[1].sub": ["errors.unknown"],
        "idempotencyKey": ["errors.required"],
        "availability.maxResults": ["errors.too_few"],
        "availability.participants[0].members[0].sub": ["errors.unknown"],
    }
    assert await count_events(api) == 0


async def test_an_event_is_written_only_to_a_calendar_that_the_query_checks(api: Api, people: list[Account]) -> None:
    ada = people[0]
    blind = {"sub": ada.sub, "calendarIds": []}
    path = "availability.participants[0].members[0].calendarIds"
    assert await booking_errors(api, booking_input(("all", [blind]))) == {path: ["errors.conflict"]}
    named = [{"sub": ada.sub, "calendarId": ada.calendar_id}]
    assert (await book_slot(api, booking_input(("all", [ada]), targetCalendars=named)))["__typename"] == "Booked"


async def test_an_existing_event_is_not_replaced(api: Api, people: list[Account]) -> None:
    """It may belong to another booking. The id of a deleted event can be used again."""
    ada, ben, _ = people
    await book_slot(api, booking_input(("all", [ada])))
    again = booking_input(("all", [ben, ada]), start=iso_time(10))
    assert await booking_errors(api, again) == {"event.eventId": ["errors.duplicate"]}
    assert await count_events(api) == 1
    await api.data(DELETE_ALL_EVENTS, ada.token)
    booked = await book_slot(api, again)
    assert [event["created"] for event in booked["events"]] == ["2027-01-01T00:00:00Z"] * 2
    assert (await book_slot(api, booking_input(("all", [ada]), start=iso_time(9), event_id="new")))[
        "__typename"
    ] == "Booked"


@pytest.mark.parametrize("keyed", [False, True])
async def test_a_booking_whose_connection_broke_at_the_end_is_recognised(
    api: Api, people: list[Account], monkeypatch: pytest.MonkeyPatch, keyed: bool
) -> None:
    """It was committed without a response: the retry finds it by its event id, instead of a conflict with itself."""
    given = booking_input(("all", people), **({"idempotencyKey": "key"} if keyed else {}))
    write, write_directly = api.db.write, api.db.driver.write

    @asynccontextmanager
    async def written(*given: Any) -> AsyncGenerator[Session]:
        monkeypatch.undo()
        async with write(*given) as session:
            yield session
        raise ConnectionResetError

    async def written_directly(*given: Any, writer: int) -> None:
        monkeypatch.undo()
        await write_directly(*given, writer=writer)
        raise ConnectionResetError

    monkeypatch.setattr(api.db, "write", written)
    monkeypatch.setattr(api.db.driver, "write", written_directly)
    booked = await book_slot(api, given)
    assert booked["participants"] == [{"sub": person.sub} for person in people]
    assert sorted(event["eventUid"] for event in booked["events"]) == sorted(
        uid for (uid,) in await api.rows("SELECT event_uid FROM events")
    )
    assert await count_events(api) == 3


@pytest.mark.parametrize("keyed", [False, True])
async def test_one_of_many_concurrent_requests_for_a_slot_books_it(
    api: Api, people: list[Account], keyed: bool
) -> None:
    """All others get SlotTaken with other slots."""
    ada, ben, cem = people
    pairs = [(ada, ben), (ben, cem), (cem, ada)] * 4
    requests = [
        booking_input(("all", list(pair)), event_id=f"b{n}", **({"idempotencyKey": f"k{n}"} if keyed else {}))
        for n, pair in enumerate(pairs)
    ]
    found = await asyncio.gather(*(book_slot(api, given) for given in requests))
    assert sorted(answer["__typename"] for answer in found) == ["Booked"] + ["SlotTaken"] * 11
    assert await count_events(api) == 2


async def test_only_the_client_secret_can_book(api: Api, people: list[Account]) -> None:
    given = booking_input(("all", [people[0]]))
    assert (await api.refusal(BOOK_SLOT, people[0].token, input=given))["code"] == "FORBIDDEN"
    assert (await api.refusal(BOOK_SLOT, input=given))["code"] == "UNAUTHENTICATED"


async def test_members_must_grant_both_free_busy_and_creating_events(api: Api) -> None:
    for scope, lacking in (("read_free_busy", "create_event"), ("create_event", "read_free_busy")):
        given = {**api.credentials, "kind": "USER", "accountId": scope, "scope": scope}
        sub = (await api.data(ACCOUNT, input=given))["account"]["sub"]
        refusal = await api.refusal(BOOK_SLOT, CLIENT_SECRET, input=booking_input(("all", [{"sub": sub}])))
        assert (refusal["code"], refusal["scope"]) == ("FORBIDDEN", lacking)
        assert list(refusal["errors"]) == ["availability.participants[0].members[0].sub"]


async def test_a_revoked_member_cannot_be_booked(api: Api, people: list[Account]) -> None:
    await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": people[0].sub})
    path = "availability.participants[0].members[0].sub"
    assert await booking_errors(api, booking_input(("all", [people[0], people[1]]))) == {path: ["errors.unknown"]}


async def test_a_booking_that_fails_half_way_is_rolled_back(api: Api, people: list[Account]) -> None:
    """Writing to the last of its calendars fails."""
    ada, ben, cem = people
    statement = f"SELECT key FROM calendars WHERE calendar_id = '{cem.calendar_id}'"
    [[key]] = await api.rows(statement)
    async with api.db.writer.begin() as connection:
        await connection.execute(text(f"CREATE UNIQUE INDEX none ON events (starts_at) WHERE calendar_key = {key}"))
    await create_busy_event(api, cem, iso_time(9), iso_time(9, 1))
    given = booking_input(("all", [ada, ben, {"sub": cem.sub, "ignoreTentative": True}]))
    tentative = {"eventId": "busy", "summary": "?", "start": iso_time(9), "end": iso_time(10), "status": "TENTATIVE"}
    await api.data(UPSERT_EVENT, cem.token, input={"calendarId": cem.calendar_id, "event": tentative})
    assert (await api.refusal(BOOK_SLOT, CLIENT_SECRET, input=given))["code"] == "INTERNAL"
    assert await api.rows("SELECT event_id FROM events") == [("busy",)]
