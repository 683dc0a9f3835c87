"""Clients of several workers, whose clocks differ and are moved, while workers are killed: some order explains their answers.

A history has 300 operations; with `OPENINGS_HISTORY_OPERATIONS=10000` it has that many.
"""

import asyncio
import os
import signal
from collections import Counter
from functools import partial
from pathlib import Path
from random import Random

import pytest

from server.app import clock
from tests.support.api import Account, Api
from tests.support.server_process import TIMEOUT, ServerProcess, running_server

from . import moved_clock
from .checker import Unexplained, explain
from .clients import Client
from .recorder import Clocks, Recorder
from .requests import Book, Cancel, Confirm, Move, ReadBooking, ReadEvents
from .state import World, a_week_later

OPERATIONS = int(os.environ.get("OPENINGS_HISTORY_OPERATIONS", "300"))
CLIENTS = 6
#: how many seconds the clock is moved, and after how many operations; by how many one machine is ahead
STEP, EVERY, AHEAD = 25, 15, 20
#: workers killed; one more for every five hundred operations
KILLS = 1 + OPERATIONS // 500
#: the accounts
CAPACITIES = {"ada": 1, "ben": 1, "cem": 1, "dan": 1, "workshop": 2}

STORED = """
SELECT sub, event_id, starts_at, deleted FROM events
JOIN calendars ON calendars.key = calendar_key JOIN accounts ON accounts.key = account_key
"""


async def create_accounts(database_url: str, until: int) -> dict[str, Account]:
    """Creates accounts whose tokens are valid until an hour after an instant."""
    async with Api.open(database_url, until) as api:
        return {name: await api.application_calendar(name, capacity=capacity) for name, capacity in CAPACITIES.items()}


class Run:
    """Clients, a task that kills workers, and one that moves the clock, as the history grows."""

    def __init__(self, served: ServerProcess, recorder: Recorder, clocks: Clocks) -> None:
        self.served, self.recorder, self.clocks = served, recorder, clocks

    async def run(self) -> None:
        turns = iter(range(OPERATIONS))
        clients = [
            Client(f"{number}.", self.recorder, Random(f"{OPERATIONS} {number}")).run(turns)
            for number in range(CLIENTS)
        ]
        beside = [asyncio.create_task(self._move_clock()), asyncio.create_task(self._kill())]
        try:
            await asyncio.gather(*clients)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
        for sub in self.recorder.world.capacities:
            await self.recorder.perform(ReadEvents(sub))
        for booking in self.recorder.booking_ids:
            await self.recorder.perform(ReadBooking(booking))

    async def _until(self, operations: int) -> None:
        while len(self.recorder.operations) < operations:
            await asyncio.sleep(0.005)

    async def _move_clock(self) -> None:
        for operations in range(EVERY, OPERATIONS, EVERY):
            await self._until(operations)
            self.clocks.set(self.clocks.now + STEP)

    async def _kill(self) -> None:
        """Kills a worker now and then, when there are two; the server replaces it."""
        for number in range(1, KILLS + 1):
            await self._until(number * OPERATIONS // (KILLS + 1))
            async with asyncio.timeout(TIMEOUT):
                while len(workers := self.served.workers()) < 2:
                    await asyncio.sleep(0.05)
            os.kill(workers[number % 2], signal.SIGKILL)


async def test_some_order_explains_all_answers(database_url: str, tmp_path: Path) -> None:
    began, file = clock(), tmp_path / "clock"
    accounts = await create_accounts(database_url, began + STEP * OPERATIONS // EVERY)
    world = World(CAPACITIES, a_week_later(began))
    clocks = Clocks(partial(moved_clock.set_clock, file), began, AHEAD)
    environment = {moved_clock.FILE: str(file), moved_clock.AHEAD: str(AHEAD)}
    module = "tests.histories.moved_clock"
    async with running_server(
        tmp_path / "said", database_url, "--workers", "2", module=module, **environment
    ) as served:
        recorder = Recorder(served.ask, world, accounts, clocks)
        await Run(served, recorder, clocks).run()
    async with Api.open(database_url, clocks.now) as api:
        names = {account.sub: name for name, account in accounts.items()}
        rows = {
            (names[sub], event_id): (start, bool(deleted)) for sub, event_id, start, deleted in await api.rows(STORED)
        }
    history = recorder.history(rows)
    found = explain(world, history)
    if isinstance(found, Unexplained):
        recorded = tmp_path / "history.txt"
        recorded.write_text("\n".join(map(str, sorted(recorder.operations, key=lambda each: each.asked))))
        pytest.fail(f"{found}\nThe whole history is in {recorded}", pytrace=False)
    # Not a trivial run.
    answers = Counter((type(each.request), each.answer[0]) for each in history if each.answer is not None)
    assert min(answers[Book, "booked"], answers[Book, "taken"]) > OPERATIONS // 30
    assert min(answers[Confirm, "booked"], answers[Move, "booked"], answers[Cancel, "over"]) > OPERATIONS // 100
