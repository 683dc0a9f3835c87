"""The purge: once an hour, every process deletes rows that nothing needs any more.

It deletes in short steps with pauses, so requests do not wait for it. Several processes and servers may purge at the
same time: each finds what the others have left.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeAlias

from core.instants import DAY, HOUR, Instant
from db import purge
from db.database import Database, Session
from db.retries import retry_transaction
from db.tokens import KEEP_EXPIRED

from ..background.repeated import repeated
from ..observability import metrics

KEEP_CALLBACKS = 30 * DAY
"""Seconds until a callback that was given up is deleted, counted from its creation."""

KEEP_HOLDS = HOUR
"""Seconds until an expired hold is cleaned up. Nobody depends on it: a hold ends by the clock."""

INTERVAL = float(HOUR)
"""Seconds from the end of one purge to the start of the next."""

#: seconds between two steps
_PAUSE = 0.05

#: deletes some rows and returns their number, 0 if none are left
_Step: TypeAlias = Callable[[Session], Awaitable[int]]


class Purge:
    """The purge of one process."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], Instant],
        *,
        keep_days: int,
        keep_answers_days: int,
        keep_links_days: int,
        interval: float = INTERVAL,
        pause: float = _PAUSE,
    ) -> None:
        """With 0 days, answers or links are never deleted; with `keep_days` of 0, nothing is that was only over."""
        self._db = db
        self._clock = clock
        self._keep = keep_days * DAY
        self._keep_answers = keep_answers_days * DAY
        self._keep_links = keep_links_days * DAY
        self._interval = interval
        self._pause = pause

    def running(self) -> AbstractAsyncContextManager[None]:
        """Purges once an hour during the block. The first time is random, so that processes do not purge together."""
        failure = "the purge stopped, and is tried again in an hour"
        return repeated(self.purge, self._interval, failure=failure, spread=self._interval)

    async def purge(self) -> None:
        """Deletes all that is due for deletion now."""
        now = self._clock()
        await self._repeat("holds", partial(purge.holds, before=now - KEEP_HOLDS))
        await self._repeat("element_tokens", partial(purge.element_tokens, before=now))
        if self._keep:
            for kind, (step, seconds) in self._after_their_time().items():
                if seconds:
                    await self._repeat(kind, partial(step, before=now - min(seconds, self._keep)))
        await self._purge_refresh_tokens()

    def _after_their_time(self) -> Mapping[str, tuple[Callable[..., Awaitable[int]], int]]:
        """Returns what is deleted some time after it was over, and after how many seconds; 0: never."""
        return {
            "access_tokens": (purge.access_tokens, KEEP_EXPIRED),
            "callbacks": (purge.callbacks, KEEP_CALLBACKS),
            "answers": (purge.answers, self._keep_answers),
            "links": (purge.links, self._keep_links),
            "events": (purge.deleted_events, self._keep),
        }

    async def _purge_refresh_tokens(self) -> None:
        """Deletes surplus refresh tokens that authorizations have left: they delete only a few each."""
        after: int | None = 0
        while after is not None:
            accounts, after = await self._accounts_to_trim(after)
            for account_key in accounts:
                await self._repeat("refresh_tokens", partial(purge.refresh_tokens, account_key=account_key))
            await asyncio.sleep(self._pause)

    async def _repeat(self, kind: str, step: _Step) -> None:
        while deleted := await self._transaction(step):
            metrics.count_purged(kind, deleted)
            await asyncio.sleep(self._pause)

    @retry_transaction
    async def _transaction(self, step: _Step) -> int:
        async with self._db.write() as session:
            return await step(session)

    @retry_transaction
    async def _accounts_to_trim(self, after: int) -> tuple[list[int], int | None]:
        async with self._db.read() as session:
            return await purge.accounts_to_trim(session, after)
