"""Application calendars and their tokens."""

import asyncio

from core.accounts import TOKEN_LIFETIME
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Api
from tests.support.graphql_queries import REFRESH_TOKEN, REVOKE_AUTHORIZATION

APPLICATION_CALENDAR = """
mutation ($input: ApplicationCalendarInput!) {
  applicationCalendar(input: $input) {
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

CALENDARS = "{ calendars { calendarId calendarName calendarPrimary calendarReadonly calendarDeleted providerName } }"

CREDENTIALS = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}


async def test_an_application_calendar_is_created_by_the_first_call(api: Api) -> None:
    """One call returns an account, a profile named after the caller's id, and tokens."""
    data = await api.data(APPLICATION_CALENDAR, input={**CREDENTIALS, "applicationCalendarId": "store-42"})
    made = data["applicationCalendar"]
    assert made.pop("accessToken") != made.pop("refreshToken")
    assert made.pop("sub").startswith("apc_")
    assert made["linkingProfile"].pop("profileId").startswith("pro_")
    assert made == {
        "tokenType": "bearer",
        "expiresIn": 3600,
        "scope": "read_write",
        "applicationCalendarId": "store-42",
        "linkingProfile": {"providerName": "cronofy", "profileName": "store-42"},
    }


async def test_repeating_the_call_returns_the_same_account_and_new_tokens(api: Api) -> None:
    """An application need not store whether it has created the account. The older tokens stay valid."""
    first = await api.application_calendar("store-42")
    again = await api.application_calendar("store-42")
    assert (again.sub, again.calendar_id) == (first.sub, first.calendar_id)
    assert again.token != first.token
    assert await api.data(CALENDARS, first.token) == await api.data(CALENDARS, again.token)


async def test_it_has_one_primary_calendar(api: Api) -> None:
    """It is one calendar."""
    someone = await api.application_calendar("store-42")
    assert await api.data(CALENDARS, someone.token) == {
        "calendars": [
            {
                "calendarId": someone.calendar_id,
                "calendarName": "store-42",
                "calendarPrimary": True,
                "calendarReadonly": False,
                "calendarDeleted": False,
                "providerName": "cronofy",
            }
        ]
    }


async def test_concurrent_first_calls_create_one_account(api: Api) -> None:
    """Twenty concurrent requests with one id: the database lets one of them insert."""
    made = await asyncio.gather(*(api.application_calendar("store-42") for _ in range(20)))
    assert len({someone.sub for someone in made}) == 1
    assert len({someone.calendar_id for someone in made}) == 1
    assert await api.rows("SELECT count(*) FROM accounts") == await api.rows("SELECT count(*) FROM calendars") == [(1,)]


async def test_a_wrong_secret_and_an_unknown_client_are_the_same_refusal(api: Api) -> None:
    """Guessing reveals nothing about which ids exist."""
    wrong = {"clientId": CLIENT_ID, "clientSecret": "guess", "applicationCalendarId": "store-42"}
    unknown = {**wrong, "clientId": "nobody"}
    odd = {**wrong, "clientId": "no\u0000body"}
    answers = [await api(APPLICATION_CALENDAR, input=given) for given in (wrong, unknown, odd)]
    assert answers[0]["data"] == {"applicationCalendar": None}
    assert answers[0]["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert answers[0] == answers[1] == answers[2]


async def test_an_invalid_id_is_reported_with_its_path(api: Api) -> None:
    """Empty, too long, or with a character that databases cannot store."""
    for bad, key in (("", "errors.required"), ("x" * 256, "errors.too_long"), ("a\u0000b", "errors.invalid")):
        refused = await api.refusal(APPLICATION_CALENDAR, input={**CREDENTIALS, "applicationCalendarId": bad})
        assert refused["code"] == "UNPROCESSABLE"
        assert [problem["key"] for problem in refused["errors"]["applicationCalendarId"]] == [key]


async def test_only_digests_of_secrets_are_stored(api: Api) -> None:
    """Reading the database does not allow acting as an account."""
    someone = await api.application_calendar("store-42")
    kept = [
        bytes(row[0]) for row in await api.rows("SELECT digest FROM tokens UNION SELECT secret_digest FROM clients")
    ]
    assert len(kept) == 3
    assert all(len(digest) == 32 for digest in kept)
    for secret in (someone.token, someone.refresh_token, CLIENT_SECRET):
        assert not any(secret.encode() in digest for digest in kept)


async def test_an_access_token_lives_for_an_hour_and_is_refreshed(api: Api) -> None:
    """It is valid up to its last second; the refresh token returns a new one and stays valid."""
    someone = await api.application_calendar("store-42")
    api.now += TOKEN_LIFETIME - 1
    await api.data(CALENDARS, someone.token)
    api.now += 1
    answer = await api(CALENDARS, someone.token)
    assert answer["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert "expired" in answer["errors"][0]["message"]

    refreshed = (await api.data(REFRESH_TOKEN, input={**CREDENTIALS, "refreshToken": someone.refresh_token}))[
        "refreshToken"
    ]
    assert (refreshed["refreshToken"], refreshed["sub"]) == (someone.refresh_token, someone.sub)
    await api.data(CALENDARS, refreshed["accessToken"])


async def test_an_unknown_refresh_token_is_refused(api: Api) -> None:
    """An access token is no refresh token."""
    someone = await api.application_calendar("store-42")
    for token in ("nonsense", someone.token):
        refused = await api.refusal(REFRESH_TOKEN, input={**CREDENTIALS, "refreshToken": token})
        assert refused["errors"]["refreshToken"][0]["key"] == "errors.unknown"


async def test_revoking_by_any_token_or_by_sub_ends_all_tokens_of_the_account(api: Api) -> None:
    """Both pairs, by an access token, a refresh token or the sub; the account's data stays."""
    for by in ("token", "refresh_token", "sub"):
        first, second = await api.application_calendar("store-42"), await api.application_calendar("store-42")
        named = {"sub": first.sub} if by == "sub" else {"token": getattr(first, by)}
        assert await api.data(REVOKE_AUTHORIZATION, input={**CREDENTIALS, **named}) == {
            "revokeAuthorization": {"revoked": True}
        }
        for token in (first.token, second.token):
            assert (await api.refusal(CALENDARS, token))["code"] == "UNAUTHENTICATED"
        refused = await api.refusal(REFRESH_TOKEN, input={**CREDENTIALS, "refreshToken": second.refresh_token})
        assert refused["errors"]["refreshToken"][0]["key"] == "errors.unknown"
        regained = await api.application_calendar("store-42")
        assert (regained.sub, regained.calendar_id) == (first.sub, first.calendar_id)


async def test_the_token_wins_when_a_sub_is_given_too(api: Api) -> None:
    """As documented."""
    ada, ben = await api.application_calendar("ada"), await api.application_calendar("ben")
    await api.data(REVOKE_AUTHORIZATION, input={**CREDENTIALS, "token": ada.token, "sub": ben.sub})
    assert (await api.refusal(CALENDARS, ada.token))["code"] == "UNAUTHENTICATED"
    await api.data(CALENDARS, ben.token)


async def test_revoking_something_unknown_succeeds(api: Api) -> None:
    """RFC 7009: the client wanted it invalid, and it is."""
    someone = await api.application_calendar("store-42")
    for named in ({"token": "nonsense"}, {"sub": "apc_000000000000000000000000"}, {"sub": "nonsense\u0000"}):
        assert await api.data(REVOKE_AUTHORIZATION, input={**CREDENTIALS, **named}) == {
            "revokeAuthorization": {"revoked": True}
        }
    await api.data(CALENDARS, someone.token)


async def test_revoking_without_a_token_or_sub_is_refused(api: Api) -> None:
    """A mistake of the caller, not a request to do nothing."""
    refused = await api.refusal(REVOKE_AUTHORIZATION, input=CREDENTIALS)
    assert refused["errors"]["token"][0]["key"] == "errors.required"


async def test_a_field_that_needs_an_account_says_why_the_bearer_is_refused(api: Api) -> None:
    """No token, an unknown one, a malformed header, or the client secret, which belongs to no account."""
    assert (await api.refusal(CALENDARS))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(CALENDARS, "undefined"))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(CALENDARS, ""))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(CALENDARS, CLIENT_SECRET))["code"] == "FORBIDDEN"
