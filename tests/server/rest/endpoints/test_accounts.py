"""Who a token belongs to."""

from tests.support.api import CLIENT_SECRET, Account
from tests.support.graphql_queries import ACCOUNT_TOKENS
from tests.support.rest import Rest


async def test_user_info_of_an_application_calendar(rest: Rest, store: Account) -> None:
    found = await rest.ok("GET", "/v1/userinfo", {}, token=store.token)
    [profile] = found["cronofy.data"].pop("profiles")
    assert found == {
        "sub": store.sub,
        "cronofy.type": "application_calendar",
        "cronofy.data": {
            "authorization": {"scope": "read_write", "status": "active"},
            "application_calendar": {"application_calendar_id": "store-42"},
        },
        "application_calendar_id": "store-42",
    }
    assert (profile["provider_name"], profile["profile_name"], profile["profile_connected"]) == (
        "cronofy",
        "store-42",
        True,
    )
    assert profile["profile_calendars"] == [
        {
            "calendar_id": store.calendar_id,
            "calendar_name": "store-42",
            "calendar_readonly": False,
            "calendar_deleted": False,
            "calendar_primary": True,
            "calendar_integrated_conferencing_available": False,
            "calendar_attachments_available": False,
            "permission_level": "unrestricted",
        }
    ]


async def test_account_profiles_and_calendars(rest: Rest, store: Account) -> None:
    account = await rest.ok("GET", "/v1/account", token=store.token)
    assert account == {
        "account": {
            "account_id": store.sub,
            "email": None,
            "name": None,
            "scope": "read_write",
            "default_tzid": "Etc/UTC",
        }
    }
    [profile] = (await rest.ok("GET", "/v1/profiles", token=store.token))["profiles"]
    assert "profile_calendars" not in profile
    listed = await rest.ok("GET", "/v1/calendars", token=store.token)
    [calendar] = listed["calendars"]
    assert (listed["sub"], calendar["calendar_id"], calendar["profile_id"], calendar["calendar_primary"]) == (
        store.sub,
        store.calendar_id,
        profile["profile_id"],
        True,
    )


async def test_a_user_is_an_account_with_name_and_zone(rest: Rest) -> None:
    given = {**rest.api.credentials, "kind": "USER", "accountId": "ada", "name": "Ada", "email": "ada@example.com"}
    made = (await rest.api.data(ACCOUNT_TOKENS, input={**given, "tzid": "Asia/Tokyo"}))["account"]
    found = await rest.ok("GET", "/v1/userinfo", token=made["accessToken"])
    assert {name: found[name] for name in ("cronofy.type", "email", "name", "zoneinfo")} == {
        "cronofy.type": "account",
        "email": "ada@example.com",
        "name": "Ada",
        "zoneinfo": "Asia/Tokyo",
    }
    assert "application_calendar_id" not in found


async def test_the_key_belongs_to_no_account(rest: Rest) -> None:
    for path in ("/v1/userinfo", "/v1/calendars", "/v1/account", "/v1/profiles", "/v1/availability_rules"):
        response = await rest("GET", path, token=CLIENT_SECRET)
        assert (response.status_code, response.json()["error"]) == (403, "forbidden")


async def test_a_profile_cannot_be_taken_away(rest: Rest, store: Account) -> None:
    response = await rest("POST", "/v1/profiles/pro_x/revoke", token=store.token)
    assert (response.status_code, response.json()["error"]) == (403, "forbidden")
    assert (await rest("POST", "/v1/profiles/pro_x/revoke", token="unknown")).status_code == 401
