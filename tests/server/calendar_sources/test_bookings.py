"""Bookings of a member whose calendar is elsewhere, with a server that serves it: fetched before, when that was long ago."""

from collections.abc import AsyncGenerator

import pytest

from core.instants import DAY, HOUR, MINUTE
from server.observability import metrics
from tests.support.api import Account, Api
from tests.support.builders import book_slot, booking_input, iso_time
from tests.support.calendar_files import NOW, calendar, event
from tests.support.calendar_server import CalendarServer, running_calendar_server
from tests.support.sources import sync, upsert

LUNCH = event("DTSTART:20270119T120000Z", "DTEND:20270119T130000Z", uid="lunch")
MEETING = event("DTSTART:20270119T090000Z", "DTEND:20270119T100000Z", uid="meeting")


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[Api]:
    async with Api.open(database_url, NOW, private_sources=True) as api:
        yield api


@pytest.fixture
async def server() -> AsyncGenerator[CalendarServer]:
    async with running_calendar_server(calendar(LUNCH)) as server:
        yield server


@pytest.fixture
async def ada(api: Api, server: CalendarServer) -> Account:
    ada = await api.application_calendar("ada")
    await upsert(api, ada, server.url)
    await sync(api, ada)
    return ada


async def book(api: Api, ada: Account, hour: int, event_id: str) -> str:
    given = booking_input(("all", [ada]), start=iso_time(hour), event_id=event_id)
    return (await book_slot(api, given))["__typename"]


async def test_what_was_entered_elsewhere_since_is_seen(api: Api, server: CalendarServer, ada: Account) -> None:
    """After five minutes. Before, the calendar counts as it was fetched last."""
    server.file = calendar(LUNCH, MEETING)
    api.now += 5 * MINUTE
    assert await book(api, ada, 9, "a") == "SlotTaken"
    assert await book(api, ada, 10, "b") == "Booked"


async def test_a_server_that_fails_leaves_what_is_known(api: Api, server: CalendarServer, ada: Account) -> None:
    """For a day. One that refuses makes nothing known, at once; and all is well when it answers again."""
    before = _fetches("failed")
    server.answers = [500]
    api.now += HOUR
    assert await book(api, ada, 9, "a") == "Booked"
    assert _fetches("failed") == before + 1
    server.answers = [403]
    api.now += MINUTE
    assert await book(api, ada, 10, "b") == "CalendarNotKnown"
    api.now += MINUTE
    assert await book(api, ada, 10, "c") == "Booked"
    server.answers = [500, 500]
    api.now += DAY
    assert await book(api, ada, 11, "d") == "CalendarNotKnown"


def _fetches(outcome: str) -> float:
    return metrics.FETCHES.labels(outcome)._value.get()  # the client library has no other way to read one
