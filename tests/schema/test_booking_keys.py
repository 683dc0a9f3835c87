"""Idempotency keys: the same booking, asked for as often as one likes."""

import asyncio

from db import clients
from tests.support.api import Api, Someone

from .test_bookings import BOOK, DELETE_EVENTS, REVOKE, asking, at, book, count, people, wrong

__all__ = ["people"]


async def test_the_same_request_with_the_same_key_is_answered_the_same(api: Api, people: list[Someone]) -> None:
    """Whatever has happened since: a booking is made once, and a slot that was taken stays taken."""
    ada, ben, _ = people
    given = asking(("all", [ada, ben]), idempotencyKey="once")
    booked = await book(api, given)
    assert booked["__typename"] == "Booked"
    await api.data(DELETE_EVENTS, ada.token)
    api.now += 60
    assert await book(api, given) == booked
    assert await api.rows("SELECT COUNT(*) FROM events WHERE NOT deleted") == [(1,)]
    late = asking(("all", [ben]), event_id="late", idempotencyKey="twice")
    taken = await book(api, late)
    assert taken["__typename"] == "SlotTaken"
    await api.data(DELETE_EVENTS, ben.token)
    assert await book(api, late) == taken
    assert (await book(api, {**late, "idempotencyKey": "thrice"}))["__typename"] == "Booked"


async def test_a_repeated_request_may_have_come_to_be_bad(api: Api, people: list[Someone]) -> None:
    """It was good when it was answered, and is answered the same now that its start has passed or a member is gone."""
    ada, ben, _ = people
    given = asking(("all", [ada, ben]), idempotencyKey="once")
    booked = await book(api, given)
    await api.data(REVOKE, input={**api.credentials, "sub": ben.sub})
    assert await book(api, given) == booked
    assert (await api.refusal(BOOK, ada.token, input=given))["code"] == "FORBIDDEN"
    api.now += 30 * 86_400
    assert await book(api, given) == booked
    assert await wrong(api, {**given, "assignment": "LEAST_BUSY"}) == {
        "start": ["errors.in_past"],
        "availability.participants[0].members[1].sub": ["errors.unknown"],
    }


async def test_a_key_stands_for_one_request(api: Api, people: list[Someone]) -> None:
    """Of one application; another one's keys are its own."""
    ada = people[0]
    given = asking(("all", [ada]), idempotencyKey="key")
    await book(api, given)
    assert await wrong(api, {**given, "start": at(10)}) == {"idempotencyKey": ["errors.conflict"]}
    assert await count(api) == 1
    async with api.db.write() as session:
        _, secret = await clients.create(session, api.db.keys, "Another", api.now)
    theirs = await api.refusal(BOOK, secret, input=given)
    assert list(theirs["errors"]) == ["availability.participants[0].members[0].sub"]


async def test_of_the_same_request_at_the_same_time_one_books_and_all_are_told(api: Api, people: list[Someone]) -> None:
    given = asking(("all", people), idempotencyKey="key")
    answers = await asyncio.gather(*(book(api, given) for _ in range(8)))
    assert answers == [answers[0]] * 8
    assert await count(api) == 3
