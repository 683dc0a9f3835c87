"""Tokens that are issued while others are revoked."""

import asyncio

import pytest

from db import tokens
from tests.conftest import NOW
from tests.support.api import Api
from tests.support.graphql_queries import CALENDARS, REVOKE_AUTHORIZATION
from tests.support.waiting import TIMEOUT


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_an_access_token_that_is_issued_during_a_revocation_is_revoked(api: Api) -> None:
    """The refresh has written and not committed when the revocation begins. On SQLite writers take turns."""
    person = await api.application_calendar("person")
    [[client_key]] = await api.rows("SELECT client_key FROM accounts")
    async with api.db.write() as session:
        used = await tokens.use_refresh_token(session, client_key, person.refresh_token, NOW)
        assert used is not None
        account_key, scope = used
        access_token = await tokens.issue_access(session, account_key, scope, NOW)
        revoking = asyncio.create_task(api.data(REVOKE_AUTHORIZATION, input={**api.credentials, "sub": person.sub}))
        async with asyncio.timeout(TIMEOUT):
            while not await api.rows(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            ):
                await asyncio.sleep(0.01)
    await revoking
    assert await api.refusal(CALENDARS, access_token) == {"code": "UNAUTHENTICATED"}
    assert await api.rows("SELECT key FROM tokens") == []
