"""Accounts that are created or got with tokens in two trips: the second one writes only what the first has found to be so."""

import pytest

from core.accounts import EMPTY_PROFILE, AccountKind, Profile
from db import accounts, authorizations, clients
from db.authorizations import Found
from tests.support.api import CLIENT_ID, Api

KIND = AccountKind.USER


async def find(api: Api, external_id: str = "ada") -> Found:
    found = await authorizations.find(api.db.driver, CLIENT_ID, KIND, external_id)
    assert found is not None
    return found


async def create(api: Api, found: Found, scope: str = "read_events") -> bool:
    profile = Profile(name="Ada", email="ada@example.com", tzid="Europe/London", capacity=2)
    return await authorizations.create(api.db, found, KIND, "ada", scope, profile, api.now) is not None


async def issue(api: Api, found: Found, scope: str = "read_events") -> bool:
    assert found.account is not None
    return await authorizations.issue(api.db, found, found.account, scope, api.now) is not None


async def number(api: Api, table: str) -> int:
    return (await api.rows(f"SELECT COUNT(*) FROM {table}"))[0][0]


async def test_an_account_is_created_as_in_a_transaction(api: Api) -> None:
    """With equal values in every column but those that are random."""
    found = await find(api)
    assert found.account is None
    profile = Profile(name="Ada", email="ada@example.com", tzid="Europe/London", capacity=2)
    made = await authorizations.create(api.db, found, KIND, "ada", "read_events", profile, api.now)
    assert made is not None
    assert (await find(api)).account == made[0]
    async with api.db.write() as session:
        given = {"scope": "read_events", "profile": profile}
        await accounts.create_or_get(session, found.client.key, KIND, "ben", api.now, **given)
    same = "client_key, kind, name, email, tzid, scope, revoked_at, capacity, created_at, replace(search_text, 'ben', 'ada')"
    first, second = await api.rows(f"SELECT {same} FROM accounts ORDER BY key")
    assert first == second
    calendars = await api.rows(
        "SELECT account_key, replace(name, 'ben', 'ada'), \"primary\" FROM calendars ORDER BY key"
    )
    assert [row[1:] for row in calendars] == [("ada", True)] * 2
    assert calendars[0][0] != calendars[1][0]


async def test_one_account_is_created(api: Api) -> None:
    """The second of two requests that have found none writes nothing."""
    found = await find(api)
    assert await create(api, found)
    assert not await create(api, found)
    assert [await number(api, table) for table in ("accounts", "calendars", "tokens")] == [1, 1, 2]


async def test_nothing_is_written_for_a_client_with_another_secret(api: Api) -> None:
    """Neither an account nor tokens, if it is renewed in between."""
    none = await find(api)
    assert await create(api, none)
    found = await find(api)
    async with api.db.write() as session:
        assert await clients.renew_secret(session, api.db.encryption, CLIENT_ID) is not None
    assert not await create(api, none)
    assert not await issue(api, found)
    assert await number(api, "tokens") == 2


async def test_no_tokens_are_issued_for_an_account_that_was_revoked(api: Api) -> None:
    """Or erased, or grants more by now."""
    assert await create(api, await find(api))
    found = await find(api)
    assert found.account is not None
    assert await issue(api, found)
    async with api.db.write() as session:
        await accounts.revoke(session, found.account.key, api.now)
    assert not await issue(api, found)
    revoked = (await find(api)).account
    assert revoked is not None
    assert authorizations.is_changed(revoked, "", EMPTY_PROFILE)
    assert await number(api, "tokens") == 4


async def test_of_the_refresh_tokens_the_last_ones_stay(api: Api) -> None:
    """Twenty of them, in the order in which they were issued, also within a second."""
    assert await create(api, await find(api))
    found = await find(api)
    for _ in range(25):
        assert await issue(api, found)
    kept = await api.rows("SELECT key, used_at FROM tokens WHERE kind = 'refresh' ORDER BY key")
    assert [used_at - kept[0][1] for _, used_at in kept] == [*range(20)]
    assert await number(api, "tokens WHERE kind = 'access'") == 26


@pytest.mark.parametrize(
    "profile",
    [Profile(name="Eve"), Profile(email="eve@example.com"), Profile(tzid="Europe/Paris"), Profile(capacity=3)],
    ids=str,
)
async def test_what_changes_an_account_is_noticed(api: Api, profile: Profile) -> None:
    """What is not given, or as it is, changes nothing."""
    assert await create(api, await find(api))
    account = (await find(api)).account
    assert account is not None
    assert authorizations.is_changed(account, "read_events", profile)
    assert authorizations.is_changed(account, "free_busy", EMPTY_PROFILE)
    assert not authorizations.is_changed(account, "read_events", EMPTY_PROFILE)
    as_it_is = Profile(name="Ada", email="ada@example.com", tzid="Europe/London", capacity=2)
    assert not authorizations.is_changed(account, "read_events", as_it_is)
