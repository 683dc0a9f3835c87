"""The server ends while it calls an application back: nothing is lost, whichever way it ends."""

from pathlib import Path
from time import perf_counter

import pytest

from db.database import Database
from server.app import clock
from server.callbacks.delivery import LEASE
from tests.clients.called_back import is_from_openings
from tests.server.callbacks.test_delivery import Delivering
from tests.support.api import CLIENT_SECRET
from tests.support.callback_receiver import receiving
from tests.support.links import posted
from tests.support.server_process import serving

ALLOWED = {"OPENINGS_PRIVATE_CALLBACKS": "1"}


async def test_a_callback_outlives_a_kill(db: Database, database_url: str, tmp_path: Path) -> None:
    """It was being sent when the server was killed: the next one sends the same once more, under the same delivery id."""
    table = Delivering(db)
    async with receiving() as receiver:
        receiver.answers = [None]
        delivery_id = await posted(db, receiver.url, now=clock())
        async with serving(tmp_path / "said", database_url, **ALLOWED) as served:
            first = await receiver.next()
            served.kill()
        assert await table.rows("delivery_id, attempts") == [(delivery_id, 1)]
        await table.execute(f"UPDATE callbacks SET due_at = due_at - {LEASE}")  # for the test has no time to wait
        async with serving(tmp_path / "said", database_url, **ALLOWED):
            second = await receiver.next()
            await table.until()
    assert first.delivery_id == second.delivery_id == delivery_id
    assert first.body == second.body
    assert is_from_openings(second.body, second.headers["cronofy-hmac-sha256"], CLIENT_SECRET)
    assert len(receiver.received) == 2


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_told_to_stop_the_server_gives_back_what_takes_long(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    """Soon, and without a claim that others would have to wait for."""
    async with receiving() as receiver:
        receiver.answers = [None]
        delivery_id = await posted(db, receiver.url, now=clock())
        async with serving(tmp_path / "said", database_url, **ALLOWED) as served:
            await receiver.next()
            began = perf_counter()
            served.process.terminate()
            assert await served.ended() == 0
            assert perf_counter() - began < 8
    assert await Delivering(db).rows("delivery_id, attempts") == [(delivery_id, 0)]
