"""Callbacks that wait: written with what they tell of, claimed by one at a time, and never lost."""

import asyncio
import json
import re
from typing import Any

import pytest
from sqlalchemy import text

from core.instants import DAY
from core.real_time_scheduling import CallbackKind
from db import callbacks
from db.callbacks import Claimed
from db.database import Database
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, open_database
from tests.support.links import OPEN, URL, client_key, enqueue_callback, make_link

TO = "https://example.com/booked?key=1"


async def put(db: Database, *, now: int = NOW, to: str | None = TO) -> str:
    return await enqueue_callback(db, to, now=now)


async def claim(db: Database, now: int, *, most: int = 100) -> list[Claimed]:
    """A claim that holds for a minute."""
    async with db.write() as session:
        return await callbacks.claim(session, now, now + 60, most)


async def rows(db: Database, columns: str) -> list[tuple[Any, ...]]:
    """What the table holds."""
    async with db.reader.connect() as connection:
        found = await connection.execute(text(f"SELECT {columns} FROM callbacks ORDER BY key"))
        return [tuple(row) for row in found]


async def test_a_callback_is_claimed_with_all_that_is_needed_to_send_it(db: Database) -> None:
    """Where to, what, and what it is signed with; the body has the delivery's id, and is the same every time."""
    delivery_id = await put(db)
    assert re.fullmatch(r"cbk_[0-9a-f]{24}", delivery_id)
    assert await callbacks.next_due(db.driver) == NOW
    [claimed] = await claim(db, NOW)
    assert (claimed.delivery_id, claimed.url, claimed.attempts, claimed.client_id) == (delivery_id, TO, 1, CLIENT_ID)
    assert db.encryption.open(claimed.sealed_secret or b"") == CLIENT_SECRET
    told = json.loads(claimed.body)
    assert told["notification"] == {"type": "completed", "delivery_id": delivery_id}
    assert told["event"]["summary"] == "Interview — 面接"
    assert told["user"] == {"tzid": "Asia/Tokyo"}
    [again] = await claim(db, NOW + 60)
    assert (again.delivery_id, again.body, again.attempts) == (delivery_id, claimed.body, 2)


async def test_who_named_no_url_is_told_nothing(db: Database) -> None:
    assert await put(db, to=None) == ""
    assert await rows(db, "*") == []
    assert await callbacks.next_due(db.driver) is None


async def test_what_is_undone_is_not_told(db: Database) -> None:
    """A callback is a part of the transaction that it tells of."""

    async def undone() -> None:
        async with db.write() as session:
            given = make_link(await client_key(session), to=TO, state=OPEN)
            kind = CallbackKind.NO_TIMES_SUITABLE
            assert await callbacks.enqueue(session, given, kind, url=URL, visitor_tzid="Etc/UTC", now=NOW)
            raise LookupError

    with pytest.raises(LookupError):
        await undone()
    assert await rows(db, "*") == []


async def test_who_delivers_is_woken_by_the_commit(db: Database) -> None:
    """And not by a transaction that has nothing to tell."""
    async with db.write():
        pass
    began = asyncio.get_running_loop().time()
    await db.outbox.wait(0.01)
    assert asyncio.get_running_loop().time() - began >= 0.01
    await put(db)
    await asyncio.wait_for(db.outbox.wait(60), 1)


async def test_a_claim_holds_until_its_time_is_over(db: Database) -> None:
    """Then somebody else may claim it: whoever had it was killed."""
    await put(db)
    assert len(await claim(db, NOW)) == 1
    assert await callbacks.next_due(db.driver) == NOW + 60
    assert await claim(db, NOW + 59) == []
    assert len(await claim(db, NOW + 60)) == 1


async def test_of_many_that_claim_at_once_each_gets_others(database_url: str) -> None:
    """Four processes, of which none waits for another: forty callbacks are claimed, each once."""
    processes = [open_database(database_url) for _ in range(4)]
    made = {await put(processes[0]) for _ in range(40)}
    claimed: list[str] = []

    async def worker(db: Database) -> None:
        while batch := await claim(db, NOW, most=3):
            assert len(batch) <= 3
            claimed.extend(callback.delivery_id for callback in batch)

    await asyncio.gather(*(worker(db) for db in processes))
    assert len(claimed) == 40
    assert set(claimed) == made
    for db in processes:
        await db.close()


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_what_is_just_being_claimed_is_passed_over(database_url: str) -> None:
    """Nobody waits for another's transaction. On SQLite there is only one at a time."""
    db, other = open_database(database_url), open_database(database_url)
    await put(db)
    await put(db)
    async with db.write() as session:
        [mine] = await callbacks.claim(session, NOW, NOW + 60, 1)
        async with asyncio.timeout(5):
            [theirs] = await claim(other, NOW)
    assert mine.key != theirs.key
    await db.close()
    await other.close()


async def test_what_was_never_tried_comes_first(db: Database) -> None:
    """Callbacks to somebody who cannot be reached keep no others waiting, however many of them are due."""
    failing = [await put(db) for _ in range(3)]
    for callback in await claim(db, NOW):
        async with db.write() as session:
            await callbacks.record_failure(session, callback, "status 500", NOW + 10)
    fresh = await put(db, now=NOW + 20)
    [first] = await claim(db, NOW + 20, most=1)
    assert first.delivery_id == fresh
    assert {callback.delivery_id for callback in await claim(db, NOW + 20)} == set(failing)


async def test_delivered_is_gone(db: Database) -> None:
    """Also when another has claimed it meanwhile, and is about to tell it once more."""
    await put(db)
    [late] = await claim(db, NOW)
    await claim(db, NOW + 60)
    async with db.write() as session:
        await callbacks.record_success(session, late)
    assert await rows(db, "*") == []


async def test_failed_is_due_again_and_says_why(db: Database) -> None:
    await put(db)
    [callback] = await claim(db, NOW)
    async with db.write() as session:
        await callbacks.record_failure(session, callback, "status 500", NOW + 10)
    assert await rows(db, "attempts, due_at, last_failure") == [(1, NOW + 10, "status 500")]
    assert await claim(db, NOW + 9) == []
    assert [again.attempts for again in await claim(db, NOW + 10)] == [2]


async def test_what_is_given_up_stays_and_is_not_due(db: Database) -> None:
    """Until it is purged; what is younger, or still to be delivered, stays."""
    await put(db, now=NOW - 2)
    await put(db, now=NOW)
    waiting = await put(db, now=NOW - 2, to="https://example.com/slow")
    for callback in await claim(db, NOW):
        async with db.write() as session:
            given_up = callback.delivery_id != waiting
            await callbacks.record_failure(session, callback, "status 500", None if given_up else NOW + DAY)
    assert await callbacks.next_due(db.driver) == NOW + DAY
    assert [callback.delivery_id for callback in await claim(db, NOW + 400 * DAY)] == [waiting]
    async with db.write() as session:
        await callbacks.purge(session, NOW)
    assert await rows(db, "due_at, created_at") == [(None, NOW), (NOW + 400 * DAY + 60, NOW - 2)]


async def test_who_comes_late_leaves_another_s_claim_alone(db: Database) -> None:
    """It has failed for the first, whose claim has run out, and may yet arrive by the second."""
    await put(db)
    [late] = await claim(db, NOW)
    [current] = await claim(db, NOW + 60)
    async with db.write() as session:
        await callbacks.record_failure(session, late, "took longer than 10 s", None)
        await callbacks.release(session, [late], NOW + 61)
    assert await rows(db, "attempts, due_at, last_failure") == [(current.attempts, NOW + 120, None)]


async def test_what_is_given_back_is_due_at_once_and_as_if_it_had_not_been_tried(db: Database) -> None:
    await put(db)
    async with db.write() as session:
        await callbacks.release(session, await callbacks.claim(session, NOW, NOW + 60, 5), NOW + 1)
    assert await rows(db, "attempts, due_at") == [(0, NOW + 1)]


async def test_a_client_from_before_has_nothing_to_sign_with(db: Database) -> None:
    """That is for whoever sends to say."""
    await put(db)
    async with db.write() as session:
        await (await session.connection()).execute(text("UPDATE clients SET sealed_secret = NULL"))
    [claimed] = await claim(db, NOW)
    assert claimed.sealed_secret is None
