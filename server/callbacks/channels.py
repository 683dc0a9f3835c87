"""Notices changes that channels are notified of: every process looks for them every few seconds."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from core.instants import Instant
from db.database import Database
from db.retries import is_unavailable
from resolvers import channels

log = logging.getLogger("openings")

INTERVAL = 5.0
"""Seconds between two looks. All changes in between are one notification."""


class ChannelWatch:
    """Enqueues notifications of channels in one process. They are delivered as other callbacks."""

    def __init__(self, db: Database, clock: Callable[[], Instant], *, interval: float = INTERVAL) -> None:
        self._db = db
        self._clock = clock
        self._interval = interval

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Looks for changes during the block."""
        loop = asyncio.create_task(self._run())
        try:
            yield
        finally:
            loop.cancel()
            await asyncio.wait({loop})

    async def _run(self) -> None:
        while True:
            try:
                await channels.notify_changed(self._db, self._clock())
            except Exception as error:
                words = "channels are not being notified: %s"
                if is_unavailable(error):
                    log.warning(words, type(error).__name__)
                else:
                    log.error(words, type(error).__name__, exc_info=error)
            await asyncio.sleep(self._interval)
