"""The delivery of callbacks in one server process, with a clock that the test sets."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import text

from db.database import Database
from server.callbacks.delivery import Deliveries
from server.outgoing.http_client import HTTPClient, allow_all
from tests.conftest import NOW

from .waiting import TIMEOUT


class DeliveryProcess:
    """Delivers callbacks as a server process does; its clock shows `now`."""

    def __init__(self, db: Database, **more: Any) -> None:
        self.db, self.now = db, NOW
        outgoing = HTTPClient(allow_all, patience=more.pop("patience", TIMEOUT), resolver=more.pop("resolver", None))
        self.deliveries = Deliveries(db, outgoing, lambda: self.now, **more)

    async def rows(self, columns: str = "attempts, due_at, last_failure") -> list[tuple[Any, ...]]:
        """Reads these columns of the callbacks that are not delivered."""
        async with self.db.reader.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(f"SELECT {columns} FROM callbacks"))]

    async def execute(self, statement: str) -> None:
        """Executes a statement in the database of the callbacks."""
        async with self.db.write() as session:
            await (await session.connection()).execute(text(statement))

    async def wait_for_rows(self, *rows: tuple[Any, ...], columns: str = "attempts, due_at, last_failure") -> None:
        """Waits until the table of callbacks has exactly these rows."""
        async with asyncio.timeout(TIMEOUT):
            while sorted(await self.rows(columns), key=str) != sorted(rows, key=str):
                await asyncio.sleep(0.005)

    def advance_clock(self, seconds: int) -> None:
        """Advances the clock, and wakes the delivery so that it notices."""
        self.now += seconds
        self.db.outbox.wake()


@asynccontextmanager
async def running_deliveries(db: Database, **more: Any) -> AsyncGenerator[DeliveryProcess]:
    """Runs the delivery of callbacks until the block ends."""
    process = DeliveryProcess(db, **more)
    async with process.deliveries.running():
        yield process
