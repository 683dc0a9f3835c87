"""Waiting for one's turn, and not for ever."""

import asyncio
from contextlib import nullcontext


async def enter(places: asyncio.Semaphore, patience: float) -> None:
    """Waits for a place, and not for ever. Raises TimeoutError."""
    # No timer for whoever need not wait: to make one takes as long as much else here.
    async with asyncio.timeout(patience) if places.locked() else nullcontext():
        await places.acquire()


class Turn:
    """Whose turn it is to write: first come, first served, where SQLite's own waiting is a lottery. Raises TimeoutError."""

    def __init__(self, patience: float) -> None:
        # A lock would not say that somebody is waiting for it who has been promised it.
        self._free = asyncio.Semaphore(1)
        self._patience = patience

    async def __aenter__(self) -> None:
        await enter(self._free, self._patience)

    async def __aexit__(self, *_raised: object) -> None:
        self._free.release()
