"""How whoever delivers callbacks hears at once that there is one to deliver.

A transaction that writes a callback says so with `post`. When it has ended, the process that it was in looks for what is
due. Other processes look every few seconds in any case, so nothing is lost with a process that has not come to it.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress

from sqlmodel.ext.asyncio.session import AsyncSession

_KEY = "openings.posted"


def mark_callback_written(session: AsyncSession) -> None:
    """Says that the transaction writes a callback."""
    session.info[_KEY] = True


class Outbox:
    """Where one process hears that it should look for callbacks that are due."""

    def __init__(self) -> None:
        self._look = asyncio.Event()

    def wake(self) -> None:
        """Has whoever delivers look now, or once more if it is just looking."""
        self._look.set()

    async def wait(self, seconds: float) -> None:
        """Comes back when it is time to look, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._look.wait()
        self._look.clear()

    @contextmanager
    def notify_after(self, session: AsyncSession) -> Generator[None]:
        """Around a transaction: tells when it is over, be it that nobody knows how it ended."""
        try:
            yield
        finally:
            if session.info.pop(_KEY, False):
                self.wake()
