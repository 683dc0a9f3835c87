"""A request that takes too long is called off: its client is told, and nothing of it is left behind."""

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

from .recovery import assert_recovered
from .writers import EVENTS, UPSERT_EVENT, one_event

BRIEF = 0.2


@pytest.fixture
async def person(api: Api) -> Account:
    """Somebody with a calendar, who from now on has a fifth of a second for each request."""
    person = await api.application_calendar("person")
    api.gate.deadline = BRIEF
    return person


def is_timeout(answer: dict[str, Any]) -> bool:
    """Whether this is the whole of what a client is told. It may ask again."""
    [error] = answer["errors"]
    assert answer["data"] is None
    assert f"longer than {BRIEF} seconds" in error["message"]
    return error["extensions"] == {"code": "TIMEOUT", "retry": True}


async def test_a_write_that_takes_too_long_is_undone_and_its_client_told(
    api: Api, person: Account, database_url: str
) -> None:
    """Somebody else holds the calendar. Afterwards every connection is back, and the same request is answered."""
    given = one_event(person, "lost")
    async with locked_calendars(database_url), asyncio.timeout(20):
        answers = await asyncio.gather(*(api(UPSERT_EVENT, person.token, input=given) for _ in range(3)))
    assert all(is_timeout(answer) for answer in answers)
    await wait_until_rolled_back(api)
    assert await api.rows("SELECT summary FROM events") == []
    await assert_recovered(api, person, changes=0)


async def test_a_read_that_takes_too_long_is_called_off(backend: str, api: Api, person: Account) -> None:
    """It waits for a connection, of which there is none to be had."""
    async with AsyncExitStack() as held:
        for _ in range(10 if backend == "postgresql" else 8):
            await (await held.enter_async_context(api.db.read())).connection()
        assert is_timeout(await api(EVENTS, person.token))
    await wait_until_rolled_back(api)
    await assert_recovered(api, person, changes=0)


async def test_who_has_all_the_time_is_answered_in_the_end(api: Api, person: Account, database_url: str) -> None:
    """0 is no deadline at all."""
    api.gate.deadline = 0
    async with locked_calendars(database_url):
        asking = asyncio.create_task(api.data(UPSERT_EVENT, person.token, input=one_event(person, "kept")))
        await asyncio.sleep(2 * BRIEF)
        assert not asking.done()
    await asking
    assert await api.rows("SELECT summary FROM events") == [("kept",)]


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_of_several_mutations_those_before_it_are_done(api: Api, person: Account, database_url: str) -> None:
    """Each is a transaction of its own, as ever. On SQLite nothing at all can be written while somebody else does."""
    query = """
    mutation ($made: ApplicationCalendarInput!, $event: UpsertEventInput!) {
      applicationCalendar(input: $made) { sub }
      upsertEvent(input: $event) { created }
    }
    """
    made = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "applicationCalendarId": "made"}
    async with locked_calendars(database_url):
        assert is_timeout(await api(query, person.token, made=made, event=one_event(person, "lost")))
    await wait_until_rolled_back(api)
    assert await api.rows("SELECT external_id FROM accounts ORDER BY key") == [("person",), ("made",)]
    assert await api.rows("SELECT summary FROM events") == []


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_body_that_does_not_arrive_is_not_waited_for(database_url: str) -> None:
    """Whoever sends half of it and then nothing holds a connection, but not for ever."""

    async def half() -> AsyncGenerator[bytes]:
        yield b'{"query": '
        await asyncio.Event().wait()

    async with Api.open(database_url, NOW, deadline=BRIEF) as api:
        async with asyncio.timeout(20):
            response = await api.http.post("/graphql", content=half(), headers={"Content-Type": "application/json"})
        assert response.status_code == 408
        assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}


async def test_what_goes_wrong_while_it_is_undone_is_nobodys_answer(caplog: pytest.LogCaptureFixture) -> None:
    """Its client has been told already, and the log is not for what asyncio makes of it."""

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
