"""Assignment FEWEST_BOOKINGS: bookings are shared by weight."""

import asyncio
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import book_slot, booking_input, create_account, create_busy_event, iso_time
from tests.support.graphql_queries import DELETE_EVENT

HOLD = """
mutation ($input: HoldSlotInput!) { holdSlot(input: $input) { ... on Booked { booking { bookingId } } } }
"""


@pytest.fixture
async def team(api: Api) -> list[Account]:
    """Three who can be in any number of meetings at once."""
    return [await create_account(api, name, capacity=1000) for name in ("ada", "ben", "cem")]


def shared(team: Sequence[Account], weights: Sequence[int] = (1, 1, 1), number: int = 0, **more: Any) -> dict[str, Any]:
    """A booking of one of the team."""
    members = [{"sub": each.sub, "weight": weight} for each, weight in zip(team, weights, strict=True)]
    return booking_input((1, members), event_id=f"b{number}", assignment="FEWEST_BOOKINGS", **more)


async def book_one(api: Api, team: Sequence[Account], *given: Any, **more: Any) -> int:
    """Books, and returns the place in the team of whom it booked."""
    [booked] = (await book_slot(api, shared(team, *given, **more)))["participants"]
    return [each.sub for each in team].index(booked["sub"])


async def test_those_with_the_fewest_bookings_are_booked(api: Api, team: list[Account]) -> None:
    """Of equals, the first of the request. Events that are no bookings do not count."""
    await create_busy_event(api, team[0], iso_time(9), iso_time(12))
    assert [await book_one(api, team, number=number) for number in range(4)] == [0, 1, 2, 0]
    assert await book_one(api, [team[2], *team[:2]], number=4) == 0


async def test_a_member_takes_bookings_by_its_weight(api: Api, team: list[Account]) -> None:
    assert [await book_one(api, team, (1, 3, 2), number) for number in range(7)] == [0, 1, 2, 1, 2, 1, 0]


async def test_only_bookings_that_start_in_the_same_month_count(api: Api, team: list[Account]) -> None:
    """The month of UTC. One over the end of the month belongs to the month that it starts in."""
    new_year = {"queryPeriods": [{"start": "2027-01-31T12:00:00Z", "end": "2027-02-02T00:00:00Z"}]}

    async def booked(start: str, number: int) -> int:
        return await book_one(api, team, number=number, start=start, availability=new_year)

    assert await booked("2027-01-31T23:30:00Z", 0) == 0
    assert await booked("2027-01-31T22:00:00Z", 1) == 1
    assert await booked("2027-02-01T00:00:00Z", 2) == 0
    assert await booked("2027-01-31T20:00:00Z", 3) == 2
    assert await booked("2027-02-01T20:00:00Z", 4) == 1


async def test_a_cancelled_booking_counts_no_more(api: Api, team: list[Account]) -> None:
    """Its event was deleted: it is that member's turn again."""
    assert [await book_one(api, team, number=number) for number in range(3)] == [0, 1, 2]
    ben = team[1]
    await api.data(DELETE_EVENT, ben.token, input={"calendarId": ben.calendar_id, "eventId": "b1"})
    assert [await book_one(api, team, number=number) for number in (3, 4)] == [1, 0]


async def test_a_hold_counts_until_it_ends(api: Api, team: list[Account]) -> None:
    """By the clock alone."""
    held = shared(team)
    assert "booking" in (await api.data(HOLD, CLIENT_SECRET, input=held))["holdSlot"]
    assert await book_one(api, team, number=1) == 1
    api.now += 600
    assert [await book_one(api, team, number=number) for number in (2, 3)] == [0, 2]


async def test_those_who_are_not_free_are_not_booked_however_few_they_have(api: Api, team: list[Account]) -> None:
    await create_account(api, "ada", capacity=1)
    await create_busy_event(api, team[0], iso_time(9), iso_time(10))
    assert [await book_one(api, team, number=number) for number in range(3)] == [1, 2, 1]
    assert await book_one(api, team, number=3, start=iso_time(10)) == 0


async def test_several_of_a_group_are_those_with_the_fewest(api: Api, team: list[Account]) -> None:
    """A booking with two of three at a time."""
    counted: Counter[str] = Counter()
    for number in range(6):
        given = booking_input((2, list(team)), event_id=f"b{number}", assignment="FEWEST_BOOKINGS")
        counted.update(each["sub"] for each in (await book_slot(api, given))["participants"])
    assert counted == dict.fromkeys((each.sub for each in team), 4)


@pytest.mark.parametrize("keyed", [False, True])
async def test_concurrent_bookings_are_shared_like_others(api: Api, team: list[Account], keyed: bool) -> None:
    """Each counts those before it, whoever they were made by."""
    weights = (1, 2, 3)
    requests = [
        shared(team, weights, number, **({"idempotencyKey": f"k{number}"} if keyed else {})) for number in range(24)
    ]
    answers = await asyncio.gather(*(book_slot(api, given) for given in requests))
    counted = Counter(answer["participants"][0]["sub"] for answer in answers)
    assert within_one_of_share([counted[each.sub] for each in team], weights)


def within_one_of_share(counts: Sequence[int], weights: Sequence[int]) -> bool:
    """Whether each count differs by no more than one from the share of the weight in all."""
    total, heaviness = sum(counts), sum(weights)
    return all(abs(count - total * weight / heaviness) <= 1 for count, weight in zip(counts, weights, strict=True))


#: a whole team's month has a thousand
FAIR = int(os.environ.get("OPENINGS_FAIR_BOOKINGS", "60"))


async def test_many_bookings_are_shared_by_weight(api: Api, team: list[Account]) -> None:
    """None is ever further from its share than one booking, whoever else books at the same moment."""
    weights, booked = (1, 3, 2), Counter[int]()
    for number in range(0, FAIR, 4):
        at_once = (book_one(api, team, weights, number + more) for more in range(4))
        booked.update(await asyncio.gather(*at_once))
        shares = [booked.total() * weight / sum(weights) for weight in weights]
        assert all(abs(booked[place] - share) <= 1 for place, share in enumerate(shares)), booked
    assert booked.total() == FAIR
