"""Booking a slot, as a client does it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from db.database import Session
from tests.support.api import CLIENT_SECRET, Api, Someone

BOOK = """
mutation ($input: BookSlotInput!) {
  bookSlot(input: $input) {
    __typename
    ... on Booked {
      start end participants { sub }
      events { calendarId eventId eventUid summary description start end tzid url location { lat } status transparency created }
    }
    ... on SlotTaken { nextSlots { start end participants { sub } } }
  }
}
"""
UPSERT_EVENT = "mutation ($input: UpsertEventInput!) { upsertEvent(input: $input) { created } }"
DELETE_EVENTS = "mutation { deleteEvents(input: {deleteAll: true}) { deleted } }"
ACCOUNT = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken } }"
RULE = "mutation ($input: UpsertAvailabilityRuleInput!) { upsertAvailabilityRule(input: $input) { availabilityRule { tzid } } }"
REVOKE = "mutation ($input: RevokeAuthorizationInput!) { revokeAuthorization(input: $input) { revoked } }"

DAY = {"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T12:00:00Z"}


def at(hour: int, minute: int = 0) -> str:
    return f"2027-01-19T{hour:02}:{minute:02}:00Z"


def asking(
    *groups: tuple[str | int, list[Any]], start: str = at(9), event_id: str = "booking", **more: Any
) -> dict[str, Any]:
    """A booking of an hour. Members are people, or inputs that say more about them."""

    def member(whom: Any) -> dict[str, Any]:
        return {"sub": whom.sub} if isinstance(whom, Someone) else whom

    return {
        "availability": {
            "participants": [
                {"required": required, "members": [member(whom) for whom in members]} for required, members in groups
            ],
            "requiredDuration": {"minutes": 60},
            "queryPeriods": [DAY],
            **more.pop("availability", {}),
        },
        "start": start,
        "event": {"eventId": event_id, "summary": "Meeting", **more.pop("event", {})},
        **more,
    }


async def book(api: Api, given: dict[str, Any], token: str = CLIENT_SECRET) -> dict[str, Any]:
    return (await api.data(BOOK, token, input=given))["bookSlot"]


async def busy(api: Api, whose: Someone, start: str, end: str, event_id: str = "busy") -> None:
    event = {"eventId": event_id, "summary": "Busy", "start": start, "end": end}
    await api.data(UPSERT_EVENT, whose.token, input={"calendarId": whose.calendar_id, "event": event})


async def wrong(api: Api, given: dict[str, Any]) -> dict[str, list[str]]:
    """What is wrong with a request, by path."""
    refusal = await api.refusal(BOOK, CLIENT_SECRET, input=given)
    assert refusal["code"] == "UNPROCESSABLE"
    return {path: [problem["key"] for problem in problems] for path, problems in refusal["errors"].items()}


@pytest.fixture
async def people(api: Api) -> list[Someone]:
    """Three application calendars."""
    return [await api.application_calendar(name) for name in ("ada", "ben", "cem")]


async def count(api: Api) -> int:
    [[found]] = await api.rows("SELECT COUNT(*) FROM events")
    return found


async def test_a_booking_is_on_the_calendar_of_everybody_who_meets(api: Api, people: list[Someone]) -> None:
    """With all that the event says; and the next who asks for it is told what else there is."""
    ada, ben, cem = people
    event = {"description": "Plans", "tzid": "Europe/London", "location": {"lat": "1.5"}, "url": "https://example.com/"}
    booked = await book(api, asking(("all", [ada, ben]), event=event))
    assert (booked["__typename"], booked["start"], booked["end"]) == ("Booked", at(9), at(10))
    assert booked["participants"] == [{"sub": ada.sub}, {"sub": ben.sub}]
    assert [written["calendarId"] for written in booked["events"]] == [ada.calendar_id, ben.calendar_id]
    for written in booked["events"]:
        assert (written["eventId"], written["summary"]) == ("booking", "Meeting")
        assert (written["start"], written["end"], written["tzid"]) == (at(9), at(10), "Europe/London")
        assert (written["status"], written["transparency"]) == ("CONFIRMED", "OPAQUE")
        assert (written["description"], written["location"], written["url"]) == ("Plans", {"lat": "1.5"}, event["url"])
    assert len({written["eventUid"] for written in booked["events"]}) == 2
    taken = await book(api, asking(("all", [cem, ben]), start=at(9, 30), event_id="another"))
    assert taken == {
        "__typename": "SlotTaken",
        "nextSlots": [
            {"start": at(10), "end": at(11), "participants": [{"sub": cem.sub}, {"sub": ben.sub}]},
            {"start": at(11), "end": at(12), "participants": [{"sub": cem.sub}, {"sub": ben.sub}]},
        ],
    }
    assert await count(api) == 2


async def test_what_is_offered_instead_may_be_earlier(api: Api, people: list[Someone]) -> None:
    """When nothing is left that is later; and of a full day nothing is."""
    ada = people[0]
    await busy(api, ada, at(10), at(12))
    taken = await book(api, asking(("all", [ada]), start=at(11)))
    assert [slot["start"] for slot in taken["nextSlots"]] == [at(9)]
    await busy(api, ada, at(9), at(12))
    assert (await book(api, asking(("all", [ada]), start=at(11)))) == {"__typename": "SlotTaken", "nextSlots": []}


async def test_of_a_group_as_many_are_booked_as_are_required(api: Api, people: list[Someone]) -> None:
    """In the order of the request; the others stay free for the next."""
    group = (1, people)
    found = [await book(api, asking(group, event_id=f"b{n}")) for n in range(4)]
    assert [booked["__typename"] for booked in found] == ["Booked"] * 3 + ["SlotTaken"]
    assert [booked["participants"] for booked in found[:3]] == [[{"sub": person.sub}] for person in people]


async def test_whoever_is_least_busy_is_booked_on_request(api: Api, people: list[Someone]) -> None:
    ada, ben, cem = people
    await busy(api, ada, at(11), at(12))
    await busy(api, cem, at(11), at(11, 30))
    given = asking((2, people), assignment="LEAST_BUSY")
    assert (await book(api, given))["participants"] == [{"sub": ben.sub}, {"sub": cem.sub}]


async def test_rules_and_buffers_hold_for_bookings_as_for_queries(api: Api, people: list[Someone]) -> None:
    given = {**api.credentials, "kind": "RESOURCE", "accountId": "lathe", "tzid": "Etc/UTC"}
    lathe = (await api.data(ACCOUNT, input=given))["account"]
    hours = [{"day": "TUESDAY", "startTime": "10:00", "endTime": "12:00"}]
    rule = {"availabilityRuleId": "work", "tzid": "Etc/UTC", "weeklyPeriods": hours}
    await api.data(RULE, lathe["accessToken"], input=rule)
    managed = {"sub": lathe["sub"], "managedAvailability": True}
    early = await book(api, asking(("all", [managed, people[0]])))
    assert [slot["start"] for slot in early["nextSlots"]] == [at(10), at(11)]
    await busy(api, people[0], at(9), at(10))
    buffer = {"availability": {"buffer": {"before": {"minutes": 30}}}}
    tight = await book(api, asking(("all", [managed, people[0]]), start=at(10), **buffer))
    assert [slot["start"] for slot in tight["nextSlots"]] == [at(10, 30)]
    assert (await book(api, asking(("all", [managed, people[0]]), start=at(10, 30), **buffer)))["start"] == at(10, 30)


async def test_a_query_that_has_begun_can_still_be_booked(api: Api, people: list[Someone]) -> None:
    """It was asked a while ago; but what has begun is neither booked nor offered."""
    ada = people[0]
    await busy(api, ada, at(10), at(10, 1))
    api.now += 18 * 86_400 + 9 * 3600 + 1800  # half past nine
    assert await wrong(api, asking(("all", [ada]), start=at(9))) == {"start": ["errors.in_past"]}
    taken = await book(api, asking(("all", [ada]), start=at(10)))
    assert [slot["start"] for slot in taken["nextSlots"]] == [at(10, 1)]
    assert (await book(api, asking(("all", [ada]), start=at(10, 1))))["__typename"] == "Booked"


async def test_only_a_start_of_the_query_can_be_booked(api: Api, people: list[Someone]) -> None:
    grid = {"availability": {"startInterval": {"minutes": 15}}}
    for start, more in ((at(8), {}), (at(11, 30), {}), (at(9, 10), grid)):
        assert await wrong(api, asking(("all", [people[0]]), start=start, **more)) == {"start": ["errors.inclusion"]}
    slots = {"availability": {"queryPeriods": None, "querySlots": [{"start": at(7)}, {"start": at(8)}]}}
    assert await wrong(api, asking(("all", [people[0]]), start=at(9), **slots)) == {"start": ["errors.inclusion"]}
    assert (await book(api, asking(("all", [people[0]]), start=at(8), **slots)))["start"] == at(8)


async def test_every_problem_is_told_at_once(api: Api, people: list[Someone]) -> None:
    """Those of the query under its name; nothing is written."""
    ada, ben, _ = people
    given = asking(
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
    assert await wrong(api, given) == {
        "start": ["errors.invalid"],
        "event.summary": ["errors.too_long"],
        "event.tzid": ["errors.invalid"],
        "targetCalendars[0].calendarId": ["errors.unknown"],
        "targetCalendars[1].sub": ["errors.unknown"],
        "idempotencyKey": ["errors.required"],
        "availability.maxResults": ["errors.too_few"],
        "availability.participants[0].members[0].sub": ["errors.unknown"],
    }
    assert await count(api) == 0


async def test_an_event_goes_only_where_a_second_booking_would_see_it(api: Api, people: list[Someone]) -> None:
    ada = people[0]
    blind = {"sub": ada.sub, "calendarIds": []}
    path = "availability.participants[0].members[0].calendarIds"
    assert await wrong(api, asking(("all", [blind]))) == {path: ["errors.conflict"]}
    named = [{"sub": ada.sub, "calendarId": ada.calendar_id}]
    assert (await book(api, asking(("all", [ada]), targetCalendars=named)))["__typename"] == "Booked"


async def test_an_event_that_is_there_is_not_replaced(api: Api, people: list[Someone]) -> None:
    """Another booking may hang on it. One that was deleted is gone, and its id is free."""
    ada, ben, _ = people
    await book(api, asking(("all", [ada])))
    again = asking(("all", [ben, ada]), start=at(10))
    assert await wrong(api, again) == {"event.eventId": ["errors.duplicate"]}
    assert await count(api) == 1
    await api.data(DELETE_EVENTS, ada.token)
    booked = await book(api, again)
    assert [event["created"] for event in booked["events"]] == ["2027-01-01T00:00:00Z"] * 2
    assert (await book(api, asking(("all", [ada]), start=at(9), event_id="new")))["__typename"] == "Booked"


@pytest.mark.parametrize("keyed", [False, True])
async def test_a_booking_whose_connection_broke_at_the_end_is_found_again(
    api: Api, people: list[Someone], monkeypatch: pytest.MonkeyPatch, keyed: bool
) -> None:
    """It was written, and nobody was told: the next attempt knows it by its name, and does not lose against itself."""
    given = asking(("all", people), **({"idempotencyKey": "key"} if keyed else {}))
    write, write_directly = api.db.write, api.db.direct.write

    @asynccontextmanager
    async def written() -> AsyncGenerator[Session]:
        monkeypatch.undo()
        async with write() as session:
            yield session
        raise ConnectionResetError

    async def written_directly(*given: Any) -> None:
        monkeypatch.undo()
        await write_directly(*given)
        raise ConnectionResetError

    monkeypatch.setattr(api.db, "write", written)
    monkeypatch.setattr(api.db.direct, "write", written_directly)
    booked = await book(api, given)
    assert booked["participants"] == [{"sub": person.sub} for person in people]
    assert sorted(event["eventUid"] for event in booked["events"]) == sorted(
        uid for (uid,) in await api.rows("SELECT event_uid FROM events")
    )
    assert await count(api) == 3


@pytest.mark.parametrize("keyed", [False, True])
async def test_of_many_who_want_the_same_slot_one_gets_it(api: Api, people: list[Someone], keyed: bool) -> None:
    """And every other is told that it is taken, with what else there is."""
    ada, ben, cem = people
    pairs = [(ada, ben), (ben, cem), (cem, ada)] * 4
    requests = [
        asking(("all", list(pair)), event_id=f"b{n}", **({"idempotencyKey": f"k{n}"} if keyed else {}))
        for n, pair in enumerate(pairs)
    ]
    found = await asyncio.gather(*(book(api, given) for given in requests))
    assert sorted(answer["__typename"] for answer in found) == ["Booked"] + ["SlotTaken"] * 11
    assert await count(api) == 2


async def test_only_the_application_itself_books(api: Api, people: list[Someone]) -> None:
    given = asking(("all", [people[0]]))
    assert (await api.refusal(BOOK, people[0].token, input=given))["code"] == "FORBIDDEN"
    assert (await api.refusal(BOOK, input=given))["code"] == "UNAUTHENTICATED"


async def test_a_member_has_to_have_granted_both_to_be_asked_about_and_to_be_written_to(api: Api) -> None:
    for scope, lacking in (("read_free_busy", "create_event"), ("create_event", "read_free_busy")):
        given = {**api.credentials, "kind": "USER", "accountId": scope, "scope": scope}
        sub = (await api.data(ACCOUNT, input=given))["account"]["sub"]
        refusal = await api.refusal(BOOK, CLIENT_SECRET, input=asking(("all", [{"sub": sub}])))
        assert (refusal["code"], refusal["scope"]) == ("FORBIDDEN", lacking)
        assert list(refusal["errors"]) == ["availability.participants[0].members[0].sub"]


async def test_whoever_was_revoked_is_not_booked(api: Api, people: list[Someone]) -> None:
    await api.data(REVOKE, input={**api.credentials, "sub": people[0].sub})
    path = "availability.participants[0].members[0].sub"
    assert await wrong(api, asking(("all", [people[0], people[1]]))) == {path: ["errors.unknown"]}


async def test_a_booking_that_fails_half_way_leaves_nothing(api: Api, people: list[Someone]) -> None:
    """The last of its calendars cannot be written to."""
    ada, ben, cem = people
    statement = f"SELECT key FROM calendars WHERE calendar_id = '{cem.calendar_id}'"
    [[key]] = await api.rows(statement)
    async with api.db.writer.begin() as connection:
        await connection.execute(text(f"CREATE UNIQUE INDEX none ON events (starts_at) WHERE calendar_key = {key}"))
    await busy(api, cem, at(9), at(9, 1))
    given = asking(("all", [ada, ben, {"sub": cem.sub, "ignoreTentative": True}]))
    tentative = {"eventId": "busy", "summary": "?", "start": at(9), "end": at(10), "status": "TENTATIVE"}
    await api.data(UPSERT_EVENT, cem.token, input={"calendarId": cem.calendar_id, "event": tentative})
    assert (await api.refusal(BOOK, CLIENT_SECRET, input=given))["code"] == "INTERNAL"
    assert await api.rows("SELECT event_id FROM events") == [("busy",)]
