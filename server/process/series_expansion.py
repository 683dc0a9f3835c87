"""Stores instances of events that recur further and further ahead: once an hour, every process looks for what is due.

A series is due some weeks before the time comes up to which its instances have to be known, so nothing is missing after
a day without a server; after a longer one, what is not known is not free, until it is expanded. It is done in short
transactions with pauses. Several processes may do it at the same time: each finds what the others have left.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from core.instants import HOUR, Instant
from db.database import Database
from resolvers import series_expansion

from ..background.repeated import repeated
from ..observability import metrics

log = logging.getLogger("openings")

INTERVAL = float(HOUR)
"""Seconds from the end of one look to the start of the next."""

#: seconds between two transactions
_PAUSE = 0.05


class SeriesExpansion:
    """Expands series in one process."""

    def __init__(
        self, db: Database, clock: Callable[[], Instant], *, interval: float = INTERVAL, pause: float = _PAUSE
    ) -> None:
        self._db = db
        self._clock = clock
        self._interval = interval
        self._pause = pause

    def running(self) -> AbstractAsyncContextManager[None]:
        """Expands once an hour during the block. The first time is soon and random, so that processes do not collide."""
        failure = "series were not expanded, which is tried again in an hour"
        return repeated(self.expand, self._interval, failure=failure, spread=self._interval / 60)

    async def expand(self) -> int:
        """Expands all that is due now. Returns the number of series."""
        found = 0
        step = await series_expansion.expand_some(self._db, self._clock(), None)
        while step is not None:
            found += step.expanded
            metrics.count_series_expanded("expanded", step.expanded)
            metrics.count_series_expanded("failed", len(step.failed))
            for key, why in step.failed:
                log.error("series %d of calendar %d is not known any further: it %s", key, step.last.calendar_key, why)
            await asyncio.sleep(self._pause)
            step = await series_expansion.expand_some(self._db, self._clock(), step.last)
        return found
