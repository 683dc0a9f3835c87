"""The server is killed or stopped while it writes."""

import asyncio
import json
import re
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx2
import pytest

from tests.support.api import Account, Api
from tests.support.graphql_queries import UPSERT_EVENTS
from tests.support.held_locks import locked_calendars
from tests.support.server_process import ServerProcess, create_accounts, running_server
from tests.support.waiting import TIMEOUT, until

from .writers import UPSERT_EVENT, batch, one_event, version


class Stream:
    """Replaces one batch of events over and over, and adds one event each time, until the connection breaks."""

    def __init__(self, served: ServerProcess, whose: Account) -> None:
        self.served, self.whose = served, whose
        self.batches = self.events = 0

    async def run(self) -> None:
        with suppress(httpx2.TransportError):
            while True:
                number = str(self.batches + 1)
                await self.served.data(UPSERT_EVENTS, self.whose.token, input=batch(self.whose, number))
                self.batches += 1
                single = one_event(self.whose, "single", f"single {number}")
                await self.served.data(UPSERT_EVENT, self.whose.token, input=single)
                self.events += 1


async def found(api: Api, whose: Account) -> tuple[int, int, int]:
    """Which batch is stored, the number of added events, and the calendar's version."""
    of_calendar = (
        f"FROM events WHERE calendar_key = (SELECT key FROM calendars WHERE calendar_id = '{whose.calendar_id}')"
    )
    batches = await api.rows(f"SELECT summary, COUNT(*) {of_calendar} AND summary <> 'single' GROUP BY summary")
    assert [count for _, count in batches] == [50]
    [[events]] = await api.rows(f"SELECT COUNT(*) {of_calendar} AND summary = 'single'")
    return int(batches[0][0]), events, await version(api, whose)


async def test_acknowledged_writes_survive_a_kill(backend: str, database_url: str, tmp_path: Path) -> None:
    """Twice: every acknowledged event is stored, and an interrupted batch completely or not at all."""
    writers = await create_accounts(database_url, 4)
    kept: dict[Account, tuple[int, int, int]] = dict.fromkeys(writers, (0, 0, 0))
    for _ in range(2):
        async with running_server(tmp_path / "said", database_url) as served:
            streams = [Stream(served, whose) for whose in writers]
            for stream in streams:
                stream.batches, stream.events, _ = kept[stream.whose]
            before = sum(stream.batches for stream in streams)
            running = [asyncio.create_task(stream.run()) for stream in streams]
            async with asyncio.timeout(TIMEOUT):
                while sum(stream.batches for stream in streams) < before + 20:
                    await asyncio.sleep(0.001)
            served.kill()
            await asyncio.gather(*running)
        async with Api.open(database_url, 0) as api:
            for stream in streams:
                kept[stream.whose] = batches, events, changes = await found(api, stream.whose)
                assert batches - stream.batches in {0, 1}
                assert events - stream.events in {0, 1}
                assert changes == batches + events
            if backend == "sqlite":
                assert await api.rows("PRAGMA integrity_check") == [("ok",)]


async def has_connection_in_use(served: ServerProcess) -> bool:
    """Whether a worker says so, which it does when it has answered another request."""
    await served.ask("{ __typename }")
    scrape = (await served.http.get("/metrics")).text
    return re.search(r"^openings_connections_in_use(?:{.*})? [1-9]", scrape, re.MULTILINE) is not None


@pytest.mark.parametrize(("backend", "workers"), [("sqlite", "1"), ("postgresql", "2")])
async def test_a_stopping_server_finishes_running_requests(database_url: str, tmp_path: Path, workers: str) -> None:
    """A write that runs when SIGTERM arrives is answered, new connections are refused, and the exit status is 0."""
    [person] = await create_accounts(database_url, 1)
    async with running_server(tmp_path / "said", database_url, "--workers", workers) as served:
        async with locked_calendars(database_url):
            writing = asyncio.create_task(served.data(UPSERT_EVENT, person.token, input=one_event(person, "kept")))
            await until(partial(has_connection_in_use, served))
            assert not writing.done()
            served.process.terminate()
            await until(served.refuses_connections)
            assert not writing.done()
        assert (await writing)["upsertEvent"]["event"]["summary"] == "kept"
        assert await served.wait_for_exit() == 0
        assert not [line for line in served.log_lines if "exceeded" in line]  # the time for a graceful shutdown
        assert json.loads(served.log_lines[-1])["message"] == "Stopped."
    async with Api.open(database_url, 0) as api:
        assert await version(api, person) == 1
