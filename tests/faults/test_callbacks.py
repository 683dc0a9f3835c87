"""The server ends while it delivers a callback: no callback is lost, however it ends."""

from pathlib import Path

import pytest

from db.database import Database
from server.app import clock
from server.callbacks.delivery import LEASE
from tests.clients.called_back import is_from_openings
from tests.support.api import CLIENT_SECRET
from tests.support.callback_delivery import DeliveryProcess
from tests.support.callback_receiver import running_receiver
from tests.support.links import enqueue_callback
from tests.support.server_process import running_server

ALLOWED = {"OPENINGS_PRIVATE_CALLBACKS": "1"}


async def test_a_callback_survives_a_kill(db: Database, database_url: str, tmp_path: Path) -> None:
    """The next server sends it once more, under the same delivery id."""
    table = DeliveryProcess(db)
    async with running_receiver() as receiver:
        receiver.responses = [None]
        delivery_id = await enqueue_callback(db, receiver.url, now=clock())
        async with running_server(tmp_path / "said", database_url, **ALLOWED) as served:
            first = await receiver.next_request()
            served.kill()
        assert await table.rows("delivery_id, attempts") == [(delivery_id, 1)]
        await table.execute(f"UPDATE callbacks SET due_at = due_at - {LEASE}")  # does not wait for the claim to expire
        async with running_server(tmp_path / "said", database_url, **ALLOWED):
            second = await receiver.next_request()
            await table.wait_for_rows()
    assert first.delivery_id == second.delivery_id == delivery_id
    assert first.body == second.body
    assert is_from_openings(second.body, second.headers["cronofy-hmac-sha256"], CLIENT_SECRET)
    assert len(receiver.requests) == 2


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_stopping_server_releases_unfinished_callbacks(db: Database, database_url: str, tmp_path: Path) -> None:
    """Before the attempt ends by itself, and without a claim whose expiry others would have to wait for."""
    async with running_receiver() as receiver:
        receiver.responses = [None]
        delivery_id = await enqueue_callback(db, receiver.url, now=clock())
        async with running_server(tmp_path / "said", database_url, **ALLOWED) as served:
            await receiver.next_request()
            served.process.terminate()
            assert await served.wait_for_exit() == 0
    assert await DeliveryProcess(db).rows("delivery_id, attempts") == [(delivery_id, 0)]
