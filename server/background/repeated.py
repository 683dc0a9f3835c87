"""Work that a process repeats, with a pause after each time."""

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from db.retries import is_unavailable

log = logging.getLogger("openings")


@asynccontextmanager
async def repeated(
    work: Callable[[], Awaitable[object]], interval: float, *, failure: str, spread: float = 0
) -> AsyncGenerator[None]:
    """Does the work again and again during the block, `interval` seconds after it has ended.

    The first time is at random within `spread` seconds, so that processes do not collide. An error ends one time only:
    it is logged after the words of `failure`, in one line if the database is unavailable, else with the traceback.
    """
    loop = asyncio.create_task(_repeat(work, interval, failure, spread))
    try:
        yield
    finally:
        loop.cancel()
        await asyncio.wait({loop})


async def _repeat(work: Callable[[], Awaitable[object]], interval: float, failure: str, spread: float) -> None:
    await asyncio.sleep(random.uniform(0, spread))
    while True:
        try:
            await work()
        except Exception as error:
            if is_unavailable(error):
                log.warning("%s: %s", failure, type(error).__name__)
            else:
                log.error("%s: %s", failure, type(error).__name__, exc_info=error)
        await asyncio.sleep(interval)
