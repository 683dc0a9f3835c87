"""A meeting is decided on what is so when its calendars are held, whatever was found before."""

from dataclasses import replace

import pytest

from core.bookings import Booked, BookingRequest, SlotTaken
from core.durations import Duration
from core.errors import Problems, Refusal
from core.events import EventDraft
from core.instants import HOUR, parse_instant
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from db import clients
from resolvers.booking_attempts import Meeting
from tests.schema.test_bookings import REVOKE, RULE, at, busy
from tests.support.api import CLIENT_SECRET, Api, Someone

NINE = parse_instant(at(9))


@pytest.fixture
async def ada(api: Api) -> Someone:
    return await api.application_calendar("ada")


def meeting_with(api: Api, whom: Someone) -> Meeting:
    """An hour of somebody's working hours."""
    groups = [Group([Member(whom.sub, managed_availability=True)])]
    query = AvailabilityQuery(groups, Duration(hours=1), query_periods=[Period(NINE, NINE + HOUR)])
    request = BookingRequest(query, NINE, EventDraft("e1", "Meeting", NINE, NINE + HOUR))
    return Meeting(api.gate.context(f"Bearer {CLIENT_SECRET}"), request)


async def decided(api: Api, meeting: Meeting, *between: object) -> Booked | SlotTaken:
    """What is decided after something else was done between the look and the lock."""
    known = await meeting.look(Problems(), Problems())
    for step in between:
        await step  # pyright: ignore
    async with api.db.write() as session:
        return await meeting.decide(session, known, api.now)


async def test_what_is_possible_is_written(api: Api, ada: Someone) -> None:
    """When nothing comes between."""
    answer = await decided(api, meeting_with(api, ada))
    assert isinstance(answer, Booked)
    assert [event.draft.start for event in answer.events] == [NINE]


async def test_an_event_that_came_between_counts(api: Api, ada: Someone) -> None:
    answer = await decided(api, meeting_with(api, ada), busy(api, ada, at(9, 30), at(11)))
    assert answer == SlotTaken([])


async def test_hours_that_were_changed_meanwhile_count(api: Api, ada: Someone) -> None:
    """The lock is on calendars; hours are looked at again behind it."""
    none = {
        "availabilityRuleId": "r",
        "tzid": "UTC",
        "weeklyPeriods": [{"day": "SUNDAY", "startTime": "09:00", "endTime": "10:00"}],
    }
    answer = await decided(api, meeting_with(api, ada), api.data(RULE, ada.token, input=none))
    assert answer == SlotTaken([])


async def test_a_right_that_was_lost_meanwhile_counts(api: Api, ada: Someone) -> None:
    """And nothing is written."""
    revoked = api.data(REVOKE, input={**api.credentials, "sub": ada.sub})
    with pytest.raises(Refusal, match="is not an account"):
        await decided(api, meeting_with(api, ada), revoked)
    assert await api.rows("SELECT COUNT(*) FROM events") == [(0,)]


async def test_a_secret_that_was_renewed_meanwhile_counts(api: Api, ada: Someone) -> None:
    """Whoever had the old one books nothing with it any more."""

    async def renew() -> None:
        async with api.db.write() as session:
            assert await clients.renew_secret(session, api.db.keys, "tests")

    with pytest.raises(Refusal, match="unknown"):
        await decided(api, meeting_with(api, ada), renew())


async def test_an_attempt_that_was_made_before_is_found_again(api: Api, ada: Someone) -> None:
    """When its end was lost: it is the same booking, and no second one."""
    meeting = meeting_with(api, ada)
    first = await decided(api, meeting)
    assert await decided(api, meeting) == first
    other = Meeting(meeting.ctx, replace(meeting.request, event=replace(meeting.request.event, event_id="e2")))
    assert isinstance(await decided(api, other), SlotTaken)
