"""Booking links as visitors use them, with nothing but the token."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.bookings import SlotTaken
from core.errors import NotFound, PaymentRequired, Unprocessable
from core.features import Feature
from core.instants import HOUR, MINUTE, parse_instant
from core.member_statuses import CalendarNotKnown
from core.real_time_scheduling import Completed, Disabled, Link, Open
from db import clients
from resolvers import real_time_scheduling as links
from resolvers.context import Context
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api
from tests.support.builders import book_slot, create_busy_event, create_link, get_link, iso_time, link_input, link_token
from tests.support.graphql_queries import DISABLE_LINK, REVOKE_AUTHORIZATION

NINE = parse_instant(iso_time(9))
ZONE = "Europe/London"
EVENTS = """
SELECT sub, event_id, summary, description, starts_at, ends_at FROM events
JOIN calendars ON calendars.key = calendar_key JOIN accounts ON accounts.key = account_key
WHERE NOT deleted ORDER BY accounts.key
"""


def visiting(api: Api) -> Context:
    """The context of a visitor, who has no access token."""
    return api.gate.context()


async def offered(api: Api, link: dict[str, Any], since: int = 0) -> list[int]:
    """The offered starts in minutes after nine."""
    offer = await links.offer(visiting(api), link_token(link), since, ZONE)
    return [(opening.start - NINE) // MINUTE for opening in offer.openings]


async def accept(api: Api, link: dict[str, Any], minutes: int = 0) -> Link | SlotTaken | CalendarNotKnown:
    return await links.book(visiting(api), link_token(link), NINE + minutes * MINUTE, ZONE)


def grid(minutes: int, **more: Any) -> dict[str, Any]:
    return {"startInterval": {"minutes": minutes}, **more}


async def test_a_visitor_books_one_of_the_offered_starts(api: Api, people: list[Account]) -> None:
    """On the calendars of all participants; the application can read the booking."""
    ada, ben, _ = people
    await create_busy_event(api, ada, iso_time(9), iso_time(10))
    made = await create_link(api, link_input(("all", [ada, ben]), availability=grid(30)))
    assert await offered(api, made) == [60, 90, 120]
    link = await accept(api, made, 90)
    assert isinstance(link, Link)
    booked = Completed(NINE + 90 * MINUTE, NINE + 150 * MINUTE, (ada.sub, ben.sub), ZONE)
    assert isinstance(link.state, Completed)
    assert replace(link.state, booking=None) == booked
    found = await get_link(api, part=link_token(made))
    assert (found["status"], found["event"]["start"], found["event"]["end"]) == (
        "COMPLETED",
        iso_time(10, 30),
        iso_time(11, 30),
    )
    assert found["participants"] == [{"sub": ada.sub}, {"sub": ben.sub}]
    written = [row for row in await api.rows(EVENTS) if row[1] == "booking"]
    assert written == [(who.sub, "booking", "Meeting", "", booked.start, booked.end) for who in (ada, ben)]


async def test_a_link_books_once(api: Api, people: list[Account]) -> None:
    """Later visitors see the booking, and no starts."""
    made = await create_link(api, link_input(("all", people[:1])))
    first = await accept(api, made)
    assert isinstance(first, Link)
    assert await accept(api, made, 60) == first
    offer = await links.offer(visiting(api), link_token(made), 0, ZONE)
    assert (offer.link, list(offer.openings), offer.more_from) == (first, [], None)
    assert len(await api.rows(EVENTS)) == 1


async def test_one_of_many_concurrent_visitors_of_a_link_books(api: Api, people: list[Account]) -> None:
    """All have the link; the start of the first request is booked."""
    made = await create_link(api, link_input(("all", people), availability=grid(30)))
    answers = await asyncio.gather(*(accept(api, made, 30 * (number % 5)) for number in range(20)))
    assert {answer.state.status for answer in answers if isinstance(answer, Link)} == {"completed"}
    assert len({str(answer) for answer in answers}) == 1
    assert len(await api.rows(EVENTS)) == 3


async def test_one_of_many_links_for_the_same_start_books_it(api: Api, people: list[Account]) -> None:
    """The others are offered the remaining starts."""
    made = [
        await create_link(api, link_input(("all", people[:2]), event_id=f"e{number}", availability=grid(60)))
        for number in range(6)
    ]
    answers = await asyncio.gather(*(accept(api, link) for link in made))
    assert sum(isinstance(answer, Link) for answer in answers) == 1
    taken = [answer for answer in answers if isinstance(answer, SlotTaken)]
    assert [[slot.start for slot in answer.next_slots] for answer in taken] == [[NINE + HOUR, NINE + 2 * HOUR]] * 5
    assert sum([(await get_link(api, part=link_token(link)))["status"] == "OPEN" for link in made]) == 5


@pytest.mark.parametrize("minutes", [60, 31, -60, 180, -24 * 60 * 30])
async def test_a_start_that_is_not_offered_cannot_be_booked(api: Api, people: list[Account], minutes: int) -> None:
    """Busy, off the grid, too short a notice, outside the query, or past."""
    await create_busy_event(api, people[0], iso_time(10), iso_time(10, 30))
    api.now = NINE - HOUR
    notice = {"minimumNotice": {"hours": 1}}
    period = {"start": iso_time(8, 30), "end": iso_time(12)}
    given = link_input(("all", people[:1]), availability=grid(30, queryPeriods=[period])) | notice
    made = await create_link(api, given)
    taken = await accept(api, made, minutes)
    assert isinstance(taken, SlotTaken)
    assert [(slot.start - NINE) // MINUTE for slot in taken.next_slots] == [0, 90]
    assert len(await api.rows(EVENTS)) == 1
    assert isinstance(await accept(api, made), Link)


async def test_a_disabled_link_offers_nothing(api: Api, people: list[Account]) -> None:
    """A completed link cannot be disabled."""
    made = await create_link(api, link_input(("all", people)))
    given = {"realTimeSchedulingId": made["realTimeSchedulingId"], "displayMessage": "Too late"}
    await api.data(DISABLE_LINK, CLIENT_SECRET, input=given)
    assert await offered(api, made) == []
    answer = await accept(api, made)
    assert isinstance(answer, Link)
    assert answer.state == Disabled("Too late")
    assert await api.rows(EVENTS) == []
    other = await create_link(api, link_input(("all", people)))
    await accept(api, other)
    refusal = await api.refusal(
        DISABLE_LINK, CLIENT_SECRET, input=given | {"realTimeSchedulingId": other["realTimeSchedulingId"]}
    )
    assert refusal["errors"]["realTimeSchedulingId"][0]["key"] == "errors.conflict"


async def test_a_single_event_leaves_holds_on_the_other_calendars(api: Api, people: list[Account]) -> None:
    """So that no other booking takes that time."""
    ada, ben, cem = people
    single = {"eventCreation": "SINGLE", "targetCalendars": [{"sub": ben.sub, "calendarId": ben.calendar_id}]}
    event = {"description": "Bring plans"}
    made = await create_link(api, link_input(("all", [ada, ben]), (1, [cem]), event=event) | single)
    assert isinstance(await accept(api, made), Link)
    rows = [(sub, summary, description) for sub, _, summary, description, *_ in await api.rows(EVENTS)]
    assert rows == [(ada.sub, "Meeting", ""), (ben.sub, "Meeting", "Bring plans"), (cem.sub, "Meeting", "")]
    other = link_input(("all", [cem]), event_id="other") | {"start": iso_time(9, 30)}
    assert (await book_slot(api, other))["__typename"] == "SlotTaken"


async def test_an_unknown_token_is_refused(api: Api) -> None:
    for guess in ("", "x", "A" * 40, "\0", "ä" * 40):
        for visit in (
            links.offer(visiting(api), guess, 0, ZONE),
            links.book(visiting(api), guess, NINE, ZONE),
            links.report_no_suitable_time(visiting(api), guess, ZONE),
        ):
            with pytest.raises(NotFound):
                await visit


async def test_a_link_with_a_revoked_member_is_refused_until_the_member_returns(
    api: Api, people: list[Account]
) -> None:
    """It is a refusal, not an empty offer."""
    made = await create_link(api, link_input(("all", people)))
    await api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": people[1].sub})
    with pytest.raises(Unprocessable):
        await offered(api, made)
    with pytest.raises(Unprocessable):
        await accept(api, made)
    assert (await get_link(api, part=link_token(made)))["status"] == "OPEN"
    await api.application_calendar("ben")
    assert isinstance(await accept(api, made), Link)


async def test_a_link_is_restricted_by_the_plan_of_its_application(api: Api, people: list[Account]) -> None:
    """The visitor acts for the application, with the same rights."""
    made = await create_link(api, link_input(("all", people)))
    async with api.db.write() as session:
        await clients.disable_features(session, CLIENT_ID, [Feature.AVAILABILITY])
    for visit in (offered(api, made), accept(api, made)):
        with pytest.raises(PaymentRequired):
            await visit


async def test_an_existing_event_with_the_same_id_is_not_replaced(api: Api, people: list[Account]) -> None:
    """The link stays open until its application resolves that."""
    made = await create_link(api, link_input(("all", people)))
    await create_busy_event(api, people[0], iso_time(6), iso_time(7), event_id="booking")
    with pytest.raises(Unprocessable, match="already"):
        await accept(api, made)
    assert (await get_link(api, part=link_token(made)))["status"] == "OPEN"
    assert len(await api.rows(EVENTS)) == 1


async def test_a_start_may_have_passed_since_it_was_offered(api: Api, people: list[Account]) -> None:
    """A page may stay open for a while; a query that has begun still has later starts."""
    made = await create_link(api, link_input(("all", people), availability=grid(60)))
    api.now = NINE + 5
    assert await offered(api, made) == [60, 120]
    assert isinstance(await accept(api, made), SlotTaken)
    api.now = NINE + 3 * HOUR
    assert await offered(api, made) == []
    assert isinstance(await accept(api, made, 120), SlotTaken)


async def test_an_offer_is_paginated(api: Api, people: list[Account]) -> None:
    long = [{"start": "2027-01-19T00:00:00Z", "end": "2027-02-20T00:00:00Z"}]
    made = await create_link(api, link_input(("all", people), availability=grid(5, queryPeriods=long)))
    offer = await links.offer(visiting(api), link_token(made), 0, ZONE)
    assert len(offer.openings) == links.MAX_OFFERED
    assert offer.more_from is not None
    assert offer.more_from == offer.openings[-1].start + 5 * MINUTE
    rest = await links.offer(visiting(api), link_token(made), offer.more_from, ZONE)
    assert rest.openings[0].start == offer.more_from


async def test_reporting_that_no_time_suits_leaves_a_link_unchanged(api: Api, people: list[Account]) -> None:
    """Its only effect is a callback."""
    made = await create_link(api, link_input(("all", people)))
    link = await links.report_no_suitable_time(visiting(api), link_token(made), ZONE)
    assert link.state == Open()
    assert await get_link(api, part=link_token(made)) == made
