"""Checks that the application has recovered from a fault."""

import asyncio

from tests.support.api import Account, Api

from .writers import EVENTS, UPSERT_EVENT, one_event, version

#: seconds within which a client must get an error in an outage
BRIEF = 2


async def assert_recovered(api: Api, whose: Account, changes: int) -> None:
    """Checks the calendar's number of changes, that no connection is in use, and that concurrent requests succeed."""
    assert await version(api, whose) == changes
    assert api.db.connections_in_use == 0
    async with asyncio.timeout(BRIEF):
        await asyncio.gather(*(api.data(EVENTS, whose.token) for _ in range(12)))
        given = one_event(whose, "after")
        await asyncio.gather(*(api.data(UPSERT_EVENT, whose.token, input=given) for _ in range(12)))
    assert api.db.connections_in_use == 0
