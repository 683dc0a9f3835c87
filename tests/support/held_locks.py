"""Somebody else who holds what a write needs, and those who have given up waiting for it."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, closing

import asyncpg

from server.http.deadlines import _leaving

from .api import Api


@asynccontextmanager
async def calendars_held(database_url: str) -> AsyncGenerator[None]:
    """Meanwhile nobody can write to a calendar."""
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


async def until_all_is_undone(api: Api) -> None:
    """What was called off has ended, and there is as much time as anybody needs."""
    if _leaving:
        await asyncio.wait(set(_leaving))
    api.gate.deadline = 0
