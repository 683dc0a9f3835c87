"""Concurrent clients of two applications that share nothing but the database."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from db.versions import COUNTED
from tests.conftest import NOW
from tests.support.api import Account, Api
from tests.support.graphql_queries import DELETE_EVENTS, UPSERT_EVENTS
from tests.support.waiting import TIMEOUT

from .writers import EVENTS, UPSERT_EVENT, Write, batch, one_event, possibly_last, timed, version

ACCOUNT = "mutation ($input: AccountInput!) { account(input: $input) { sub } }"
RULE = """
mutation ($input: UpsertAvailabilityRuleInput!) {
  upsertAvailabilityRule(input: $input) { availabilityRule { tzid weeklyPeriods { startTime } } }
}
"""

CLIENTS, ROUNDS = 12, 4


@pytest.fixture
async def another(database_url: str) -> AsyncGenerator[Api]:
    """A second application on the test's database."""
    async with Api.open(database_url, NOW) as opened:
        yield opened


async def written_by_many(write: Callable[[int, str], Awaitable[Any]]) -> list[Write]:
    """All clients concurrently write one value after the other."""

    async def client(number: int) -> list[Write]:
        return [await timed(f"{number:02}:{n:02}", lambda value: write(number, value)) for n in range(ROUNDS)]

    by_client = await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return [write for writes in by_client for write in writes]


async def test_concurrent_upserts_of_one_event_keep_the_last_one(api: Api, another: Api) -> None:
    """One row, with a value that no later request has overwritten; every write has changed the version."""
    person = await api.application_calendar("person")
    created: list[bool] = []

    async def write(client: int, summary: str) -> None:
        asked = (api, another)[client % 2]
        payload = (await asked.data(UPSERT_EVENT, person.token, input=one_event(person, summary)))["upsertEvent"]
        assert payload["event"]["summary"] == summary
        created.append(payload["created"])

    writes = await written_by_many(write)
    [[kept]] = await api.rows("SELECT summary FROM events")
    assert kept in possibly_last(writes)
    assert created.count(True) == 1
    assert await version(api, person) == len(writes)
    await write(0, "and one more")
    assert await another.rows("SELECT summary FROM events") == [("and one more",)]


async def test_concurrent_upserts_of_one_batch_keep_one_request_whole(api: Api, another: Api) -> None:
    """Batches with their events in different orders neither mix nor deadlock."""
    person = await api.application_calendar("person")

    async def write(client: int, summary: str) -> None:
        given = batch(person, summary, 20)
        Random(summary).shuffle(given["events"])
        await (api, another)[client % 2].data(UPSERT_EVENTS, person.token, input=given)

    writes = await written_by_many(write)
    [[kept, events]] = await api.rows("SELECT summary, COUNT(*) FROM events GROUP BY summary")
    assert kept in possibly_last(writes)
    assert events == 20
    assert await version(api, person) == len(writes)


async def test_concurrent_upserts_of_one_account_keep_the_last_one(api: Api, another: Api) -> None:
    """One account with one calendar, and one sub in all responses."""
    subs: set[str] = set()

    async def write(client: int, name: str) -> None:
        given = {**api.credentials, "kind": "USER", "accountId": "ada", "name": name}
        subs.add((await (api, another)[client % 2].data(ACCOUNT, input=given))["account"]["sub"])

    writes = await written_by_many(write)
    [[name, sub]] = await api.rows("SELECT name, sub FROM accounts")
    assert name in possibly_last(writes)
    assert subs == {sub}
    assert len(await api.rows("SELECT key FROM calendars")) == 1


async def test_concurrent_upserts_of_one_rule_keep_one_request_whole(api: Api, another: Api) -> None:
    """The zone and the hours are from the same request."""
    person = await api.application_calendar("person")
    zones = ["Etc/UTC", "Europe/Berlin", "Asia/Tokyo"]

    async def write(client: int, start: str) -> None:
        period = {"day": "MONDAY", "startTime": start, "endTime": "23:59"}
        given = {"availabilityRuleId": "r", "tzid": zones[client % 3], "weeklyPeriods": [period]}
        await (api, another)[client % 2].data(RULE, person.token, input=given)

    writes = await written_by_many(write)
    rules = await api.data("{ availabilityRules { tzid weeklyPeriods { startTime } } }", person.token)
    [rule] = rules["availabilityRules"]
    [period] = rule["weeklyPeriods"]
    assert period["startTime"] in possibly_last(writes)
    assert rule["tzid"] == zones[int(period["startTime"][:2]) % 3]


async def test_an_acknowledged_write_is_seen_by_any_later_read(api: Api, another: Api) -> None:
    """Through either application, reads never miss a write acknowledged before them, and never go back in time."""
    person = await api.application_calendar("person")
    acknowledged = 0
    writing = True

    async def read(asked: Api) -> int:
        seen = reads = 0
        while writing:
            least = max(seen, acknowledged)
            nodes = (await asked.data(EVENTS, person.token))["events"]["nodes"]
            seen = int(nodes[0]["summary"]) if nodes else 0
            assert seen >= least
            reads += 1
        return reads

    readers = [asyncio.create_task(read(asked)) for asked in (api, another, api, another)]
    for n in range(1, 21):
        await (api, another)[n % 2].data(UPSERT_EVENT, person.token, input=one_event(person, str(n)))
        acknowledged = n
    writing = False
    assert all(reads > 0 for reads in await asyncio.gather(*readers))


async def with_three_calendars(api: Api) -> tuple[Account, list[str]]:
    """An account with three calendars, which the API cannot create yet."""
    person = await api.application_calendar("person")
    async with api.db.writer.begin() as connection:
        more = (
            "INSERT INTO calendars (account_key, calendar_id, name, \"primary\", version) SELECT key, '{0}', '{0}', {1}"
        )
        for calendar_id in ("cal_AAAAAAAAAAAAAAAA_0000000001", "cal_AAAAAAAAAAAAAAAA_0000000002"):
            await connection.execute(text(more.format(calendar_id, "FALSE, 0 FROM accounts")))
    calendars = (await api.data("{ calendars { calendarId } }", person.token))["calendars"]
    return person, [calendar["calendarId"] for calendar in calendars]


async def test_no_deadlock_reaches_a_client(api: Api, another: Api) -> None:
    """Deletions name several calendars in any order while others write to each; all requests succeed."""
    person, calendars = await with_three_calendars(api)

    async def delete(number: int) -> list[str]:
        given = Random(number).sample(calendars, 3)
        await (api, another)[number % 2].data(DELETE_EVENTS, person.token, input={"calendarIds": given})
        return given

    async def write(number: int) -> list[str]:
        given = {**batch(person, str(number), 10), "calendarId": calendars[number % 3]}
        Random(number).shuffle(given["events"])
        await (api, another)[number % 2].data(UPSERT_EVENTS, person.token, input=given)
        return [calendars[number % 3]]

    async with asyncio.timeout(TIMEOUT):
        changed = await asyncio.gather(*((delete, write)[n % 2](n // 2) for n in range(60)))
    versions = dict(await api.rows(f"SELECT calendar_id, version % {COUNTED} FROM calendars"))
    assert versions == {calendar: sum(calendar in each for each in changed) for calendar in calendars}
