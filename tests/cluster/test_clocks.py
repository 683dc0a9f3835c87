"""Two servers of one database whose clocks are two minutes apart: what docs/operations.md says of each difference."""

from collections.abc import AsyncGenerator

import pytest

from core.accounts import TOKEN_LIFETIME
from core.instants import MINUTE, format_instant
from db import callbacks
from server.callbacks.delivery import LEASE
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Api
from tests.support.builders import book_slot, booking_errors, booking_input, event_input
from tests.support.graphql_queries import CALENDARS, REFRESH_TOKEN, UPSERT_EVENT
from tests.support.links import enqueue_callback

APART = 2 * MINUTE

RESULT = "{ __typename ... on Booked { booking { id } } }"
HOLD = f"mutation ($input: HoldSlotInput!) {{ holdSlot(input: $input) {RESULT} }}"
CONFIRM = f"mutation ($input: ConfirmBookingInput!) {{ confirmBooking(input: $input) {RESULT} }}"
CHANGED = "query ($since: DateTime) { events(input: {lastModified: $since}) { nodes { eventId } } }"


class Clocks:
    """A server whose clock is right, and one that is ahead."""

    def __init__(self, right: Api, ahead: Api) -> None:
        self.right = right
        self.ahead = ahead

    def show(self, now: int) -> None:
        """Sets both clocks, the right one to this instant."""
        self.right.now, self.ahead.now = now, now + APART


@pytest.fixture
async def clocks(database_url: str) -> AsyncGenerator[Clocks]:
    async with Api.open(database_url, NOW) as right, Api.open(database_url, NOW + APART) as ahead:
        yield Clocks(right, ahead)


async def test_an_access_token_expires_earlier_at_the_server_that_is_ahead(clocks: Clocks) -> None:
    """It asks for a new one, which is valid at both."""
    ada = await clocks.right.application_calendar("ada")
    clocks.show(NOW + TOKEN_LIFETIME - APART)
    await clocks.right.data(CALENDARS, ada.token)
    refused = await clocks.ahead.refusal(CALENDARS, ada.token)
    assert refused["code"] == "UNAUTHENTICATED"
    given = {**clocks.ahead.credentials, "refreshToken": ada.refresh_token}
    made = (await clocks.ahead.data(REFRESH_TOKEN, input=given))["refreshToken"]
    for api in (clocks.right, clocks.ahead):
        await api.data(CALENDARS, made["accessToken"])


async def test_a_hold_ends_earlier_at_the_server_that_is_ahead_and_is_not_booked_twice(clocks: Clocks) -> None:
    """There its time may be booked by somebody else; the other server then does not confirm it."""
    ada = await clocks.right.application_calendar("ada")
    given = {**booking_input(("all", [ada])), "holdFor": {"minutes": 5}}
    held = (await clocks.right.data(HOLD, CLIENT_SECRET, input=given))["holdSlot"]["booking"]
    other = booking_input(("all", [ada]), event_id="another")
    assert (await book_slot(clocks.ahead, other))["__typename"] == "SlotTaken"
    clocks.show(NOW + 5 * MINUTE - APART)
    assert (await book_slot(clocks.right, other))["__typename"] == "SlotTaken"
    assert (await book_slot(clocks.ahead, other))["__typename"] == "Booked"
    found = await clocks.right.data(CONFIRM, CLIENT_SECRET, input={"bookingId": held["id"]})
    assert found["confirmBooking"]["__typename"] == "SlotTaken"


async def test_a_start_in_the_next_two_minutes_is_in_the_past_for_the_server_that_is_ahead(clocks: Clocks) -> None:
    ada = await clocks.right.application_calendar("ada")
    start, end = NOW + APART, NOW + 2 * 60 * MINUTE
    periods = [{"start": format_instant(start), "end": format_instant(end)}]
    given = booking_input(("all", [ada]), start=format_instant(start), availability={"queryPeriods": periods})
    refused = await booking_errors(clocks.ahead, given)
    assert "errors.in_past" in refused["start"]
    assert (await book_slot(clocks.right, given))["__typename"] == "Booked"


async def test_a_list_of_changes_has_the_time_of_the_server_that_wrote(clocks: Clocks) -> None:
    """So whoever asks for changes since the last time asks for those of the minutes before as well."""
    ada = await clocks.right.application_calendar("ada")
    asked_at = clocks.ahead.now
    given = {"calendarId": ada.calendar_id, "event": event_input("new")}
    await clocks.right.data(UPSERT_EVENT, ada.token, input=given)
    for since, ids in ((asked_at, []), (asked_at - APART, ["new"])):
        found = await clocks.ahead.data(CHANGED, ada.token, since=format_instant(since))
        assert [node["eventId"] for node in found["events"]["nodes"]] == ids


async def test_a_callback_may_be_sent_by_both(clocks: Clocks) -> None:
    """A server that sends one claims it until half a minute later, which for the other one has passed."""
    await enqueue_callback(clocks.right.db, "https://example.com/booked", now=NOW)
    claimed: list[str] = []
    for api in (clocks.right, clocks.ahead):
        async with api.db.write() as session:
            found = await callbacks.claim(session, api.now, api.now + LEASE, 10)
        claimed += [callback.delivery_id for callback in found]
    assert len(claimed) == 2
    assert len({*claimed}) == 1
