"""Bookings after they were made: read by id and in lists, and moved or cancelled by changes of their events."""

from typing import Any

import pytest

from core.instants import format_instant
from resolvers import booking_life
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import (
    book_slot,
    booking_errors,
    booking_input,
    create_account,
    create_link,
    event_input,
    iso_time,
    link_input,
    link_token,
)
from tests.support.graphql_queries import DELETE_ALL_EVENTS, DELETE_EVENT, UPSERT_EVENT, UPSERT_EVENTS

BOOKING = """
query ($id: ID!) {
  booking(bookingId: $id) {
    id status start end participants { sub } events { calendarId start } holdExpiresAt cancelReason cancelledBy
    created updated sequenceId metadata { key value }
    visitor { name email tzid answers { questionId text } } realTimeScheduling { id }
  }
}
"""
BOOKINGS = """
query ($status: BookingStatus, $sub: ID, $from: DateTime, $to: DateTime, $first: Int, $after: String) {
  bookings(status: $status, sub: $sub, from: $from, to: $to, first: $first, after: $after) {
    nodes { start participants { sub } } pageInfo { hasNextPage endCursor }
  }
}
"""
BOOK = "mutation ($input: BookSlotInput!) { bookSlot(input: $input) { ... on Booked { booking { id } } } }"
EVENT_BOOKINGS = "{ events(input: {includeDeleted: true}) { nodes { eventId booking { id status } } } }"
NODES = "query ($id: ID!) { node(id: $id) { id ... on Event { booking { id } } ... on Booking { status } } }"
OF_LINK = "query ($id: ID!) { realTimeScheduling(realTimeSchedulingId: $id) { bookings { nodes { id start } } } }"
DELETE_ACCOUNT = "mutation ($sub: ID!) { deleteAccount(input: {sub: $sub}) { deleted } }"
CREATE_CALENDAR = 'mutation { createCalendar(input: {name: "Second"}) { calendar { id } } }'
DELETE_CALENDAR = "mutation ($id: ID!) { deleteCalendar(input: {calendarId: $id}) { deleted } }"


async def book(api: Api, given: dict[str, Any]) -> str:
    """Books, and returns the booking's id."""
    return (await api.data(BOOK, CLIENT_SECRET, input=given))["bookSlot"]["booking"]["id"]


async def booking(api: Api, booking_id: str) -> dict[str, Any]:
    return (await api.data(BOOKING, CLIENT_SECRET, id=booking_id))["booking"]


async def upsert(api: Api, whose: Account, event_id: str, start: str, end: str, **more: Any) -> None:
    given = {"calendarId": whose.calendar_id, "event": event_input(event_id, start, end, **more)}
    await api.data(UPSERT_EVENT, whose.token, input=given)


async def delete(api: Api, whose: Account, event_id: str) -> None:
    await api.data(DELETE_EVENT, whose.token, input={"calendarId": whose.calendar_id, "eventId": event_id})


async def test_a_booking_is_found_with_everything_that_was_stored_with_it(api: Api, people: list[Account]) -> None:
    """By its id, from its events, and as a node; in one trip and under locks it is the same."""
    ada, ben, _ = people
    visitor = {"name": "Vi", "email": "vi@example.com", "tzid": "Asia/Tokyo"}
    answers = [{"questionId": "food", "text": "None"}]
    more = {"visitor": {**visitor, "answers": answers}, "metadata": [{"key": "order", "value": "42"}]}
    for number, key in enumerate((None, "once")):
        given = booking_input(("all", [ada, ben]), start=iso_time(9 + number), event_id=f"b{number}", **more)
        found = await booking(api, id := await book(api, {**given, "idempotencyKey": key}))
        assert found == {
            "id": id,
            "status": "CONFIRMED",
            "start": iso_time(9 + number),
            "end": iso_time(10 + number),
            "participants": [{"sub": ada.sub}, {"sub": ben.sub}],
            "events": [{"calendarId": who.calendar_id, "start": iso_time(9 + number)} for who in (ada, ben)],
            "holdExpiresAt": None,
            "cancelReason": None,
            "cancelledBy": None,
            "created": format_instant(api.now),
            "updated": format_instant(api.now),
            "sequenceId": None,
            "metadata": [{"key": "order", "value": "42"}],
            "visitor": {**visitor, "answers": answers},
            "realTimeScheduling": None,
        }
        assert await api.data(NODES, CLIENT_SECRET, id=id) == {"node": {"id": id, "status": "CONFIRMED"}}
        [[uid]] = await api.rows(
            f"SELECT event_uid FROM events JOIN calendars ON calendars.key = calendar_key "
            f"WHERE event_id = 'b{number}' AND calendar_id = '{ben.calendar_id}'"
        )
        assert await api.data(NODES, CLIENT_SECRET, id=uid) == {"node": {"id": uid, "booking": {"id": id}}}
        assert await api.data(NODES, ada.token, id=id) == {"node": None}
    own = (await api.data(EVENT_BOOKINGS, ada.token))["events"]["nodes"]
    assert [event["booking"] for event in own] == [None, None]  # not for an account's own token


async def test_what_is_stored_with_a_booking_has_bounds(api: Api, people: list[Account]) -> None:
    labels = [{"key": "k", "value": "v"}, {"key": "k", "value": "v" * 501}, {"key": "", "value": ""}]
    visitor = {"name": "n" * 256, "tzid": "Mars", "answers": [{"questionId": "", "text": ""}] * 2}
    given = booking_input(("all", people), metadata=labels, visitor=visitor)
    assert await booking_errors(api, given) == {
        "metadata[1].value": ["errors.too_long"],
        "metadata[1].key": ["errors.duplicate"],
        "metadata[2].key": ["errors.required"],
        "visitor.name": ["errors.too_long"],
        "visitor.tzid": ["errors.invalid"],
        "visitor.answers[0].questionId": ["errors.required"],
        "visitor.answers[1].questionId": ["errors.required", "errors.duplicate"],
    }
    many = booking_input(("all", people), metadata=[{"key": f"{n}", "value": ""} for n in range(21)])
    assert await booking_errors(api, many) == {"metadata": ["errors.too_many"]}


async def test_bookings_are_listed_by_state_account_and_window(api: Api, people: list[Account]) -> None:
    """Soonest first, in pages."""
    ada, ben, _ = people
    for number, who in enumerate((ben, ada, ben)):
        given = booking_input(("all", [who]), start=iso_time(11 - number), event_id=f"b{number}")
        await book(api, given)
    await delete(api, ada, "b1")

    async def starts(**given: Any) -> list[int]:
        found = (await api.data(BOOKINGS, CLIENT_SECRET, **given))["bookings"]["nodes"]
        return [int(each["start"][11:13]) for each in found]

    assert await starts() == [9, 10, 11]
    assert await starts(status="CONFIRMED") == [9, 11]
    assert await starts(status="CANCELLED") == [10]
    assert await starts(status="HELD") == await starts(status="EXPIRED") == []
    assert await starts(sub=ben.sub) == [9, 11]
    assert await starts(sub="somebody") == []
    assert await starts(**{"from": iso_time(10), "to": iso_time(11)}) == [10]
    assert await starts(sub=ben.sub, **{"from": iso_time(10)}) == [11]
    for sub in (None, ben.sub):
        page = (await api.data(BOOKINGS, CLIENT_SECRET, sub=sub, first=1))["bookings"]
        assert page["pageInfo"]["hasNextPage"]
        assert await starts(sub=sub, after=page["pageInfo"]["endCursor"]) == (await starts(sub=sub))[1:]
    refusal = await api.refusal(BOOKINGS, CLIENT_SECRET, first=0, **{"from": iso_time(10), "to": iso_time(9)})
    assert set(refusal["errors"]) == {"first", "to"}
    assert (await api.refusal(BOOKING, CLIENT_SECRET, id="bkg_" + "0" * 24))["code"] == "NOT_FOUND"


async def test_a_booking_follows_its_events(api: Api, people: list[Account]) -> None:
    """It is where its events are; while they are at different times, where that of the first calendar is."""
    ada, ben, _ = people
    id = await book(api, booking_input(("all", [ada, ben])))
    api.now += 60
    await upsert(api, ben, "booking", iso_time(14), iso_time(15))
    found = await booking(api, id)
    assert (found["start"], found["updated"] == found["created"]) == (iso_time(9), True)
    await upsert(api, ada, "booking", iso_time(14), iso_time(16))
    found = await booking(api, id)
    assert (found["start"], found["end"], found["updated"]) == (iso_time(14), iso_time(16), format_instant(api.now))
    events = [event_input("booking", iso_time(15), iso_time(16)), event_input("other", iso_time(9), iso_time(10))]
    await api.data(UPSERT_EVENTS, ada.token, input={"calendarId": ada.calendar_id, "events": events})
    assert (await booking(api, id))["start"] == iso_time(15)
    await delete(api, ada, "booking")
    found = await booking(api, id)
    assert (found["status"], found["start"], found["events"]) == (
        "CONFIRMED",
        iso_time(14),
        [{"calendarId": ben.calendar_id, "start": iso_time(14)}],
    )
    assert [person["sub"] for person in found["participants"]] == [ada.sub, ben.sub]


async def test_an_upsert_that_changes_no_time_changes_no_booking(api: Api, people: list[Account]) -> None:
    ada = people[0]
    id = await book(api, booking_input(("all", [ada])))
    before = await booking(api, id)
    api.now += 60
    await upsert(api, ada, "booking", iso_time(9), iso_time(10), summary="Other words")
    assert await booking(api, id) == before
    await upsert(api, ada, "other", iso_time(15), iso_time(16))
    assert await booking(api, id) == before


@pytest.mark.parametrize("way", ["deleteEvent", "deleteEvents", "deleteAccount of another", "deleteCalendar"])
async def test_a_booking_without_events_is_cancelled(api: Api, way: str) -> None:
    """Whatever deletes the last one; the booking keeps its participants and its time."""
    ada, ben = await create_account(api, "ada"), await create_account(api, "ben")
    second = (await api.data(CREATE_CALENDAR, ada.token))["createCalendar"]["calendar"]["id"]
    targets = [{"sub": ada.sub, "calendarId": second}] if way == "deleteCalendar" else []
    id = await book(api, booking_input(("all", [ada, ben]), targetCalendars=targets))
    await delete(api, ben, "booking")
    assert (await booking(api, id))["status"] == "CONFIRMED"
    api.now += 60
    match way:
        case "deleteEvent":
            await delete(api, ada, "booking")
        case "deleteEvents":
            await api.data(DELETE_ALL_EVENTS, ada.token)
        case "deleteAccount of another":
            await api.data(DELETE_ACCOUNT, CLIENT_SECRET, sub=ada.sub)
        case _:
            await api.data(DELETE_CALENDAR, ada.token, id=second)
    found = await booking(api, id)
    assert (found["status"], found["cancelledBy"], found["start"]) == ("CANCELLED", "EVENTS", iso_time(9))
    assert found["updated"] == format_instant(api.now)
    assert (found["events"], [person["sub"] for person in found["participants"]]) == ([], [ada.sub, ben.sub])


async def test_an_event_that_is_upserted_after_its_deletion_is_not_the_bookings(
    api: Api, people: list[Account]
) -> None:
    """It is a new event with the old id; a new booking can take the id as well."""
    ada = people[0]
    id = await book(api, booking_input(("all", [ada])))
    await delete(api, ada, "booking")
    await upsert(api, ada, "booking", iso_time(9), iso_time(10))
    assert (await booking(api, id))["status"] == "CANCELLED"
    own = (await api.data(EVENT_BOOKINGS, ada.token))["events"]["nodes"]
    assert [(event["eventId"], event["booking"]) for event in own] == [("booking", None)]
    await delete(api, ada, "booking")
    again = await book(api, booking_input(("all", [ada])))
    assert {(await booking(api, id))["status"], (await booking(api, again))["status"]} == {"CANCELLED", "CONFIRMED"}


async def test_erasing_an_account_erases_its_own_bookings(api: Api, people: list[Account]) -> None:
    ada, ben, _ = people
    alone = await book(api, booking_input(("all", [ada])))
    one_of_two = await book(api, booking_input((1, [ada, ben]), start=iso_time(11), event_id="b2"))
    await api.data(DELETE_ACCOUNT, CLIENT_SECRET, sub=ada.sub)
    for id in (alone, one_of_two):
        assert (await api.refusal(BOOKING, CLIENT_SECRET, id=id))["code"] == "NOT_FOUND"


async def test_a_link_leads_to_its_booking_and_back(api: Api, people: list[Account]) -> None:
    link = await create_link(api, link_input(("all", people)))
    form = {"start": iso_time(10), "tz": "Asia/Tokyo"}
    await api.http.post(f"/book/{link_token(link)}", data=form, follow_redirects=False)
    id = link["realTimeSchedulingId"]
    [found] = (await api.data(OF_LINK, CLIENT_SECRET, id=id))["realTimeScheduling"]["bookings"]["nodes"]
    assert found["start"] == iso_time(10)
    made = await booking(api, found["id"])
    assert (made["realTimeScheduling"], made["visitor"]["tzid"]) == ({"id": id}, "Asia/Tokyo")
    open_one = await create_link(api, link_input(("all", people), event_id="b2"))
    none = await api.data(OF_LINK, CLIENT_SECRET, id=open_one["realTimeSchedulingId"])
    assert none["realTimeScheduling"]["bookings"]["nodes"] == []


async def test_the_answer_of_a_booking_has_the_booking_and_its_events(api: Api, people: list[Account]) -> None:
    """Also when it is repeated for an idempotency key."""
    document = """
    mutation ($input: BookSlotInput!) { bookSlot(input: $input) { ... on Booked {
      events { eventUid booking { id } } booking { id status start events { eventUid } }
    } } }
    """
    given = booking_input(("all", people), idempotencyKey="key")
    answer = (await api.data(document, CLIENT_SECRET, input=given))["bookSlot"]
    assert [event["eventUid"] for event in answer["booking"]["events"]] == [
        each["eventUid"] for each in answer["events"]
    ]
    assert {event["booking"]["id"] for event in answer["events"]} == {answer["booking"]["id"]}
    assert (await api.data(document, CLIENT_SECRET, input=given))["bookSlot"] == answer
    assert (await book_slot(api, given))["__typename"] == "Booked"


PAGE_WITH_EVENTS = "query ($sub: ID) { bookings(sub: $sub) { nodes { status events { start } } } }"


@pytest.mark.parametrize("query", [BOOKING, PAGE_WITH_EVENTS], ids=["one", "page"])
async def test_a_booking_and_its_events_are_of_one_moment(
    api: Api, people: list[Account], monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    """Its last event is deleted just when its events are to be read, which cancels it."""
    ada = people[0]
    id, original = await book(api, booking_input(("all", [ada]))), booking_life.events_of

    async def later(*given: Any) -> Any:
        await delete(api, ada, "booking")
        return await original(*given)

    monkeypatch.setattr(booking_life, "events_of", later)
    found = await api.data(query, CLIENT_SECRET, **({"id": id} if query is BOOKING else {"sub": ada.sub}))
    found = found["booking"] if query is BOOKING else found["bookings"]["nodes"][0]
    assert (found["status"], [event["start"] for event in found["events"]]) == ("CONFIRMED", [iso_time(9)])
    monkeypatch.undo()
    found = await booking(api, id)
    assert (found["status"], found["events"]) == ("CANCELLED", [])
