"""Idempotency keys: a repeated booking is made once."""

import asyncio

from db import clients
from tests.support.api import Account, Api
from tests.support.builders import book_slot, booking_errors, booking_input, count_events, iso_time
from tests.support.graphql_queries import BOOK_SLOT, DELETE_ALL_EVENTS, REVOKE_AUTHORIZATION


async def test_a_repeated_request_with_the_same_key_gets_the_same_response(api: Api, people: list[Account]) -> None:
    """Whatever has happened since: a booking is made once, and a taken slot stays taken."""
    ada, ben, _ = people
    given = booking_input(("all", [ada, ben]), idempotencyKey="once")
    booked = await book_slot(api, given)
    assert booked["__typename"] == "Booked"
    await api.data(DELETE_ALL_EVENTS, ada.token)
    api.now += 60
    assert await book_slot(api, given) == booked
    assert await api.rows("SELECT COUNT(*) FROM events WHERE NOT deleted") == [(1,)]
    late = booking_input(("all", [ben]), event_id="late", idempotencyKey="twice")
    taken = await book_slot(api, late)
    assert taken["__typename"] == "SlotTaken"
    await api.data(DELETE_ALL_EVENTS, ben.token)
    assert await book_slot(api, late) == taken
    assert (await book_slot(api, {**late, "idempotencyKey": "thrice"}))["__typename"] == "Booked"


async def test_a_repeated_request_may_have_become_invalid(api: Api, people: list[Account]) -> None:
    """It gets the same response even if its start has passed or a member was revoked."""
    ada, ben, _ = people
    given = booking_input(("all", [ada, ben]), idempotencyKey="once")
    booked = await book_slot(api, given)
    await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": ben.sub})
    assert await book_slot(api, given) == booked
    assert (await api.refusal(BOOK_SLOT, ada.token, input=given))["code"] == "FORBIDDEN"
    api.now += 30 * 86_400
    assert await book_slot(api, given) == booked
    assert await booking_errors(api, {**given, "assignment": "LEAST_BUSY"}) == {
        "start": ["errors.in_past"],
        "availability.participants[0].members[1].sub": ["errors.unknown"],
    }


async def test_a_key_belongs_to_one_request(api: Api, people: list[Account]) -> None:
    """Within one application; each application has its own keys."""
    ada = people[0]
    given = booking_input(("all", [ada]), idempotencyKey="key")
    await book_slot(api, given)
    assert await booking_errors(api, {**given, "start": iso_time(10)}) == {"idempotencyKey": ["errors.conflict"]}
    assert await count_events(api) == 1
    async with api.db.write() as session:
        _, secret = await clients.create(session, api.db.encryption, "Another", api.now)
    theirs = await api.refusal(BOOK_SLOT, secret, input=given)
    assert list(theirs["errors"]) == ["availability.participants[0].members[0].sub"]


async def test_concurrent_requests_with_one_key_book_once_and_get_the_same_response(
    api: Api, people: list[Account]
) -> None:
    given = booking_input(("all", people), idempotencyKey="key")
    answers = await asyncio.gather(*(book_slot(api, given) for _ in range(8)))
    assert answers == [answers[0]] * 8
    assert await count_events(api) == 3
