"""How many calendar sources have which status: for operators, at /readyz and /metrics."""

import asyncio
from collections.abc import Callable, Mapping

from core.calendar_sources import SyncStatus
from core.instants import Instant
from db import source_states
from db.database import Database
from db.retries import is_unavailable

#: seconds that a count may take; the check that it is a detail of has two
_TIMEOUT = 0.3


class SourceStatuses:
    """Counts the sources of a database, at most every few seconds."""

    def __init__(self, db: Database, clock: Callable[[], Instant], seconds: float = 10) -> None:
        self._db, self._clock, self._seconds = db, clock, seconds
        self._counted: Mapping[SyncStatus, int] = {}
        self._until = 0.0

    async def count(self) -> Mapping[SyncStatus, int]:
        """Returns how many sources have each status; as counted before, if the database does not answer soon."""
        now = asyncio.get_running_loop().time()
        if now >= self._until:
            self._until = now + self._seconds
            try:
                async with asyncio.timeout(_TIMEOUT):
                    self._counted = await source_states.count(self._db.driver, self._clock())
            except Exception as error:
                if not isinstance(error, TimeoutError) and not is_unavailable(error):
                    raise
        return self._counted
