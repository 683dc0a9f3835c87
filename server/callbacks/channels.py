"""Notices changes that channels are notified of: every process looks for them every few seconds."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from core.instants import Instant
from db.database import Database
from resolvers import channels

from ..background.repeated import repeated

INTERVAL = 5.0
"""Seconds between two looks. All changes in between are one notification."""


class ChannelWatch:
    """Enqueues notifications of channels in one process. They are delivered as other callbacks."""

    def __init__(self, db: Database, clock: Callable[[], Instant], *, interval: float = INTERVAL) -> None:
        self._db = db
        self._clock = clock
        self._interval = interval

    def running(self) -> AbstractAsyncContextManager[None]:
        """Looks for changes during the block."""
        return repeated(self._look, self._interval, failure="channels are not being notified")

    async def _look(self) -> None:
        await channels.notify_changed(self._db, self._clock())
