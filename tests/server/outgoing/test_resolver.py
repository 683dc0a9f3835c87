"""Look-ups of names in threads: how many at a time, for whom, and what happens to those that nobody waits for."""

import asyncio
from threading import Event

import pytest

from core.urls import Address
from server.outgoing.resolver import THREADS_OF_CLIENT, NoThreadError, Resolver, addresses
from tests.support.waiting import TIMEOUT, until


class Names:
    """A look-up that waits until it is let go."""

    def __init__(self) -> None:
        self.go = Event()
        self.asked = 0

    def __call__(self, host: str, port: int) -> list[Address]:
        self.asked += 1
        self.go.wait(2 * TIMEOUT)
        if host == "wrong.test":
            raise OSError("no such name")
        return addresses("127.0.0.1", port)


async def resolve(resolver: Resolver, client: int, host: str = "hooks.test") -> list[Address]:
    async with resolver.thread(client) as found:
        return list(await found(host, 80))


async def test_a_look_up_returns_addresses_or_raises() -> None:
    names = Names()
    names.go.set()
    resolver = Resolver(names)
    assert await resolve(resolver, 1) == addresses("127.0.0.1", 80)
    with pytest.raises(OSError, match="no such name"):
        await resolve(resolver, 1, "wrong.test")
    assert not resolver._queue._held


async def test_a_client_has_few_threads_even_if_it_stops_waiting() -> None:
    """They are busy until their look-ups end; other clients have threads of their own."""
    names, other = Names(), Names()
    resolver = Resolver(lambda host, port: (other if host == "other.test" else names)(host, port), patience=0.05)
    other.go.set()
    try:
        waiting = [asyncio.create_task(resolve(resolver, 1)) for _ in range(THREADS_OF_CLIENT)]
        await until(lambda: names.asked == THREADS_OF_CLIENT)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for _ in range(3):
            with pytest.raises(NoThreadError):
                await resolve(resolver, 1)
            assert await resolve(resolver, 2, "other.test")
        assert names.asked == THREADS_OF_CLIENT
    finally:
        names.go.set()
    await until(lambda: not resolver._queue._held)
    assert await resolve(resolver, 1)


async def test_a_reserved_thread_that_is_not_used_is_free_again() -> None:
    """As for a request that fails before it resolves a name."""
    resolver = Resolver(patience=0.05)
    async with resolver.thread(1), resolver.thread(1):
        with pytest.raises(NoThreadError):
            await resolve(resolver, 1, "localhost")
    assert await resolve(resolver, 1, "localhost")
