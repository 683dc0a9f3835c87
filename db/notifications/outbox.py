"""Wakes the delivery of callbacks as soon as there is one to deliver.

A transaction that writes a callback marks this with `mark_callback_written`. When it has ended, its
process checks for due callbacks. Other processes check every few seconds anyway, so a process that dies
before its check loses nothing.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager, suppress

from sqlmodel.ext.asyncio.session import AsyncSession

_KEY = "openings.posted"


def mark_callback_written(session: AsyncSession) -> None:
    """Marks that the transaction writes a callback."""
    session.info[_KEY] = True


class Outbox:
    """Signal to this process to check for due callbacks."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()

    def wake(self) -> None:
        """Requests a check now, or one more if a check is running."""
        self._requested.set()

    async def wait(self, seconds: float) -> None:
        """Returns when a check is requested, or after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._requested.wait()
        self._requested.clear()

    @contextmanager
    def notify_after(self, session: AsyncSession) -> Generator[None]:
        """Requests a check after a transaction that wrote a callback, even if its outcome is unknown."""
        try:
            yield
        finally:
            if session.info.pop(_KEY, False):
                self.wake()
