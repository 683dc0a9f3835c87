"""Accounts that can be in several meetings at once: a workshop with three benches, a class with twelve seats."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import (
    availability_input,
    book_slot,
    booking_input,
    count_events,
    create_account,
    create_busy_event,
    iso_time,
)
from tests.support.graphql_queries import AVAILABILITY_PERIODS, DELETE_EVENT

CAPACITY = "query ($sub: ID!) { account(sub: $sub) { capacity } }"
ACCOUNT = "mutation ($input: AccountInput!) { account(input: $input) { sub } }"
CALENDAR = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { sub } }"
CREATE_CALENDAR = (
    "mutation ($input: CreateCalendarInput!) { createCalendar(input: $input) { calendar { calendarId } } }"
)
EXPLAINED = """
query ($input: AvailabilityInput!) {
  availability(input: $input) {
    explanation { members { freeMinutes blocked { start end reason events { eventId } } } }
  }
}
"""


@pytest.fixture
async def workshop(api: Api) -> Account:
    """A workshop with three benches."""
    return await create_account(api, "workshop", "RESOURCE", capacity=3)


async def capacity(api: Api, whose: Account) -> int:
    return (await api.data(CAPACITY, CLIENT_SECRET, sub=whose.sub))["account"]["capacity"]


async def free(api: Api, whose: Account) -> list[tuple[str, str]]:
    """When an hour fits between 9 and 17, by clocks in UTC."""
    found = await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=availability_input(whose))
    return [(each["start"][11:16], each["end"][11:16]) for each in found["availability"]["availablePeriods"]]


async def test_an_account_has_a_capacity_of_one_unless_it_is_given(api: Api) -> None:
    """If it is omitted or null later, it stays as it is."""
    ada, bench = await create_account(api, "ada"), await create_account(api, "bench", "RESOURCE", capacity=3)
    shop = await api.application_calendar("shop", capacity=12)
    assert [await capacity(api, each) for each in (ada, bench, shop)] == [1, 3, 12]
    await create_account(api, "bench", "RESOURCE", name="Bench", capacity=None)
    await api.application_calendar("shop")
    assert [await capacity(api, each) for each in (bench, shop)] == [3, 12]
    await create_account(api, "bench", "RESOURCE", capacity=1)
    assert await capacity(api, bench) == 1


@pytest.mark.parametrize(("given", "key"), [(0, "errors.too_few"), (-3, "errors.too_few"), (10_001, "errors.too_many")])
async def test_a_capacity_has_bounds(api: Api, given: int, key: str) -> None:
    """At both of the mutations that take one, together with their other problems."""
    account = {**api.credentials, "kind": "USER", "accountId": "", "capacity": given}
    calendar = {**api.credentials, "applicationCalendarId": "", "capacity": given}
    for query, value, path in ((ACCOUNT, account, "accountId"), (CALENDAR, calendar, "applicationCalendarId")):
        errors = (await api.refusal(query, input=value))["errors"]
        assert {where: found[0]["key"] for where, found in errors.items()} == {path: "errors.required", "capacity": key}


async def test_it_is_busy_where_so_many_events_overlap(api: Api, workshop: Account) -> None:
    for number, (start, end) in enumerate([(9, 12), (10, 14), (11, 13)]):
        await create_busy_event(api, workshop, iso_time(start), iso_time(end), f"e{number}")
    assert await free(api, workshop) == [("09:00", "11:00"), ("12:00", "17:00")]


async def test_buffers_grow_each_event_by_itself(api: Api, workshop: Account) -> None:
    """Two that follow each other within the buffer overlap, so that two benches are taken for a while."""
    await create_account(api, "workshop", "RESOURCE", capacity=2)
    await create_busy_event(api, workshop, iso_time(9), iso_time(11), "one")
    await create_busy_event(api, workshop, iso_time(12), iso_time(14), "two")
    given = availability_input(workshop)
    given["buffer"] = {"before": {"minutes": 60}, "after": {"minutes": 60}}
    found = (await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=given))["availability"]["availablePeriods"]
    assert [(each["start"][11:16], each["end"][11:16]) for each in found] == [("09:00", "11:00"), ("12:00", "17:00")]


async def test_a_change_of_capacity_is_seen_by_the_next_answer(api: Api, workshop: Account) -> None:
    """Though the answer, and the events that it follows from, are cached."""
    for number in range(2):
        await create_busy_event(api, workshop, iso_time(11), iso_time(12), f"e{number}")
    for given, expected in ((3, [("09:00", "17:00")]), (2, [("09:00", "11:00"), ("12:00", "17:00")])) * 2:
        await create_account(api, "workshop", "RESOURCE", capacity=given)
        assert [await free(api, workshop) for _ in range(2)] == [expected] * 2


async def test_a_lower_capacity_leaves_what_overlaps_and_books_no_more(api: Api, workshop: Account) -> None:
    booked = [await book_slot(api, booking_input(("all", [workshop]), event_id=f"b{n}")) for n in range(3)]
    assert {answer["__typename"] for answer in booked} == {"Booked"}
    await create_account(api, "workshop", "RESOURCE", capacity=2)
    assert await free(api, workshop) == [("10:00", "17:00")]
    taken = await book_slot(api, booking_input(("all", [workshop]), event_id="late"))
    assert [slot["start"] for slot in taken["nextSlots"]] == [iso_time(10), iso_time(11)]
    assert await count_events(api) == 3


@pytest.mark.parametrize("keyed", [False, True])
async def test_concurrent_requests_book_no_more_than_the_capacity(api: Api, workshop: Account, keyed: bool) -> None:
    """Each other request gets SlotTaken. All of them overlap."""
    starts = [iso_time(9), iso_time(9, 15), iso_time(9, 30)] * 4
    requests = [
        booking_input(
            ("all", [workshop]), start=start, event_id=f"b{n}", **({"idempotencyKey": f"k{n}"} if keyed else {})
        )
        for n, start in enumerate(starts)
    ]
    found = await asyncio.gather(*(book_slot(api, given) for given in requests))
    assert sorted(answer["__typename"] for answer in found) == ["Booked"] * 3 + ["SlotTaken"] * 9
    assert await count_events(api) == 3


async def test_capacity_changed_while_bookings_are_made(api: Api, workshop: Account) -> None:
    """A booking that is decided after the change is decided by it: at the end no more than one fits beside none."""
    changes: list[Awaitable[Any]] = [create_account(api, "workshop", "RESOURCE", capacity=n) for n in (2, 1, 3, 1)]
    bookings = [book_slot(api, booking_input(("all", [workshop]), event_id=f"b{n}")) for n in range(8)]
    answers = await asyncio.gather(*bookings, *changes)
    booked = sum(isinstance(each, dict) and each["__typename"] == "Booked" for each in answers)
    assert 1 <= booked <= 3
    assert await count_events(api) == booked
    await create_account(api, "workshop", "RESOURCE", capacity=1)
    assert (await book_slot(api, booking_input(("all", [workshop]), event_id="late")))["__typename"] == "SlotTaken"


async def test_a_booking_on_two_calendars_takes_two_places(api: Api, workshop: Account) -> None:
    """Each of its events counts. An account of capacity 1 is booked on both, as ever: its other meetings see both."""
    made = await api.data(CREATE_CALENDAR, workshop.token, input={"name": "Second"})
    ids = [workshop.calendar_id, made["createCalendar"]["calendar"]["calendarId"]]
    targets = [{"sub": workshop.sub, "calendarId": calendar_id} for calendar_id in ids]
    first, second = (booking_input(("all", [workshop]), event_id=f"b{n}", targetCalendars=targets) for n in range(2))
    assert (await book_slot(api, first))["__typename"] == "Booked"
    taken = await book_slot(api, second)
    assert [slot["start"] for slot in taken["nextSlots"]] == [iso_time(10), iso_time(11)]
    assert (await book_slot(api, booking_input(("all", [workshop]), event_id="b2")))["__typename"] == "Booked"


async def test_there_is_room_until_the_last_bench_is_taken(api: Api, workshop: Account) -> None:
    """And again when one of the meetings is gone."""
    for number in range(3):
        assert await free(api, workshop) == [("09:00", "17:00")]
        await book_slot(api, booking_input(("all", [workshop]), event_id=f"b{number}"))
    assert await free(api, workshop) == [("10:00", "17:00")]
    await api.data(DELETE_EVENT, workshop.token, input={"calendarId": workshop.calendar_id, "eventId": "b1"})
    assert await free(api, workshop) == [("09:00", "17:00")]


async def test_an_explanation_says_when_it_is_full(api: Api, workshop: Account) -> None:
    """With the events that fill it; where it is not full, they are not in the way."""
    await create_account(api, "workshop", "RESOURCE", capacity=2)
    await create_busy_event(api, workshop, iso_time(9), iso_time(11), "one")
    await create_busy_event(api, workshop, iso_time(10), iso_time(12), "two")
    given = availability_input(workshop)
    [member] = (await api.data(EXPLAINED, CLIENT_SECRET, input=given))["availability"]["explanation"]["members"]
    assert member == {
        "freeMinutes": 7 * 60,
        "blocked": [
            {
                "start": iso_time(10),
                "end": iso_time(11),
                "reason": "BUSY",
                "events": [{"eventId": "one"}, {"eventId": "two"}],
            }
        ],
    }
