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


async def test_an_application_calendar_is_made_at_the_first_call(api: Api) -> None:
    """One call gives an account, a profile named by the caller's id, and tokens for it."""
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


async def test_asking_again_gives_the_same_account_and_new_tokens(api: Api) -> None:
    """Create or get: an application need not remember whether it was here before. The older tokens go on."""
    first = await api.application_calendar("store-42")
    again = await api.application_calendar("store-42")
    assert (again.sub, again.calendar_id) == (first.sub, first.calendar_id)
    assert again.token != first.token
    assert await api.data(CALENDARS, first.token) == await api.data(CALENDARS, again.token)


async def test_it_has_one_primary_calendar(api: Api) -> None:
    """An application calendar is one calendar."""
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


async def test_concurrent_first_calls_make_one_account(api: Api) -> None:
    """Twenty requests at once with one id: the database lets one of them insert."""
    made = await asyncio.gather(*(api.application_calendar("store-42") for _ in range(20)))
    assert len({someone.sub for someone in made}) == 1
    assert len({someone.calendar_id for someone in made}) == 1
    assert await api.rows("SELECT count(*) FROM accounts") == await api.rows("SELECT count(*) FROM calendars") == [(1,)]


async def test_a_wrong_secret_and_an_unknown_client_are_the_same_refusal(api: Api) -> None:
    """Whoever guesses learns nothing about which ids exist."""
    wrong = {"clientId": CLIENT_ID, "clientSecret": "guess", "applicationCalendarId": "store-42"}
    unknown = {**wrong, "clientId": "nobody"}
    odd = {**wrong, "clientId": "no\u0000body"}
    answers = [await api(APPLICATION_CALENDAR, input=given) for given in (wrong, unknown, odd)]
    assert answers[0]["data"] == {"applicationCalendar": None}
    assert answers[0]["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    assert answers[0] == answers[1] == answers[2]


async def test_an_id_that_cannot_be_one_is_told_with_its_path(api: Api) -> None:
    """Empty, too long, and a character that no database holds."""
    for bad, key in (("", "errors.required"), ("x" * 256, "errors.too_long"), ("a\u0000b", "errors.invalid")):
        refused = await api.refusal(APPLICATION_CALENDAR, input={**CREDENTIALS, "applicationCalendarId": bad})
        assert refused["code"] == "UNPROCESSABLE"
        assert [problem["key"] for problem in refused["errors"]["applicationCalendarId"]] == [key]


async def test_only_digests_of_secrets_are_kept(api: Api) -> None:
    """Whoever reads the database cannot act as anybody."""
    someone = await api.application_calendar("store-42")
    kept = [
        bytes(row[0]) for row in await api.rows("SELECT digest FROM tokens UNION SELECT secret_digest FROM clients")
    ]
    assert len(kept) == 3
    assert all(len(digest) == 32 for digest in kept)
    for secret in (someone.token, someone.refresh_token, CLIENT_SECRET):
        assert not any(secret.encode() in digest for digest in kept)


async def test_an_access_token_lives_for_an_hour_and_is_refreshed(api: Api) -> None:
    """At its last second it counts, then no more; the refresh token gives a new one and stays."""
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
    """An access token is none, either."""
    someone = await api.application_calendar("store-42")
    for token in ("nonsense", someone.token):
        refused = await api.refusal(REFRESH_TOKEN, input={**CREDENTIALS, "refreshToken": token})
        assert refused["errors"]["refreshToken"][0]["key"] == "errors.unknown"


async def test_revoking_by_any_token_or_by_sub_ends_all_tokens_of_the_account(api: Api) -> None:
    """Both pairs die, be it by an access token, a refresh token or the sub; the account's data stays."""
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
    """As documented for both together."""
    ada, ben = await api.application_calendar("ada"), await api.application_calendar("ben")
    await api.data(REVOKE_AUTHORIZATION, input={**CREDENTIALS, "token": ada.token, "sub": ben.sub})
    assert (await api.refusal(CALENDARS, ada.token))["code"] == "UNAUTHENTICATED"
    await api.data(CALENDARS, ben.token)


async def test_revoking_what_is_unknown_succeeds_and_does_nothing(api: Api) -> None:
    """RFC 7009: the client wanted it gone, and it is."""
    someone = await api.application_calendar("store-42")
    for named in ({"token": "nonsense"}, {"sub": "apc_000000000000000000000000"}, {"sub": "nonsense\u0000"}):
        assert await api.data(REVOKE_AUTHORIZATION, input={**CREDENTIALS, **named}) == {
            "revokeAuthorization": {"revoked": True}
        }
    await api.data(CALENDARS, someone.token)


async def test_revoking_nothing_in_particular_is_refused(api: Api) -> None:
    """Neither token nor sub is a mistake of the caller's, not a wish for nothing."""
    refused = await api.refusal(REVOKE_AUTHORIZATION, input=CREDENTIALS)
    assert refused["errors"]["token"][0]["key"] == "errors.required"


async def test_what_needs_an_account_says_why_a_bearer_does_not_count(api: Api) -> None:
    """No token, an unknown one, an odd header, and the application's key, which belongs to no account."""
    assert (await api.refusal(CALENDARS))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(CALENDARS, "undefined"))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(CALENDARS, ""))["code"] == "UNAUTHENTICATED"
    assert (await api.refusal(CALENDARS, CLIENT_SECRET))["code"] == "FORBIDDEN"
