"""Explanations through GraphQL: what the core works out is read, by whom, and together with the answer."""

from typing import Any

import pytest

from core.instants import parse_instant
from db import clients
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api
from tests.support.explained import at, block, query, user

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


@pytest.mark.parametrize("permissions", [["AVAILABILITY"], ["AVAILABILITY", "AGENDA"]])
async def test_an_element_token_reads_names_and_with_agenda_the_events_of_its_first_account(
    api: Api, ada: Account, room: Account, permissions: list[str]
) -> None:
    """It may know the names of all of its accounts."""
    await block(api, ada, "09:00", "12:00")
    await block(api, room, "09:00", "12:00")
    given = {"permissions": permissions, "subs": [ada.sub, room.sub], "origin": "https://shop.example"}
    document = "mutation ($input: ElementTokenInput!) { elementToken(input: $input) { elementToken { token } } }"
    made = (await api.data(document, CLIENT_SECRET, input=given))["elementToken"]["elementToken"]
    headers = {"Authorization": f"Bearer {made['token']}", "Origin": "https://shop.example"}
    body = {"query": EXPLAINED, "variables": {"input": query(("all", [ada, room]))}}
    answer = (await api.http.post("/graphql", json=body, headers=headers)).json()
    found = answer["data"]["availability"]["explanation"]
    assert found["summary"].startswith("Ada and member 2 of group 1 are never free for 1 hour")
    events = [[each["events"] for each in member["blocked"]] for member in found["members"]]
    mine = [{"eventId": "09:00-12:00", "summary": "Secret"}] if "AGENDA" in permissions else None
    assert events == [[mine], [None]]


async def test_graphql_core_gives_the_same_explanation(database_url: str) -> None:
    """Without compiled functions, where variables and arguments are read in another way."""
    answers = []
    for compiled in (True, False):
        async with Api.open(database_url, parse_instant("2027-01-01T00:00:00Z"), compiled=compiled) as api:
            async with api.db.write() as session:
                await clients.ensure(session, api.db.encryption, CLIENT_ID, CLIENT_SECRET, api.now, name="Tests")
            ada = await user(api, "ada-1", "Ada")
            await block(api, ada, "09:00", "12:00")
            document = """
            query ($input: AvailabilityInput!, $few: Int!, $with: Boolean!) {
              availability(input: $input) {
                explanation {
                  summary @include(if: $with)
                  members { blocked(first: 2) @include(if: $with) { events(first: $few) { eventId } } }
                }
              }
            }
            """
            given = {"input": query(("all", [ada])), "few": 2, "with": True}
            answers.append(await api.data(document, CLIENT_SECRET, **given))
    assert answers[0] == answers[1]
    [member] = answers[0]["availability"]["explanation"]["members"]
    assert member["blocked"] == [{"events": [{"eventId": "09:00-12:00"}]}]
