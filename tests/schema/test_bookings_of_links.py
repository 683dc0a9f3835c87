"""A link follows its booking: what it says, its page, its calendar file, and the callbacks of its application."""

import json
from typing import Any

import pytest

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import (
    create_link,
    event_input,
    get_link,
    iso_time,
    link_input,
    link_token,
)
from tests.support.graphql_queries import DELETE_EVENT, UPSERT_EVENT

OF_LINK = """
query ($id: ID!) {
  realTimeScheduling(realTimeSchedulingId: $id) { status bookingStatus event { start end } bookings { nodes { id } } }
}
"""
MOVE = "mutation ($input: RescheduleBookingInput!) { rescheduleBooking(input: $input) { __typename } }"
CANCEL = "mutation ($input: CancelBookingInput!) { cancelBooking(input: $input) { booking { id } } }"
URLS = {f"{name}Url": f"https://example.com/{name}" for name in ("completed", "rescheduled", "cancelled")}


@pytest.fixture
async def ada(api: Api) -> Account:
    return await api.application_calendar("ada")


async def book(api: Api, *who: Account) -> tuple[dict[str, Any], str]:
    """A link through which ten o'clock was booked, and the booking's id."""
    link = await create_link(api, link_input(("all", [*who]), callbackUrls=URLS))
    form = {"start": iso_time(10), "tz": "Asia/Tokyo"}
    await api.http.post(f"/book/{link_token(link)}", data=form, follow_redirects=False)
    return link, (await state(api, link))["bookings"]["nodes"][0]["id"]


async def state(api: Api, link: dict[str, Any]) -> dict[str, Any]:
    return (await api.data(OF_LINK, CLIENT_SECRET, id=link["realTimeSchedulingId"]))["realTimeScheduling"]


async def page(api: Api, link: dict[str, Any], kind: str = "") -> str:
    return (await api.http.get(f"/book/{link_token(link)}{kind}")).text


async def told(api: Api) -> list[dict[str, Any]]:
    """The bodies of all callbacks, in the order in which they were written."""
    return [json.loads(body) for (body,) in await api.rows("SELECT body FROM callbacks ORDER BY key")]


@pytest.mark.parametrize("by_hand", [False, True], ids=["rescheduleBooking", "upsertEvent"])
async def test_a_link_says_where_its_booking_is_now(api: Api, ada: Account, by_hand: bool) -> None:
    """Moved by the application or by its event, with the same callback."""
    link, id = await book(api, ada)
    before = await page(api, link, ".ics")
    api.now += 60
    if by_hand:
        event = event_input("booking", iso_time(14), iso_time(15))
        await api.data(UPSERT_EVENT, ada.token, input={"calendarId": ada.calendar_id, "event": event})
    else:
        await api.data(MOVE, CLIENT_SECRET, input={"bookingId": id, "start": iso_time(14)})
    found = await state(api, link)
    assert (found["status"], found["bookingStatus"]) == ("COMPLETED", "CONFIRMED")
    assert found["event"] == {"start": iso_time(14), "end": iso_time(15)}
    assert (await get_link(api, part=link_token(link)))["event"]["start"] == iso_time(14)
    written = await page(api, link)
    assert "It is booked" in written
    assert "23:00" in written or "11:00" in written  # in Tokyo
    calendar = await page(api, link, ".ics")
    assert "DTSTART:20270119T140000Z" in calendar
    assert ("SEQUENCE:0" in before, "SEQUENCE:60" in calendar, "STATUS:CANCELLED" in calendar) == (True, True, False)
    completed, moved = await told(api)
    assert (completed["notification"]["type"], moved["notification"]["type"]) == ("completed", "rescheduled")
    assert (completed["event"]["start"]["time"], moved["event"]["start"]["time"]) == (iso_time(10), iso_time(14))
    assert moved["booking"] == {
        "booking_id": id,
        "status": "confirmed",
        "metadata": {},
        "visitor": {"tzid": "Asia/Tokyo"},
    }
    assert moved["user"] == {"tzid": "Asia/Tokyo"}


@pytest.mark.parametrize("by_hand", [False, True], ids=["cancelBooking", "deleteEvent"])
async def test_a_link_says_that_its_booking_was_cancelled(api: Api, ada: Account, by_hand: bool) -> None:
    """It does not open again."""
    link, id = await book(api, ada)
    if by_hand:
        await api.data(DELETE_EVENT, ada.token, input={"calendarId": ada.calendar_id, "eventId": "booking"})
    else:
        await api.data(CANCEL, CLIENT_SECRET, input={"bookingId": id, "reason": "Ill"})
        await api.data(CANCEL, CLIENT_SECRET, input={"bookingId": id})
    found = await state(api, link)
    assert (found["status"], found["bookingStatus"]) == ("COMPLETED", "CANCELLED")
    written = await page(api, link)
    assert "It was cancelled" in written
    assert "It is booked" not in written
    assert "STATUS:CANCELLED" in await page(api, link, ".ics")
    _, cancelled = await told(api)
    assert cancelled["notification"]["type"] == "cancelled"
    assert cancelled["booking"]["cancelled_by"] == ("events" if by_hand else "application")
    assert cancelled["booking"]["cancel_reason"] == (None if by_hand else "Ill")


async def test_a_change_that_moves_nothing_is_not_told(api: Api, ada: Account) -> None:
    """Other words, a move to the same time, and a change of a booking without a link."""
    _, id = await book(api, ada)
    event = event_input("booking", iso_time(10), iso_time(11), summary="Other words")
    await api.data(UPSERT_EVENT, ada.token, input={"calendarId": ada.calendar_id, "event": event})
    await api.data(MOVE, CLIENT_SECRET, input={"bookingId": id, "start": iso_time(10)})
    assert [body["notification"]["type"] for body in await told(api)] == ["completed"]
