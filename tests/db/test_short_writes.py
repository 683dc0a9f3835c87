"""Short writes on SQLite: what happens while somebody waits for the turn to write."""

import asyncio

import pytest
from sqlalchemy import text

from tests.api import Api, Someone
from tests.schema.test_events import UPSERT_EVENT, event


@pytest.fixture
def backend() -> str:
    """SQLite only: PostgreSQL has no turns."""
    return "sqlite"


@pytest.fixture
async def person(api: Api) -> Someone:
    return await api.application_calendar("person")


def upsert(api: Api, whose: Someone, name: str) -> "asyncio.Task[dict[str, object]]":
    given = {"calendarId": whose.calendar_id, "event": event(name)}
    return asyncio.create_task(api(UPSERT_EVENT, whose.token, input=given))


async def test_who_asks_is_found_out_when_it_is_their_turn(api: Api, person: Someone) -> None:
    """A token that was revoked meanwhile writes nothing: both are one transaction."""
    async with api.db.write() as session:
        waiting = upsert(api, person, "late")
        await asyncio.sleep(0.1)
        assert not waiting.done()
        connection = await session.connection()
        await connection.execute(text("DELETE FROM tokens"))
    answer = await waiting
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert await api.rows("SELECT event_id FROM events") == []
    assert api.db.connections_in_use == 0


async def test_who_was_refused_keeps_nobody_else_from_writing(api: Api, person: Someone) -> None:
    stranger = Someone(person.sub, "nobody's token", "", person.calendar_id)
    answers = await asyncio.gather(*(upsert(api, whose, f"e{n}") for n in range(10) for whose in (stranger, person)))
    assert ["errors" in answer for answer in answers] == [True, False] * 10
    assert await api.rows("SELECT count(*) FROM events") == [(10,)]


async def test_turns_come_in_the_order_of_asking(api: Api, person: Someone) -> None:
    async with api.db.write():
        waiting = [upsert(api, person, f"e{n}") for n in range(20)]
        await asyncio.sleep(0.2)
    await asyncio.gather(*waiting)
    found = await api.rows("SELECT event_id FROM events ORDER BY key")
    assert found == [(f"e{n}",) for n in range(20)]
