"""Explanations of a start that is taken, of a booking link, and in a subscription."""

from typing import Any

import pytest

from core.instants import parse_instant
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.explained import at, block, query, user
from tests.support.graphql_queries import UPSERT_EVENTS
from tests.support.live_clients import live_server


@pytest.fixture
async def ada(api: Api) -> Account:
    return await user(api, "ada-1", "Ada")


@pytest.fixture
async def room(api: Api) -> Account:
    return await api.application_calendar("red")


BOOK = """
mutation ($input: BookSlotInput!) {
  bookSlot(input: $input) {
    ... on Booked { start }
    ... on SlotTaken {
      nextSlots { start }
      explanation {
        summary
        members { blocked { start end reason events { eventId } } }
        relaxations { kind opening { start } }
      }
    }
  }
}
"""


def booking(start: str, *groups: tuple[str | int, list[Any]], **more: Any) -> dict[str, Any]:
    return {
        "availability": query(*groups),
        "start": at(start),
        "event": {"eventId": "meeting", "summary": "Meeting"},
        **more,
    }


@pytest.mark.parametrize("key", [None, "once"])
async def test_a_start_that_is_taken_is_explained(api: Api, ada: Account, room: Account, key: str | None) -> None:
    """Of this start alone: who is in its way, and what would make it possible."""
    await block(api, ada, "09:00", "10:00")
    given = booking("09:30", ("all", [ada, room]), idempotencyKey=key)
    taken = (await api.data(BOOK, CLIENT_SECRET, input=given))["bookSlot"]
    assert taken == {
        "nextSlots": [{"start": at("10:00")}, {"start": at("11:00")}],
        "explanation": {
            "summary": "Ada is busy and never free for 1 hour; without Ada there would be one time, on Tuesday, "
            "19 January 2027 at 09:30 UTC.",
            "members": [
                {
                    "blocked": [
                        {
                            "start": at("09:30"),
                            "end": at("10:00"),
                            "reason": "BUSY",
                            "events": [{"eventId": "09:00-10:00"}],
                        },
                        {"start": at("10:00"), "end": at("10:30"), "reason": "TOO_SHORT", "events": []},
                    ]
                },
                {"blocked": []},
            ],
            "relaxations": [
                {"kind": "WITHOUT_MEMBER", "opening": {"start": at("09:30")}},
                {"kind": "FEWER_REQUIRED", "opening": {"start": at("09:30")}},
            ],
        },
    }
    if key is not None:
        again = (await api.data(BOOK, CLIENT_SECRET, input=given))["bookSlot"]
        assert again == {**taken, "explanation": None}


async def test_a_start_that_is_booked_needs_no_explanation(api: Api, ada: Account, room: Account) -> None:
    """And the second attempt, for which the first one is in the way, has one."""
    given = booking("09:30", ("all", [ada, room]))
    assert (await api.data(BOOK, CLIENT_SECRET, input=given))["bookSlot"] == {"start": at("09:30")}
    given["event"]["eventId"] = "another"
    taken = (await api.data(BOOK, CLIENT_SECRET, input=given))["bookSlot"]
    [mine, _] = taken["explanation"]["members"]
    assert [each["events"] for each in mine["blocked"]] == [[{"eventId": "meeting"}]]


CREATE = """
mutation ($input: RealTimeSchedulingInput!) {
  realTimeScheduling(input: $input) {
    realTimeScheduling { realTimeSchedulingId explanation { summary members { freeMinutes } } }
  }
}
"""
GET = """
query ($id: ID!) {
  realTimeScheduling(realTimeSchedulingId: $id) { status explanation { summary relaxations { kind } } }
}
"""


async def test_a_link_with_nothing_to_offer_is_explained_to_its_application(
    api: Api, ada: Account, room: Account
) -> None:
    """From now on: what lies in the past is no longer offered, and a link whose time is over has no explanation."""
    await block(api, ada, "10:00", "12:00")
    given = {"availability": query(("all", [ada, room])), "event": {"eventId": "visit", "summary": "Visit"}}
    made = (await api.data(CREATE, CLIENT_SECRET, input=given))["realTimeScheduling"]["realTimeScheduling"]
    assert made["explanation"] == {
        "summary": "There is one time, on Tuesday, 19 January 2027 at 09:00 UTC; without Ada there would be 3 times, a "
        "further one on Tuesday, 19 January 2027 at 10:00 UTC.",
        "members": [{"freeMinutes": 60}, {"freeMinutes": 180}],
    }
    link = made["realTimeSchedulingId"]
    api.now = parse_instant(at("09:30"))
    late = (await api.data(GET, CLIENT_SECRET, id=link))["realTimeScheduling"]
    assert late["explanation"]["summary"].startswith("Ada is busy and never free for 1 hour; without Ada")
    api.now = parse_instant(at("12:30"))
    over = (await api.data(GET, CLIENT_SECRET, id=link))["realTimeScheduling"]
    assert over == {"status": "OPEN", "explanation": None}


CHANGED = """
subscription ($input: AvailabilityInput!) {
  availabilityChanged(input: $input) {
    availableSlots { start }
    explanation { members { blocked { end events { summary } } } }
  }
}
"""


async def test_a_subscription_sends_an_explanation_again_when_it_changes(database_url: str) -> None:
    """Though the openings are the same: when an event is moved or renamed."""
    async with live_server(database_url) as live:
        ada = await live.api.application_calendar("ada")
        event = {"eventId": "e", "summary": "One", "start": at("09:00"), "end": at("11:30")}
        given = {"calendarId": ada.calendar_id, "events": [event]}
        await live.api.data(UPSERT_EVENTS, ada.token, input=given)

        def explained(answer: dict[str, Any]) -> list[tuple[str, str]]:
            changed = answer["data"]["availabilityChanged"]
            assert changed["availableSlots"] == []
            [member] = changed["explanation"]["members"]
            return [(each["end"], event["summary"]) for each in member["blocked"] for event in each["events"]]

        async with live.subscribe(CHANGED, input=query(("all", [ada]))) as ws:
            assert explained(await ws.next_result()) == [(at("11:30"), "One")]
            event["summary"] = "Two"
            await live.api.data(UPSERT_EVENTS, ada.token, input=given)
            assert explained(await ws.next_result()) == [(at("11:30"), "Two")]
            event["end"] = at("12:00")
            await live.api.data(UPSERT_EVENTS, ada.token, input=given)
            assert explained(await ws.next_result()) == [(at("12:00"), "Two")]
            elsewhere = {
                "eventId": "f",
                "summary": "Far",
                "start": "2027-05-01T09:00:00Z",
                "end": "2027-05-01T10:00:00Z",
            }
            await live.api.data(UPSERT_EVENTS, ada.token, input={**given, "events": [elsewhere]})
            await ws.expect_silence()
