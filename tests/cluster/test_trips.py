"""Trips between server and database: each takes as long as the line does, whatever else a request costs."""

import pytest

from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Api
from tests.support.assumptions import COUNTS
from tests.support.builders import (
    availability_input,
    book_slot,
    booking_input,
    create_busy_event,
    event_input,
    iso_time,
)
from tests.support.graphql_queries import APPLICATION_CALENDAR, AVAILABILITY_PERIODS, UPSERT_EVENTS
from tests.support.postgresql_proxy import proxy, several_hosts

#: what requests may take, once connections are open and statements prepared
AGAIN, WARM, AFTER_A_WRITE, CALENDARS, UPSERT, UPSERT_MANY = 1, 1, 2, 1, 2, 2
AUTHORIZE = 2
BOOK, BOOK_WITH_KEY, TAKEN_WITH_KEY = 2, 2, 2


@COUNTS
@pytest.mark.parametrize("backend", ["postgresql"])
async def test_requests_take_few_trips(database_url: str) -> None:
    """The same question, another about the same facts, the same after a write elsewhere, a list, events, and tokens."""
    async with (
        proxy(database_url) as line,
        Api.open(several_hosts(database_url, line.port), NOW) as api,
        Api.open(database_url, NOW) as other,
    ):
        ada = await api.application_calendar("ada")
        ben = await api.application_calendar("ben")
        given = availability_input(ada, ben)
        longer = {**given, "requiredDuration": {"minutes": 90}}
        for number in range(2):  # first with connections to open and statements to prepare
            most = 100 * (1 - number)
            with line.counted(most + UPSERT):
                await create_busy_event(api, ada, iso_time(9), iso_time(10), f"e{number}")
            await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=given)
            with line.counted(most + AGAIN):
                await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=given)
            with line.counted(most + WARM):
                await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=longer)
            for asked in (given, longer):
                await create_busy_event(other, ben, iso_time(10), iso_time(11), f"{number} {asked is given}")
                with line.counted(most + AFTER_A_WRITE):
                    await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=asked)
            some = [event_input(f"{number} {n}") for n in range(20)]
            with line.counted(most + UPSERT_MANY):
                await api.data(UPSERT_EVENTS, ada.token, input={"calendarId": ada.calendar_id, "events": some})
            for name in (f"new {number}", "ada"):
                with line.counted(most + AUTHORIZE):
                    wanted = {**api.credentials, "applicationCalendarId": name}
                    await api.data(APPLICATION_CALENDAR, input=wanted)
            await api.data("{ calendars { calendarId } }", ada.token)
            with line.counted(most + CALENDARS):
                await api.data("{ calendars { calendarId } }", ada.token)


@COUNTS
@pytest.mark.parametrize("backend", ["postgresql"])
async def test_bookings_take_few_trips(database_url: str) -> None:
    """With a key and without, also one that is not possible, and after others have written."""
    async with (
        proxy(database_url) as line,
        Api.open(several_hosts(database_url, line.port), NOW) as api,
        Api.open(database_url, NOW) as other,
    ):
        ada = await api.application_calendar("ada")
        ben = await api.application_calendar("ben")

        async def book(hour: int, expected: str, **more: str) -> None:
            day = {"queryPeriods": [{"start": iso_time(9), "end": iso_time(17)}]}
            event_id, start = f"{hour} {more}", iso_time(hour)
            given = booking_input(("all", [ada, ben]), start=start, event_id=event_id, availability=day, **more)
            assert (await book_slot(api, given))["__typename"] == expected

        for number in range(2):
            most = 100 * (1 - number)
            await create_busy_event(other, ada, iso_time(17), iso_time(18))
            with line.counted(most + BOOK):
                await book(9 + number, "Booked")
            await create_busy_event(other, ben, iso_time(17), iso_time(18))
            with line.counted(most + BOOK_WITH_KEY):
                await book(12 + number, "Booked", idempotencyKey=f"booked {number}")
            with line.counted(most + TAKEN_WITH_KEY):
                await book(12 + number, "SlotTaken", idempotencyKey=f"taken {number}")
