"""Requests that exceed the deadline: they are cancelled, the client gets an error, and nothing is left behind."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message

from server.http.deadlines import DeadlineError, _leaving, run_while_connected
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Account, Api
from tests.support.held_locks import locked_calendars, wait_until_rolled_back
from tests.support.waiting import TIMEOUT

from .recovery import assert_recovered
from .writers import EVENTS, UPSERT_EVENT, one_event

BRIEF = 0.2


@pytest.fixture
async def person(api: Api) -> Account:
    """An account; from then on requests have a deadline of a fifth of a second."""
    person = await api.application_calendar("person")
    api.gate.deadline = BRIEF
    return person


def is_timeout(answer: dict[str, Any], deadline: float = BRIEF) -> bool:
    """Whether the response is just a timeout that may be retried."""
    [error] = answer["errors"]
    assert answer["data"] is None
    assert f"longer than {deadline} seconds" in error["message"]
    return error["extensions"] == {"code": "TIMEOUT", "retry": True}


async def test_a_write_that_exceeds_the_deadline_is_rolled_back(api: Api, person: Account, database_url: str) -> None:
    """A lock blocks the calendar. Afterwards all connections are returned, and the same request succeeds."""
    given = one_event(person, "lost")
    async with locked_calendars(database_url), asyncio.timeout(TIMEOUT):
        answers = await asyncio.gather(*(api(UPSERT_EVENT, person.token, input=given) for _ in range(3)))
    assert all(is_timeout(answer) for answer in answers)
    await wait_until_rolled_back(api)
    assert await api.rows("SELECT summary FROM events") == []
    await assert_recovered(api, person, changes=0)


async def test_a_read_that_exceeds_the_deadline_is_cancelled(backend: str, api: Api, person: Account) -> None:
    """It waits for a connection, and none is free."""
    async with AsyncExitStack() as held:
        for client in range(10 if backend == "postgresql" else 8):  # one client cannot have them all
            await (await held.enter_async_context(api.db.read(client))).connection()
        assert is_timeout(await api(EVENTS, person.token))
    await wait_until_rolled_back(api)
    await assert_recovered(api, person, changes=0)


async def test_without_a_deadline_a_request_waits(api: Api, person: Account, database_url: str) -> None:
    """A deadline of 0 means none."""
    api.gate.deadline = 0
    async with locked_calendars(database_url):
        asking = asyncio.create_task(api.data(UPSERT_EVENT, person.token, input=one_event(person, "kept")))
        await asyncio.sleep(2 * BRIEF)
        assert not asking.done()
    await asking
    assert await api.rows("SELECT summary FROM events") == [("kept",)]


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_earlier_mutations_of_a_request_are_kept(api: Api, person: Account, database_url: str) -> None:
    """Each is its own transaction. PostgreSQL only: on SQLite the lock would block all writes."""
    query = """
    mutation ($made: ApplicationCalendarInput!, $event: UpsertEventInput!) {
      applicationCalendar(input: $made) { sub }
      upsertEvent(input: $event) { created }
    }
    """
    made = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "applicationCalendarId": "made"}
    api.gate.deadline = 1  # enough for the first
    async with locked_calendars(database_url):
        assert is_timeout(await api(query, person.token, made=made, event=one_event(person, "lost")), 1)
    await wait_until_rolled_back(api)
    assert await api.rows("SELECT external_id FROM accounts ORDER BY key") == [("person",), ("made",)]
    assert await api.rows("SELECT summary FROM events") == []


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_an_incomplete_body_times_out(database_url: str) -> None:
    """A client that sends half of it and stops does not hold its connection for ever."""

    async def half() -> AsyncGenerator[bytes]:
        yield b'{"query": '
        await asyncio.Event().wait()

    async with Api.open(database_url, NOW, deadline=BRIEF) as api:
        async with asyncio.timeout(TIMEOUT):
            response = await api.http.post("/graphql", content=half(), headers={"Content-Type": "application/json"})
        assert response.status_code == 408
        assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_errors_during_cancellation_are_discarded(caplog: pytest.LogCaptureFixture) -> None:
    """The client has its response already, and asyncio must not log them."""

    async def silence() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionError("the database has gone as well") from None

    with pytest.raises(DeadlineError):
        await run_while_connected(Request({"type": "http"}, silence), stubborn(), 0.01)
    gc.collect()
    assert not _leaving
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_connection_that_is_stopped_while_it_is_being_closed_is_closed(api: Api) -> None:
    """As SQLAlchemy does for a caller that is cancelled twice. Nothing is left that the event loop would wait for."""
    async with api.db.read() as session:
        driver: Any = (await (await session.connection()).get_raw_connection()).driver_connection
        closing = asyncio.create_task(driver.close())
        await asyncio.sleep(0)
        driver.stop()
        async with asyncio.timeout(TIMEOUT):
            await closing
        await (await session.connection()).invalidate()
