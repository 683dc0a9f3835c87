"""Wrong secrets and tokens: after a few, each further answer to one comes late.

A credential is always checked first, and a right one always served at once, wherever it comes from: whoever sends wrong
ones in somebody's name, or from somebody's address, holds up nobody but himself. That a guess costs no more than a
request is no danger, since nobody guesses 256 random bits; what is slowed down is the noise. A late answer waits when all
is done: it holds no connection to the database, no lock, and only so many wait at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from math import ceil
from time import monotonic

from graphql import ExecutionResult, GraphQLError
from starlette.requests import HTTPConnection

from core.errors import RateLimited, WrongCredentials

from ..http.rate_limits import Kept, TokenBucket

#: wrong credentials of an address, or for a client, that are answered at once
_FREE = 10
#: seconds after which one more is
_EACH = 6.0


def address_of(connection: HTTPConnection) -> str:
    """Where it comes from. Of an IPv6 address the first half: the second is its owner's to choose."""
    client = connection.scope.get("client")
    return _network(client[0]) if client is not None else ""


@lru_cache(10_000)
def _network(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) >> 64 << 64))
    return host


@dataclass
class FailedCredentials:
    """Counts them by client id and by address."""

    #: seconds that an answer comes late
    delay: float = 1.0
    most_waiting: int = 100
    clock: Callable[[], float] = monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    waiting: int = 0
    _buckets: Kept[TokenBucket] = field(default_factory=lambda: Kept(lambda now: TokenBucket(_FREE, 1 / _EACH, now)))

    async def slow_down(self, result: ExecutionResult, address: str) -> ExecutionResult:
        """The result, late if credentials in it were wrong too often; told to come later when too many wait already."""
        client_ids = [wrong.client_id for error in result.errors or () if (wrong := _wrong(error)) is not None]
        # A bearer token is one, however many fields have found it wrong; in the inputs each field has its own.
        counted = [id for id in client_ids if id] or client_ids[:1]
        if not [id for id in counted if self._is_too_often(id, address)]:
            return result
        if self.waiting >= self.most_waiting:
            return ExecutionResult(result.data, [self._later(error) for error in result.errors or ()])
        self.waiting += 1
        try:
            await self.sleep(self.delay)
        finally:
            self.waiting -= 1
        return result

    def _is_too_often(self, client_id: str, address: str) -> bool:
        """Counts a failure; whether it is one too many."""
        now = self.clock()
        keys: list[Hashable] = [("address", address), *([("client", client_id[:128])] if client_id else [])]
        buckets = [self._buckets.get(key, now) for key in keys]
        too_often = any(bucket.wait(now) > 0 for bucket in buckets)
        for bucket in buckets:
            bucket.take(now)
        return too_often

    def _later(self, error: GraphQLError) -> GraphQLError:
        if _wrong(error) is None:
            return error
        words = "Too many credentials were wrong. Come again with the right ones."
        refusal = RateLimited(words, details={"retryAfter": ceil(self.delay)})
        return GraphQLError(words, error.nodes, path=error.path, original_error=refusal)


def _wrong(error: GraphQLError) -> WrongCredentials | None:
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause if isinstance(cause, WrongCredentials) else None
