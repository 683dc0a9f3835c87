"""What PostgreSQL's distributed relatives lack is not needed: two servers with OPENINGS_ASSUME=none on one database.

All tests that run on PostgreSQL run like this with OPENINGS_ASSUME=none in their environment (CONTRIBUTING.md).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from inspect import isawaitable
from typing import Any

import pytest

from core.features import Feature
from db import clients
from db.drivers.base import ClientStatements, Row
from db.notifications import polling
from db.notifications.polling import poll_versions
from db.notifications.subscribers import Subscribers
from db.readiness import READ_ONLY, Readiness
from db.retries import ATTEMPTS
from resolvers.availability_changed import availability_changed
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api
from tests.support.assumptions import races_lost
from tests.support.builders import availability_input, booking_input, create_busy_event, iso_time, upsert_event_input
from tests.support.databases import execute_sql
from tests.support.graphql_queries import AVAILABILITY_PERIODS, BOOK_SLOT_TYPENAME, REVOKE_AUTHORIZATION, UPSERT_EVENT
from tests.support.mutations import SILENT, TELLING, mutation, prepared
from tests.support.operations import APPLICATION_ONLY
from tests.support.subscribing import Watched, context, meeting
from tests.support.waiting import TIMEOUT


@pytest.fixture
def backend() -> str:
    """PostgreSQL only: the setting says nothing of SQLite."""
    return "postgresql"


@pytest.fixture
async def servers(database_url: str) -> AsyncGenerator[tuple[Api, Api]]:
    """Two servers on one database."""
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(Api.open(database_url, NOW, assume="none")) for _ in range(2)]
        yield one, other


async def test_a_write_by_another_server_reaches_subscribers(servers: tuple[Api, Api]) -> None:
    one, other = servers
    ada = await one.application_calendar("ada")
    async with aclosing(availability_changed(await context(one, ada), meeting(ada))) as answers:
        [before] = await anext(answers)
        for end in (10, 11):
            await other.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, end))
            async with asyncio.timeout(TIMEOUT):
                [after] = await anext(answers)
            assert after.start > before.start
            before = after


async def _revoke(server: Api, ada: Account) -> None:
    await server.data(REVOKE_AUTHORIZATION, input={**server.credentials, "token": ada.token})


async def _switch_off(server: Api, _ada: Account) -> None:
    async with server.db.write() as session:
        await clients.disable_features(session, CLIENT_ID, [Feature.AVAILABILITY])


@pytest.mark.parametrize("end", [_revoke, _switch_off])
async def test_what_ends_a_subscription_does_so_from_another_server(servers: tuple[Api, Api], end: Any) -> None:
    """A token that is revoked, and a feature that is switched off."""
    one, other = servers
    ada = await one.application_calendar("ada")
    async with aclosing(availability_changed(await context(one, ada), meeting(ada))) as answers:
        await anext(answers)
        await end(other, ada)
        async with asyncio.timeout(TIMEOUT):
            with pytest.raises(Exception, match=r"token|plan"):
                await anext(answers)


async def test_a_secret_that_is_replaced_wakes_who_came_with_it(servers: tuple[Api, Api]) -> None:
    """By the digest of the token, for the change concerns no account."""
    one, other = servers
    async with other.db.read() as session:
        found = await clients.find(session, CLIENT_ID)
    assert found is not None
    async with Watched(one.db, found.secret_digest) as watching:
        async with other.db.write() as session:
            await clients.ensure(session, other.db.encryption, CLIENT_ID, "another secret", NOW, name="Tests")
        assert await watching.woken()


async def test_one_statement_looks_for_all_subscribers(
    servers: tuple[Api, Api], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is woken by the first look after it came, and then only by a change of what it watches itself."""
    monkeypatch.setattr(polling, "INTERVAL", 0.01)
    db = servers[0].db
    people = [await servers[0].application_calendar(f"person {n}") for n in range(3)]
    keys = [key for (key,) in await servers[0].rows("SELECT key FROM accounts ORDER BY key")]
    asked: list[int] = []

    class Counting(ClientStatements):
        """Counts statements, and how many accounts each asks for."""

        async def fetch_many(self, statement: str, *values: Any) -> list[Row]:
            asked.append(len(values[0]))
            return await super().fetch_many(statement, *values)

    subscribers = Subscribers()
    polls = asyncio.create_task(poll_versions(Counting(db.driver, db.driver.fetch_many), subscribers))
    try:
        with subscribers.subscribe(keys[:1]) as first, subscribers.subscribe(keys[1:]) as second:
            for waiter in (first, second):
                await asyncio.wait_for(waiter._changed.wait(), TIMEOUT)
                waiter._changed.clear()
            await create_busy_event(servers[1], people[0], iso_time(9), iso_time(10), "e")
            await asyncio.wait_for(first._changed.wait(), TIMEOUT)
            looks = len(asked)
            while len(asked) < looks + 2:
                await asyncio.sleep(0.01)
            assert not second._changed.is_set()
            assert set(asked) == {3}
    finally:
        polls.cancel()
        await asyncio.wait({polls})


async def test_caches_of_two_servers_are_never_stale(servers: tuple[Api, Api]) -> None:
    """Each answers from its caches what the other has just written."""
    ada = await servers[0].application_calendar("ada")
    given = availability_input(ada)
    for round in range(10):
        for server in servers:
            await server.data(AVAILABILITY_PERIODS, ada.token, input=given)
        writer, reader = servers if round % 2 else servers[::-1]
        await create_busy_event(writer, ada, iso_time(9), f"2027-01-19T10:{round:02}:00Z", "e")
        found = await reader.data(AVAILABILITY_PERIODS, ada.token, input=given)
        assert found["availability"]["availablePeriods"][0]["start"] == f"2027-01-19T10:{round:02}:00Z"


async def test_no_slot_is_booked_twice(database_url: str, servers: tuple[Api, Api]) -> None:
    """By eight callers of two servers at once, while a fifth of the commits fails."""
    members = [await servers[0].application_calendar(name) for name in ("ada", "ben")]
    async with races_lost(database_url, every=5):
        for hour in (9, 10, 11):
            start = iso_time(hour)
            booking = [booking_input(("all", members), start=start, event_id=f"{hour} {n}") for n in range(8)]
            answers = await asyncio.gather(
                *(servers[n % 2].data(BOOK_SLOT_TYPENAME, CLIENT_SECRET, input=each) for n, each in enumerate(booking))
            )
            kinds = [answer["bookSlot"]["__typename"] for answer in answers]
            assert sorted(kinds) == ["Booked", *["SlotTaken"] * 7]
    assert await servers[0].rows("SELECT count(*) FROM events") == [(6,)]


async def test_no_client_notices_that_every_commit_fails_once(database_url: str, servers: tuple[Api, Api]) -> None:
    """Every mutation: what was rolled back leaves nothing, and is done once when it is tried again."""
    server = servers[0]
    inputs = TELLING | {name: given for name, (given, _) in SILENT.items()}
    async with races_lost(database_url, every=2) as lost:
        for name, make in inputs.items():
            # Those that name an account by its id name this one.
            ada, _ = await prepared(server)
            given = make(server, ada)
            given = await given if isawaitable(given) else given
            token = CLIENT_SECRET if name in APPLICATION_ONLY else ada.token
            before = await lost()
            answer = await server.data(mutation(name), token, **({"input": given} if given is not None else {}))
            assert "Taken" not in str(answer), name
            # Two of these do nothing, for there is nothing of that name.
            assert await lost() > before or name in ("closeChannel", "revokeCalendarFeed"), name
            if name != "deleteAccount":
                await server.data(mutation("deleteAccount"), CLIENT_SECRET, input={"sub": ada.sub})


async def test_an_error_after_many_attempts_can_be_retried(database_url: str, servers: tuple[Api, Api]) -> None:
    """The client is told so, and nothing was changed."""
    ada = await servers[0].application_calendar("ada")
    async with races_lost(database_url, every=1) as lost:
        refused = await servers[0].refusal(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
        assert (refused["code"], refused["retry"]) == ("INTERNAL", True)
        assert await lost() == ATTEMPTS
    assert await servers[0].rows("SELECT key FROM events") == []


async def test_readiness_commits(database_url: str, servers: tuple[Api, Api]) -> None:
    """A server that commits nothing is not ready; one that another's check has overtaken is."""
    db = servers[0].db
    assert await Readiness(db).problem() is None
    async with races_lost(database_url, every=1):
        assert await Readiness(db).problem() is None
    name = db.writer.url.database
    await execute_sql(database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        assert await Readiness(db).problem() == READ_ONLY
    finally:
        await execute_sql(database_url, f"SET transaction_read_only = off; ALTER DATABASE {name} RESET ALL")
