"""Series are expanded as time goes on: by several processes at a time, after an outage, and whatever one of them is like."""

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from core.instants import DAY
from resolvers import recurring_events
from server.process.series_expansion import SeriesExpansion
from tests.support.api import Account, Api, open_database
from tests.support.recurring import delete, expand, let_tokens_last, listed, recurring, upsert
from tests.support.waiting import TIMEOUT


def counted(outcome: str) -> float:
    """How many series were expanded, or could not be."""
    return REGISTRY.get_sample_value("openings_series_expanded_total", {"outcome": outcome}) or 0


@pytest.fixture
async def store(api: Api) -> Account:
    account = await api.application_calendar("store")
    await let_tokens_last(api)
    return account


async def names(api: Api, whose: Account) -> list[tuple[str, str, str]]:
    """The instances of an account's events: their event ids, names and uids."""
    found = await listed(api, whose, **{"from": "2027-11-01T00:00:00Z"})
    return [(each["eventId"], each["recurrenceId"], each["eventUid"]) for each in found]


async def known_until(api: Api) -> int:
    [(until,)] = await api.rows("SELECT known_until FROM calendars")
    return until


async def test_expanding_in_steps_is_expanding_at_once(api: Api) -> None:
    """As after weeks without a server."""
    accounts = [await api.application_calendar(name) for name in ("in steps", "at once")]
    await let_tokens_last(api)
    for account in accounts:
        await upsert(api, account, recurring("RRULE:FREQ=DAILY;INTERVAL=3", tzid="Europe/London"))
        await delete(api, account, recurrenceId="2027-12-27T09:00:00Z")
    [(other,)] = await api.rows("SELECT max(key) FROM calendars")
    async with api.db.write() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(f"UPDATE series SET expanded_until = NULL WHERE calendar_key = {other}")
    for _ in range(5):
        api.now += 30 * DAY
        assert await expand(api) == 1
    async with api.db.write() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(f"UPDATE series SET expanded_until = 0 WHERE calendar_key = {other}")
    assert await expand(api) == 1
    steps, once = [[each[:2] for each in await names(api, account)] for account in accounts]
    assert steps == once
    assert len(steps) > 80


async def test_several_processes_expand_together(api: Api, store: Account, database_url: str) -> None:
    """Each series once, whoever comes first."""
    for number in range(15):
        await upsert(api, store, recurring(event_id=str(number)))
    before = await names(api, store)
    api.now += 60 * DAY
    other = open_database(database_url)
    try:
        processes = [SeriesExpansion(db, lambda: api.now, pause=0) for db in (api.db, other)]
        assert sum(await asyncio.gather(*(process.expand() for process in processes))) == 15
    finally:
        await other.close()
    after = await names(api, store)
    assert {*before} < {*after}
    assert len({*after}) == len(after)
    assert await known_until(api) > api.now + 400 * DAY


async def test_what_cannot_be_expanded_stops_no_other(
    api: Api, store: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged and counted, and the calendar is known no further."""
    await upsert(api, store, recurring("RRULE:FREQ=DAILY", event_id="dense"))
    await upsert(api, store, recurring(event_id="sparse"))
    until = await known_until(api)
    expanded, failed = counted("expanded"), counted("failed")
    monkeypatch.setattr(recurring_events, "MAX_REQUEST_INSTANCES", 200)
    api.now += 60 * DAY
    assert await expand(api) == 1
    assert (counted("expanded") - expanded, counted("failed") - failed) == (1, 1)
    assert "is not known any further: it has more than 200 instances in" in caplog.text
    assert await known_until(api) == until
    monkeypatch.undo()
    assert await expand(api) == 1
    assert await known_until(api) > until


async def test_a_server_expands_soon_after_its_start(api: Api, store: Account) -> None:
    """And again and again."""
    await upsert(api, store, recurring())
    for _ in range(2):
        api.now += 60 * DAY
        async with SeriesExpansion(api.db, lambda: api.now, interval=0.01, pause=0).running(), asyncio.timeout(TIMEOUT):
            while await known_until(api) < api.now + 400 * DAY:
                await asyncio.sleep(0.01)


async def test_an_outage_is_logged_in_one_line(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And the next look comes all the same."""
    looks: list[int] = []
    expansion = SeriesExpansion(api.db, lambda: api.now, interval=0.01, pause=0)

    async def fail() -> Any:
        looks.append(1)
        raise ConnectionRefusedError

    monkeypatch.setattr(expansion, "expand", fail)
    async with expansion.running(), asyncio.timeout(TIMEOUT):
        while len(looks) < 2:
            await asyncio.sleep(0.01)
    assert "series were not expanded, which is tried again in an hour: ConnectionRefusedError" in caplog.text
