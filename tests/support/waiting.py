"""Waiting for what must happen, with a limit that a machine busy with other work does not reach either."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from time import monotonic, sleep

#: the seconds after which a test gives up
TIMEOUT = 60
#: the seconds between two looks
_PAUSE = 0.005


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Waits until the condition holds. Raises TimeoutError after `TIMEOUT`."""
    async with asyncio.timeout(TIMEOUT):
        while not (await holds if isawaitable(holds := condition()) else holds):
            await asyncio.sleep(_PAUSE)


def wait_until(condition: Callable[[], bool]) -> None:
    """The same for plain functions."""
    end = monotonic() + TIMEOUT
    while not condition():
        if monotonic() > end:
            raise TimeoutError
        sleep(_PAUSE)
