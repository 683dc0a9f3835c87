"""Coalesces concurrent lookups of the same value."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Coalesces concurrent lookups, and never returns a value that was looked up before the call.

    Callers that arrive while a lookup is running share the next one: the running one may be older than
    their question.
    """

    def __init__(self, load: Callable[[], Awaitable[T]], timeout: float) -> None:
        """`timeout` in seconds limits shared lookups only; a caller alone sets its own deadline."""
        self._load = load
        self._timeout = timeout
        self._running = False
        self._waiting: list[asyncio.Future[T | None]] = []
        self._shared_lookup: asyncio.Task[None] | None = None

    async def get(self) -> T | None:
        """Returns the value, or None if a shared lookup failed. Raises what the lookup raises if it is not shared."""
        if self._running:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            return await future
        self._running = True
        try:
            return await self._load()
        finally:
            # In a task, because a cancelled caller would otherwise cancel the lookup of the others.
            self._shared_lookup = asyncio.create_task(self._load_for_waiting()) if self._waiting else None
            self._running = self._shared_lookup is not None

    async def _load_for_waiting(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                value = await self._load_or_none()
                for future in waiting:
                    if not future.done():
                        future.set_result(value)
        finally:
            self._running = False

    async def _load_or_none(self) -> T | None:
        # Errors are dropped: the callers do without the value, and meet the error again in the
        # statement they then send.
        with suppress(Exception):
            async with asyncio.timeout(self._timeout):
                return await self._load()
        return None
