"""The purge of a running server: what it deletes, in which steps, and how it goes on after an outage."""

import asyncio
import logging
import sqlite3
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from core.instants import DAY, HOUR
from db import purge as steps
from db.database import Database
from server.app import create_app
from server.background import repeated
from server.process.purge import KEEP_CALLBACKS, Purge
from server.settings import Settings
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, KEY, Api
from tests.support.builders import booking_input, create_busy_event, iso_time
from tests.support.graphql_queries import DELETE_EVENT
from tests.support.links import enqueue_callback
from tests.support.waiting import TIMEOUT

#: every kind of row, young or old; `then` is long enough ago
ROWS = """
INSERT INTO tokens (account_key, kind, digest, scope, expires_at, created_at)
VALUES (1, 'access', :digest, 'read_write', :then, 0);
INSERT INTO tokens (account_key, kind, digest, scope, created_at)
VALUES (1, 'refresh', :another_digest, 'read_write', 0);
INSERT INTO element_tokens (client_key, digest, permissions, expires_at, created_at)
VALUES (1, :digest, 'agenda', :then, 0);
INSERT INTO booking_answers (client_key, idempotency_key, request_digest, answer, created_at)
VALUES (1, :name, :digest, '', :then);
INSERT INTO real_time_schedulings (client_key, scheduling_id, request, status, created_at, finishes_at)
VALUES (1, :name, '', 'open', 0, :then)
"""


async def fill(db: Database, count: int, then: int) -> None:
    """Adds so many rows of every kind, of this age."""
    async with db.write() as session:
        connection = await session.connection()
        for n in range(count):
            name = f"{then} {n}"
            digests = {"digest": name.encode(), "another_digest": f"another {name}".encode()}
            for statement in ROWS.split(";"):
                await connection.execute(text(statement), {"then": then, "name": name, **digests})


async def counts(db: Database) -> dict[str, int]:
    """The number of rows of each kind."""
    tables = {
        "access_tokens": "tokens WHERE kind = 'access'",
        "refresh_tokens": "tokens WHERE kind = 'refresh'",
        "element_tokens": "element_tokens",
        "answers": "booking_answers",
        "links": "real_time_schedulings",
        "callbacks": "callbacks",
    }
    async with db.reader.connect() as connection:
        return {
            kind: (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
            for kind, table in tables.items()
        }


def purged() -> dict[str, float]:
    kinds = ("access_tokens", "element_tokens", "refresh_tokens", "answers", "links", "callbacks")
    return {kind: REGISTRY.get_sample_value("openings_purged_total", {"kind": kind}) or 0 for kind in kinds}


def make(db: Database, **more: Any) -> Purge:
    given: dict[str, Any] = {"keep_days": 400, "keep_answers_days": 30, "keep_links_days": 365, "pause": 0, **more}
    return Purge(db, lambda: NOW, **given)


@pytest.fixture
async def filled(api: Api, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Five old and three young rows of each kind, and an account with its own two tokens."""
    monkeypatch.setattr(steps, "STEP", 2)
    await api.application_calendar("ada")
    await fill(api.db, 5, NOW - 400 * DAY)
    await fill(api.db, 3, NOW - 2 * DAY)
    await fill(api.db, 15, NOW + 1)
    for age in (KEEP_CALLBACKS + 1, KEEP_CALLBACKS - HOUR, 0):
        await enqueue_callback(api.db, "https://hooks.test", now=NOW - age)
    async with api.db.write() as session:
        await (await session.connection()).execute(text("UPDATE callbacks SET due_at = NULL"))
    return api.db


async def test_it_deletes_what_is_old_in_steps_and_counts_it(filled: Database) -> None:
    """What is young stays, and 20 refresh tokens; an element token only until it expires."""
    before = purged()
    assert await counts(filled) == {
        **{"access_tokens": 24, "element_tokens": 23, "refresh_tokens": 24, "answers": 23, "links": 23, "callbacks": 3}
    }
    await make(filled).purge()
    assert await counts(filled) == {
        **{"access_tokens": 19, "element_tokens": 15, "refresh_tokens": 20, "answers": 18, "links": 18, "callbacks": 2}
    }
    assert {kind: count - before[kind] for kind, count in purged().items()} == {
        **{"access_tokens": 5, "element_tokens": 8, "refresh_tokens": 4, "answers": 5, "links": 5, "callbacks": 1}
    }


async def test_answers_and_links_may_be_stored_for_ever(filled: Database) -> None:
    await make(filled, keep_answers_days=0, keep_links_days=0).purge()
    left = await counts(filled)
    assert (left["access_tokens"], left["answers"], left["links"]) == (19, 23, 23)


async def test_several_processes_may_purge_at_the_same_time(filled: Database, database_url: str) -> None:
    """Every row is deleted once."""
    before = purged()
    others = [Database(database_url) for _ in range(3)]
    await asyncio.gather(*(make(db).purge() for db in (filled, *others)))
    await make(filled).purge()  # what one process has locked, another skips
    assert (await counts(filled))["answers"] == 18
    assert purged()["answers"] == before["answers"] + 5
    for db in others:
        await db.close()


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_others_can_write_between_two_steps(filled: Database, database_url: str) -> None:
    """On SQLite the write lock is free during the pause."""
    before = await counts(filled)
    purge = asyncio.create_task(make(filled, pause=3600).purge())
    async with asyncio.timeout(TIMEOUT):
        while await counts(filled) == before:
            await asyncio.sleep(0.005)
    with sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=5) as other:
        other.execute("UPDATE clients SET name = 'Changed'")
    other.close()
    purge.cancel()
    await asyncio.wait({purge})


async def test_it_runs_again_and_again_until_it_is_stopped(filled: Database) -> None:
    """Here every few milliseconds, and not only once."""
    async with make(filled, interval=0.01).running():
        for turn in range(2):
            async with asyncio.timeout(TIMEOUT):
                while (await counts(filled))["answers"] > 18:
                    await asyncio.sleep(0.005)
            await fill(filled, 1, NOW - (500 + turn) * DAY)  # of an age of its own: names and digests follow from it
    stopped = await counts(filled)
    await fill(filled, 1, NOW - 600 * DAY)
    await asyncio.sleep(0.1)
    assert (await counts(filled))["answers"] == stopped["answers"] + 1


async def test_it_goes_on_after_an_outage(
    filled: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is away, each attempt is one line without a traceback."""
    attempts, real = 0, steps.access_tokens

    async def away(session: Any, before: int) -> int:
        nonlocal attempts
        attempts += 1
        if attempts <= 4:
            raise ConnectionRefusedError
        return await real(session, before)

    monkeypatch.setattr(steps, "access_tokens", away)
    async with make(filled, interval=0.01).running(), asyncio.timeout(TIMEOUT):
        while (await counts(filled))["answers"] > 18:
            await asyncio.sleep(0.005)
    # Ours alone: SQLAlchemy may say that the end of this test has cancelled a transaction.
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING and record.name == "openings"]
    assert [record.getMessage() for record in lines] == [
        "the purge stopped, and is tried again in an hour: ConnectionRefusedError"
    ] * 2  # a transaction is tried twice
    assert all(not record.exc_info for record in lines)


async def test_the_application_purges_while_it_runs(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the settings' retention: here of answers, for ever."""
    app = create_app(Settings(database_url, key=KEY, keep_answers_days=0), clock=lambda: NOW)
    monkeypatch.setattr(repeated.random, "uniform", lambda least, most: least)
    async with Api.open(database_url, NOW) as api:
        await api.application_calendar("ada")
    await fill(app.state.db, 1, NOW - 400 * DAY)
    async with app.router.lifespan_context(app):
        async with asyncio.timeout(TIMEOUT):
            while (await counts(app.state.db))["links"]:
                await asyncio.sleep(0.005)
        assert (await counts(app.state.db))["answers"] == 1


async def test_deleted_events_are_purged_after_their_time(api: Api) -> None:
    """And nothing else is stored for longer than that, unless all is kept."""
    ada = await api.application_calendar("ada")
    for hour, name in ((9, "old"), (10, "young"), (11, "there")):
        await create_busy_event(api, ada, iso_time(hour), iso_time(hour + 1), name)
    await api.data(DELETE_EVENT, ada.token, input={"calendarId": ada.calendar_id, "eventId": "old"})
    api.now += 100 * DAY
    token = (await api.application_calendar("ada")).token
    await api.data(DELETE_EVENT, token, input={"calendarId": ada.calendar_id, "eventId": "young"})
    api.now += 310 * DAY
    left: list[list[str]] = []
    for days in (0, 500, 400, 1):
        purge = Purge(api.db, lambda: api.now, keep_days=days, keep_answers_days=0, keep_links_days=0, pause=0)
        await purge.purge()
        left.append([event_id for (event_id,) in await api.rows("SELECT event_id FROM events ORDER BY starts_at")])
    everything = ["old", "young", "there"]
    assert left == [everything, everything, ["young", "there"], ["there"]]


async def test_expired_holds_are_cleaned_up_later(api: Api) -> None:
    """Lists say the same before and after it; what is held, or was upserted by hand, stays."""
    ada = await api.application_calendar("ada")
    hold = "mutation ($input: HoldSlotInput!) { holdSlot(input: $input) { __typename } }"
    for number, minutes in enumerate((10, 60)):
        given = booking_input(("all", [ada]), start=iso_time(9 + number), event_id=f"e{number}")
        await api.data(hold, CLIENT_SECRET, input={**given, "holdFor": {"minutes": minutes}})
    listed = "{ events(input: {includeDeleted: true}) { nodes { eventId deleted updated booking { id } } } }"
    api.now += 3000
    before = await api.data(listed, ada.token)
    assert [event["deleted"] for event in before["events"]["nodes"]] == [True, False]
    purge = Purge(api.db, lambda: api.now + HOUR, keep_days=0, keep_answers_days=0, keep_links_days=0, pause=0)
    await purge.purge()
    assert await api.data(listed, ada.token) == before
    assert await api.rows("SELECT status FROM bookings ORDER BY starts_at") == [("expired",), ("held",)]
    assert await api.rows("SELECT deleted, lapses_at IS NULL FROM events ORDER BY starts_at") == [
        (True, True),
        (False, False),
    ]
    expired = "{ bookings(status: EXPIRED) { nodes { start } } }"
    assert (await api.data(expired, CLIENT_SECRET))["bookings"]["nodes"] == [{"start": iso_time(9)}]
