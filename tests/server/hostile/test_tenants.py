"""A busy client beside a quiet one: however many requests wait for one calendar, others are served."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api
from tests.support.builders import booking_input, event_input
from tests.support.graphql_queries import APPLICATION_CALENDAR, BOOK_SLOT, DELETE_EVENTS, UPSERT_EVENT, UPSERT_EVENTS
from tests.support.waiting import TIMEOUT, until

#: the requests of the busy client that wait at once
CROWD = 80
#: seconds for which the busy client would hold everything
HOUR = 3600


def one(whose: Account, event_id: str) -> tuple[str, str, dict[str, Any]]:
    return UPSERT_EVENT, whose.token, {"calendarId": whose.calendar_id, "event": event_input(event_id)}


def several(whose: Account, event_id: str) -> tuple[str, str, dict[str, Any]]:
    return UPSERT_EVENTS, whose.token, {"calendarId": whose.calendar_id, "events": [event_input(event_id)]}


def delete_all(whose: Account, _event_id: str) -> tuple[str, str, dict[str, Any]]:
    return DELETE_EVENTS, whose.token, {"deleteAll": True}


def book(whose: Account, event_id: str) -> tuple[str, str, dict[str, Any]]:
    return BOOK_SLOT, CLIENT_SECRET, booking_input((1, [whose]), event_id=event_id)


def book_with_key(whose: Account, event_id: str) -> tuple[str, str, dict[str, Any]]:
    return BOOK_SLOT, CLIENT_SECRET, {**book(whose, event_id)[2], "idempotencyKey": event_id}


WRITES = (one, several, delete_all, book, book_with_key)


@asynccontextmanager
async def locked_rows(database_url: str, *calendars: str) -> AsyncGenerator[None]:
    """Locks these calendars for another process of PostgreSQL until the block ends."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("BEGIN")
        await connection.execute("SELECT key FROM calendars WHERE calendar_id = ANY($1) FOR UPDATE", calendars)
        yield
    finally:
        await connection.close()


async def assert_served(api: Api, whose: Account) -> None:
    """The quiet client reads, and writes in both ways."""
    async with asyncio.timeout(TIMEOUT):
        assert (await api.data("{ userInfo { sub } }", whose.token))["userInfo"] == {"sub": whose.sub}
        await api.data("{ events(input: {}) { nodes { eventId } } }", whose.token)
        for query, token, given in (one(whose, "quiet"), several(whose, "quiet"), delete_all(whose, "quiet")):
            await api.data(query, token, input=given)


def crowd(api: Api, requests: list[tuple[str, str, dict[str, Any]]]) -> list["asyncio.Task[dict[str, Any]]"]:
    return [asyncio.create_task(api(query, token, input=given)) for query, token, given in requests]


async def until_waiting(api: Api, count: int) -> None:
    await until(lambda: sum(api.db.waiting.values()) >= count)


@pytest.mark.parametrize("backend", ["postgresql"])
@pytest.mark.parametrize("write", WRITES)
async def test_writes_to_one_calendar_take_one_connection(database_url: str, write: Any) -> None:
    """The others wait in the process; other clients read and write as if they were not there."""
    async with Api.open(database_url, NOW, lock_timeout=HOUR) as api:
        busy = await api.application_calendar("busy")
        quiet = await api.application_calendar_of_another_client("quiet")
        async with locked_rows(database_url, busy.calendar_id):
            writing = crowd(api, [write(busy, f"e{n}") for n in range(CROWD)])
            await until_waiting(api, CROWD - 1)
            await assert_served(api, quiet)
            assert api.db.connections_in_use == 1
            assert api.db.waiting == {"lock": CROWD - 1, "connection": 0}
            assert not any(task.done() for task in writing)
        async with asyncio.timeout(TIMEOUT):
            answers = await asyncio.gather(*writing)
        assert [answer for answer in answers if "errors" in answer] == []
        assert api.db.connections_in_use == 0
        assert api.db.waiting == {"lock": 0, "connection": 0}


@pytest.mark.parametrize("backend", ["postgresql"])
@pytest.mark.parametrize("write", [one, several, delete_all])
async def test_writes_of_a_client_take_its_share_of_connections(database_url: str, write: Any) -> None:
    """They are for twenty calendars, which another process has locked: each would take a connection."""
    async with Api.open(database_url, NOW, lock_timeout=HOUR, pool_size=10) as api:
        busy = [await api.application_calendar(f"busy {n}") for n in range(20)]
        quiet = await api.application_calendar_of_another_client("quiet")
        async with locked_rows(database_url, *(each.calendar_id for each in busy)):
            writing = crowd(api, [write(each, "e") for each in busy])
            share = 6 if write is delete_all else 5  # of eight and of six connections for writes
            await until_waiting(api, len(busy) - share)
            await assert_served(api, quiet)
            assert api.db.connections_in_use == share
            assert not any(task.done() for task in writing)
        async with asyncio.timeout(TIMEOUT):
            assert [answer for answer in await asyncio.gather(*writing) if "errors" in answer] == []


@pytest.mark.parametrize("write", [one, several])
async def test_writers_are_served_client_by_client(api: Api, write: Any) -> None:
    """The quiet client comes last, and its write is among the first."""
    busy = await api.application_calendar("busy")
    quiet = await api.application_calendar_of_another_client("quiet")
    async with (
        api.db.write()
        if api.db.dialect == "sqlite"
        else locked_rows(
            api.db.writer.url.render_as_string(hide_password=False).replace("+asyncpg", ""), busy.calendar_id
        )
    ):
        writing = crowd(api, [write(busy, f"e{n}") for n in range(CROWD // 2)])
        await until_waiting(api, CROWD // 2 - 1)
        writing += crowd(api, [write(quiet, "quiet")])
        if api.db.dialect == "sqlite":
            await until_waiting(api, CROWD // 2 + 1)
        else:
            await writing[-1]
    assert [answer for answer in await asyncio.gather(*writing) if "errors" in answer] == []
    order = [event_id for (event_id,) in await api.rows("SELECT event_id FROM events ORDER BY key")]
    assert order.index("quiet") <= 2
    order.remove("quiet")
    expected = [f"e{n}" for n in range(CROWD // 2)]
    # On PostgreSQL the callers are looked up before they wait, in any order.
    assert (order if api.db.dialect == "sqlite" else sorted(order, key=expected.index)) == expected


async def test_without_credentials_nobody_waits_for_a_write(api: Api) -> None:
    """Neither with a wrong token nor with a wrong secret, while the only writer of SQLite is at work."""
    person = await api.application_calendar("person")
    wrong = {"clientId": CLIENT_ID, "clientSecret": "wrong", "applicationCalendarId": "person"}
    async with api.db.write(), asyncio.timeout(TIMEOUT):
        if api.db.dialect == "sqlite":
            held = crowd(api, [one(person, "e")])
            await until_waiting(api, 1)
        else:
            held = []
        stranger = Account(person.sub, "wrong", "", person.calendar_id)
        for query, token, given in (one(stranger, "e"), (APPLICATION_CALENDAR, None, wrong)):
            assert (await api.refusal(query, token, input=given))["code"] == "UNAUTHENTICATED"
        assert sum(api.db.waiting.values()) == len(held)
    await asyncio.gather(*held)
