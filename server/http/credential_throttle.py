"""Delays responses to repeated wrong credentials.

Credentials are always checked first, and correct ones are never delayed, whatever their address: wrong credentials
for a client, or from its address, delay only the requests that contain them. Guessing needs no other defence, since
256 random bits cannot be guessed; the delay reduces noise. A response is delayed after all work is done: it holds
no database connection and no lock, and the number of delayed responses is limited.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from math import ceil
from time import monotonic

from core.errors import RateLimited, WrongCredentials
from core.lru import LRU

from .rate_limits import MOST_CALLERS, TokenBucket

#: wrong credentials per address, and per client, that are not delayed
_FREE = 10
#: seconds until one more is allowed without delay
_EACH = 6.0


@dataclass
class CredentialThrottle:
    """Counts wrong credentials by client id and by address."""

    #: seconds by which a response is delayed
    delay: float = 1.0
    max_waiting: int = 100
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    waiting: int = 0
    _buckets: LRU[Hashable, TokenBucket] = field(default_factory=lambda: LRU(most=MOST_CALLERS))

    async def delay_if_repeated(self, wrong: Sequence[WrongCredentials], address: str) -> RateLimited | None:
        """Counts the wrong credentials of one request, and waits if there have been too many.

        Returns a refusal to respond with, without waiting, if `max_waiting` requests are being delayed.
        """
        # A wrong bearer token counts once, however many fields report it; each client id in the input counts by itself.
        client_ids = [each.client_id for each in wrong]
        counted = [id for id in client_ids if id] or client_ids[:1]
        if not [id for id in counted if self._is_too_often(id, address)]:
            return None
        if self.waiting >= self.max_waiting:
            words = "Too many wrong credentials. Retry with correct ones."
            return RateLimited(words, details={"retryAfter": ceil(self.delay)})
        self.waiting += 1
        try:
            await self.sleep(self.delay)
        finally:
            self.waiting -= 1
        return None

    def _is_too_often(self, client_id: str, address: str) -> bool:
        """Counts a wrong credential. Returns whether there have been too many."""
        now = self.clock()
        keys: list[Hashable] = [("address", address), *([("client", client_id[:128])] if client_id else [])]
        buckets = [self._buckets.get_or_put(key, lambda: TokenBucket(_FREE, 1 / _EACH, now)) for key in keys]
        too_often = any(bucket.wait(now) > 0 for bucket in buckets)
        for bucket in buckets:
            bucket.take(now)
        return too_often
