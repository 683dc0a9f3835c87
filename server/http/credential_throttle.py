"""Delays responses to repeated wrong credentials.

A credential is always checked first, and a right one always served at once, wherever it comes from: wrong ones in a
client's name, or from its address, delay only those who send them. Guessing needs no other defence, since nobody guesses
256 random bits; what is slowed down is the noise. A late response waits when all work is done: it holds no connection to
the database and no lock, and the number of those waiting is limited.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from math import ceil
from time import monotonic

from core.errors import RateLimited, WrongCredentials
from core.lru import LRU

from .rate_limits import MOST_CALLERS, TokenBucket

#: wrong credentials of an address, or for a client, that are answered at once
_FREE = 10
#: seconds after which one more is
_EACH = 6.0


@dataclass
class CredentialThrottle:
    """Counts wrong credentials by client id and by address."""

    #: seconds that a response comes late
    delay: float = 1.0
    max_waiting: int = 100
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    waiting: int = 0
    _buckets: LRU[Hashable, TokenBucket] = field(default_factory=lambda: LRU(most=MOST_CALLERS))

    async def delay_if_repeated(self, wrong: Sequence[WrongCredentials], address: str) -> RateLimited | None:
        """Waits when these credentials of one request were wrong too often.

        Returns the refusal to answer with instead when too many requests wait already.
        """
        # A bearer token is one, however many parts of the request have found it wrong; a client id in the input is one each.
        client_ids = [each.client_id for each in wrong]
        counted = [id for id in client_ids if id] or client_ids[:1]
        if not [id for id in counted if self._is_too_often(id, address)]:
            return None
        if self.waiting >= self.max_waiting:
            words = "Too many credentials were wrong. Come again with the right ones."
            return RateLimited(words, details={"retryAfter": ceil(self.delay)})
        self.waiting += 1
        try:
            await self.sleep(self.delay)
        finally:
            self.waiting -= 1
        return None

    def _is_too_often(self, client_id: str, address: str) -> bool:
        """Counts a wrong credential; whether it is one too many."""
        now = self.clock()
        keys: list[Hashable] = [("address", address), *([("client", client_id[:128])] if client_id else [])]
        buckets = [self._buckets.get_or_put(key, lambda: TokenBucket(_FREE, 1 / _EACH, now)) for key in keys]
        too_often = any(bucket.wait(now) > 0 for bucket in buckets)
        for bucket in buckets:
            bucket.take(now)
        return too_often
