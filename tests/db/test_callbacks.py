"""The outbox of callbacks: enqueued in the transaction they report, claimed by one process at a time, never lost."""

import asyncio
import json
import re
from collections import Counter
from typing import Any
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import text

from core.instants import DAY
from core.real_time_scheduling import CallbackKind
from db import callbacks, claims, purge
from db.callbacks import Claimed
from db.database import Database
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, open_database
from tests.support.links import OPEN, URL, client_key, create_clients, enqueue_callback, make_link
from tests.support.waiting import TIMEOUT, until

TO = "https://example.com/booked?key=1"


async def put(db: Database, *, now: int = NOW, to: str | None = TO) -> str:
    return await enqueue_callback(db, to, now=now)


async def claim(db: Database, now: int, *, most: int = 100) -> list[Claimed]:
    """Claims for one minute."""
    async with db.write() as session:
        return await callbacks.claim(session, now, now + 60, most)


async def is_waiting(db: Database) -> bool:
    """Whether a transaction waits for another one."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return bool(await db.driver.fetch_many(waiting))


async def rows(db: Database, columns: str) -> list[tuple[Any, ...]]:
    """Reads these columns of all callbacks."""
    async with db.reader.connect() as connection:
        found = await connection.execute(text(f"SELECT {columns} FROM callbacks ORDER BY key"))
        return [tuple(row) for row in found]


async def test_a_claimed_callback_has_all_that_is_needed_to_send_it(db: Database) -> None:
    """URL, body and secret; the body contains the delivery id, and is the same for every attempt."""
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


async def test_without_a_url_nothing_is_enqueued(db: Database) -> None:
    assert await put(db, to=None) == ""
    assert await rows(db, "*") == []
    assert await callbacks.next_due(db.driver) is None


async def test_a_rolled_back_transaction_enqueues_nothing(db: Database) -> None:
    """A callback is part of the transaction that it reports."""

    async def undone() -> None:
        async with db.write() as session:
            given = make_link(await client_key(session), to=TO, state=OPEN)
            kind = CallbackKind.NO_TIMES_SUITABLE
            assert await callbacks.enqueue(session, given, kind, url=URL, visitor_tzid="Etc/UTC", now=NOW)
            raise LookupError

    with pytest.raises(LookupError):
        await undone()
    assert await rows(db, "*") == []


async def test_the_commit_wakes_the_delivery(db: Database) -> None:
    """A transaction without callbacks does not."""
    async with db.write():
        pass
    began = asyncio.get_running_loop().time()
    await db.outbox.wait(0.01)
    assert asyncio.get_running_loop().time() - began >= 0.01
    await put(db)
    await asyncio.wait_for(db.outbox.wait(3600), TIMEOUT)


async def test_a_claim_holds_until_it_expires(db: Database) -> None:
    """Then another process may claim the callback, since the first one was killed."""
    await put(db)
    assert len(await claim(db, NOW)) == 1
    assert await callbacks.next_due(db.driver) == NOW + 60
    assert await claim(db, NOW + 59) == []
    assert len(await claim(db, NOW + 60)) == 1


async def test_concurrent_claims_are_disjoint_and_limited(database_url: str) -> None:
    """Four processes: each callback is claimed once, and never more than two of a client or to a host are in flight."""
    processes = [open_database(database_url) for _ in range(4)]
    several = await create_clients(processes[0], 4)
    made = {
        await enqueue_callback(processes[0], f"https://host{n % 3}.test/", client_id=client_id)
        for n in range(5)
        for client_id in several
    }
    claimed: list[str] = []
    of_client, to_host = Counter[str](), Counter[str]()

    async def worker(db: Database) -> None:
        while len(claimed) < len(made):
            batch = await claim(db, NOW, most=3)
            assert len(batch) <= 3
            claimed.extend(callback.delivery_id for callback in batch)
            of_client.update(callback.client_id for callback in batch)
            to_host.update(callback.url for callback in batch)
            assert max([*of_client.values(), *to_host.values()], default=0) <= callbacks.IN_FLIGHT
            for callback in batch:
                # Counted as ended before that is committed: another process may claim the next one at once.
                of_client[callback.client_id] -= 1
                to_host[callback.url] -= 1
                async with db.write() as session:
                    await callbacks.record_success(session, callback)

    async with asyncio.timeout(TIMEOUT):
        await asyncio.gather(*(worker(db) for db in processes))
    assert len(claimed) == len(made)
    assert set(claimed) == made
    for db in processes:
        await db.close()


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_claims_wait_for_each_other(database_url: str) -> None:
    """Otherwise two at once might both find room for the same client. SQLite has one transaction at a time anyway."""
    db, other = open_database(database_url), open_database(database_url)
    for _ in range(4):
        await put(db)
    async with db.write() as session:
        [mine] = await callbacks.claim(session, NOW, NOW + 60, 1)
        theirs = asyncio.create_task(claim(other, NOW))
        await asyncio.sleep(0.1)
        assert not theirs.done()
    [one] = await theirs
    assert mine.key != one.key
    await db.close()
    await other.close()


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_a_callback_that_two_claims_choose_is_claimed_once(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not wait for each other beside a server of an earlier version, in a rolling upgrade."""
    monkeypatch.setattr(claims.ClaimQueue, "_wait_for_other_claims", AsyncMock())
    db, other = open_database(database_url), open_database(database_url)
    await put(db)
    async with db.write() as session:
        assert len(await callbacks.claim(session, NOW, NOW + 60, 1)) == 1
        theirs = asyncio.create_task(claim(other, NOW))
        await until(lambda: is_waiting(db))
    assert await theirs == []
    await db.close()
    await other.close()


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_a_process_stopped_during_its_claim_does_not_stop_others(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL ends its transaction: nothing is claimed, and the next process is."""
    monkeypatch.setattr(claims, "_LONGEST_CLAIM", "200ms")
    db, other = open_database(database_url), open_database(database_url)
    delivery_id = await put(db)
    stopped = db.write()
    await callbacks.claim(await stopped.__aenter__(), NOW, NOW + 60, 1)
    async with asyncio.timeout(TIMEOUT):
        [claimed] = await claim(other, NOW)
    assert (claimed.delivery_id, claimed.attempts) == (delivery_id, 1)
    with pytest.raises(Exception, match=r"idle|closed"):
        await stopped.__aexit__(None, None, None)
    await db.close()
    await other.close()


async def test_callbacks_are_claimed_client_by_client(db: Database) -> None:
    """Two of a client that has many, whatever was first; then those of whom the last turn is longest ago."""
    busy, *quiet = await create_clients(db, 3)
    for n in range(20):
        await enqueue_callback(db, f"https://busy{n}.test/", now=NOW - 100, client_id=busy)
    for client_id in quiet:
        await enqueue_callback(db, f"https://{client_id}.test/", client_id=client_id)
    claimed = await claim(db, NOW)
    assert sorted(callback.client_id for callback in claimed) == sorted([busy, busy, *quiet])
    keys = {callback.client_id: callback.client_key for callback in claimed}
    async with db.write() as session:
        await callbacks.release(session, claimed, NOW)
    turns = {keys[quiet[0]]: 1, keys[busy]: 2}
    for expected in (quiet[1], quiet[0], busy, busy):
        async with db.write() as session:
            [next_one] = await callbacks.claim(session, NOW, NOW + 60, 1, turns)
        assert next_one.client_id == expected
    assert await claim(db, NOW) == []


async def test_few_callbacks_to_one_host_are_claimed(db: Database) -> None:
    """Of all clients together, and whatever the port; what goes to other hosts is not delayed."""
    several = await create_clients(db, 3)
    for port, client_id in enumerate(several, 8001):
        await enqueue_callback(db, f"http://shared.test:{port}/", now=NOW - 10, client_id=client_id)
    own = await enqueue_callback(db, "https://own.test/", client_id=several[2])
    first = await claim(db, NOW)
    assert sorted(callback.url for callback in first) == [
        *("http://shared.test:8001/", "http://shared.test:8002/", "https://own.test/")
    ]
    assert own in {callback.delivery_id for callback in first}
    assert await claim(db, NOW) == []
    async with db.write() as session:
        await callbacks.record_success(session, next(each for each in first if each.url.endswith(":8001/")))
    assert [callback.url for callback in await claim(db, NOW)] == ["http://shared.test:8003/"]


@pytest.mark.parametrize("end", ["failure", "release", "expiry"])
async def test_a_claim_that_ends_leaves_room_for_another(db: Database, end: str) -> None:
    """However it ends."""
    for _ in range(3):
        await put(db)
    first, _ = await claim(db, NOW)
    assert await claim(db, NOW + 59) == []
    async with db.write() as session:
        if end == "failure":
            await callbacks.record_failure(session, first, "status 500", NOW, NOW + 1000)
        elif end == "release":
            await callbacks.release(session, [first], NOW + 1000)
    assert len(await claim(db, NOW + (60 if end == "expiry" else 59))) == (2 if end == "expiry" else 1)


async def test_callbacks_without_an_attempt_are_claimed_first(db: Database) -> None:
    """Callbacks to an unreachable URL delay no others, however many of them are due."""
    failing = [await put(db) for _ in range(2)]
    for callback in await claim(db, NOW):
        async with db.write() as session:
            await callbacks.record_failure(session, callback, "status 500", NOW, NOW + 10)
    fresh = await put(db, now=NOW + 20)
    [first] = await claim(db, NOW + 20, most=1)
    assert first.delivery_id == fresh
    [second] = await claim(db, NOW + 20)
    assert second.delivery_id in failing


async def test_a_delivered_callback_is_deleted(db: Database) -> None:
    """Even if another process has claimed it in between, and is about to send it again."""
    await put(db)
    [late] = await claim(db, NOW)
    await claim(db, NOW + 60)
    async with db.write() as session:
        await callbacks.record_success(session, late)
    assert await rows(db, "*") == []


async def test_a_failed_callback_is_due_again_and_has_the_reason(db: Database) -> None:
    await put(db)
    [callback] = await claim(db, NOW)
    async with db.write() as session:
        await callbacks.record_failure(session, callback, "status 500", NOW, NOW + 10)
    assert await rows(db, "attempts, due_at, last_failure") == [(1, NOW + 10, "status 500")]
    assert await claim(db, NOW + 9) == []
    assert [again.attempts for again in await claim(db, NOW + 10)] == [2]


async def test_an_abandoned_callback_stays_and_is_not_due(db: Database) -> None:
    """Until it is purged; later ones, and those still to be delivered, stay."""
    await put(db, now=NOW - 2)
    await put(db, now=NOW)
    waiting = await put(db, now=NOW - 2, to="https://example.com/slow")
    while claimed := await claim(db, NOW):
        for callback in claimed:
            async with db.write() as session:
                given_up = callback.delivery_id != waiting
                await callbacks.record_failure(session, callback, "status 500", NOW, None if given_up else NOW + DAY)
    assert await callbacks.next_due(db.driver) == NOW + DAY
    assert [callback.delivery_id for callback in await claim(db, NOW + 400 * DAY)] == [waiting]
    async with db.write() as session:
        assert await purge.callbacks(session, NOW) == 1
    assert await rows(db, "due_at, created_at") == [(None, NOW), (NOW + 400 * DAY + 60, NOW - 2)]


async def test_an_expired_claim_does_not_change_a_newer_one(db: Database) -> None:
    """The first attempt has failed after its claim expired; the second may still succeed."""
    await put(db)
    [late] = await claim(db, NOW)
    [current] = await claim(db, NOW + 60)
    async with db.write() as session:
        await callbacks.record_failure(session, late, "took longer than 10 s", NOW, None)
        await callbacks.release(session, [late], NOW + 61)
    assert await rows(db, "attempts, due_at, last_failure") == [(current.attempts, NOW + 120, None)]


async def test_a_released_callback_is_due_at_once_without_counting_an_attempt(db: Database) -> None:
    await put(db)
    async with db.write() as session:
        await callbacks.release(session, await callbacks.claim(session, NOW, NOW + 60, 5), NOW + 1)
    assert await rows(db, "attempts, due_at") == [(0, NOW + 1)]


async def test_a_client_from_an_old_version_has_no_secret_to_sign_with(db: Database) -> None:
    """Handling that is up to the sender."""
    await put(db)
    async with db.write() as session:
        await (await session.connection()).execute(text("UPDATE clients SET sealed_secret = NULL"))
    [claimed] = await claim(db, NOW)
    assert claimed.sealed_secret is None
