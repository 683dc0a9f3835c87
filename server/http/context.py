"""The gate in front of every doorway: makes the context of a request and applies the rate limits."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from time import monotonic
from typing import Any, TypeVar

from starlette.types import Scope

from core.access import NOBODY, Actor
from core.errors import RateLimited
from core.instants import Instant
from core.limits import Limits
from db.database import Database
from db.retries import is_unavailable
from resolvers.cache import VersionedCache
from resolvers.context import Context, FetchSources, LiveContext

from ..observability import metrics
from . import auth
from .origins import Origins
from .rate_limits import RateLimits
from .requests import RequestError, header

C = TypeVar("C", bound=Context)


class TooManyRequests(RequestError):
    """The client has exceeded a rate limit."""

    def __init__(self, limit: str, wait: int) -> None:
        words = f"The rate limit of {limit} is exceeded: retry in {wait} s."
        details = {"limit": limit, "retryAfter": wait}
        super().__init__(429, words, code=RateLimited.code, details=details, **{"Retry-After": str(wait)})


@dataclass
class RequestGate:
    """Makes the Context of each request, and counts requests against the rate limits.

    `clock` returns the current instant and is the only wall clock that requests read.
    """

    db: Database
    limits: Limits
    cache: VersionedCache
    clock: Callable[[], Instant]
    #: which pages an element token works from
    origins: Origins
    #: the URL of this server, without a slash at its end
    address: str = ""
    #: whether callbacks may lead to loopback and private addresses
    private_callbacks: bool = False
    #: whether calendar sources may lie at loopback and private addresses
    private_sources: bool = False
    #: fetches calendar sources now
    fetch_sources: FetchSources | None = None
    rates: RateLimits = field(default_factory=lambda: RateLimits([]))
    #: seconds that a request may take to arrive, and again to be answered; 0 for no limit
    deadline: float = 0

    def caller(self, scope: Scope) -> Actor | bytes:
        """The caller of a request, by its headers."""
        return self.caller_with(scope, header(scope, b"authorization"))

    def caller_with(self, scope: Scope, authorization: str | None) -> Actor | bytes:
        """The caller of a request whose Authorization header, or what stands for it, is already known."""
        return auth.caller(authorization, lambda token: self.origins.fits(scope, token))

    def context(self, caller: Actor | bytes = NOBODY) -> Context:
        """The context of a request of this caller, at the current instant."""
        return self._context(Context, caller)

    def live_context(self, caller: Actor | bytes) -> LiveContext:
        """The context of a subscription, which can be refreshed."""
        return self._context(LiveContext, caller, refresh=lambda: self.context(caller))

    def _context(self, kind: type[C], caller: Actor | bytes, **more: Any) -> C:
        if self.fetch_sources is not None:
            more["fetch_sources"] = self.fetch_sources
        return kind(
            self.db,
            caller,
            self.clock(),
            self.limits,
            self.cache,
            metrics.timed,
            self.address,
            self.private_callbacks,
            self.private_sources,
            **more,
        )

    async def admit(self, context: Context, address: str) -> None:
        """Counts a request against the rate limits of its client, or else of its address. Raises TooManyRequests."""
        if not self.rates:
            return
        client = await self._client(context)
        exceeded = self.rates.admit(address if client is None else client, monotonic())
        if exceeded is not None:
            metrics.count("none", RateLimited.code, 0)
            raise TooManyRequests(exceeded.limit, ceil(exceeded.wait))

    async def _client(self, context: Context) -> int | None:
        """The key of the calling client; None without one, or if the database is unavailable."""
        try:
            async with asyncio.timeout(self.deadline or None):
                return (await context.actor()).client_key
        except Exception as error:
            if not is_unavailable(error):
                raise
            return None
