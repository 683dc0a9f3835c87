"""A booking is decided on the facts under the lock of its calendars, whatever was loaded before."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest
from sqlmodel import delete

from core.bookings import Booked, BookingRequest, SlotTaken
from core.durations import Duration
from core.errors import Refusal
from core.events import EventDraft
from core.instants import HOUR, parse_instant
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from db import bookings, clients, idempotency, tables
from resolvers.booking_attempts import BookingAttempt
from resolvers.idempotency import RequestKey
from server.http import auth
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import create_busy_event, iso_time
from tests.support.graphql_queries import REVOKE_AUTHORIZATION, UPSERT_AVAILABILITY_RULE

NINE = parse_instant(iso_time(9))


@pytest.fixture
async def ada(api: Api) -> Account:
    return await api.application_calendar("ada")


def attempt_with(api: Api, whom: Account, event_id: str = "e1") -> BookingAttempt:
    """An attempt to book an hour within a member's working hours."""
    groups = [Group([Member(whom.sub, managed_availability=True)])]
    query = AvailabilityQuery(groups, Duration(hours=1), query_periods=[Period(NINE, NINE + HOUR)])
    request = BookingRequest(query, NINE, EventDraft(event_id, "Meeting", NINE, NINE + HOUR))
    return BookingAttempt(api.gate.context(auth.caller(f"Bearer {CLIENT_SECRET}")), request)


async def decided(api: Api, attempt: BookingAttempt, *between: Awaitable[object]) -> Booked | SlotTaken:
    """Returns the decision when other changes happen between loading and locking."""
    loaded = await attempt.load()
    for step in between:
        await step
    async with api.db.write() as session:
        return await attempt.book_under_lock(session, loaded, api.now)


async def test_a_possible_booking_is_written(api: Api, ada: Account) -> None:
    """Without a change in between."""
    answer = await decided(api, attempt_with(api, ada))
    assert isinstance(answer, Booked)
    assert [event.draft.start for event in answer.events] == [NINE]


async def test_an_event_written_before_the_lock_counts(api: Api, ada: Account) -> None:
    answer = await decided(api, attempt_with(api, ada), create_busy_event(api, ada, iso_time(9, 30), iso_time(11)))
    assert answer == SlotTaken([])


async def test_hours_changed_before_the_lock_count(api: Api, ada: Account) -> None:
    """Only calendars are locked; hours are loaded again after that."""
    none = {
        "availabilityRuleId": "r",
        "tzid": "UTC",
        "weeklyPeriods": [{"day": "SUNDAY", "startTime": "09:00", "endTime": "10:00"}],
    }
    answer = await decided(api, attempt_with(api, ada), api.data(UPSERT_AVAILABILITY_RULE, ada.token, input=none))
    assert answer == SlotTaken([])


async def test_a_capacity_changed_before_the_lock_counts(api: Api, ada: Account) -> None:
    """A second meeting fits only as long as it was loaded."""
    await api.application_calendar("ada", capacity=2)
    await create_busy_event(api, ada, iso_time(9), iso_time(10))
    assert isinstance(await decided(api, attempt_with(api, ada)), Booked)
    await api.application_calendar("ada", capacity=3)
    answer = await decided(api, attempt_with(api, ada, "e2"), api.application_calendar("ada", capacity=2))
    assert answer == SlotTaken([])


async def test_a_booking_decided_by_another_capacity_is_not_written(api: Api, ada: Account) -> None:
    """The quick path compares versions of calendars, so a change of capacity changes those as well."""
    await api.application_calendar("ada", capacity=2)
    await create_busy_event(api, ada, iso_time(9), iso_time(10))
    attempt = attempt_with(api, ada)
    loaded = await attempt.load()
    assert attempt.choose(loaded) == [ada.sub]
    await api.application_calendar("ada", capacity=1)
    new, accounts = attempt.new_booking(loaded, [ada.sub]), [loaded.access.accounts[ada.sub].key]
    assert not await bookings.book_unchanged(api.db, new, loaded.access.versions, accounts, api.now)
    current = (await attempt.load()).access.versions
    assert await bookings.book_unchanged(api.db, new, current, accounts, api.now)


@pytest.mark.parametrize("is_waited_for", [False, True])
async def test_a_booking_is_not_written_beside_another_answer_to_its_key(
    api: Api, ada: Account, is_waited_for: bool
) -> None:
    """Neither if the answer is there, nor if it is just being written: then nothing of the booking is."""
    attempt = attempt_with(api, ada)
    loaded = await attempt.load()
    new, accounts = attempt.new_booking(loaded, [ada.sub]), [loaded.access.accounts[ada.sub].key]
    key, other = RequestKey.of("key", attempt.request), RequestKey.of("key", "another request")
    answer = key.row(attempt.ctx, loaded.client_key, Booked(new.booking, bookings.events_of(new, api.now)))

    async def write() -> bool:
        return await bookings.book_unchanged(api.db, new, loaded.access.versions, accounts, api.now, answer)

    async with api.db.write() as session:
        assert await idempotency.claim(session, loaded.client_key, "key", other.digest, api.now) is None
        writing = asyncio.create_task(write()) if is_waited_for else None
        if writing is not None:
            await asyncio.wait({writing}, timeout=0.1)
            assert not writing.done()
        await idempotency.store(session, loaded.client_key, "key", SlotTaken([]))
    assert not await (write() if writing is None else writing)
    for table in ("events", "bookings", "booking_participants"):
        assert await api.rows(f"SELECT COUNT(*) FROM {table}") == [(0,)]
    assert await other.stored(attempt.ctx, loaded.client_key) == SlotTaken([])
    with pytest.raises(Refusal, match="was used with another request"):
        await key.stored(attempt.ctx, loaded.client_key)
    async with api.db.write() as session:
        await session.exec(delete(tables.BookingAnswer))
    assert await write()
    assert await key.stored(attempt.ctx, loaded.client_key) == Booked(new.booking, bookings.events_of(new, api.now))


async def test_a_right_lost_before_the_lock_counts(api: Api, ada: Account) -> None:
    """And nothing is written."""
    revoked = api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": ada.sub})
    with pytest.raises(Refusal, match="is not an account"):
        await decided(api, attempt_with(api, ada), revoked)
    assert await api.rows("SELECT COUNT(*) FROM events") == [(0,)]


async def test_a_secret_renewed_before_the_lock_counts(api: Api, ada: Account) -> None:
    """The old secret cannot book any more."""

    async def renew() -> None:
        async with api.db.write() as session:
            assert await clients.renew_secret(session, api.db.encryption, "tests")

    with pytest.raises(Refusal, match="unknown"):
        await decided(api, attempt_with(api, ada), renew())


async def test_a_repeated_attempt_finds_its_own_booking(api: Api, ada: Account) -> None:
    """If the result was lost, the retry returns the same booking and makes no second one."""
    attempt = attempt_with(api, ada)
    first = await decided(api, attempt)
    assert await decided(api, attempt) == first
    other = BookingAttempt(attempt.ctx, replace(attempt.request, event=replace(attempt.request.event, event_id="e2")))
    assert isinstance(await decided(api, other), SlotTaken)
