"""Checks that the application has recovered from a fault."""

import asyncio

from tests.support.api import Account, Api
from tests.support.waiting import TIMEOUT

from .writers import EVENTS, UPSERT_EVENT, one_event, version


async def assert_recovered(api: Api, whose: Account, changes: int, at_once: int = 12) -> None:
    """Checks the calendar's number of changes, that no connection is in use, and that concurrent requests succeed."""
    assert await version(api, whose) == changes
    assert api.db.connections_in_use == 0
    async with asyncio.timeout(TIMEOUT):
        await asyncio.gather(*(api.data(EVENTS, whose.token) for _ in range(at_once)))
        given = one_event(whose, "after")
        await asyncio.gather(*(api.data(UPSERT_EVENT, whose.token, input=given) for _ in range(at_once)))
    assert api.db.connections_in_use == 0
