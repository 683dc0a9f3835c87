"""Work with a driver that is seen to its end, whoever gives up waiting for it.

A coroutine of aiosqlite that is cancelled leaves its thread at work on the connection. Whoever was handed that connection
next would meet it there, and closing the connection instead, as SQLAlchemy does, gives up a good one.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """What the work gives. Whoever is cancelled meanwhile is cancelled when the work has ended."""
    working = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait({working})
        if not working.cancelled():
            working.exception()  # looked at, so that nobody is told that it was not
        raise
