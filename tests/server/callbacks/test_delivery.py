"""Delivering callbacks: to an application on this machine, which answers well, badly, or not at all."""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from core.instants import HOUR
from db import callbacks, clients
from db.database import Database
from db.encryption import Keys
from server.app import create_app
from server.callbacks.delivery import KEPT, Deliveries
from server.callbacks.http_client import Outgoing, anywhere
from server.settings import Settings
from tests.clients.called_back import is_from_openings
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, KEY, opened
from tests.support.callback_receiver import Received, Receiver, receiving
from tests.support.links import posted

PAGE = Path(__file__).parents[3] / "docs" / "callbacks.md"


@pytest.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    """The application that is called back."""
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log as it is written when the server runs."""
    caplog.set_level(logging.INFO, "openings")
    return caplog


class Delivering:
    """Deliveries as a process makes them. `now` is what its clock shows."""

    def __init__(self, db: Database, **more: Any) -> None:
        self.db, self.now = db, NOW
        outgoing = Outgoing(anywhere, patience=more.pop("patience", 5))
        self.deliveries = Deliveries(db, outgoing, lambda: self.now, **more)

    async def rows(self, columns: str = "attempts, due_at, last_failure") -> list[tuple[Any, ...]]:
        async with self.db.reader.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(f"SELECT {columns} FROM callbacks"))]

    async def execute(self, statement: str) -> None:
        async with self.db.write() as session:
            await session.exec(text(statement))  # pyright: ignore

    async def until(self, *rows: tuple[Any, ...], columns: str = "attempts, due_at, last_failure") -> None:
        """Waits until these are all that is in the table."""
        async with asyncio.timeout(10):
            while sorted(await self.rows(columns), key=str) != sorted(rows, key=str):
                await asyncio.sleep(0.005)

    def pass_time(self, seconds: int) -> None:
        """It is later, and the process sees it at once."""
        self.now += seconds
        self.db.outbox.wake()


@asynccontextmanager
async def delivering(db: Database, **more: Any) -> AsyncGenerator[Delivering]:
    made = Delivering(db, **more)
    async with made.deliveries.running():
        yield made


def counted(outcome: str) -> float:
    return REGISTRY.get_sample_value("openings_callbacks_total", {"outcome": outcome}) or 0


def signed(request: Received, secret: str = CLIENT_SECRET) -> bool:
    return is_from_openings(request.body, request.headers["cronofy-hmac-sha256"], secret)


async def test_a_callback_arrives_as_soon_as_it_is_committed(db: Database, receiver: Receiver) -> None:
    """Signed with the client's secret over the very bytes that arrive; and once it has arrived, that is the end of it."""
    before = counted("delivered")
    async with delivering(db) as process:
        delivery_id = await posted(db, f"{receiver.url}/booked?key=1")
        request = await receiver.next()
        await process.until()
    assert request.line == "POST /booked?key=1 HTTP/1.1"
    assert request.headers["content-type"] == "application/json; charset=utf-8"
    assert request.headers["user-agent"] == f"Openings/{version('openings')}"
    assert request.delivery_id == request.told["notification"]["delivery_id"] == delivery_id
    assert request.told["event"]["summary"] == "Interview — 面接"
    assert signed(request)
    assert not signed(request, "another secret")
    assert not is_from_openings(request.body + b" ", request.headers["cronofy-hmac-sha256"], CLIENT_SECRET)
    assert len(receiver.received) == 1
    assert counted("delivered") == before + 1


async def test_what_does_not_arrive_is_sent_again_as_it_was(db: Database, receiver: Receiver) -> None:
    """After an error, after no answer, after half of one: later each time, and always by the same delivery id."""
    receiver.answers = [500, None, b"HTTP/1.1 2"]
    before = counted("failed")
    async with delivering(db, patience=1) as process:
        delivery_id = await posted(db, receiver.url)
        await process.until((1, NOW + 10, "status 500"))
        process.pass_time(10)
        await process.until((2, NOW + 40, "took longer than 1 s"))
        process.pass_time(30)
        await process.until((3, NOW + 160, "RemoteProtocolError: Server disconnected without sending a response."))
        process.pass_time(119)
        await asyncio.sleep(0.1)
        assert len(receiver.received) == 3
        process.pass_time(1)
        await process.until()
    assert {request.delivery_id for request in receiver.received} == {delivery_id}
    assert len({request.body for request in receiver.received}) == 1
    assert all(map(signed, receiver.received))
    assert counted("failed") == before + 3


async def test_an_application_that_was_away_is_told_when_it_is_back(db: Database) -> None:
    """While it restarts, nobody listens."""
    async with receiving() as receiver:
        pass
    async with delivering(db) as process:
        delivery_id = await posted(db, receiver.url)
        async with asyncio.timeout(10):
            while not [due_at for (due_at,) in await process.rows("due_at") if due_at == NOW + 10]:
                await asyncio.sleep(0.005)
        async with receiving(port=urlsplit(receiver.url).port or 0) as back:
            process.pass_time(10)
            assert (await back.next()).delivery_id == delivery_id
            await process.until()


async def test_after_the_last_attempt_it_is_given_up(
    db: Database, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Which is an error; the callback stays, and can be had tried again as docs/callbacks.md says."""
    receiver.answers = [503, 204]
    before = counted("given_up")
    async with delivering(db) as process:
        process.now -= 1  # so that it is not due yet
        delivery_id = await posted(db, receiver.url)
        await process.execute("UPDATE callbacks SET attempts = 11")
        process.pass_time(1)
        await process.until((12, None, "status 503"))
        async with asyncio.timeout(5):  # it is counted and logged when it has been written
            while counted("given_up") == before or not caplog.records:
                await asyncio.sleep(0.01)
        assert counted("given_up") == before + 1
        [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
        words = f"callback {delivery_id}, attempt 12 to {receiver.url}, has not arrived: status 503; given up"
        assert record.getMessage() == words
        look, again = re.findall(r"```sql\n(.*?);\n```", PAGE.read_text("utf-8"), re.DOTALL)
        async with db.reader.connect() as connection:
            [(found, to, attempts, why, _)] = await connection.execute(text(look))
        assert (found, to, attempts, why) == (delivery_id, receiver.url, 12, "status 503")
        await process.execute(again)
        db.outbox.wake()
        await process.until()
    assert [request.delivery_id for request in receiver.received] == [delivery_id] * 2


async def test_what_was_given_up_long_ago_is_forgotten(db: Database) -> None:
    """Thirty days after it was written; it is looked for once an hour."""
    for age in (KEPT + 1, KEPT - HOUR, 0):
        await posted(db, "https://hooks.test", now=NOW - age)
    process = Delivering(db)
    await process.execute("UPDATE callbacks SET due_at = NULL")
    async with process.deliveries.running():
        await process.until((NOW - KEPT + HOUR,), (NOW,), columns="created_at")
        process.pass_time(HOUR - 1)
        await asyncio.sleep(0.1)
        assert len(await process.rows()) == 2
        process.pass_time(2)
        await process.until((NOW,), columns="created_at")


async def test_a_callback_that_cannot_be_signed_waits_for_its_cure(
    db: Database, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Which the log names; nothing is sent meanwhile, and what is sent then is signed with the new secret."""
    process = Delivering(db)
    await process.execute("UPDATE clients SET sealed_secret = NULL")
    async with process.deliveries.running():
        await posted(db, receiver.url)
        cure = f"openings client secret {CLIENT_ID} makes a new one"
        missing = f"the client's secret is from before callbacks were signed: {cure}"
        await process.until((1, NOW + 10, missing))
        async with db.write() as session:
            await clients.renew_secret(session, Keys("another key " * 3), CLIENT_ID)
        process.pass_time(10)
        words = "the client's secret was sealed with another key than the installation has now"
        await process.until((2, NOW + 40, f"{words}: give it that one again, or {cure}"))
        assert receiver.received == []
        async with db.write() as session:
            secret = await clients.renew_secret(session, db.keys, CLIENT_ID)
        process.pass_time(30)
        assert signed(await receiver.next(), secret or "")
        await process.until()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING", "INFO"]
    assert cure in caplog.text


async def test_only_so_many_are_under_way_at_a_time(db: Database, receiver: Receiver) -> None:
    """The next one as soon as one of them has ended, and in the end all."""
    hold = asyncio.Event()
    receiver.answers = [hold, hold]
    made = {await posted(db, receiver.url) for _ in range(7)}
    async with delivering(db, at_once=2) as process:
        for _ in range(2):
            await receiver.next()
        process.db.outbox.wake()
        await asyncio.sleep(0.1)
        assert len(receiver.received) == 2
        hold.set()
        await process.until()
    assert receiver.most_at_once == 2
    assert {request.delivery_id for request in receiver.received} == made


async def test_of_several_processes_one_delivers_each(database_url: str, receiver: Receiver) -> None:
    """Nobody is told twice as long as nobody is killed; and what one process writes, another one looks for."""
    first, second = opened(database_url), opened(database_url)
    made = {await posted(first, receiver.url) for _ in range(30)}
    async with delivering(first), delivering(second, interval=0.05) as process:
        await process.until()
    async with delivering(second, interval=0.05) as process:
        made.add(await posted(first, receiver.url))
        await process.until()
    assert len(receiver.received) == len(made)
    assert {request.delivery_id for request in receiver.received} == made
    await first.close()
    await second.close()


async def test_told_to_stop_it_lets_end_what_ends_soon_and_gives_back_the_rest(
    db: Database, receiver: Receiver
) -> None:
    """What is given back is for another process at once, and does not count as tried."""
    soon = asyncio.Event()
    receiver.answers = [soon, None]
    asyncio.get_running_loop().call_later(0.1, soon.set)
    async with delivering(db, grace=0.5) as process:
        await posted(db, receiver.url)
        await receiver.next()
        left = await posted(db, receiver.url)
        await receiver.next()
    assert await process.rows("delivery_id, attempts, due_at") == [(left, 0, NOW)]
    async with delivering(db) as process:
        assert (await receiver.next()).delivery_id == left
        await process.until()


async def test_what_a_killed_process_had_claimed_is_sent_when_the_claim_has_run_out(
    db: Database, receiver: Receiver
) -> None:
    """Not before: it might be under way."""
    delivery_id = await posted(db, receiver.url)
    async with db.write() as session:
        await callbacks.claim(session, NOW, NOW + 30, 1)
    async with delivering(db) as process:
        process.pass_time(29)
        await asyncio.sleep(0.1)
        assert receiver.received == []
        process.pass_time(1)
        assert (await receiver.next()).delivery_id == delivery_id
        await process.until()


async def test_a_callback_that_we_cannot_send_keeps_no_other_waiting(
    db: Database, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a fault of ours, for which the log has a traceback; and the callback waits as if its receiver had failed."""
    async with delivering(db) as process:
        await posted(db, "gopher://hooks.test/")
        good = await posted(db, receiver.url)
        await process.until((1, NOW + 10, "a fault of ours: KeyError"))
        assert (await receiver.next()).delivery_id == good
    assert [record.levelname for record in caplog.records if record.exc_info] == ["ERROR"]


async def test_a_fault_does_not_end_it(db: Database, receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """It is in the log with all there is to know, and what is due then is delivered when it is mended."""
    process = Delivering(db)
    await process.execute("ALTER TABLE callbacks RENAME TO elsewhere")
    async with process.deliveries.running():
        async with asyncio.timeout(10):
            while not caplog.records:
                await asyncio.sleep(0.005)
        await process.execute("ALTER TABLE elsewhere RENAME TO callbacks")
        await posted(db, receiver.url)
        await receiver.next()
        await process.until()
    assert caplog.records[0].levelname == "ERROR"
    assert caplog.records[0].exc_info


async def test_what_nobody_is_to_know_is_in_no_line(
    db: Database, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither what was told, nor what it was signed with, nor the part of a URL that may be a secret."""
    receiver.answers = [500]
    async with delivering(db) as process:
        await posted(db, f"{receiver.url}/a-secret-path?key=a-secret-key")
        await process.until((1, NOW + 10, "status 500"))
        process.pass_time(10)
        await process.until()
    failed, arrived = [record.getMessage() for record in caplog.records]
    assert failed.endswith(f"attempt 1 to {receiver.url}, has not arrived: status 500; next in 10 s")
    assert arrived.endswith(f"attempt 2 to {receiver.url}, has arrived")
    request = receiver.received[0]
    for secret in ("a-secret", CLIENT_SECRET, "Interview", request.headers["cronofy-hmac-sha256"]):
        assert secret not in caplog.text
        assert all(secret not in str(record.__dict__) for record in caplog.records)


@pytest.mark.parametrize("private", [True, False])
async def test_the_application_delivers_as_long_as_it_runs(
    database_url: str, receiver: Receiver, private: bool
) -> None:
    """And to this machine only if the setting says so."""
    app = create_app(Settings(database_url, key=KEY, private_callbacks=private), clock=lambda: NOW)
    async with app.router.lifespan_context(app):
        process = Delivering(app.state.db)
        await posted(app.state.db, receiver.url.replace("127.0.0.1", "localhost"))
        if private:
            await receiver.next()
            await process.until()
        else:
            refused = "leads to a private address, which OPENINGS_PRIVATE_CALLBACKS=1 would allow"
            await process.until((1, NOW + 10, refused))
            assert receiver.received == []
