"""Before something is booked, calendars elsewhere are fetched if that was long ago; what cannot be known is not booked."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

import pytest

from core.instants import HOUR, MINUTE, format_instant, parse_instant
from resolvers import known_calendars
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import (
    book_slot,
    booking_input,
    count_events,
    create_account,
    create_busy_event,
    create_link,
    iso_time,
    link_input,
    link_token,
)
from tests.support.known_time import set_known, set_source

RESULT = """{
  __typename
  ... on Booked { booking { id status } }
  ... on SlotTaken { nextSlots { start } explanation { summary } }
  ... on CalendarNotKnown { memberStatuses { sub status syncedAt knownUntil } }
}"""
BOOK = f"mutation ($input: BookSlotInput!) {{ bookSlot(input: $input) {RESULT} }}"
HOLD = f"mutation ($input: HoldSlotInput!) {{ holdSlot(input: $input) {RESULT} }}"
CONFIRM = f"mutation ($input: ConfirmBookingInput!) {{ confirmBooking(input: $input) {RESULT} }}"
MOVE = f"mutation ($input: RescheduleBookingInput!) {{ rescheduleBooking(input: $input) {RESULT} }}"
SEQUENCE = """
mutation ($input: BookSequenceInput!) {
  bookSequence(input: $input) {
    __typename
    ... on CalendarNotKnown { memberStatuses { sub status } }
  }
}
"""

Fetch = Callable[[Collection[int]], Awaitable[None]]


class Fetches:
    """What the server would fetch sources with: it notes what it is asked for, and does what a test says."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.act: Callable[[], Awaitable[object]] | None = None

    async def __call__(self, keys: Collection[int]) -> None:
        self.asked.append(len(keys))
        if self.act is not None:
            await self.act()


@pytest.fixture
async def ada(api: Api) -> Account:
    return await create_account(api, "ada", name="Ada")


@pytest.fixture
def fetches(api: Api) -> Fetches:
    api.gate.fetch_sources = Fetches()
    return api.gate.fetch_sources


async def send(api: Api, mutation: str, given: dict[str, Any]) -> dict[str, Any]:
    [answer] = (await api.data(mutation, CLIENT_SECRET, input=given)).values()
    return answer


def not_known(whose: Account, status: str, synced_at: int | None) -> dict[str, Any]:
    at = format_instant(synced_at) if synced_at is not None else None
    return {
        "__typename": "CalendarNotKnown",
        "memberStatuses": [{"sub": whose.sub, "status": status, "syncedAt": at, "knownUntil": None}],
    }


@pytest.mark.parametrize("key", [None, "once"])
async def test_calendars_that_were_not_fetched_for_five_minutes_are_fetched(
    api: Api, ada: Account, fetches: Fetches, key: str | None
) -> None:
    """Those of all members at once, and the booking is decided on what has come."""
    ben, cem = await create_account(api, "ben"), await create_account(api, "cem")
    for each in (ada, ben):
        await set_source(api, each, synced_at=api.now - 5 * MINUTE)
    await set_source(api, cem, synced_at=api.now - 5 * MINUTE + 1)
    dan = await create_account(
        api, "dan"
    )  # who writes events here; nobody but its source writes to a calendar elsewhere
    fetches.act = lambda: create_busy_event(api, dan, iso_time(9), iso_time(10))
    given = {**booking_input(("all", [ada, ben, cem, dan])), "idempotencyKey": key}
    assert (await send(api, BOOK, given))["__typename"] == "SlotTaken"
    assert fetches.asked == [2]


async def test_fresh_calendars_and_those_that_are_here_are_not_fetched(
    api: Api, ada: Account, fetches: Fetches
) -> None:
    """Nor those that the query does not choose."""
    ben = await create_account(api, "ben")
    await set_source(api, ada, synced_at=api.now - 4 * MINUTE)
    assert (await book_slot(api, booking_input(("all", [ada, ben]))))["__typename"] == "Booked"
    assert fetches.asked == []


@pytest.mark.parametrize("key", [None, "once"])
async def test_what_cannot_be_known_is_said_and_nothing_is_written(
    api: Api, ada: Account, fetches: Fetches, key: str | None
) -> None:
    """Not even under an idempotency key, so that the same request can be repeated."""
    given = {**booking_input(("all", [ada])), "idempotencyKey": key}
    await set_source(api, ada, synced_at=None)
    assert await send(api, BOOK, given) == await send(api, HOLD, given) == not_known(ada, "PENDING", None)
    assert await count_events(api) == 0
    assert await api.rows("SELECT COUNT(*) FROM booking_answers") == [(0,)]
    fetches.act = lambda: set_source(api, ada, synced_at=api.now)
    assert (await send(api, BOOK, given))["__typename"] == "Booked"


async def test_a_source_that_refuses_at_this_moment_is_not_known(api: Api, ada: Account, fetches: Fetches) -> None:
    """Though the request began before the refusal."""
    await set_source(api, ada, synced_at=api.now - HOUR)
    fetches.act = lambda: set_source(api, ada, synced_at=api.now - HOUR, tried_at=api.now, failures=1, refused=True)
    given = booking_input(("all", [ada]))
    assert await send(api, BOOK, given) == not_known(ada, "DISCONNECTED", api.now - HOUR)


async def test_a_slot_that_is_taken_anyhow_is_taken(api: Api, ada: Account, fetches: Fetches) -> None:
    """What is not known is not the only reason."""
    ben = await create_account(api, "ben")
    await create_busy_event(api, ben, iso_time(9), iso_time(10))
    await set_source(api, ada, synced_at=None)
    assert (await send(api, BOOK, booking_input(("all", [ada, ben]))))["__typename"] == "SlotTaken"
    assert (await send(api, BOOK, booking_input((1, [ada, ben]))))["__typename"] == "CalendarNotKnown"
    free = booking_input((1, [ada, ben]), start=iso_time(10))
    assert (await send(api, BOOK, free))["__typename"] == "Booked"


async def test_a_hold_is_confirmed_and_a_booking_is_moved_only_if_that_is_known(
    api: Api, ada: Account, fetches: Fetches
) -> None:
    """They stay as they are otherwise."""
    await set_source(api, ada, synced_at=api.now)
    hold = {**booking_input(("all", [ada]), event_id="a"), "holdFor": {"minutes": 60}}
    held = (await send(api, HOLD, hold))["booking"]["id"]
    booked = (await send(api, BOOK, booking_input(("all", [ada]), start=iso_time(10), event_id="b")))["booking"]["id"]
    api.now += 20 * MINUTE
    lost = api.now - 20 * MINUTE
    fetches.act = lambda: set_source(api, ada, synced_at=lost, tried_at=api.now, failures=1, refused=True)
    move = {"bookingId": booked, "start": iso_time(11)}
    for key in (None, "once"):
        confirming, moving = {"bookingId": held, "idempotencyKey": key}, {**move, "idempotencyKey": f"{key}2"}
        assert await send(api, CONFIRM, confirming) == not_known(ada, "DISCONNECTED", lost)
        assert await send(api, MOVE, moving) == not_known(ada, "DISCONNECTED", lost)
    assert await api.rows("SELECT status FROM bookings ORDER BY starts_at") == [("held",), ("confirmed",)]
    fetches.act = lambda: set_source(api, ada, synced_at=api.now)
    api.now += MINUTE
    for mutation, given in ((CONFIRM, {"bookingId": held}), (MOVE, move)):
        answer = await send(api, mutation, given)
        assert (answer["__typename"], answer["booking"]["status"]) == ("Booked", "CONFIRMED")


async def test_a_sequence_is_booked_only_if_all_steps_are_known(api: Api, ada: Account, fetches: Fetches) -> None:
    ben = await create_account(api, "ben")
    await set_source(api, ben, synced_at=None)
    step = {"requiredDuration": {"minutes": 60}}
    steps = [
        {**step, "sequenceId": name, "participants": [{"required": 1, "members": [{"sub": who.sub}]}]}
        for name, who in (("a", ada), ("b", ben))
    ]
    starts = [
        {"sequenceId": name, "start": iso_time(hour), "event": {"eventId": name, "summary": "Talk"}}
        for name, hour in (("a", 9), ("b", 10))
    ]
    query = {"queryPeriods": [{"start": iso_time(9), "end": iso_time(12)}], "sequence": steps}
    given = {"sequencedAvailability": query, "starts": starts, "idempotencyKey": "once"}
    assert await send(api, SEQUENCE, given) == {
        "__typename": "CalendarNotKnown",
        "memberStatuses": [{"sub": ada.sub, "status": "ACTIVE"}, {"sub": ben.sub, "status": "PENDING"}],
    }
    assert fetches.asked == [1]
    fetches.act = lambda: set_source(api, ben, synced_at=api.now)
    assert await send(api, SEQUENCE, given) == {"__typename": "BookedSequence"}
    assert fetches.asked == [1, 1]


async def test_a_series_that_is_expanded_no_further_is_told_as_well(api: Api, ada: Account) -> None:
    """By the instant up to which the calendar is known."""
    await set_known(api, ada, until=parse_instant(iso_time(9, 30)))
    assert (await send(api, BOOK, booking_input(("all", [ada]))))["memberStatuses"] == [
        {"sub": ada.sub, "status": "ACTIVE", "syncedAt": None, "knownUntil": iso_time(9, 30)}
    ]


async def test_a_visitor_learns_that_the_time_cannot_be_known(api: Api, ada: Account, fetches: Fetches) -> None:
    """And books once it can."""
    link = await create_link(api, link_input(("all", [ada])))
    await set_source(api, ada, synced_at=None)
    address, form = f"/book/{link_token(link)}", {"start": iso_time(9), "tz": "Etc/UTC"}
    shown = await api.http.get(address)
    assert "cannot tell which times are free" in shown.text
    answer = await api.http.post(address, data=form)
    assert (answer.status_code, "cannot tell whether that time is free" in answer.text) == (409, True)
    assert await count_events(api) == 0
    fetches.act = lambda: set_source(api, ada, synced_at=api.now)
    assert (await api.http.post(address, data=form)).status_code == 303
    assert await count_events(api) == 1


async def test_a_fetch_that_takes_too_long_is_not_waited_for(
    api: Api, ada: Account, fetches: Fetches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The booking is decided on what is known; what is stale counts."""
    monkeypatch.setattr(known_calendars, "PATIENCE", 0.05)
    await set_source(api, ada, synced_at=api.now - 2 * HOUR)
    forever = asyncio.Event()
    fetches.act = forever.wait
    assert (await send(api, BOOK, booking_input(("all", [ada]))))["__typename"] == "Booked"
    assert fetches.asked == [1]


@pytest.mark.parametrize(
    ("state", "seconds", "is_fetched"),
    [
        ({"failures": 1}, 29, False),
        ({"failures": 1}, 30, True),
        ({"refused": True}, 29, False),
        ({"refused": True}, 30, True),
        ({"failures": 1, "claim": "c"}, 3, True),  # joined
        ({"failures": 1, "claim": "c"}, 4, False),  # another booking has waited for it already
        ({"failures": 1, "claim": "c"}, 60, True),  # whoever has fetched it is no longer there
    ],
)
async def test_a_fetch_that_failed_is_not_repeated_for_half_a_minute(
    api: Api, ada: Account, fetches: Fetches, state: dict[str, Any], seconds: int, is_fetched: bool
) -> None:
    """And one that is under way is waited for once."""
    await set_source(api, ada, synced_at=api.now - HOUR, tried_at=api.now - seconds, **state)
    await send(api, BOOK, booking_input(("all", [ada])))
    assert fetches.asked == [1] * is_fetched
