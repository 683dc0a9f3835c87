"""Accounts of users and resources, and the account of a token."""

import asyncio
from typing import Any

import pytest

from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import (
    AVAILABILITY_PERIODS,
    CALENDARS,
    REFRESH_TOKEN,
    REVOKE_AUTHORIZATION,
    UPSERT_EVENT,
)

ACCOUNT = """
mutation ($input: AccountInput!) {
  account(input: $input) {
    tokenType
    accessToken
    expiresIn
    refreshToken
    scope
    sub
    applicationCalendarId
    linkingProfile { providerName profileId profileName }
  }
}
"""

USER_INFO = """
{
  userInfo {
    sub kind name email zoneinfo applicationCalendarId scope
    calendars { calendarId calendarName calendarPrimary profileId profileName }
  }
}
"""

EVENTS = "{ events(input: {}) { nodes { eventId } } }"

CREDENTIALS = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}


def given(account_id: str = "ada", kind: str = "USER", **more: Any) -> dict[str, Any]:
    """The input of `account`."""
    return {**CREDENTIALS, "kind": kind, "accountId": account_id, **more}


def at(hour: int) -> str:
    """An instant on the day of these tests."""
    return f"2027-01-19T{hour:02}:00:00Z"


async def make(api: Api, account_id: str = "ada", kind: str = "USER", **more: Any) -> Account:
    """Creates an account of the tests' client, with its tokens."""
    made = (await api.data(ACCOUNT, input=given(account_id, kind, **more)))["account"]
    [calendar] = (await api.data(CALENDARS, made["accessToken"]))["calendars"]
    return Account(made["sub"], made["accessToken"], made["refreshToken"], calendar["calendarId"])


async def profile(api: Api, **more: Any) -> tuple[str | None, str | None, str]:
    """Name, email and zone of Ada after an upsert with these fields."""
    info = (await api.data(USER_INFO, (await make(api, **more)).token))["userInfo"]
    return info["name"], info["email"], info["zoneinfo"]


@pytest.mark.parametrize(("kind", "prefix"), [("USER", "acc_"), ("RESOURCE", "res_")])
async def test_an_account_is_created_by_the_first_call(api: Api, kind: str, prefix: str) -> None:
    """Like an application calendar: a profile named after the caller's id, and tokens; the sub shows the kind."""
    made = (await api.data(ACCOUNT, input=given("ada", kind)))["account"]
    assert made.pop("accessToken") != made.pop("refreshToken")
    assert made.pop("sub").startswith(prefix)
    assert made["linkingProfile"].pop("profileId").startswith("pro_")
    assert made == {
        "tokenType": "bearer",
        "expiresIn": 3600,
        "scope": "read_write",
        "applicationCalendarId": None,
        "linkingProfile": {"providerName": "cronofy", "profileName": "ada"},
    }


async def test_repeating_the_call_returns_the_same_account_and_new_tokens(api: Api) -> None:
    """An application need not store whether it has created the account. The older tokens stay valid."""
    first, again = await make(api), await make(api)
    assert (again.sub, again.calendar_id) == (first.sub, first.calendar_id)
    assert (again.token, again.refresh_token) != (first.token, first.refresh_token)
    assert await api.data(USER_INFO, first.token) == await api.data(USER_INFO, again.token)


async def test_ids_are_separate_for_each_kind_and_client(api: Api) -> None:
    """A user, a resource, an application calendar and another client's account may share an id."""
    red = [
        await make(api, "red", "USER"),
        await make(api, "red", "RESOURCE"),
        await api.application_calendar("red"),
        await api.application_calendar_of_another_client("red"),
    ]
    assert [someone.sub[:4] for someone in red] == ["acc_", "res_", "apc_", "apc_"]
    for part in ("sub", "token", "calendar_id"):
        assert len({getattr(someone, part) for someone in red}) == 4
    profiles = await api.rows("SELECT DISTINCT profile_id FROM accounts")
    assert len(profiles) == 4


async def test_concurrent_first_calls_create_one_account(api: Api) -> None:
    """Twenty concurrent requests with one id: one of them inserts, and all get the same account."""
    made = await asyncio.gather(*(make(api, name="Ada") for _ in range(20)))
    assert len({someone.sub for someone in made}) == len({someone.calendar_id for someone in made}) == 1
    assert len({someone.token for someone in made}) == 20
    assert await api.rows("SELECT count(*) FROM accounts") == await api.rows("SELECT count(*) FROM calendars") == [(1,)]


async def test_omitted_fields_keep_their_values(api: Api) -> None:
    """A caller that only wants a token need not send the name; null is the same as omitting a field."""
    assert await profile(api) == (None, None, "Etc/UTC")
    assert await profile(api, name="Ada", tzid="Europe/London") == ("Ada", None, "Europe/London")
    assert await profile(api, email="ada@example.com") == ("Ada", "ada@example.com", "Europe/London")
    assert await profile(api, name="Ada L.") == ("Ada L.", "ada@example.com", "Europe/London")
    assert await profile(api, name=None, email=None, tzid=None) == ("Ada L.", "ada@example.com", "Europe/London")


async def test_etc_utc_means_that_no_zone_was_given(api: Api) -> None:
    """The schema fills in that default, so it cannot be told from an omission. `UTC` sets UTC."""
    assert await profile(api, tzid="Asia/Kathmandu") == (None, None, "Asia/Kathmandu")
    assert await profile(api, tzid="Etc/UTC") == (None, None, "Asia/Kathmandu")
    assert await profile(api, tzid="UTC") == (None, None, "UTC")


async def test_all_problems_are_reported_at_once(api: Api) -> None:
    """Each with its path and key; nothing is created."""
    wrong = given("", name="n" * 256, email="ada at example.com", tzid="Mars/Olympus", scope="read_minds")
    refused = await api.refusal(ACCOUNT, input=wrong)
    assert refused["code"] == "UNPROCESSABLE"
    assert {path: [problem["key"] for problem in found] for path, found in refused["errors"].items()} == {
        "accountId": ["errors.required"],
        "name": ["errors.too_long"],
        "email": ["errors.invalid"],
        "tzid": ["errors.invalid"],
        "scope": ["errors.inclusion"],
    }
    assert await api.rows("SELECT count(*) FROM accounts") == [(0,)]


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [
        ("accountId", "x" * 256, "errors.too_long"),
        ("accountId", "a\u0000b", "errors.invalid"),
        ("name", "", "errors.required"),
        ("name", "a\u0000b", "errors.invalid"),
        ("email", "", "errors.invalid"),
        ("email", "ada@", "errors.invalid"),
        ("email", "ada@home@work", "errors.invalid"),
        ("email", "ada @example.com", "errors.invalid"),
        ("email", "a" * 250 + "@b.com", "errors.too_long"),
        ("tzid", "", "errors.invalid"),
        ("tzid", "europe/london", "errors.invalid"),
    ],
)
async def test_an_invalid_value_is_refused_and_nothing_is_changed(api: Api, field: str, value: str, key: str) -> None:
    """The other fields of the request are not applied either."""
    await make(api, name="Ada")
    refused = await api.refusal(ACCOUNT, input=given(name="Eve") | {field: value})
    assert {path: [problem["key"] for problem in found] for path, found in refused["errors"].items()} == {field: [key]}
    assert await api.rows("SELECT external_id, name FROM accounts") == [("ada", "Ada")]


async def test_application_calendar_is_not_an_account_kind(api: Api) -> None:
    """It has its own mutation. The enum has users and resources; any other value makes the operation invalid."""
    for kind in ("APPLICATION_CALENDAR", "user", "ROOM"):
        assert (await api.refusal(ACCOUNT, input=given(kind=kind)))["code"] == "BAD_REQUEST"
    kinds = await api.data('{ __type(name: "AccountKind") { enumValues { name } } }')
    assert kinds == {"__type": {"enumValues": [{"name": "USER"}, {"name": "RESOURCE"}]}}


async def test_a_wrong_secret_and_an_unknown_client_are_the_same_refusal(api: Api) -> None:
    """Checked before anything else, so that a stranger learns nothing."""
    wrong = given(email="none") | {"clientSecret": "guess"}
    answers = [await api(ACCOUNT, input=asked) for asked in (wrong, wrong | {"clientId": "nobody"})]
    assert answers[0]["data"] == {"account": None}
    assert answers[0]["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert answers[0] == answers[1]
    assert await api.rows("SELECT count(*) FROM accounts") == [(0,)]


async def test_user_info_describes_the_account_of_the_token(api: Api) -> None:
    """All of its profile, and its one calendar."""
    ada = await make(api, name="Ada", email="ada@example.com", tzid="Europe/London")
    info = (await api.data(USER_INFO, ada.token))["userInfo"]
    assert info["calendars"][0].pop("profileId").startswith("pro_")
    assert info == {
        "sub": ada.sub,
        "kind": "user",
        "name": "Ada",
        "email": "ada@example.com",
        "zoneinfo": "Europe/London",
        "applicationCalendarId": None,
        "scope": "read_write",
        "calendars": [
            {
                "calendarId": ada.calendar_id,
                "calendarName": "ada",
                "calendarPrimary": True,
                "profileName": "ada",
            }
        ],
    }


async def test_user_info_shows_the_kind(api: Api) -> None:
    """The application's id is shown for application calendars only, as documented."""
    found: list[tuple[str, str | None]] = []
    for someone in (await make(api, "red", "RESOURCE"), await api.application_calendar("stand-7")):
        info = (await api.data(USER_INFO, someone.token))["userInfo"]
        assert (info["sub"], [calendar["calendarId"] for calendar in info["calendars"]]) == (
            someone.sub,
            [someone.calendar_id],
        )
        found.append((info["kind"], info["applicationCalendarId"]))
    assert found == [("resource", None), ("application_calendar", "stand-7")]


async def test_user_info_needs_an_account_token(api: Api) -> None:
    """The client secret is valid, but belongs to no account."""
    assert (await api.refusal(USER_INFO))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(USER_INFO, "undefined"))["code"] == "UNAUTHENTICATED"
    assert await api.refusal(USER_INFO, CLIENT_SECRET) == {"code": "FORBIDDEN"}


async def test_users_and_resources_have_events_and_can_meet(api: Api) -> None:
    """Any account can be a member of a query; a token reads and writes its own account only."""
    people = [await make(api, "ada"), await make(api, "red", "RESOURCE"), await api.application_calendar("stand-7")]
    for hour, someone in zip((9, 11, 13), people, strict=True):
        event = {"eventId": f"at-{hour}", "summary": "Busy", "start": at(hour), "end": at(hour + 1)}
        upserted = await api.data(
            UPSERT_EVENT, someone.token, input={"calendarId": someone.calendar_id, "event": event}
        )
        assert upserted == {"upsertEvent": {"created": True}}
        assert await api.data(EVENTS, someone.token) == {"events": {"nodes": [{"eventId": f"at-{hour}"}]}}
    subs = [someone.sub for someone in people]
    question = {
        "participants": [{"required": "all", "members": [{"sub": sub} for sub in subs]}],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [{"start": at(9), "end": at(15)}],
    }
    everybody = [{"sub": sub} for sub in subs]
    for token in (CLIENT_SECRET, people[0].token, people[1].token):
        assert (await api.data(AVAILABILITY_PERIODS, token, input=question))["availability"]["availablePeriods"] == [
            {"start": at(10), "end": at(11), "participants": everybody},
            {"start": at(12), "end": at(13), "participants": everybody},
            {"start": at(14), "end": at(15), "participants": everybody},
        ]


async def test_revoking_disables_an_account_until_it_is_requested_again(api: Api) -> None:
    """By token or sub; afterwards its sub, calendar and profile are the same."""
    for by in ("token", "refresh_token", "sub"):
        ada, older = await make(api, name="Ada"), await make(api)
        named = {"sub": ada.sub} if by == "sub" else {"token": getattr(ada, by)}
        assert await api.data(REVOKE_AUTHORIZATION, input={**CREDENTIALS, **named}) == {
            "revokeAuthorization": {"revoked": True}
        }
        for token in (ada.token, older.token):
            assert (await api.refusal(USER_INFO, token))["code"] == "UNAUTHENTICATED"
        refused = await api.refusal(REFRESH_TOKEN, input={**CREDENTIALS, "refreshToken": older.refresh_token})
        assert refused["errors"]["refreshToken"][0]["key"] == "errors.unknown"
        regained = await make(api)
        assert (regained.sub, regained.calendar_id) == (ada.sub, ada.calendar_id)
        assert (await api.data(USER_INFO, regained.token))["userInfo"]["name"] == "Ada"


async def test_an_access_token_of_a_user_can_be_refreshed(api: Api) -> None:
    """After it has expired, with its refresh token."""
    ada = await make(api)
    api.now += 3600
    assert (await api.refusal(USER_INFO, ada.token))["code"] == "UNAUTHENTICATED"
    refreshed = (await api.data(REFRESH_TOKEN, input={**CREDENTIALS, "refreshToken": ada.refresh_token}))[
        "refreshToken"
    ]
    assert (refreshed["refreshToken"], refreshed["sub"]) == (ada.refresh_token, ada.sub)
    assert (await api.data(USER_INFO, refreshed["accessToken"]))["userInfo"]["sub"] == ada.sub
