"""Holding a slot for a while, confirming it, and moving and cancelling what was booked."""

from typing import Any

import pytest

from core.instants import format_instant
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import (
    availability_input,
    book_slot,
    booking_input,
    create_busy_event,
    event_input,
    iso_time,
)
from tests.support.graphql_queries import (
    AVAILABILITY_PERIODS,
    DELETE_EVENT,
    REVOKE_AUTHORIZATION,
    UPSERT_AVAILABILITY_RULE,
    UPSERT_EVENT,
)

RESULT = """{
  __typename
  ... on Booked {
    start participants { sub } events { calendarId start end status summary eventUid }
    booking { id status start end holdExpiresAt participants { sub } events { start status } }
  }
  ... on SlotTaken { nextSlots { start } }
}"""
HOLD = f"mutation ($input: HoldSlotInput!) {{ holdSlot(input: $input) {RESULT} }}"
CONFIRM = f"mutation ($input: ConfirmBookingInput!) {{ confirmBooking(input: $input) {RESULT} }}"
MOVE = f"mutation ($input: RescheduleBookingInput!) {{ rescheduleBooking(input: $input) {RESULT} }}"
CANCEL = """
mutation ($input: CancelBookingInput!) {
  cancelBooking(input: $input) {
    booking { status start cancelReason cancelledBy events { start } participants { sub } }
  }
}
"""
BOOKING = "query ($id: ID!) { booking(bookingId: $id) { status start end events { start summary } } }"
EVENTS = """
query ($deleted: Boolean, $since: DateTime) {
  events(input: {includeDeleted: $deleted, lastModified: $since}) { nodes { eventId start deleted status updated } }
}
"""
FREE_BUSY = "{ freeBusy(input: {}) { nodes { start freeBusyStatus } } }"


async def hold(api: Api, given: dict[str, Any]) -> dict[str, Any]:
    return (await api.data(HOLD, CLIENT_SECRET, input=given))["holdSlot"]


async def held(api: Api, *members: Account, **more: Any) -> str:
    """Holds nine o'clock for all of them, for ten minutes, and returns the booking's id."""
    found = await hold(api, booking_input(("all", [*members]), **more))
    assert found["__typename"] == "Booked", found
    return found["booking"]["id"]


async def confirm(api: Api, id: str, **more: Any) -> dict[str, Any]:
    return (await api.data(CONFIRM, CLIENT_SECRET, input={"bookingId": id, **more}))["confirmBooking"]


async def move(api: Api, id: str, start: str, **more: Any) -> dict[str, Any]:
    return (await api.data(MOVE, CLIENT_SECRET, input={"bookingId": id, "start": start, **more}))["rescheduleBooking"]


async def move_errors(api: Api, id: str, start: str, **more: Any) -> dict[str, list[str]]:
    refusal = await api.refusal(MOVE, CLIENT_SECRET, input={"bookingId": id, "start": start, **more})
    return {path: [problem["key"] for problem in problems] for path, problems in refusal["errors"].items()}


async def cancel(api: Api, id: str, **more: Any) -> dict[str, Any]:
    return (await api.data(CANCEL, CLIENT_SECRET, input={"bookingId": id, **more}))["cancelBooking"]["booking"]


async def booking(api: Api, id: str) -> dict[str, Any]:
    return (await api.data(BOOKING, CLIENT_SECRET, id=id))["booking"]


async def free(api: Api, *who: Account, **more: Any) -> list[str]:
    """When the members can meet for an hour between 9 and 17, each period as `9-17`."""
    found = await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=availability_input(*who, **more))
    periods = found["availability"]["availablePeriods"]
    return [f"{int(period['start'][11:13])}-{int(period['end'][11:13])}" for period in periods]


async def test_a_hold_blocks_until_it_ends_at_every_door(api: Api, people: list[Account]) -> None:
    """To the second, with everything cached: facts, answers and lists."""
    ada, ben, _ = people
    found = await hold(api, booking_input(("all", [ada, ben])))
    assert (found["booking"]["status"], found["booking"]["holdExpiresAt"]) == ("HELD", format_instant(api.now + 600))
    assert [event["status"] for event in found["events"]] == ["TENTATIVE", "TENTATIVE"]
    for later in (0, 599):
        api.now += later
        assert await free(api, ada) == await free(api, ada, ignoreTentative=True) == ["10-17"]
        assert await free(api, ada, ben) == ["10-17"]
        assert (await api.data(FREE_BUSY, ada.token))["freeBusy"]["nodes"] == [
            {"start": iso_time(9), "freeBusyStatus": "TENTATIVE"}
        ]
        taken = await book_slot(api, booking_input(("all", [ben]), event_id="other"))
        assert [slot["start"] for slot in taken["nextSlots"]] == [iso_time(10), iso_time(11)]
    api.now += 1
    assert await free(api, ada) == await free(api, ada, ignoreTentative=True) == await free(api, ada, ben) == ["9-17"]
    assert (await api.data(FREE_BUSY, ada.token))["freeBusy"]["nodes"] == []
    assert (await api.data(EVENTS, ada.token))["events"]["nodes"] == []
    [gone] = (await api.data(EVENTS, ada.token, deleted=True, since=format_instant(api.now)))["events"]["nodes"]
    assert (gone["deleted"], gone["updated"]) == (True, format_instant(api.now))
    found = await booking(api, found["booking"]["id"])
    assert (found["status"], found["start"], found["events"]) == ("EXPIRED", iso_time(9), [])
    assert (await book_slot(api, booking_input(("all", [ben, ada]))))["__typename"] == "Booked"


async def test_a_hold_has_bounds(api: Api, people: list[Account]) -> None:
    for minutes, key in ((0, "too_short"), (61, "too_long"), (-1, "invalid")):
        refusal = await api.refusal(
            HOLD, CLIENT_SECRET, input=booking_input(("all", people), holdFor={"minutes": minutes})
        )
        assert [problem["key"] for path in refusal["errors"].values() for problem in path] == [f"errors.{key}"]
    found = await hold(api, booking_input(("all", people), holdFor={"hours": 1}, idempotencyKey="once"))
    assert found["booking"]["holdExpiresAt"] == format_instant(api.now + 3600)
    again = booking_input(("all", people), holdFor={"hours": 1}, idempotencyKey="once")
    assert await hold(api, again) == found


async def test_a_hold_is_confirmed_as_it_is(api: Api, people: list[Account]) -> None:
    """Whatever the hours are by then; confirming again changes nothing."""
    ada, ben, _ = people
    managed = {"sub": ada.sub, "managedAvailability": True}
    id = (await hold(api, booking_input(("all", [managed, ben]))))["booking"]["id"]
    none = {
        "availabilityRuleId": "r",
        "tzid": "UTC",
        "weeklyPeriods": [{"day": "SUNDAY", "startTime": "09:00", "endTime": "10:00"}],
    }
    await api.data(UPSERT_AVAILABILITY_RULE, ada.token, input=none)
    api.now += 300
    found = await confirm(api, id, idempotencyKey="k")
    assert (found["booking"]["status"], found["booking"]["holdExpiresAt"]) == ("CONFIRMED", None)
    assert [event["status"] for event in found["events"]] == ["CONFIRMED", "CONFIRMED"]
    api.now += 3600
    assert await free(api, ada) == ["10-17"]
    assert await confirm(api, id) == await confirm(api, id, idempotencyKey="k") == found


async def test_a_confirmation_is_decided_beside_all_other_events(api: Api, people: list[Account]) -> None:
    """An event that was written by hand over a hold is in its way; the hold stays."""
    ada, ben, _ = people
    id = await held(api, ada, ben)
    await create_busy_event(api, ben, iso_time(9, 30), iso_time(9, 45), "by hand")
    taken = await confirm(api, id)
    assert taken == {"__typename": "SlotTaken", "nextSlots": [{"start": iso_time(9, 45)}, {"start": iso_time(10, 45)}]}
    assert (await booking(api, id))["status"] == "HELD"
    await api.data(DELETE_EVENT, ben.token, input={"calendarId": ben.calendar_id, "eventId": "by hand"})
    assert (await confirm(api, id))["__typename"] == "Booked"


async def test_an_expired_hold_is_confirmed_if_it_could_be_booked_now(api: Api, people: list[Account]) -> None:
    """By the whole query, for the same people if they can."""
    ada, ben, cem = people
    await create_busy_event(api, ada, iso_time(9), iso_time(10), "a")
    id = (await hold(api, booking_input((1, people))))["booking"]["id"]
    await api.data(DELETE_EVENT, ada.token, input={"calendarId": ada.calendar_id, "eventId": "a"})
    api.now += 600
    found = await confirm(api, id)
    assert (found["participants"], found["booking"]["status"]) == ([{"sub": ben.sub}], "CONFIRMED")
    other = (await hold(api, booking_input((1, [ada, cem]), start=iso_time(10), event_id="b")))["booking"]["id"]
    api.now += 600
    await book_slot(api, booking_input(("all", [ada]), start=iso_time(10), event_id="c"))
    found = await confirm(api, other)
    assert [person["sub"] for person in found["participants"]] == [cem.sub]
    third = (await hold(api, booking_input((1, [ada]), start=iso_time(11), event_id="d")))["booking"]["id"]
    api.now += 600
    await book_slot(api, booking_input(("all", [ada]), start=iso_time(11), event_id="e"))
    assert await confirm(api, third) == {"__typename": "SlotTaken", "nextSlots": [{"start": iso_time(9)}]}
    assert (await booking(api, third))["status"] == "EXPIRED"


async def test_a_hold_by_a_slow_clock_does_not_confirm_what_was_booked_since(api: Api, people: list[Account]) -> None:
    """Another machine's clock was ahead, and the slot was free by it; both took the same event id."""
    ada, ben, _ = people
    id = await held(api, ada, ben)
    api.now += 600
    assert (await book_slot(api, booking_input(("all", [ada]))))["__typename"] == "Booked"
    api.now -= 60
    assert (await confirm(api, id))["__typename"] == "SlotTaken"
    assert await api.rows("SELECT COUNT(*) FROM events WHERE NOT deleted AND lapses_at IS NULL") == [(1,)]


async def test_a_held_event_that_is_upserted_by_hand_does_not_lapse(api: Api, people: list[Account]) -> None:
    """It is an ordinary event, and a tentative one can be ignored."""
    ada, ben, _ = people
    id = await held(api, ada, ben)
    event = event_input("booking", iso_time(9), iso_time(10), status="TENTATIVE")
    await api.data(UPSERT_EVENT, ada.token, input={"calendarId": ada.calendar_id, "event": event})
    assert (await free(api, ada), await free(api, ada, ignoreTentative=True)) == (["10-17"], ["9-17"])
    api.now += 600
    assert (await free(api, ada), await free(api, ben)) == (["10-17"], ["9-17"])
    assert (await booking(api, id))["status"] == "EXPIRED"


async def test_a_booking_is_moved_whole(api: Api, people: list[Account]) -> None:
    """Its own time is not in its way, nor is the window that it was booked in; what was edited by hand stays."""
    ada, ben, _ = people
    booked = await book_slot(api, booking_input(("all", [ada, ben])))
    [[id]] = await api.rows("SELECT booking_id FROM bookings")
    edited = event_input("booking", iso_time(9), iso_time(10), summary="Edited")
    await api.data(UPSERT_EVENT, ben.token, input={"calendarId": ben.calendar_id, "event": edited})
    for start in (iso_time(9, 30), iso_time(14)):
        found = await move(api, id, start)
        assert [(event["start"], event["summary"]) for event in found["events"]] == [
            (start, "Meeting"),
            (start, "Edited"),
        ]
        assert [event["eventUid"] for event in found["events"]] == [event["eventUid"] for event in booked["events"]]
        assert (found["booking"]["start"], found["booking"]["status"]) == (start, "CONFIRMED")
    assert await free(api, ada, ben) == ["9-14", "15-17"]
    await create_busy_event(api, ben, iso_time(11), iso_time(12))
    assert await move(api, id, iso_time(11)) == {
        "__typename": "SlotTaken",
        "nextSlots": [{"start": iso_time(9)}, {"start": iso_time(10)}],
    }
    assert (await booking(api, id))["start"] == iso_time(14)


async def test_a_move_brings_together_what_was_moved_apart(api: Api, people: list[Account]) -> None:
    """Also to the time that the booking has already; a confirmation leaves events where they are."""
    ada, ben, _ = people
    for name, start in (("moved", None), ("held", "kept")):
        id = await held(api, ada, ben, event_id=name)
        elsewhere = event_input(name, iso_time(14), iso_time(15))
        await api.data(UPSERT_EVENT, ben.token, input={"calendarId": ben.calendar_id, "event": elsewhere})
        answer = await confirm(api, id) if start else await move(api, id, iso_time(9))
        times = [event["start"] for event in answer["events"]]
        assert times == [iso_time(9), iso_time(14 if start else 9)]
        assert [event["start"] for event in (await booking(api, id))["events"]] == times
        await cancel(api, id)


async def test_the_same_people_meet_if_they_can(api: Api, people: list[Account]) -> None:
    """Otherwise others by the query; those who leave lose their event."""
    ada, ben, _ = people
    await create_busy_event(api, ada, iso_time(9), iso_time(10), "a")
    await book_slot(api, booking_input((1, people)))
    [[id]] = await api.rows("SELECT booking_id FROM bookings")
    found = await move(api, id, iso_time(10))
    assert found["participants"] == [{"sub": ben.sub}]
    await create_busy_event(api, ben, iso_time(11), iso_time(12), "b")
    found = await move(api, id, iso_time(11))
    assert found["participants"] == [{"sub": ada.sub}]
    assert [event["calendarId"] for event in found["events"]] == [ada.calendar_id]
    assert await free(api, ben) == ["9-11", "12-17"]


async def test_a_move_is_refused_with_its_reasons(api: Api, people: list[Account]) -> None:
    ada = people[0]
    grid: dict[str, Any] = {"availability": {"startInterval": {"minutes": 30}}}
    await book_slot(api, booking_input(("all", [ada]), **grid))
    [[id]] = await api.rows("SELECT booking_id FROM bookings")
    assert await move_errors(api, id, iso_time(10, 10)) == {"start": ["errors.inclusion"]}
    assert await move_errors(api, id, "2026-01-01T09:00:00Z") == {"start": ["errors.in_past"]}
    assert await move_errors(api, id, iso_time(10), expectedStart=iso_time(11)) == {
        "expectedStart": ["errors.conflict"]
    }
    assert (await move(api, id, iso_time(10), expectedStart=iso_time(9)))["__typename"] == "Booked"
    assert (await move_errors(api, "bkg_" + "0" * 24, iso_time(10))) == {"bookingId": ["errors.unknown"]}
    other = {**availability_input(ada), "excludedEvents": [{"eventId": "x"}]}
    assert await move_errors(api, id, iso_time(11), availability=other) == {
        "availability.excludedEvents": ["errors.conflict"]
    }
    await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": ada.sub})
    assert await move_errors(api, id, iso_time(11)) == {"bookingId": ["errors.conflict"]}


async def test_a_move_can_bring_a_query_of_its_own(api: Api, people: list[Account]) -> None:
    """For others and for another length; later moves are decided by it."""
    ada, ben, cem = people
    await book_slot(api, booking_input(("all", [ada, ben])))
    [[id]] = await api.rows("SELECT booking_id FROM bookings")
    query = {**availability_input(ada, cem), "requiredDuration": {"minutes": 90}}
    found = await move(api, id, iso_time(13), availability=query)
    assert found["participants"] == [{"sub": ada.sub}, {"sub": cem.sub}]
    assert {event["end"] for event in found["events"]} == {iso_time(14, 30)}
    assert await free(api, ben) == ["9-17"]
    assert (await move_errors(api, id, iso_time(18), availability=query)) == {"start": ["errors.inclusion"]}
    found = await move(api, id, iso_time(18))
    assert [event["end"] for event in found["events"]] == [iso_time(19, 30)] * 2


async def test_a_repeated_move_moves_once(api: Api, people: list[Account]) -> None:
    """With its key it gets the same answer, even if the booking has moved on."""
    id = await held(api, people[0])
    first = await move(api, id, iso_time(10), expectedStart=iso_time(9), idempotencyKey="k")
    assert (first["booking"]["status"], first["events"][0]["status"]) == ("HELD", "TENTATIVE")
    await move(api, id, iso_time(11))
    again = await move(api, id, iso_time(10), expectedStart=iso_time(9), idempotencyKey="k")
    assert first["booking"].pop("events") != again["booking"].pop("events")  # those are where they are now
    assert again == first
    assert (await booking(api, id))["start"] == iso_time(11)
    assert await move_errors(api, id, iso_time(12), idempotencyKey="k") == {"idempotencyKey": ["errors.conflict"]}


async def test_a_cancelled_booking_frees_its_time_at_once(api: Api, people: list[Account]) -> None:
    """A hold as well; cancelling again changes nothing, and nothing leads out of it."""
    ada, ben, _ = people
    ids = [await held(api, ada, ben), await held(api, ada, start=iso_time(11), event_id="b")]
    await confirm(api, ids[0])
    for id, start in zip(ids, (9, 11), strict=True):
        found = await cancel(api, id, reason="Ill")
        assert found == {
            "status": "CANCELLED",
            "start": iso_time(start),
            "cancelReason": "Ill",
            "cancelledBy": "APPLICATION",
            "events": [],
            "participants": [{"sub": who.sub} for who in ((ada, ben) if start == 9 else (ada,))],
        }
        assert await cancel(api, id, reason="Other") == found
        assert await move_errors(api, id, iso_time(10)) == {"bookingId": ["errors.conflict"]}
        assert (await api.refusal(CONFIRM, CLIENT_SECRET, input={"bookingId": id}))["code"] == "UNPROCESSABLE"
    assert await free(api, ada, ben) == ["9-17"]
    expired = await held(api, ada)
    api.now += 600
    assert (await cancel(api, expired))["status"] == "EXPIRED"
    assert await move_errors(api, expired, iso_time(10)) == {"bookingId": ["errors.conflict"]}
    refusal = await api.refusal(CANCEL, CLIENT_SECRET, input={"bookingId": ids[0], "reason": "x" * 501})
    assert set(refusal["errors"]) == {"reason"}


@pytest.mark.parametrize("ignored", [False, True])
async def test_a_place_of_several_is_held_and_freed(api: Api, ignored: bool) -> None:
    """A hold takes one place of an account that can be in several meetings."""
    room = await api.application_calendar("room", capacity=2)
    ids = [await held(api, room, event_id=f"e{n}") for n in range(2)]
    assert await free(api, room, ignoreTentative=ignored) == ["10-17"]
    assert (await hold(api, booking_input(("all", [room]), event_id="e3")))["__typename"] == "SlotTaken"
    assert (await confirm(api, ids[0]))["__typename"] == "Booked"
    api.now += 600
    assert await free(api, room, ignoreTentative=ignored) == ["9-17"]
    assert (await confirm(api, ids[1]))["__typename"] == "Booked"
    assert await free(api, room, ignoreTentative=ignored) == ["10-17"]
