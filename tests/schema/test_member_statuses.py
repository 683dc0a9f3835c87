"""`memberStatuses` of an answer: how far the calendars of each member can be relied on."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from core.access import Actor
from core.calendar_sources import SyncStatus
from core.durations import Duration
from core.instants import DAY, HOUR, format_instant, parse_instant
from core.limits import Limits
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from resolvers.availability import Details
from resolvers.availability_changed import detailed_availability_changed
from resolvers.cache import VersionedCache
from resolvers.context import Context, LiveContext
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.builders import availability_input, create_account, iso_time
from tests.support.graphql_queries import AVAILABILITY_PERIODS
from tests.support.known_time import set_known, set_source
from tests.support.statements import record_statements
from tests.support.waiting import TIMEOUT

STATUSES = """
query ($input: AvailabilityInput!) {
  availability(input: $input) {
    availablePeriods { start }
    memberStatuses { sub status syncedAt knownUntil }
  }
}
"""


@pytest.fixture
async def ada(api: Api) -> Account:
    return await create_account(api, "ada", name="Ada")


async def statuses(api: Api, *people: Account, **more: Any) -> list[dict[str, Any]]:
    found = await api.data(STATUSES, CLIENT_SECRET, input=availability_input(*people, **more))
    return found["availability"]["memberStatuses"]


def status(whose: Account, name: str, synced_at: int | None = None, known_until: int | None = None) -> dict[str, Any]:
    times = [format_instant(at) if at is not None else None for at in (synced_at, known_until)]
    return {"sub": whose.sub, "status": name, "syncedAt": times[0], "knownUntil": times[1]}


async def test_each_member_has_a_status_in_request_order(api: Api, ada: Account) -> None:
    """Of its chosen calendars; a calendar here is active, and known up to where its series are expanded."""
    ben, until = await create_account(api, "ben"), parse_instant(iso_time(12))
    assert await statuses(api, ben, ada) == [status(ben, "ACTIVE"), status(ada, "ACTIVE")]
    await set_known(api, ben, until=until)
    await set_source(api, ada, synced_at=api.now - 60, known_until=until + DAY)
    assert await statuses(api, ben, ada) == [
        status(ben, "ACTIVE", None, until),
        status(ada, "ACTIVE", api.now - 60, until + DAY),
    ]
    assert await statuses(api, ada, calendarIds=[]) == [status(ada, "ACTIVE")]


async def test_a_status_changes_as_time_passes(api: Api, ada: Account) -> None:
    """The answer is not one that was stored."""
    synced_at = api.now
    await set_source(api, ada, synced_at=synced_at)
    for seconds, name in ((0, "ACTIVE"), (HOUR - 1, "ACTIVE"), (1, "STALE"), (DAY - HOUR, "DISCONNECTED")):
        api.now += seconds
        assert await statuses(api, ada) == [status(ada, name, synced_at)]
    await set_source(api, ada, synced_at=api.now)
    assert await statuses(api, ada) == [status(ada, "ACTIVE", api.now)]


async def test_a_source_that_cannot_be_relied_on_says_so(api: Api, ada: Account) -> None:
    """One that was never fetched, one that refuses, and one with an item that cannot be placed."""
    await set_source(api, ada, synced_at=None)
    assert await statuses(api, ada) == [status(ada, "PENDING")]
    await set_source(api, ada, synced_at=api.now, refused=True)
    assert await statuses(api, ada) == [status(ada, "DISCONNECTED", api.now)]
    await set_source(api, ada, synced_at=api.now, incomplete=True)
    assert await statuses(api, ada) == [status(ada, "PARTIAL", api.now)]


async def test_statuses_are_loaded_only_if_they_are_selected(api: Api, ada: Account) -> None:
    """And cost a statement only for members with calendars elsewhere."""
    ben = await create_account(api, "ben")
    await set_source(api, ada, synced_at=api.now)
    for query, who, many in ((AVAILABILITY_PERIODS, ada, 0), (STATUSES, ada, 1), (STATUSES, ben, 0)):
        with record_statements(api) as sent:
            await api.data(query, CLIENT_SECRET, input=availability_input(who))
        assert len([each for each, _ in sent if "calendar_sources" in each]) == many


async def test_statuses_are_sent_with_every_answer_of_a_subscription(api: Api, ada: Account) -> None:
    """And again at the instant that they change."""
    await set_source(api, ada, synced_at=api.now - HOUR + 1)

    def refresh() -> Context:
        return Context(api.db, Actor(client_key), api.now, Limits(), VersionedCache(0))

    [(client_key,)] = await api.rows("SELECT client_key FROM accounts")
    day = Period(parse_instant(iso_time(9)), parse_instant(iso_time(17)))
    query = AvailabilityQuery([Group([Member(ada.sub)])], Duration(minutes=60), query_periods=[day])
    context = LiveContext(api.db, Actor(client_key), api.now, Limits(), VersionedCache(0), refresh=refresh)
    async with aclosing(detailed_availability_changed(context, query, Details(member_statuses=True))) as answers:
        assert [each.status for each in (await anext(answers)).member_statuses or ()] == [SyncStatus.ACTIVE]
        api.now += 1
        async with asyncio.timeout(TIMEOUT):
            assert [each.status for each in (await anext(answers)).member_statuses or ()] == [SyncStatus.STALE]
