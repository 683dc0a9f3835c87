"""What is not known of a calendar is not free: in no query and by no booking."""

from typing import Any

import pytest

from core.instants import DAY, HOUR, parse_instant
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import (
    availability_input,
    book_slot,
    booking_input,
    create_account,
    create_busy_event,
    create_link,
    iso_time,
    link_input,
    link_token,
)
from tests.support.graphql_queries import AVAILABILITY_PERIODS, DELETE_ALL_EVENTS
from tests.support.known_time import set_known

TWELVE = parse_instant(iso_time(12))
EXPLAINED = """
query ($input: AvailabilityInput!) {
  availability(input: $input) {
    explanation {
      summary
      members { blocked { start end reason } heldBackMinutes }
      relaxations { kind }
    }
  }
}
"""
SEQUENCES = """
query ($input: SequencedAvailabilityInput!) { sequencedAvailability(input: $input) { sequences { start end } } }
"""
_RESULT = "{ __typename ... on SlotTaken { nextSlots { start } } }"
HOLD = f"mutation ($input: HoldSlotInput!) {{ holdSlot(input: $input) {_RESULT} }}"
CONFIRM = f"mutation ($input: ConfirmBookingInput!) {{ confirmBooking(input: $input) {_RESULT} }}"
MOVE = f"mutation ($input: RescheduleBookingInput!) {{ rescheduleBooking(input: $input) {_RESULT} }}"


@pytest.fixture
async def ada(api: Api) -> Account:
    return await create_account(api, "ada", name="Ada")


async def free(api: Api, *people: Account, **more: Any) -> list[str]:
    """The hours between 9 and 17 in which people can meet for an hour."""
    found = await api.data(AVAILABILITY_PERIODS, CLIENT_SECRET, input=availability_input(*people, **more))
    periods = found["availability"]["availablePeriods"]
    return [f"{period['start'][11:13]}-{period['end'][11:13]}" for period in periods]


async def test_a_member_is_free_as_far_as_its_calendar_is_known(api: Api, ada: Account) -> None:
    """Whatever its capacity, and also for a member that ignores tentative events; what begins before is known."""
    await create_busy_event(api, ada, iso_time(11), iso_time(14))
    shop = await create_account(api, "shop", "RESOURCE", capacity=3)
    for each in (ada, shop):
        await set_known(api, each, until=TWELVE)
    assert await free(api, ada) == await free(api, ada, ignoreTentative=True) == ["09-11"]
    assert await free(api, shop) == ["09-12"]
    assert await free(api, ada, shop) == ["09-11"]
    assert await free(api, ada, calendarIds=[]) == ["09-17"]
    await set_known(api, ada)
    assert await free(api, ada) == ["09-11", "14-17"]


async def test_a_calendar_elsewhere_is_known_until_it_was_not_fetched_for_too_long(api: Api, ada: Account) -> None:
    """The instant passes without a write, and a later fetch moves it without one of the calendar's events."""
    await set_known(api, ada, unknown_at=api.now + HOUR)
    assert await free(api, ada) == ["09-17"]
    api.now += HOUR - 1
    assert await free(api, ada) == ["09-17"]
    api.now += 1
    for _ in range(2):
        assert await free(api, ada) == []
    await set_known(api, ada, unknown_at=api.now + DAY, until=TWELVE, new=False)
    for _ in range(2):
        assert await free(api, ada) == ["09-12"]
    api.now += DAY
    assert await free(api, ada) == []


async def test_what_was_stored_is_read_again_when_the_calendar_is_fetched_in_time(api: Api, ada: Account) -> None:
    """A stored answer and stored facts hold until the instant that they were made with, and no longer."""
    await set_known(api, ada, unknown_at=api.now + HOUR)
    assert await free(api, ada) == ["09-17"]
    await set_known(api, ada, unknown_at=api.now + DAY, new=False)
    api.now += HOUR
    assert await free(api, ada) == ["09-17"]


async def test_what_is_not_known_is_explained(api: Api, ada: Account) -> None:
    """As the first reason after the hours, with the calendar that is not known; no change would help but to do without."""
    ben = await create_account(api, "ben", name="Ben")
    await create_busy_event(api, ada, iso_time(9), iso_time(12))
    await create_busy_event(api, ada, iso_time(14), iso_time(15), "beyond")
    await set_known(api, ada, until=TWELVE)
    given = {**availability_input(ada, ben), "buffer": {"after": {"minutes": 30}}}
    found = (await api.data(EXPLAINED, CLIENT_SECRET, input=given))["availability"]["explanation"]
    assert found == {
        "summary": "Ada is never free for 1 hour; without Ada there would be one time, on Tuesday, 19 January 2027 at 09:00 "
        'UTC. The calendar "ada" of Ada is not known after Tuesday, 19 January 2027 at 12:00 UTC.',
        "members": [
            {
                "blocked": [
                    {"start": iso_time(9), "end": iso_time(12), "reason": "BUSY"},
                    {"start": iso_time(12), "end": iso_time(17), "reason": "NOT_KNOWN"},
                ],
                "heldBackMinutes": 421,
            },
            {"blocked": [], "heldBackMinutes": 0},
        ],
        "relaxations": [{"kind": "WITHOUT_MEMBER"}, {"kind": "FEWER_REQUIRED"}],
    }


async def test_the_summary_says_since_when_a_calendar_is_not_known(api: Api, ada: Account) -> None:
    """And names it only for a caller who may list the account's calendars."""
    ben = await create_account(api, "ben", name="Ben")
    for each in (ada, ben):
        await set_known(api, each, unknown_at=api.now - HOUR)
    given = availability_input(ada, ben)
    found = (await api.data(EXPLAINED, ben.token, input=given))["availability"]["explanation"]
    assert found["summary"] == (
        "Member 1 of group 1 and Ben are never free for 1 hour. A calendar of member 1 of group 1 has not been known since "
        "Thursday, 31 December 2026 at 23:00 UTC, and 1 more is not known either."
    )
    alone = (await api.data(EXPLAINED, CLIENT_SECRET, input=availability_input(ada)))["availability"]["explanation"]
    assert alone["summary"] == (
        'Ada is not known and never free for 1 hour. The calendar "ada" of Ada has not been known since Thursday, '
        "31 December 2026 at 23:00 UTC."
    )
    assert alone["relaxations"] == []


async def test_an_answer_under_a_key_is_repeated_though_the_calendar_is_not_known_any_more(
    api: Api, ada: Account
) -> None:
    """Whether it was booked or not."""
    given = {**booking_input(("all", [ada]), event_id="a"), "idempotencyKey": "a"}
    late = {**given, "event": {**given["event"], "eventId": "b"}, "idempotencyKey": "b"}
    booked, taken = await book_slot(api, given), await book_slot(api, late)
    assert (booked["__typename"], taken["__typename"]) == ("Booked", "SlotTaken")
    await api.data(DELETE_ALL_EVENTS, ada.token)
    await set_known(api, ada, unknown_at=api.now)
    assert [await book_slot(api, each) for each in (given, late)] == [booked, taken]
    assert (await book_slot(api, {**late, "idempotencyKey": "c"}))["__typename"] == "CalendarNotKnown"


async def test_what_is_not_known_is_not_booked_held_or_moved_to(api: Api, ada: Account) -> None:
    """Neither is a hold confirmed whose time is not known any more."""
    booked = await book_slot(api, booking_input(("all", [ada]), event_id="a"))
    given = {**booking_input(("all", [ada]), start=iso_time(10), event_id="b"), "holdFor": {"minutes": 60}}
    held = (await api.data(HOLD, CLIENT_SECRET, input=given))["holdSlot"]
    await set_known(api, ada, unknown_at=api.now)
    taken = {"__typename": "CalendarNotKnown"}
    again = booking_input(("all", [ada]), start=iso_time(11), event_id="c")
    assert await book_slot(api, again) == taken
    assert await book_slot(api, {**again, "idempotencyKey": "k"}) == taken
    assert (await api.data(HOLD, CLIENT_SECRET, input=again))["holdSlot"] == taken
    ids = await api.rows("SELECT booking_id FROM bookings ORDER BY starts_at")
    move = {"bookingId": ids[0][0], "start": iso_time(11)}
    assert (await api.data(MOVE, CLIENT_SECRET, input=move))["rescheduleBooking"] == taken
    confirm = {"bookingId": ids[1][0]}
    assert (await api.data(CONFIRM, CLIENT_SECRET, input=confirm))["confirmBooking"] == taken
    assert booked["__typename"] == held["__typename"] == "Booked"
    await set_known(api, ada, unknown_at=api.now + HOUR)
    assert (await api.data(CONFIRM, CLIENT_SECRET, input=confirm))["confirmBooking"]["__typename"] == "Booked"
    assert (await book_slot(api, again))["__typename"] == "Booked"


async def test_sequences_and_links_offer_nothing_that_is_not_known(api: Api, ada: Account) -> None:
    """As queries do."""
    link = await create_link(api, link_input(("all", [ada])))
    await set_known(api, ada, until=parse_instant(iso_time(10, 30)))
    step = {
        "sequenceId": "a",
        "participants": [{"required": 1, "members": [{"sub": ada.sub}]}],
        "requiredDuration": {"minutes": 60},
    }
    given = {"queryPeriods": [{"start": iso_time(9), "end": iso_time(12)}], "sequence": [step]}
    found = await api.data(SEQUENCES, CLIENT_SECRET, input=given)
    assert found["sequencedAvailability"]["sequences"] == [{"start": iso_time(9), "end": iso_time(10)}]
    page = await api.http.get(f"/book/{link_token(link)}")
    assert page.status_code == 200
    assert "9:00" in page.text
    assert "10:00" not in page.text
