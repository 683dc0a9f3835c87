"""Calendars of users and resources: created and deleted by their account."""

from typing import Any

from core.accounts import MAX_CALENDARS
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import availability_input, create_account, event_input
from tests.support.graphql_queries import (
    AVAILABILITY_PERIOD_STARTS,
    UPSERT_AVAILABILITY_RULE,
    UPSERT_EVENT,
)

CREATE = """
mutation ($input: CreateCalendarInput!) {
  createCalendar(input: $input) { calendar { id calendarId calendarName calendarPrimary account { sub } } }
}
"""
DELETE = "mutation ($input: DeleteCalendarInput!) { deleteCalendar(input: $input) { deleted } }"
NAMES = "{ calendars { calendarName calendarPrimary } }"


async def create(api: Api, whose: Account, name: str) -> str:
    """Creates a calendar, and returns its id."""
    return (await api.data(CREATE, whose.token, input={"name": name}))["createCalendar"]["calendar"]["id"]


async def starts(api: Api, whose: Account) -> list[str]:
    found = await api.data(AVAILABILITY_PERIOD_STARTS, CLIENT_SECRET, input=availability_input(whose))
    return [period["start"][11:16] for period in found["availability"]["availablePeriods"]]


async def test_a_user_creates_a_calendar_whose_events_block(api: Api) -> None:
    """Beside the primary one, also for answers that were cached before."""
    ada = await create_account(api, "ada")
    assert await starts(api, ada) == ["09:00"]
    made = (await api.data(CREATE, ada.token, input={"name": "Private"}))["createCalendar"]["calendar"]
    assert made == {
        "id": made["calendarId"],
        "calendarId": made["calendarId"],
        "calendarName": "Private",
        "calendarPrimary": False,
        "account": {"sub": ada.sub},
    }
    event = event_input("e", "2027-01-19T09:00:00Z", "2027-01-19T10:00:00Z")
    await api.data(UPSERT_EVENT, ada.token, input={"calendarId": made["id"], "event": event})
    assert await starts(api, ada) == ["10:00"]
    assert (await api.data(NAMES, ada.token))["calendars"] == [
        {"calendarName": "ada", "calendarPrimary": True},
        {"calendarName": "Private", "calendarPrimary": False},
    ]


async def test_a_deleted_calendar_is_gone_with_its_events(api: Api) -> None:
    """Its time is free again, its id unknown; deleting it again succeeds, and so does another's id."""
    ada, ben = await create_account(api, "ada"), await create_account(api, "ben")
    calendar_id = await create(api, ada, "Private")
    event = event_input("e", "2027-01-19T09:00:00Z", "2027-01-19T10:00:00Z")
    await api.data(UPSERT_EVENT, ada.token, input={"calendarId": calendar_id, "event": event})
    assert await starts(api, ada) == ["10:00"]
    assert await api.data(DELETE, ben.token, input={"calendarId": calendar_id}) == {
        "deleteCalendar": {"deleted": False}
    }
    for deleted in (True, False):
        answer = await api.data(DELETE, ada.token, input={"calendarId": calendar_id})
        assert answer == {"deleteCalendar": {"deleted": deleted}}
    assert await starts(api, ada) == ["09:00"]
    assert await api.rows("SELECT count(*) FROM events") == [(0,)]
    refused = await api.refusal(UPSERT_EVENT, ada.token, input={"calendarId": calendar_id, "event": event})
    assert refused["code"] == "NOT_FOUND"
    assert await api.data(DELETE, ada.token, input={"calendarId": "\0"}) == {"deleteCalendar": {"deleted": False}}
    # SQLite may give the key of the deleted calendar to this one: what was cached under it must not be found.
    await create(api, ada, "Private")
    assert await starts(api, ada) == ["09:00"]


async def test_the_primary_calendar_and_one_of_a_rule_stay(api: Api) -> None:
    """A rule without its calendar would apply to none, and the account would be free at all its events."""
    ada = await create_account(api, "ada")
    calendar_id = await create(api, ada, "Private")
    rule: dict[str, Any] = {"availabilityRuleId": "hours", "tzid": "UTC", "weeklyPeriods": []}
    await api.data(UPSERT_AVAILABILITY_RULE, ada.token, input={**rule, "calendarIds": [calendar_id]})
    for refused_id in (ada.calendar_id, calendar_id):
        refused = await api.refusal(DELETE, ada.token, input={"calendarId": refused_id})
        assert {path: found[0]["key"] for path, found in refused["errors"].items()} == {"calendarId": "errors.conflict"}
    await api.data(UPSERT_AVAILABILITY_RULE, ada.token, input=rule)
    assert await api.data(DELETE, ada.token, input={"calendarId": calendar_id}) == {"deleteCalendar": {"deleted": True}}


async def test_an_application_calendar_has_exactly_one(api: Api, store: Account) -> None:
    refused = await api(CREATE, store.token, input={"name": "Another"})
    [error] = refused["errors"]
    assert (error["extensions"]["code"], error["path"]) == ("FORBIDDEN", ["createCalendar"])
    assert "exactly one" in error["message"]
    assert await api.refusal(CREATE, CLIENT_SECRET, input={"name": "Another"}) == {"code": "FORBIDDEN"}


async def test_a_calendar_needs_a_name_of_its_own(api: Api) -> None:
    """So a request that is repeated after a lost answer does not make a second calendar; and there is a limit."""
    ada = await create_account(api, "ada", "RESOURCE")
    await create(api, ada, "Private")
    for name, key in (
        ("", "errors.required"),
        ("x" * 256, "errors.too_long"),
        ("a\0", "errors.invalid"),
        ("Private", "errors.duplicate"),
        ("ada", "errors.duplicate"),
    ):
        refused = await api.refusal(CREATE, ada.token, input={"name": name})
        assert [problem["key"] for problem in refused["errors"]["name"]] == [key], name
    for number in range(MAX_CALENDARS - 2):
        await create(api, ada, f"Calendar {number}")
    refused = await api.refusal(CREATE, ada.token, input={"name": "One more"})
    assert [problem["key"] for problem in refused["errors"]["name"]] == ["errors.too_many"]
    assert len((await api.data(NAMES, ada.token))["calendars"]) == MAX_CALENDARS
