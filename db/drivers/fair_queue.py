"""Slots that clients share: those that wait are served in turn, client by client."""

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager
from typing import TypeAlias

from core.errors import TimedOut

Client: TypeAlias = Hashable
"""Who a slot is for: a client's key, or None for the server itself and for callers that are not known yet."""


class FairQueue:
    """A semaphore with fair queueing over clients (max-min fairness).

    A free slot goes to the waiting client that has the fewest, and of equal ones to the one whose turn
    is longest ago. So a client waits for at most one slot of every other client, however many requests
    they have waiting. Requests of one client are served in their order. A caller that is cancelled, or
    waits in vain, leaves the queue.
    """

    def __init__(self, slots: int, timeout: float, *, most: int | None = None, name: str = "connection") -> None:
        """`most` slots may be of one client; by default all. `timeout` in seconds limits the wait; `name` says for what."""
        self._free = slots
        self._most = slots if most is None else most
        self._timeout = timeout
        self._name = name
        self._held: dict[Client, int] = {}
        #: the waiting requests by client; of both the one whose turn is next comes first
        self._waiting: dict[Client, dict[asyncio.Future[None], None]] = {}

    @property
    def waiting(self) -> int:
        """Number of requests that wait."""
        return sum(map(len, self._waiting.values()))

    def is_free(self, client: Client) -> bool:
        """Whether the client would get a slot without waiting."""
        # Whoever could use a free slot has got it already: none of those that wait is passed over.
        return self._free > 0 and self._held.get(client, 0) < self._most

    def others_wait(self, client: Client) -> bool:
        """Whether other clients wait. May be called from any thread."""
        return len(self._waiting) > (client in self._waiting)

    async def acquire(self, client: Client) -> None:
        """Takes a slot for the client. Raises TimedOut."""
        if self.is_free(client):
            self._take(client)
            return
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, {})[served] = None
        try:
            async with asyncio.timeout(self._timeout):
                await served
        except BaseException as error:
            if served.done() and not served.cancelled():  # served just when it gave up
                self.release(client)
            else:
                self._leave(client, served)
            if isinstance(error, TimeoutError):
                raise TimedOut(waited_for=self._name) from None
            raise

    def release(self, client: Client) -> None:
        """Gives a slot of the client to the next one that waits."""
        if self._held[client] == 1:
            del self._held[client]
        else:
            self._held[client] -= 1
        self._free += 1
        while self._free and self._serve_next():
            pass

    @asynccontextmanager
    async def slot(self, client: Client) -> AsyncGenerator[None]:
        """A slot for the duration of the block. Raises TimedOut."""
        await self.acquire(client)
        try:
            yield
        finally:
            self.release(client)

    def _take(self, client: Client) -> None:
        self._free -= 1
        self._held[client] = self._held.get(client, 0) + 1

    def _serve_next(self) -> bool:
        """Gives a free slot to the client whose turn it is. Returns False if none may have it."""
        fewest, client = self._most, None
        for waiting in self._waiting:
            held = self._held.get(waiting, 0)
            if held < fewest:
                fewest, client = held, waiting
            if held == 0:
                break
        if fewest == self._most:
            return False
        served = next(iter(self._waiting[client]))
        self._leave(client, served)
        if client in self._waiting:  # its next request waits for the others' turns
            self._waiting[client] = self._waiting.pop(client)
        if not served.done():  # else it was cancelled
            self._take(client)
            served.set_result(None)
        return True

    def _leave(self, client: Client, waiting: asyncio.Future[None]) -> None:
        requests = self._waiting.get(client, {})
        requests.pop(waiting, None)
        if not requests:
            self._waiting.pop(client, None)
