"""Resolves host names in threads of its own, of which a client gets few: names can be made to resolve slowly."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from socket import SOCK_STREAM, getaddrinfo
from threading import Thread
from typing import TypeAlias

from core.errors import TimedOut
from core.urls import Address
from db.drivers.fair_queue import Client, FairQueue

LookUp: TypeAlias = Callable[[str, int], Sequence[Address]]
"""Finds all addresses of a host and a port, in as much time as it takes."""

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[Address]]]
"""The same, without stopping the event loop."""

THREADS, THREADS_OF_CLIENT = 64, 2
"""Maximum look-ups at a time: of one process, and for one client."""

#: seconds that a request waits for a thread
_PATIENCE = 5.0


class NoThreadError(Exception):
    """All threads that may look up names for this client are busy."""


def addresses(host: str, port: int) -> list[Address]:
    """All addresses of a name, in the system's order of preference. Raises OSError and ValueError."""
    return [ip_address(where[0]) for *_, where in getaddrinfo(host, port, type=SOCK_STREAM)]


class Resolver:
    """Look-ups in threads. A look-up cannot be cancelled: its thread is busy until it ends, whoever waits for it."""

    def __init__(self, look_up: LookUp = addresses, *, patience: float = _PATIENCE) -> None:
        self._look_up = look_up
        self._queue = FairQueue(THREADS, patience, most=THREADS_OF_CLIENT, name="resolver")

    @asynccontextmanager
    async def thread(self, client: Client) -> AsyncGenerator[Resolve]:
        """A thread for one look-up, reserved during the block. Raises NoThreadError."""
        try:
            await self._queue.acquire(client)
        except TimedOut:
            raise NoThreadError from None
        started = False

        async def resolve(host: str, port: int) -> Sequence[Address]:
            nonlocal started
            assert not started
            started = True
            return await self._start(client, host, port)

        try:
            yield resolve
        finally:
            if not started:
                self._queue.release(client)

    def _start(self, client: Client, host: str, port: int) -> "asyncio.Future[Sequence[Address]]":
        loop = asyncio.get_running_loop()
        found: asyncio.Future[Sequence[Address]] = loop.create_future()

        def end(result: Sequence[Address] | Exception) -> None:
            self._queue.release(client)
            if found.done():  # nobody waits for it any more
                return
            if isinstance(result, Exception):
                found.set_exception(result)
            else:
                found.set_result(result)

        def run() -> None:
            try:
                result = self._look_up(host, port)
            except Exception as error:
                result = error
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(end, result)

        # A daemon, so that the process does not wait for it at its end.
        Thread(target=run, name="resolver", daemon=True).start()
        return found
