"""Limits of bookings by day, week and month: `availabilityConstraints` of a member."""

import asyncio
from typing import Any

import pytest

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import (
    availability_input,
    book_slot,
    booking_errors,
    booking_input,
    count_events,
    create_account,
    create_busy_event,
    create_link,
    iso_time,
    link_input,
)
from tests.support.graphql_queries import AVAILABILITY_PERIODS, DELETE_EVENT, UPSERT_EVENT

EXPLAINED = """
query ($input: AvailabilityInput!) {
  availability(input: $input) {
    availablePeriods { start end }
    explanation {
      summary
      members { blocked { start end reason } }
      relaxations { kind opening { start } }
    }
  }
}
"""
SEQUENCED = """
query ($input: SequencedAvailabilityInput!) { sequencedAvailability(input: $input) { sequences { sequence { start } } } }
"""
HOLD = """
mutation ($input: HoldSlotInput!) { holdSlot(input: $input) { ... on Booked { booking { bookingId } } } }
"""
CONFIRM = "mutation ($input: ConfirmBookingInput!) { confirmBooking(input: $input) { __typename } }"
RESCHEDULE = "mutation ($input: RescheduleBookingInput!) { rescheduleBooking(input: $input) { __typename } }"
DAYS = {"start": "2027-01-18T00:00:00Z", "end": "2027-01-25T00:00:00Z"}


def limited(whose: Account, count: int, period: str = "DAY", **more: Any) -> dict[str, Any]:
    """A member with a limit."""
    return {"sub": whose.sub, "availabilityConstraints": [{"limit": count, "period": period, **more}]}


def booking(member: dict[str, Any], start: str, event_id: str, **more: Any) -> dict[str, Any]:
    """A booking within the week of that Tuesday."""
    query = {"queryPeriods": [DAYS], **more.pop("availability", {})}
    return booking_input(("all", [member]), start=start, event_id=event_id, availability=query, **more)


async def confirm(api: Api, held: dict[str, Any]) -> str:
    """Confirms a hold, and returns the type of the answer."""
    given = {"bookingId": held["booking"]["bookingId"]}
    return (await api.data(CONFIRM, CLIENT_SECRET, input=given))["confirmBooking"]["__typename"]


async def free(api: Api, member: dict[str, Any], **more: Any) -> list[str]:
    """When an hour fits in that week: days and hours of UTC."""
    query = {**availability_input(), "participants": [{"members": [member], "required": "all"}], "queryPeriods": [DAYS]}
    found = await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input={**query, **more})
    return [f"{each['start'][8:13]} {each['end'][8:13]}" for each in found["availability"]["availablePeriods"]]


@pytest.fixture
async def ada(api: Api) -> Account:
    return await create_account(api, "ada", tzid="Etc/UTC")


async def test_a_day_with_so_many_bookings_is_not_free(api: Api, ada: Account) -> None:
    """Nor is a meeting booked in it; other events do not count."""
    await create_busy_event(api, ada, iso_time(8), iso_time(9))
    member = limited(ada, 2)
    for number, hour in enumerate((9, 12)):
        assert (await book_slot(api, booking(member, iso_time(hour), f"b{number}")))["__typename"] == "Booked"
    assert await free(api, member) == ["18T00 19T00", "20T00 25T00"]
    taken = await book_slot(api, booking(member, iso_time(15), "late"))
    assert [slot["start"] for slot in taken["nextSlots"]] == [f"2027-01-20T{hour:02}:00:00Z" for hour in range(3)]
    assert await free(api, {"sub": ada.sub}) == ["18T00 19T08", "19T10 19T12", "19T13 25T00"]


async def test_a_booking_that_is_moved_or_deleted_counts_elsewhere_or_no_more(api: Api, ada: Account) -> None:
    """The next answer knows, though the same query was answered before."""
    member = limited(ada, 1)
    await book_slot(api, booking(member, iso_time(9), "b"))
    assert await free(api, member) == ["18T00 19T00", "20T00 25T00"]
    event = {"eventId": "b", "summary": "Moved", "start": "2027-01-21T09:00:00Z", "end": "2027-01-21T10:00:00Z"}
    await api.data(UPSERT_EVENT, ada.token, input={"calendarId": ada.calendar_id, "event": event})
    assert await free(api, member) == ["18T00 21T00", "22T00 25T00"]
    event["transparency"] = "TRANSPARENT"
    await api.data(UPSERT_EVENT, ada.token, input={"calendarId": ada.calendar_id, "event": event})
    assert await free(api, member) == ["18T00 21T00", "22T00 25T00"]
    await api.data(DELETE_EVENT, ada.token, input={"calendarId": ada.calendar_id, "eventId": "b"})
    assert await free(api, member) == ["18T00 25T00"]


async def test_a_hold_counts_until_it_ends(api: Api, ada: Account) -> None:
    """By the clock, without a write, and though the facts and the answer are cached."""
    member = limited(ada, 1)
    await api.data(HOLD, CLIENT_SECRET, input=booking(member, iso_time(9), "b"))
    for passed, expected in ((599, ["18T00 19T00", "20T00 25T00"]), (1, ["18T00 25T00"])):
        api.now += passed
        assert [await free(api, member) for _ in range(2)] == [expected] * 2


async def test_a_hold_is_confirmed_though_a_limit_was_reached_since(api: Api, ada: Account) -> None:
    """Nothing but events is in its way. When it has ended, it is decided by its whole query again."""
    requests = [booking(limited(ada, 2), iso_time(hour), f"hold {hour}") for hour in (9, 10)]
    first, second = [(await api.data(HOLD, CLIENT_SECRET, input=given))["holdSlot"] for given in requests]
    for hour in (14, 15):
        await book_slot(api, booking({"sub": ada.sub}, iso_time(hour), f"b{hour}"))
    assert await confirm(api, first) == "Booked"
    api.now += 600
    assert await confirm(api, second) == "SlotTaken"


async def test_a_booking_moves_within_its_own_day_and_to_no_full_one(api: Api, ada: Account) -> None:
    """It does not count itself; the limit is that of the query that it was booked by."""
    booked = await book_slot(api, booking(limited(ada, 1), iso_time(9), "b"))
    other = await book_slot(api, booking({"sub": ada.sub}, "2027-01-20T09:00:00Z", "other"))
    assert "Booked" in (booked["__typename"], other["__typename"])
    [event] = booked["events"]
    [(booking_id,)] = await api.rows(f"SELECT booking_id FROM events WHERE event_uid = '{event['eventUid']}'")
    for start, expected in ((iso_time(15), "Booked"), ("2027-01-20T15:00:00Z", "SlotTaken"), (iso_time(9), "Booked")):
        given = {"bookingId": booking_id, "start": start}
        assert (await api.data(RESCHEDULE, CLIENT_SECRET, input=given))["rescheduleBooking"]["__typename"] == expected


async def test_a_limit_by_week_and_by_month_and_in_another_zone(api: Api, ada: Account) -> None:
    """Days are those of the account's zone, unless the constraint has its own."""
    await book_slot(api, booking({"sub": ada.sub}, iso_time(22), "b"))
    assert await free(api, limited(ada, 1, "WEEK")) == []
    assert await free(api, limited(ada, 1, "MONTH")) == []
    assert await free(api, limited(ada, 2, "MONTH")) == ["18T00 19T22", "19T23 25T00"]
    assert await free(api, limited(ada, 1, tzid="Asia/Tokyo")) == ["18T00 19T15", "20T15 25T00"]
    await create_account(api, "ada", tzid="America/New_York")
    assert await free(api, limited(ada, 1)) == ["18T00 19T05", "20T05 25T00"]


async def test_bookings_of_excluded_events_do_not_count(api: Api, ada: Account) -> None:
    """By the event's own id, or by its uid."""
    member = limited(ada, 1)
    booked = await book_slot(api, booking(member, iso_time(9), "b"))
    for excluded in ({"eventId": "b"}, {"eventUid": booked["events"][0]["eventUid"]}):
        assert await free(api, member, excludedEvents=[excluded]) == ["18T00 25T00"]
    assert await free(api, member, excludedEvents=[{"eventId": "c"}]) == ["18T00 19T00", "20T00 25T00"]


async def test_a_booking_counts_for_each_of_its_members_and_whatever_calendars_are_asked_about(
    api: Api, ada: Account
) -> None:
    ben = await create_account(api, "ben")
    await book_slot(api, booking_input(("all", [ada, ben])))
    for whose in (ada, ben):
        assert await free(api, {**limited(whose, 1), "calendarIds": []}) == ["18T00 19T00", "20T00 25T00"]


async def test_a_booking_on_two_calendars_counts_once(api: Api, ada: Account) -> None:
    create = "mutation ($input: CreateCalendarInput!) { createCalendar(input: $input) { calendar { calendarId } } }"
    second = (await api.data(create, ada.token, input={"name": "Second"}))["createCalendar"]["calendar"]["calendarId"]
    targets = [{"sub": ada.sub, "calendarId": calendar_id} for calendar_id in (ada.calendar_id, second)]
    await book_slot(api, booking({"sub": ada.sub}, iso_time(9), "b", targetCalendars=targets))
    assert await free(api, limited(ada, 2)) == ["18T00 19T09", "19T10 25T00"]


@pytest.mark.parametrize("keyed", [False, True])
async def test_a_limit_is_not_exceeded_by_concurrent_bookings(api: Api, ada: Account, keyed: bool) -> None:
    """They do not overlap, so that nothing but the limit is in their way."""
    requests = [
        booking(limited(ada, 3), iso_time(hour), f"b{hour}", **({"idempotencyKey": f"k{hour}"} if keyed else {}))
        for hour in range(8, 20)
    ]
    found = await asyncio.gather(*(book_slot(api, given) for given in requests))
    assert sorted(answer["__typename"] for answer in found) == ["Booked"] * 3 + ["SlotTaken"] * 9
    assert await count_events(api) == 3


async def test_a_link_offers_and_books_no_day_that_is_full(api: Api, ada: Account) -> None:
    """Its query is stored with the limit."""
    link = await create_link(api, link_input(("all", [limited(ada, 1)]), availability={"queryPeriods": [DAYS]}))
    stored = "SELECT request FROM real_time_schedulings"
    [(request,)] = await api.rows(stored)
    assert '"availability_constraints":[{"limit":1,"period":"day","tzid":null}]' in request
    await book_slot(api, booking({"sub": ada.sub}, iso_time(9), "b"))
    explained = """query ($id: ID!) { realTimeScheduling(realTimeSchedulingId: $id) {
      explanation { members { blocked { start end reason } } }
    } }"""
    found = await api.data(explained, CLIENT_SECRET, id=link["realTimeSchedulingId"])
    [member] = found["realTimeScheduling"]["explanation"]["members"]
    assert [each["reason"] for each in member["blocked"]] == ["LIMIT_REACHED", "BUSY", "LIMIT_REACHED"]


async def test_a_sequence_lies_in_no_day_that_is_full(api: Api, ada: Account) -> None:
    """Each step by the limits of its own members."""
    ben = await create_account(api, "ben")
    await book_slot(api, booking_input(("all", [ada, ben])))

    def step(name: str, member: dict[str, Any]) -> dict[str, Any]:
        participants = [{"members": [member], "required": "all"}]
        return {
            "sequenceId": name,
            "ordinal": 1 + (name == "b"),
            "participants": participants,
            "requiredDuration": {"hours": 1},
        }

    steps = [step("a", {"sub": ada.sub}), step("b", limited(ben, 1))]
    given = {
        "queryPeriods": [{"start": iso_time(20), "end": "2027-01-20T02:00:00Z"}],
        "sequence": steps,
        "maxResults": 1,
    }
    [found] = (await api.data(SEQUENCED, CLIENT_SECRET, input=given))["sequencedAvailability"]["sequences"]
    assert [each["start"] for each in found["sequence"]] == [iso_time(20), "2027-01-20T00:00:00Z"]


async def test_an_explanation_tells_of_a_limit_that_is_reached(api: Api, ada: Account) -> None:
    """Behind what blocks by itself; a picture has a row with the days."""
    await book_slot(api, booking({"sub": ada.sub}, iso_time(9), "b"))
    given = {
        **availability_input(),
        "participants": [{"members": [limited(ada, 1)], "required": "all"}],
        "queryPeriods": [{"start": iso_time(8), "end": iso_time(12)}],
        "buffer": {"after": {"minutes": 30}},
    }
    found = (await api.data(EXPLAINED, CLIENT_SECRET, input=given))["availability"]
    assert found["availablePeriods"] == []
    explanation = found["explanation"]
    assert explanation["members"] == [
        {
            "blocked": [
                {"start": iso_time(8), "end": iso_time(8, 30), "reason": "LIMIT_REACHED"},
                {"start": iso_time(8, 30), "end": iso_time(9), "reason": "BUFFER"},
                {"start": iso_time(9), "end": iso_time(10), "reason": "BUSY"},
                {"start": iso_time(10), "end": iso_time(12), "reason": "LIMIT_REACHED"},
            ]
        }
    ]
    assert explanation["relaxations"] == [{"kind": "LATER", "opening": {"start": "2027-01-20T00:00:00Z"}}]


async def test_every_problem_of_constraints_and_of_a_weight_is_reported(api: Api, ada: Account) -> None:
    constraints = [
        {"limit": 0, "period": "DAY"},
        {"limit": 10_001, "period": "WEEK", "tzid": "Mars/Olympus"},
        *[{"limit": 1, "period": "MONTH"}] * 9,
    ]
    member = {"sub": ada.sub, "availabilityConstraints": constraints, "weight": 0}
    path = "availability.participants[0].members[0]"
    assert await booking_errors(api, booking_input(("all", [member]))) == {
        f"{path}.availabilityConstraints": ["errors.too_many"],
        f"{path}.availabilityConstraints[0].limit": ["errors.too_few"],
        f"{path}.availabilityConstraints[1].limit": ["errors.too_many"],
        f"{path}.availabilityConstraints[1].tzid": ["errors.invalid"],
        f"{path}.weight": ["errors.too_few"],
    }
    heavy = booking_input(("all", [{"sub": ada.sub, "weight": 1001}]))
    assert await booking_errors(api, heavy) == {f"{path}.weight": ["errors.too_many"]}
