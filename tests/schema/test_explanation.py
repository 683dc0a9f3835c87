"""Explanations through GraphQL: what the core works out is read, by whom, and together with the answer."""

from typing import Any

import pytest

from core.instants import parse_instant
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import UPSERT_EVENTS
from tests.support.live_clients import live_server

EXPLAINED = """
query ($input: AvailabilityInput!) {
  availability(input: $input) {
    availableSlots { start }
    explanation {
      summary
      picture
      members {
        sub
        group
        account { name accountId }
        freeMinutes
        heldBackMinutes
        blocked { start end reason events { eventId summary } }
      }
      relaxations { kind sub group minutes count opening { start end participants { sub } } }
    }
  }
}
"""
SUMMARY = "query ($input: AvailabilityInput!) { availability(input: $input) { explanation { summary } } }"
BLOCKED = """
query ($input: AvailabilityInput!) {
  availability(input: $input) {
    explanation { members { sub blocked { start end reason events { eventId } } } }
  }
}
"""
USER = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken refreshToken } }"
CALENDARS = "{ calendars { calendarId } }"
MORNING = {"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T12:00:00Z"}


def at(clock: str) -> str:
    return f"2027-01-19T{clock}:00Z"


async def user(api: Api, account_id: str, name: str | None, scope: str = "read_write") -> Account:
    given = {**api.credentials, "kind": "USER", "accountId": account_id, "name": name, "scope": scope}
    made = (await api.data(USER, input=given))["account"]
    [calendar] = (await api.data(CALENDARS, made["accessToken"]))["calendars"]
    return Account(made["sub"], made["accessToken"], made["refreshToken"], calendar["calendarId"])


async def block(api: Api, whose: Account, start: str, end: str, **more: Any) -> None:
    event = {"eventId": f"{start}-{end}", "summary": "Secret", "start": at(start), "end": at(end), **more}
    await api.data(UPSERT_EVENTS, whose.token, input={"calendarId": whose.calendar_id, "events": [event]})


def query(*groups: tuple[str | int, list[Any]], **more: Any) -> dict[str, Any]:
    members = [[member if isinstance(member, dict) else {"sub": member.sub} for member in group] for _, group in groups]
    return {
        "participants": [
            {"required": required, "members": given} for (required, _), given in zip(groups, members, strict=True)
        ],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [MORNING],
        "responseFormat": "SLOTS",
        **more,
    }


@pytest.fixture
async def ada(api: Api) -> Account:
    return await user(api, "ada-1", "Ada")


@pytest.fixture
async def room(api: Api) -> Account:
    return await api.application_calendar("red")


async def explanation(api: Api, token: str, document: str = EXPLAINED, **given: Any) -> dict[str, Any]:
    return (await api.data(document, token, input=given))["availability"]["explanation"]


async def test_an_answer_is_explained_to_the_application(api: Api, ada: Account, room: Account) -> None:
    """Who is in the way, by which event, and what would help."""
    await block(api, ada, "09:00", "10:30", summary="Dentist")
    await block(api, room, "10:30", "12:00")
    found = await api.data(EXPLAINED, CLIENT_SECRET, input=query(("all", [ada, room])))
    assert found["availability"]["availableSlots"] == []
    assert found["availability"]["explanation"] == {
        "summary": "Ada is busy whenever red is free for 1 hour; without Ada there would be one time, on Tuesday, "
        "19 January 2027 at 09:00 UTC.",
        "picture": """\
Tuesday 2027-01-19 in Etc/UTC (UTC+00:00)
09:00 every 30 minutes
slots of 60 minutes
query  ######
Ada    ###...
red    ...###
=      ......""",
        "members": [
            {
                "sub": ada.sub,
                "group": 0,
                "account": {"name": "Ada", "accountId": "ada-1"},
                "freeMinutes": 90,
                "heldBackMinutes": 31,
                "blocked": [
                    {
                        "start": at("09:00"),
                        "end": at("10:30"),
                        "reason": "BUSY",
                        "events": [{"eventId": "09:00-10:30", "summary": "Dentist"}],
                    }
                ],
            },
            {
                "sub": room.sub,
                "group": 0,
                "account": {"name": None, "accountId": "red"},
                "freeMinutes": 90,
                "heldBackMinutes": 31,
                "blocked": [
                    {
                        "start": at("10:30"),
                        "end": at("12:00"),
                        "reason": "BUSY",
                        "events": [{"eventId": "10:30-12:00", "summary": "Secret"}],
                    }
                ],
            },
        ],
        "relaxations": [
            {
                "kind": "WITHOUT_MEMBER",
                "sub": ada.sub,
                "group": None,
                "minutes": None,
                "count": 1,
                "opening": {"start": at("09:00"), "end": at("10:00"), "participants": [{"sub": room.sub}]},
            },
            {
                "kind": "FEWER_REQUIRED",
                "sub": None,
                "group": 0,
                "minutes": None,
                "count": 2,
                "opening": {"start": at("09:00"), "end": at("10:00"), "participants": [{"sub": room.sub}]},
            },
            {
                "kind": "WITHOUT_MEMBER",
                "sub": room.sub,
                "group": None,
                "minutes": None,
                "count": 1,
                "opening": {"start": at("10:30"), "end": at("11:30"), "participants": [{"sub": ada.sub}]},
            },
            {
                "kind": "LATER",
                "sub": None,
                "group": None,
                "minutes": None,
                "count": 20,
                "opening": {
                    "start": at("12:00"),
                    "end": at("13:00"),
                    "participants": [{"sub": ada.sub}, {"sub": room.sub}],
                },
            },
        ],
    }


async def test_an_account_learns_no_more_of_others_than_when_they_are_busy(
    api: Api, ada: Account, room: Account
) -> None:
    """Not their names, nor by what: its own events and name it reads."""
    await block(api, ada, "09:00", "10:00")
    await block(api, ada, "09:30", "10:30")
    await block(api, room, "10:00", "11:00")
    await block(api, room, "10:30", "12:00")
    given = query(("all", [ada, room]))
    found = await explanation(api, ada.token, **given)
    assert [(each["start"], each["end"], each["events"]) for each in found["members"][0]["blocked"]] == [
        (at("09:00"), at("09:30"), [{"eventId": "09:00-10:00", "summary": "Secret"}]),
        (
            at("09:30"),
            at("10:00"),
            [{"eventId": "09:00-10:00", "summary": "Secret"}, {"eventId": "09:30-10:30", "summary": "Secret"}],
        ),
        (at("10:00"), at("10:30"), [{"eventId": "09:30-10:30", "summary": "Secret"}]),
    ]
    assert [each["account"] is None for each in found["members"]] == [False, True]
    assert [(each["start"], each["end"], each["events"]) for each in found["members"][1]["blocked"]] == [
        (at("10:00"), at("12:00"), None)
    ]
    assert found["picture"].splitlines()[4:] == [
        "Ada                  #=#...",
        "member 2 of group 1  ..####",
        "=                    ......",
    ]
    assert "red" not in str(found)


async def test_a_token_without_read_events_reads_none(api: Api, room: Account) -> None:
    """Though it may ask when its account is free."""
    eve = await user(api, "eve", "Eve")
    await block(api, eve, "09:00", "10:00")
    token = (await user(api, "eve", "Eve", "free_busy")).token
    found = await explanation(api, token, BLOCKED, **query(("all", [eve, room])))
    assert found["members"][0]["blocked"] == [
        {"start": at("09:00"), "end": at("10:00"), "reason": "BUSY", "events": None}
    ]


async def test_a_stored_answer_is_not_given_to_a_caller_who_may_read_less(
    api: Api, ada: Account, room: Account
) -> None:
    """The same request, by the application and then by an account, and again."""
    await block(api, room, "09:00", "12:00")
    given = query(("all", [ada, room]))
    for _ in range(2):
        mine = await explanation(api, CLIENT_SECRET, BLOCKED, **given)
        theirs = await explanation(api, ada.token, BLOCKED, **given)
        assert [each["events"] for each in mine["members"][1]["blocked"]] == [[{"eventId": "09:00-12:00"}]]
        assert [each["events"] for each in theirs["members"][1]["blocked"]] == [None]


async def test_a_stored_answer_follows_every_write(api: Api, ada: Account, room: Account) -> None:
    """Of events, of hours, and of names; a name is in no version of a calendar."""
    given = query(("all", [{"sub": ada.sub, "managedAvailability": True}, room]))
    await block(api, ada, "09:00", "12:00")
    one_time = "there would be 3 times, the first on Tuesday, 19 January 2027 at 09:00 UTC."
    for _ in range(2):
        found = await explanation(api, CLIENT_SECRET, SUMMARY, **given)
        assert found["summary"] == f"Ada is busy and never free for 1 hour; without Ada {one_time}"
    await user(api, "ada-1", "Ada L")
    found = await explanation(api, CLIENT_SECRET, SUMMARY, **given)
    assert found["summary"] == f"Ada L is busy and never free for 1 hour; without Ada L {one_time}"
    period = {"availablePeriodId": "p", "start": at("09:00"), "end": at("09:30")}
    upsert = "mutation ($input: UpsertAvailablePeriodInput!) { upsertAvailablePeriod(input: $input) { __typename } }"
    await api.data(upsert, ada.token, input=period)
    found = await explanation(api, CLIENT_SECRET, BLOCKED, **given)
    assert [each["reason"] for each in found["members"][0]["blocked"]] == ["BUSY", "OUTSIDE_HOURS"]


async def test_tentative_and_excluded_events_and_other_calendars(api: Api, ada: Account) -> None:
    """What does not block is not among the events of a blocked span."""
    await block(api, ada, "09:00", "10:00", status="TENTATIVE")
    await block(api, ada, "09:00", "11:00")
    await block(api, ada, "09:30", "11:30")
    await block(api, ada, "09:00", "12:00", transparency="TRANSPARENT")
    member = {"sub": ada.sub, "ignoreTentative": True}
    given = query(("all", [member]), excludedEvents=[{"eventId": "09:30-11:30"}])
    found = await explanation(api, CLIENT_SECRET, BLOCKED, **given)
    [ada_time] = found["members"]
    assert [(each["start"], each["end"], each["events"]) for each in ada_time["blocked"]] == [
        (at("09:00"), at("11:00"), [{"eventId": "09:00-11:00"}])
    ]


async def test_as_many_spans_and_events_as_are_asked_for(api: Api, ada: Account) -> None:
    """Under several aliases, too, and by variables: the largest number is loaded."""
    for start in ("09:00", "09:05", "09:10"):
        await block(api, ada, start, "12:00")
    document = """
    query ($input: AvailabilityInput!, $most: Int) {
      availability(input: $input) {
        explanation {
          ...all
          members { few: blocked(first: 1) { events(first: 1) { eventId } } }
        }
      }
    }
    fragment all on Explanation {
      members { all: blocked(first: 3) { one: events(first: 1) { eventId } events(first: $most) { eventId } } }
    }
    """
    found = (await api.data(document, CLIENT_SECRET, input=query(("all", [ada])), most=3))["availability"][
        "explanation"
    ]
    [member] = found["members"]
    assert [len(each["events"]) for each in member["all"]] == [1, 2, 3]
    assert [len(each["one"]) for each in member["all"]] == [1, 1, 1]
    assert member["few"] == [{"events": [{"eventId": "09:00-12:00"}]}]


@pytest.mark.parametrize(
    ("field", "path", "key"),
    [
        ("members { blocked(first: 0) { start } }", "first", "errors.too_few"),
        ("members { blocked(first: 1001) { start } }", "first", "errors.too_many"),
        ("members { blocked { events(first: 101) { eventId } } }", "first", "errors.too_many"),
        ('picture(tzid: "Mars/Base")', "tzid", "errors.invalid"),
        ("picture(width: 11)", "width", "errors.too_few"),
        ("picture(width: 289)", "width", "errors.too_many"),
    ],
)
async def test_bounds_of_lists_and_pictures(api: Api, ada: Account, field: str, path: str, key: str) -> None:
    """Each is refused in words, and takes only the answer with it that cannot be without it."""
    await block(api, ada, "09:00", "12:00")
    document = f"query ($input: AvailabilityInput!) {{ availability(input: $input) {{ explanation {{ {field} }} }} }}"
    refused = await api.refusal(document, CLIENT_SECRET, input=query(("all", [ada])))
    assert [each["key"] for each in refused["errors"][path]] == [key]


async def test_an_explanation_that_is_skipped_is_not_worked_out(api: Api, ada: Account) -> None:
    """By a directive; without the field the answer is the same as ever."""
    document = """
    query ($input: AvailabilityInput!, $with: Boolean!) {
      availability(input: $input) { availableSlots { start } explanation @include(if: $with) { summary } }
    }
    """
    given = query(("all", [ada]))
    without = await api.data(document, CLIENT_SECRET, **{"input": given, "with": False})
    assert "explanation" not in without["availability"]
    explained = await api.data(document, CLIENT_SECRET, **{"input": given, "with": True})
    assert explained["availability"]["explanation"]["summary"].startswith("There are 3 times")


async def test_later_times_are_read_with_stored_periods_of_the_time_after(api: Api, ada: Account) -> None:
    """A member that is available only next week."""
    period = {"availablePeriodId": "p", "start": "2027-01-26T09:00:00Z", "end": "2027-01-26T10:00:00Z"}
    upsert = "mutation ($input: UpsertAvailablePeriodInput!) { upsertAvailablePeriod(input: $input) { __typename } }"
    await api.data(upsert, ada.token, input=period)
    found = await explanation(api, CLIENT_SECRET, **query(("all", [{"sub": ada.sub, "managedAvailability": True}])))
    assert [(each["kind"], each["opening"]["start"]) for each in found["relaxations"]] == [
        ("IGNORING_HOURS", at("09:00")),
        ("LATER", "2027-01-26T09:00:00Z"),
    ]


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
