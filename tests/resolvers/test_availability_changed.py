"""Subscriptions to availability, one answer at a time."""

import asyncio
from contextlib import aclosing
from typing import Any

from core.instants import HOUR
from resolvers.availability_changed import availability_changed
from resolvers.context import Context
from tests.support.api import Api
from tests.support.builders import upsert_event_input
from tests.support.graphql_queries import UPSERT_EVENT
from tests.support.known_time import set_known
from tests.support.subscribing import context, meeting
from tests.support.waiting import TIMEOUT


async def test_a_late_reader_gets_only_the_latest_answer(api: Api) -> None:
    """While a client does not read, no answers are computed or queued for it."""
    ada = await api.application_calendar("ada")
    async with aclosing(availability_changed(await context(api, ada), meeting(ada))) as answers:
        [whole] = await anext(answers)
        for end in (10, 11, 12, 13):
            await api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, end))
        async with asyncio.timeout(TIMEOUT):
            [rest] = await anext(answers)
        assert (rest.start - whole.start, rest.end) == (4 * 3600, whole.end)


async def test_concurrent_reevaluations_are_throttled(api: Api) -> None:
    """So that other requests find free connections."""
    ada = await api.application_calendar("ada")
    most = 0

    async def watch(seen: "asyncio.Queue[Any]") -> None:
        async with aclosing(availability_changed(await context(api, ada), meeting(ada))) as answers:
            async for answer in answers:
                seen.put_nowait(answer)

    seen: asyncio.Queue[Any] = asyncio.Queue()
    watching = [asyncio.create_task(watch(seen)) for _ in range(60)]
    async with asyncio.timeout(TIMEOUT):
        for _ in watching:
            await seen.get()
        await api.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
        while seen.qsize() < len(watching):
            most = max(most, api.db.connections_in_use)
            await asyncio.sleep(0.001)
    for task in watching:
        task.cancel()
    await asyncio.wait(watching)
    # Two re-evaluations and the listener. On SQLite re-evaluations need no pooled connection.
    assert (1 if api.db.dialect == "postgresql" else 0) <= most <= 3
    assert len(api.db.subscribers) == 0


async def test_a_calendar_that_is_not_known_any_more_is_evaluated_once(api: Api) -> None:
    """At the instant that it is not known from; and again when it is fetched, which is a write."""
    ada, made = await api.application_calendar("ada"), list[Context]()
    await set_known(api, ada, unknown_at=api.now + 1)
    async with aclosing(availability_changed(await context(api, ada, made), meeting(ada))) as answers:
        assert len(await anext(answers)) == 1
        api.now += 1
        async with asyncio.timeout(TIMEOUT):
            assert await anext(answers) == []
        following = asyncio.ensure_future(anext(answers))
        await asyncio.sleep(0.3)
        assert len(made) <= 3
        await set_known(api, ada, unknown_at=api.now + HOUR, new=False)
        async with asyncio.timeout(TIMEOUT):
            assert len(await following) == 1
