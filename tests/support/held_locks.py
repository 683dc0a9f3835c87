"""Locks that block every write to a calendar, and the end of the requests that have waited for them in vain."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing

import asyncpg

from server.http.deadlines import _leaving

from .api import Api


@asynccontextmanager
async def locked_calendars(database_url: str) -> AsyncGenerator[None]:
    """Locks all calendars until the block ends, so that no request can write to one."""
    async with AsyncExitStack() as stack:
        if database_url.startswith("sqlite"):
            holder = stack.enter_context(closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))))
            holder.execute("BEGIN IMMEDIATE")
        else:
            connection = await asyncpg.connect(database_url)
            stack.push_async_callback(connection.close)
            await connection.execute("BEGIN")
            await connection.execute("SELECT key FROM calendars FOR UPDATE")
        yield


async def wait_until_rolled_back(api: Api) -> None:
    """Waits until the requests that have timed out are rolled back, and removes the deadline for later ones."""
    if _leaving:
        await asyncio.wait(set(_leaving))
    api.gate.deadline = 0
