"""Availability of members with working hours, through GraphQL. Their expansion is tested in tests/core."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import (
    AVAILABILITY_PERIODS_AND_SLOTS,
    CALENDARS,
    DELETE_AVAILABILITY_RULE,
    UPSERT_EVENT,
)

ACCOUNT = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken refreshToken } }"

UPSERT_RULE = """
mutation ($input: UpsertAvailabilityRuleInput!) {
  upsertAvailabilityRule(input: $input) { availabilityRule { availabilityRuleId } }
}
"""
UPSERT_PERIOD = """
mutation ($input: UpsertAvailablePeriodInput!) {
  upsertAvailablePeriod(input: $input) { availablePeriod { availablePeriodId } }
}
"""

#: a Tuesday
DAY = ("2027-01-19T00:00", "2027-01-20T00:00")


@pytest.fixture
async def ada(api: Api) -> Account:
    return await user(api, "ada")


@pytest.fixture
async def ben(api: Api) -> Account:
    return await user(api, "ben")


async def user(api: Api, account_id: str) -> Account:
    given = {**api.credentials, "kind": "USER", "accountId": account_id}
    made = (await api.data(ACCOUNT, input=given))["account"]
    [calendar] = (await api.data(CALENDARS, made["accessToken"]))["calendars"]
    return Account(made["sub"], made["accessToken"], made["refreshToken"], calendar["calendarId"])


async def keep(api: Api, whose: Account, tzid: str, *hours: str, rule: str = "default", **more: Any) -> None:
    """Upserts a rule of the account, with hours written as `monday 09:00 17:00`."""
    periods = [dict(zip(("day", "startTime", "endTime"), line.upper().split(), strict=True)) for line in hours]
    given = {"availabilityRuleId": rule, "tzid": tzid, "weeklyPeriods": periods, **more}
    await api.data(UPSERT_RULE, whose.token, input=given)


async def store(api: Api, whose: Account, start: str, end: str) -> None:
    """Upserts a stored period of the account."""
    given = {"availablePeriodId": start, "start": f"{start}:00Z", "end": f"{end}:00Z"}
    await api.data(UPSERT_PERIOD, whose.token, input=given)


async def block(api: Api, whose: Account, calendar_id: str, start: str, end: str) -> None:
    """Creates an event on the day, on one of the account's calendars."""
    event = {"eventId": start, "summary": "Busy", "start": f"2027-01-19T{start}:00Z", "end": f"2027-01-19T{end}:00Z"}
    await api.data(UPSERT_EVENT, whose.token, input={"calendarId": calendar_id, "event": event})


def managed(whose: Account, **more: Any) -> dict[str, Any]:
    return {"sub": whose.sub, "managedAvailability": True, **more}


def question(*members: dict[str, Any], required: str | int = "all", window: tuple[str, str] = DAY, **more: Any) -> Any:
    """The input for a meeting of one hour."""
    return {
        "participants": [{"required": required, "members": list(members)}],
        "requiredDuration": {"hours": 1},
        "queryPeriods": [{"start": f"{window[0]}:00Z", "end": f"{window[1]}:00Z"}],
        **more,
    }


async def ask(api: Api, *members: dict[str, Any], **more: Any) -> list[str]:
    """The answer, as lines such as `19 09:00 to 19 17:00`: days of the month and times in UTC."""
    answer = (await api.data(AVAILABILITY_PERIODS_AND_SLOTS, CLIENT_SECRET, input=question(*members, **more)))[
        "availability"
    ]
    found = answer["availablePeriods"] if answer["availableSlots"] is None else answer["availableSlots"]
    return [f"{clock(time['start'])} to {clock(time['end'])}" for time in found]


def clock(instant: str) -> str:
    return instant[8:16].replace("T", " ")


async def wrong(api: Api, *members: dict[str, Any]) -> dict[str, str]:
    """The key of each problem, by path."""
    refused = await api.refusal(AVAILABILITY_PERIODS_AND_SLOTS, CLIENT_SECRET, input=question(*members))
    assert refused["code"] == "UNPROCESSABLE"
    return {path: problem["key"] for path, [problem] in refused["errors"].items()}


async def test_hours_keep_their_local_time_when_clocks_go_forward(api: Api, ada: Account) -> None:
    """New York, 2027-03-14: nine to five is 14:00 to 22:00 UTC on Saturday, an hour earlier from Sunday on."""
    days = ("saturday", "sunday", "monday")
    await keep(api, ada, "America/New_York", *(f"{day} 09:00 17:00" for day in days))
    assert await ask(api, managed(ada), window=("2027-03-13T00:00", "2027-03-16T00:00")) == [
        "13 14:00 to 13 22:00",
        "14 13:00 to 14 21:00",
        "15 13:00 to 15 21:00",
    ]


async def test_hours_over_a_skipped_hour_are_shorter(api: Api, ada: Account) -> None:
    """From two to three is skipped: one to four lasts two hours, and from half past two is from three."""
    sunday = ("2027-03-14T00:00", "2027-03-15T00:00")
    await keep(api, ada, "America/New_York", "sunday 01:00 04:00")
    assert await ask(api, managed(ada), window=sunday) == ["14 06:00 to 14 08:00"]
    await keep(api, ada, "America/New_York", "sunday 02:30 05:00")
    assert await ask(api, managed(ada), window=sunday) == ["14 07:00 to 14 09:00"]
    await keep(api, ada, "America/New_York", "sunday 02:00 03:30")
    assert await ask(api, managed(ada), window=sunday, requiredDuration={"minutes": 1}) == ["14 07:00 to 14 07:30"]


async def test_hours_count_both_of_two_equal_local_times(api: Api, ada: Account) -> None:
    """New York, 2027-11-07: half past one comes twice, and the first half hour is too short for the meeting."""
    await keep(api, ada, "America/New_York", "sunday 01:30 09:00", "monday 01:30 09:00")
    assert await ask(api, managed(ada), window=("2027-11-07T00:00", "2027-11-09T00:00")) == [
        "07 06:30 to 07 14:00",
        "08 06:30 to 08 14:00",
    ]


@pytest.mark.parametrize(
    ("tzid", "answer"),
    [
        ("Asia/Kolkata", "19 03:30 to 19 11:30"),
        ("Asia/Kathmandu", "19 03:15 to 19 11:15"),
        ("Australia/Lord_Howe", "18 22:00 to 19 06:00"),
        ("America/St_Johns", "19 12:30 to 19 20:30"),
    ],
)
async def test_a_zone_may_have_an_offset_of_half_an_hour(api: Api, ada: Account, tzid: str, answer: str) -> None:
    """Nine to five on a Tuesday in that zone."""
    await keep(api, ada, tzid, "tuesday 09:00 17:00")
    assert await ask(api, managed(ada), window=("2027-01-18T12:00", "2027-01-20T12:00")) == [answer]


async def test_clocks_may_go_back_by_half_an_hour(api: Api, ada: Account) -> None:
    """Lord Howe Island, 2027-04-04: from eleven hours ahead to ten and a half."""
    await keep(api, ada, "Australia/Lord_Howe", "saturday 09:00 17:00", "monday 09:00 17:00")
    assert await ask(api, managed(ada), window=("2027-04-02T12:00", "2027-04-05T12:00")) == [
        "02 22:00 to 03 06:00",
        "04 22:30 to 05 06:30",
    ]


async def test_hours_to_midnight_join_those_of_the_next_day(api: Api, ada: Account) -> None:
    """24:00 is the midnight after, and a meeting may lie across it."""
    await keep(api, ada, "Europe/London", "monday 22:00 24:00", "tuesday 00:00 02:00")
    assert await ask(api, managed(ada), window=("2027-01-18T12:00", "2027-01-19T12:00")) == ["18 22:00 to 19 02:00"]


async def test_each_rule_has_its_own_zone_and_hours_are_united(api: Api, ada: Account) -> None:
    """Mornings in London, and days on which she works for New York."""
    await keep(api, ada, "Europe/London", "tuesday 09:00 12:00", rule="london")
    await keep(api, ada, "America/New_York", "tuesday 09:00 12:00", "tuesday 06:00 07:00", rule="new york")
    both = ["19 09:00 to 19 12:00", "19 14:00 to 19 17:00"]
    assert await ask(api, managed(ada)) == both
    assert await ask(api, managed(ada, availabilityRuleIds=None)) == both
    assert await ask(api, managed(ada, availabilityRuleIds=["new york", "london", "new york"])) == both
    assert await ask(api, managed(ada, availabilityRuleIds=["london"])) == ["19 09:00 to 19 12:00"]
    assert await ask(api, managed(ada, availabilityRuleIds=["new york"])) == [
        "19 11:00 to 19 12:00",
        "19 14:00 to 19 17:00",
    ]


async def test_an_account_without_rules_and_periods_is_not_restricted(api: Api, ada: Account) -> None:
    """Neither without any, nor with no rule selected, nor without managed availability."""
    always = ["19 00:00 to 20 00:00"]
    assert await ask(api, managed(ada)) == always
    await keep(api, ada, "Europe/London", "tuesday 09:00 17:00")
    assert await ask(api, managed(ada)) == ["19 09:00 to 19 17:00"]
    assert await ask(api, managed(ada, availabilityRuleIds=[])) == always
    assert await ask(api, {"sub": ada.sub}) == always
    assert await ask(api, {"sub": ada.sub, "availabilityRuleIds": ["default"]}) == always
    await api.data(DELETE_AVAILABILITY_RULE, ada.token, input={"availabilityRuleId": "default"})
    assert await ask(api, managed(ada)) == always


async def test_a_rule_without_hours_means_never_available(api: Api, ada: Account) -> None:
    """For someone on leave, who empties the rule instead of deleting it."""
    await keep(api, ada, "Europe/London")
    assert await ask(api, managed(ada)) == []


async def test_stored_periods_are_added_to_the_rules(api: Api, ada: Account) -> None:
    """A Saturday once, and an hour more on a day that has hours already."""
    await keep(api, ada, "Europe/London", "tuesday 09:00 17:00")
    await store(api, ada, "2027-01-19T17:00", "2027-01-19T18:30")
    await store(api, ada, "2027-01-23T10:00", "2027-01-23T12:00")
    week = ("2027-01-18T00:00", "2027-01-25T00:00")
    assert await ask(api, managed(ada), window=week) == ["19 09:00 to 19 18:30", "23 10:00 to 23 12:00"]
    assert await ask(api, managed(ada, availabilityRuleIds=[]), window=week) == [
        "19 17:00 to 19 18:30",
        "23 10:00 to 23 12:00",
    ]
    assert await ask(api, managed(ada), window=("2027-01-23T11:00", "2027-01-24T00:00")) == ["23 11:00 to 23 12:00"]


async def test_stored_periods_outside_the_window_mean_never_available(api: Api, ada: Account) -> None:
    """The account has declared its availability; periods that touch the window count as outside."""
    await store(api, ada, "2027-01-18T09:00", "2027-01-19T00:00")
    await store(api, ada, "2027-01-20T00:00", "2027-01-20T12:00")
    assert await ask(api, managed(ada)) == []
    assert await ask(api, {"sub": ada.sub}) == ["19 00:00 to 20 00:00"]


async def test_unknown_rules_are_reported_with_their_paths(api: Api, ada: Account, ben: Account) -> None:
    """Another account's rule is unknown too; reported together with all other problems."""
    await keep(api, ada, "Europe/London", "tuesday 09:00 17:00", rule="ada's")
    await keep(api, ben, "Europe/London", "tuesday 09:00 17:00", rule="ben's")
    members = (
        managed(ada, availabilityRuleIds=["ada's", "ben's", "a\u0000b"], calendarIds=[ben.calendar_id]),
        managed(ben, availabilityRuleIds=["ben's", "ada's"]),
        {"sub": "acc_000000000000000000000000", "managedAvailability": True, "availabilityRuleIds": ["ada's"]},
    )
    assert await wrong(api, *members) == {
        "participants[0].members[0].availabilityRuleIds[1]": "errors.unknown",
        "participants[0].members[0].availabilityRuleIds[2]": "errors.unknown",
        "participants[0].members[0].calendarIds[0]": "errors.unknown",
        "participants[0].members[1].availabilityRuleIds[1]": "errors.unknown",
        "participants[0].members[2].sub": "errors.unknown",
    }


SECOND_CALENDAR = """
INSERT INTO calendars (account_key, calendar_id, name, "primary", version)
SELECT account_key, 'cal_second_calendar', 'second', FALSE, 0 FROM calendars WHERE calendar_id = :first
"""


async def test_the_selected_rules_choose_the_calendars_unless_the_member_does(api: Api, ada: Account) -> None:
    """Events block on the calendars that the selected rules name, or on all if one names none."""
    async with api.db.writer.begin() as connection:
        await connection.execute(text(SECOND_CALENDAR), {"first": ada.calendar_id})
    first, second = ada.calendar_id, "cal_second_calendar"
    await block(api, ada, first, "10:00", "11:00")
    await block(api, ada, second, "13:00", "14:00")
    for name, calendar_ids in (("first", [first]), ("second", [second]), ("any", None)):
        await keep(api, ada, "UTC", "tuesday 09:00 15:00", rule=name, calendarIds=calendar_ids)

    not_first = ["19 09:00 to 19 10:00", "19 11:00 to 19 15:00"]
    not_second = ["19 09:00 to 19 13:00", "19 14:00 to 19 15:00"]
    neither = ["19 09:00 to 19 10:00", "19 11:00 to 19 13:00", "19 14:00 to 19 15:00"]
    for rule_ids, answer in (
        (["first"], not_first),
        (["second"], not_second),
        (["first", "second"], neither),
        (["first", "any"], neither),
        (None, neither),
    ):
        assert await ask(api, managed(ada, availabilityRuleIds=rule_ids)) == answer
    for calendar_ids, answer in (([second], not_second), ([], ["19 09:00 to 19 15:00"]), (None, not_first)):
        assert await ask(api, managed(ada, availabilityRuleIds=["first"], calendarIds=calendar_ids)) == answer
    no_rule = await ask(api, managed(ada, availabilityRuleIds=[]))
    assert no_rule == ["19 00:00 to 19 10:00", "19 11:00 to 19 13:00", "19 14:00 to 20 00:00"]


async def test_a_members_available_periods_are_intersected_with_its_hours(api: Api, ada: Account) -> None:
    """Both the query's and the account's restriction apply."""
    await keep(api, ada, "UTC", "tuesday 09:00 12:00", "tuesday 13:00 17:00")
    own = [{"start": "2027-01-19T11:00:00Z", "end": "2027-01-19T14:30:00Z"}]
    assert await ask(api, managed(ada, availablePeriods=own)) == ["19 11:00 to 19 12:00", "19 13:00 to 19 14:30"]


async def test_buffers_apply_to_events_and_not_to_the_bounds_of_hours(api: Api, ada: Account) -> None:
    """A meeting may begin when the hours do; an event outside of the hours still has its buffer."""
    await keep(api, ada, "UTC", "tuesday 09:00 17:00")
    await block(api, ada, ada.calendar_id, "17:30", "18:00")
    buffer = {"before": {"hours": 1}, "after": {"hours": 1}}
    assert await ask(api, managed(ada), buffer=buffer) == ["19 09:00 to 19 16:30"]


async def test_members_with_and_without_hours_can_meet(api: Api, ada: Account, ben: Account) -> None:
    """Ada in London, Ben in New York, a room without hours, and a stand whose hours the query ignores."""
    room, stand = await api.application_calendar("room"), await api.application_calendar("stand")
    await keep(api, ada, "Europe/London", "tuesday 09:00 17:00")
    await keep(api, ben, "America/New_York", "tuesday 09:00 17:00")
    await keep(api, stand, "Europe/London", "monday 09:00 17:00")
    await block(api, room, room.calendar_id, "15:00", "16:00")
    members = (managed(ada), managed(ben), managed(room), {"sub": stand.sub})
    assert await ask(api, *members) == ["19 14:00 to 19 15:00", "19 16:00 to 19 17:00"]
    given = question(*members[:2], required=1)
    found = (await api.data(AVAILABILITY_PERIODS_AND_SLOTS, ada.token, input=given))["availability"]["availablePeriods"]
    assert [(time["start"][11:16], [who["sub"] for who in time["participants"]]) for time in found] == [
        ("09:00", [ada.sub]),
        ("14:00", [ben.sub]),
    ]
    assert await ask(api, managed(ada), managed(stand)) == []


async def test_hours_are_applied_per_member_of_a_group(api: Api, ada: Account) -> None:
    """An account may count with its hours in one group and without in another."""
    await keep(api, ada, "UTC", "tuesday 09:00 10:00", rule="early")
    await keep(api, ada, "UTC", "tuesday 09:30 12:00", rule="late")
    await store(api, ada, "2027-01-19T20:00", "2027-01-19T21:00")
    groups = [
        {"required": "all", "members": [member]}
        for member in (
            managed(ada, availabilityRuleIds=["early"]),
            managed(ada, availabilityRuleIds=["late"]),
            {"sub": ada.sub},
        )
    ]
    assert await ask(api, participants=groups, requiredDuration={"minutes": 15}) == [
        "19 09:30 to 19 10:00",
        "19 20:00 to 19 21:00",
    ]


async def test_query_slots_must_lie_within_the_hours(api: Api, ada: Account) -> None:
    """Completely, from start to end."""
    await keep(api, ada, "Asia/Kolkata", "tuesday 09:00 17:00")
    starts = ("03:29", "03:30", "10:30", "10:31")
    slots = [{"start": f"2027-01-19T{start}:00Z"} for start in starts]
    found = await ask(api, managed(ada), queryPeriods=None, querySlots=slots)
    assert found == ["19 03:30 to 19 04:30", "19 10:30 to 19 11:30"]
