"""Many events in one trip: all of them are written, or none."""

import asyncio
from functools import partial

import pytest

from core.access import require_own
from core.events import EventDraft
from core.instants import HOUR, parse_instant
from core.rights import Right
from db import calendars, event_batches
from db.access import PendingCaller, load_caller
from db.database import Session
from server.http import auth
from tests.conftest import NOW
from tests.support.api import Account, Api
from tests.support.builders import iso_time

NINE = parse_instant(iso_time(9))


@pytest.fixture
async def ada(api: Api) -> Account:
    return await api.application_calendar("ada")


def drafts(*ids: str, zone: str | None = "Europe/Berlin") -> list[EventDraft]:
    return [EventDraft(id, "Meeting", NINE, NINE + HOUR, tzid=zone) for id in ids]


async def upsert(api: Api, whose: Account, given: list[EventDraft]) -> int | None:
    actor = await load_caller(api.db.driver, auth.caller(f"Bearer {whose.token}"), api.now)
    caller = PendingCaller(actor, api.now, partial(require_own, right=Right.CREATE_EVENT))
    return await event_batches.upsert(api.db, caller, whose.calendar_id, given, api.now)


async def stored(api: Api) -> dict[str, str | None]:
    """The zones of the events, by id."""
    rows = await api.rows("SELECT event_id, tzid FROM events WHERE NOT deleted")
    return dict(rows)


async def _run(session: Session, statement: str) -> None:
    await (await session.connection()).exec_driver_sql(statement)


async def test_those_that_are_new_are_counted(api: Api, ada: Account) -> None:
    """A deleted one counts as new. Without a zone it is in that of the account."""
    assert await upsert(api, ada, drafts("a", "b")) == 2
    async with api.db.write() as session:
        await _run(session, "UPDATE events SET deleted = TRUE WHERE event_id = 'a'")
    assert await upsert(api, ada, drafts("a", "b", "c", zone=None)) == 2
    assert await stored(api) == {"a": "Etc/UTC", "b": "Etc/UTC", "c": "Etc/UTC"}


async def test_a_calendar_that_may_not_be_written_to_is_left_alone(api: Api, ada: Account) -> None:
    """Another account's, and one of a calendar elsewhere."""
    ben = await api.application_calendar("ben")
    other = Account(ada.sub, ada.token, ada.refresh_token, ben.calendar_id)
    assert await upsert(api, other, drafts("a")) is None
    async with api.db.write() as session:
        await _run(session, "UPDATE calendars SET unknown_at = 0")
    assert await upsert(api, ada, drafts("a")) is None
    assert await stored(api) == {}


@pytest.mark.parametrize("column", ["booking_id", "recurrence"])
@pytest.mark.parametrize("is_waited_for", [False, True])
async def test_none_is_written_beside_one_that_takes_more(
    api: Api, ada: Account, database_url: str, column: str, is_waited_for: bool
) -> None:
    """The event of a booking, or one that recurs: whether it is there, or another process is just writing it."""
    assert await upsert(api, ada, drafts("b")) == 1
    [(account_key, version)] = await api.rows("SELECT account_key, version FROM calendars")
    async with Api.open(database_url, NOW) as other:
        async with other.db.write() as session:
            key = await calendars.lock_and_bump(session, account_key, ada.calendar_id)
            assert key is not None
            await _run(session, f"UPDATE events SET {column} = 'x', tzid = 'UTC' WHERE event_id = 'b'")
            writing = asyncio.create_task(upsert(api, ada, drafts("a", "b", "c"))) if is_waited_for else None
            if writing is not None:
                await asyncio.wait({writing}, timeout=0.2)
        if writing is None:
            writing = asyncio.create_task(upsert(api, ada, drafts("a", "b", "c")))
        [(before,)] = await other.rows("SELECT version FROM calendars")
        assert await writing is None
    assert await stored(api) == {"b": "UTC"}
    assert await api.rows("SELECT version FROM calendars") == [(before,)]
    assert before != version
