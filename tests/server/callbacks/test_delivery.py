"""Delivery of callbacks to an application on this machine that answers correctly, with errors, or not at all."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator
from importlib.metadata import version
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from core.urls import Address
from db import callbacks, clients
from db.database import Database
from db.encryption import Encryption
from server.app import create_app
from server.outgoing.resolver import Resolver, addresses
from server.settings import Settings
from tests.clients.called_back import is_from_openings
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, KEY, open_database
from tests.support.callback_delivery import DeliveryProcess, running_deliveries
from tests.support.callback_receiver import CallbackReceiver, ReceivedRequest, running_receiver
from tests.support.links import create_clients, enqueue_callback
from tests.support.waiting import TIMEOUT, until

PAGE = Path(__file__).parents[3] / "docs" / "callbacks.md"


@pytest.fixture
async def receiver() -> AsyncGenerator[CallbackReceiver]:
    """The application that receives callbacks."""
    async with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log at the level of a running server."""
    caplog.set_level(logging.INFO, "openings")
    return caplog


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("openings_callbacks_total", {"outcome": outcome}) or 0


def signed(request: ReceivedRequest, secret: str = CLIENT_SECRET) -> bool:
    return is_from_openings(request.body, request.headers["cronofy-hmac-sha256"], secret)


async def test_a_callback_is_delivered_as_soon_as_it_is_committed(db: Database, receiver: CallbackReceiver) -> None:
    """Signed with the client's secret over the exact bytes of the body; delivered once and then removed."""
    before = counted("delivered")
    async with running_deliveries(db) as process:
        delivery_id = await enqueue_callback(db, f"{receiver.url}/booked?key=1")
        request = await receiver.next_request()
        await process.wait_for_rows()
    assert request.request_line == "POST /booked?key=1 HTTP/1.1"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["user-agent"] == f"Openings/{version('openings')}"
    assert request.delivery_id == request.payload["notification"]["delivery_id"] == delivery_id
    assert request.payload["event"]["summary"] == "Interview — 面接"
    assert signed(request)
    assert not signed(request, "another secret")
    assert not is_from_openings(request.body + b" ", request.headers["cronofy-hmac-sha256"], CLIENT_SECRET)
    assert len(receiver.requests) == 1
    assert counted("delivered") == before + 1


async def test_a_failed_delivery_is_repeated_unchanged(db: Database, receiver: CallbackReceiver) -> None:
    """After an error status, no response, and half a response: later each time, always with the same delivery id."""
    receiver.responses = [500, None, b"HTTP/1.1 2"]
    before = counted("failed")
    async with running_deliveries(db, patience=1.5) as process:
        delivery_id = await enqueue_callback(db, receiver.url)
        await process.wait_for_rows((1, NOW + 10, "status 500"))
        process.advance_clock(10)
        await process.wait_for_rows((2, NOW + 40, "took longer than 1.5 s"))
        process.advance_clock(30)
        await process.wait_for_rows(
            (3, NOW + 160, "RemoteProtocolError: Server disconnected without sending a response.")
        )
        process.advance_clock(119)
        await asyncio.sleep(0.1)
        assert len(receiver.requests) == 3
        process.advance_clock(1)
        await process.wait_for_rows()
    assert {request.delivery_id for request in receiver.requests} == {delivery_id}
    assert len({request.body for request in receiver.requests}) == 1
    assert all(map(signed, receiver.requests))
    assert counted("failed") == before + 3


async def test_an_application_that_was_down_gets_its_callback_when_it_is_back(db: Database) -> None:
    """While it restarts, nothing listens on its port."""
    async with running_receiver() as receiver:
        pass
    async with running_deliveries(db) as process:
        delivery_id = await enqueue_callback(db, receiver.url)
        async with asyncio.timeout(TIMEOUT):
            while not [due_at for (due_at,) in await process.rows("due_at") if due_at == NOW + 10]:
                await asyncio.sleep(0.005)
        async with running_receiver(port=urlsplit(receiver.url).port or 0) as back:
            process.advance_clock(10)
            assert (await back.next_request()).delivery_id == delivery_id
            await process.wait_for_rows()


async def test_a_callback_is_given_up_after_the_last_attempt(
    db: Database, receiver: CallbackReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    """This is logged as an error. The row stays, and can be tried again as docs/callbacks.md says."""
    receiver.responses = [503, 204]
    before = counted("given_up")
    async with running_deliveries(db) as process:
        process.now -= 1  # so that it is not due yet
        delivery_id = await enqueue_callback(db, receiver.url)
        await process.execute("UPDATE callbacks SET attempts = 11")
        process.advance_clock(1)
        await process.wait_for_rows((12, None, "status 503"))
        await until(lambda: counted("given_up") > before and bool(caplog.records))  # they follow the write
        assert counted("given_up") == before + 1
        [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
        words = f"callback {delivery_id}, attempt 12 to {receiver.url}, failed: status 503; given up"
        assert record.getMessage() == words
        look, again = re.findall(r"```sql\n(.*?);\n```", PAGE.read_text("utf-8"), re.DOTALL)
        async with db.reader.connect() as connection:
            [(found, to, attempts, why, _)] = await connection.execute(text(look))
        assert (found, to, attempts, why) == (delivery_id, receiver.url, 12, "status 503")
        await process.execute(again)
        db.outbox.wake()
        await process.wait_for_rows()
    assert [request.delivery_id for request in receiver.requests] == [delivery_id] * 2


async def test_a_callback_that_cannot_be_signed_waits_for_a_new_secret(
    db: Database, receiver: CallbackReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says what to do. Nothing is sent until then; afterwards it is signed with the new secret."""
    process = DeliveryProcess(db)
    await process.execute("UPDATE clients SET sealed_secret = NULL")
    async with process.deliveries.running():
        await enqueue_callback(db, receiver.url)
        cure = f"openings client secret {CLIENT_ID} makes a new one"
        missing = f"the client's secret is from before callbacks were signed: {cure}"
        await process.wait_for_rows((1, NOW + 10, missing))
        async with db.write() as session:
            await clients.renew_secret(session, Encryption("another key " * 3), CLIENT_ID)
        process.advance_clock(10)
        words = "the client's secret is encrypted with a different key from the installation's current one"
        await process.wait_for_rows((2, NOW + 40, f"{words}: restore that key, or {cure}"))
        assert receiver.requests == []
        async with db.write() as session:
            secret = await clients.renew_secret(session, db.encryption, CLIENT_ID)
        process.advance_clock(30)
        assert signed(await receiver.next_request(), secret or "")
        await process.wait_for_rows()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
    assert cure in caplog.text


async def test_concurrent_deliveries_are_limited(db: Database, receiver: CallbackReceiver) -> None:
    """The next one starts as soon as one has ended; in the end all are delivered."""
    hold = asyncio.Event()
    receiver.responses = [hold, hold]
    made = {await enqueue_callback(db, receiver.url) for _ in range(7)}
    async with running_deliveries(db, at_once=2) as process:
        for _ in range(2):
            await receiver.next_request()
        process.db.outbox.wake()
        await asyncio.sleep(0.1)
        assert len(receiver.requests) == 2
        hold.set()
        await process.wait_for_rows()
    assert receiver.most_in_progress == 2
    assert {request.delivery_id for request in receiver.requests} == made


async def test_a_client_whose_receiver_hangs_delays_no_other(db: Database, receiver: CallbackReceiver) -> None:
    """It has many callbacks that were due first; two of them are sent, and hang for an hour."""
    [other] = await create_clients(db, 1)
    receiver.responses = [None, None]
    hanging = {await enqueue_callback(db, f"{receiver.url}/hanging", now=NOW - 60) for _ in range(40)}
    async with running_receiver("127.0.0.2") as quick, running_deliveries(db, patience=3600, grace=0) as process:
        for _ in range(2):
            await receiver.next_request()
        made = [await enqueue_callback(db, quick.url, client_id=other) for _ in range(10)]
        for _ in made:
            await quick.next_request()
        async with asyncio.timeout(TIMEOUT):
            while len(await process.rows("key")) > len(hanging):
                await asyncio.sleep(0.01)
    assert {request.delivery_id for request in quick.requests} == set(made)
    assert len(receiver.requests) == 2


async def test_names_that_resolve_slowly_delay_no_other_client(db: Database, receiver: CallbackReceiver) -> None:
    """Two look-ups of the client never end. Its further callbacks wait for a thread, which is no attempt."""
    [slow] = await create_clients(db, 1)
    never = Event()
    asked: list[str] = []

    def look_up(host: str, port: int) -> list[Address]:
        asked.append(host)
        if host == "slow.test":
            never.wait(2 * TIMEOUT)
        return addresses("127.0.0.1", port)

    before = counted("postponed")
    for _ in range(4):
        await enqueue_callback(db, "http://slow.test/", client_id=slow)
    try:
        resolver = Resolver(look_up, patience=0.5)
        async with running_deliveries(db, patience=1, resolver=resolver) as process:
            failed, postponed = (1, NOW + 10, "took longer than 1 s"), (0, NOW + 5, None)
            await process.wait_for_rows(failed, failed, postponed, postponed)
            for _ in range(3):
                await enqueue_callback(db, receiver.url.replace("127.0.0.1", "quick.test"))
                await receiver.next_request()
            await process.wait_for_rows(failed, failed, postponed, postponed)
            assert asked.count("slow.test") == 2
            assert counted("postponed") == before + 2
            never.set()
            await until(lambda: not resolver._queue._held)  # the threads have ended
            process.advance_clock(5)
            await until(lambda: asked.count("slow.test") == 4)
    finally:
        never.set()


async def test_of_several_processes_only_one_delivers_a_callback(database_url: str, receiver: CallbackReceiver) -> None:
    """None is delivered twice unless a process is killed; a process finds callbacks that another one has written."""
    first, second = open_database(database_url), open_database(database_url)
    made = {await enqueue_callback(first, receiver.url) for _ in range(30)}
    async with running_deliveries(first), running_deliveries(second, interval=0.05) as process:
        await process.wait_for_rows()
    async with running_deliveries(second, interval=0.05) as process:
        made.add(await enqueue_callback(first, receiver.url))
        await process.wait_for_rows()
    assert len(receiver.requests) == len(made)
    assert {request.delivery_id for request in receiver.requests} == made
    await first.close()
    await second.close()


async def test_stopping_waits_for_quick_deliveries_and_releases_the_rest(
    db: Database, receiver: CallbackReceiver
) -> None:
    """A released one is due at once for another process, and does not count as an attempt."""
    soon = asyncio.Event()
    receiver.responses = [soon, None]
    async with running_deliveries(db, grace=1) as process:
        await enqueue_callback(db, receiver.url)
        await receiver.next_request()
        left = await enqueue_callback(db, receiver.url)
        await receiver.next_request()
        asyncio.get_running_loop().call_later(0.05, soon.set)
    assert await process.rows("delivery_id, attempts, due_at") == [(left, 0, NOW)]
    async with running_deliveries(db) as process:
        assert (await receiver.next_request()).delivery_id == left
        await process.wait_for_rows()


async def test_the_claim_of_a_killed_process_expires(db: Database, receiver: CallbackReceiver) -> None:
    """Not earlier: the delivery might still be running."""
    delivery_id = await enqueue_callback(db, receiver.url)
    async with db.write() as session:
        await callbacks.claim(session, NOW, NOW + 30, 1)
    async with running_deliveries(db) as process:
        process.advance_clock(29)
        await asyncio.sleep(0.1)
        assert receiver.requests == []
        process.advance_clock(1)
        assert (await receiver.next_request()).delivery_id == delivery_id
        await process.wait_for_rows()


async def test_a_callback_that_cannot_be_sent_blocks_no_other(
    db: Database, receiver: CallbackReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a fault of ours, logged with a traceback; the callback is retried as if its receiver had failed."""
    async with running_deliveries(db) as process:
        await enqueue_callback(db, "gopher://hooks.test/")
        good = await enqueue_callback(db, receiver.url)
        await process.wait_for_rows((1, NOW + 10, "internal error: KeyError"))
        assert (await receiver.next_request()).delivery_id == good
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


async def test_delivery_continues_after_a_fault(
    db: Database, receiver: CallbackReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    """The fault is logged with a traceback; due callbacks are delivered once it is repaired."""
    process = DeliveryProcess(db)
    await process.execute("ALTER TABLE callbacks RENAME TO elsewhere")
    async with process.deliveries.running():
        await until(lambda: bool(caplog.records))
        await process.execute("ALTER TABLE elsewhere RENAME TO callbacks")
        await enqueue_callback(db, receiver.url)
        await receiver.next_request()
        await process.wait_for_rows()
    assert caplog.records[0].levelname == "ERROR"
    assert caplog.records[0].exc_info


async def test_the_log_contains_no_secrets_and_no_contents(
    db: Database, receiver: CallbackReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the body, nor the signature or its secret, nor the part of a URL that may be secret."""
    receiver.responses = [500]
    async with running_deliveries(db) as process:
        await enqueue_callback(db, f"{receiver.url}/a-secret-path?key=a-secret-key")
        await process.wait_for_rows((1, NOW + 10, "status 500"))
        process.advance_clock(10)
        await process.wait_for_rows()
    failed, arrived = [record.getMessage() for record in caplog.records]
    assert failed.endswith(f"attempt 1 to {receiver.url}, failed: status 500; next in 10 s")
    assert arrived.endswith(f"attempt 2 to {receiver.url}, delivered")
    request = receiver.requests[0]
    for secret in ("a-secret", CLIENT_SECRET, "Interview", request.headers["cronofy-hmac-sha256"]):
        assert secret not in caplog.text
        assert all(secret not in str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize("private", [True, False])
async def test_the_application_delivers_callbacks_while_it_runs(
    database_url: str, receiver: CallbackReceiver, private: bool
) -> None:
    """To private addresses only if the setting allows them."""
    app = create_app(Settings(database_url, key=KEY, private_callbacks=private), clock=lambda: NOW)
    async with app.router.lifespan_context(app):
        process = DeliveryProcess(app.state.db)
        await enqueue_callback(app.state.db, receiver.url.replace("127.0.0.1", "localhost"))
        if private:
            await receiver.next_request()
            await process.wait_for_rows()
        else:
            refused = "its host has a private address, which OPENINGS_PRIVATE_CALLBACKS=1 would allow"
            await process.wait_for_rows((1, NOW + 10, refused))
            assert receiver.requests == []
