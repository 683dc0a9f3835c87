"""Something that many want to know at the same time, and one asks."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """What an answer was asked for after it was wanted, and once for all who wanted it meanwhile.

    Whoever comes while somebody asks may not have that answer: it may be older than their question. They share the next.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], timeout: float) -> None:
        """`patience` is how many seconds those who share wait; who asks alone waits as long as they like."""
        self._ask = ask
        self._timeout = timeout
        self._asking = False
        self._waiting: list[asyncio.Future[T | None]] = []
        self._for_others: asyncio.Task[None] | None = None

    async def get(self) -> T | None:
        """The answer; None when it was asked for together with others, and nobody was told. Raises what asking raises."""
        if self._asking:
            mine = asyncio.get_running_loop().create_future()
            self._waiting.append(mine)
            return await mine
        self._asking = True
        try:
            return await self._ask()
        finally:
            # In a task, since whoever is cancelled would take what the others wait for along.
            self._for_others = asyncio.create_task(self._ask_for_others()) if self._waiting else None
            self._asking = self._for_others is not None

    async def _ask_for_others(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                answer = await self._asked()
                for each in waiting:
                    if not each.done():
                        each.set_result(answer)
        finally:
            self._asking = False

    async def _asked(self) -> T | None:
        """Whoever gets nothing does without it, and is told what is wrong where it has to be."""
        with suppress(Exception):
            async with asyncio.timeout(self._timeout):
                return await self._ask()
        return None
