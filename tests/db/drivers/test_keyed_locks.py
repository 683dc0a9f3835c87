"""Locks by key: the order of those that wait, several at once without deadlock, and none left behind."""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import TimedOut
from db.drivers.keyed_locks import KeyedLocks, LockKey, account_lock, calendar_lock, link_lock
from tests.support.event_loop import settle
from tests.support.waiting import TIMEOUT


def key(number: int) -> LockKey:
    return calendar_lock(1, f"cal_{number}")


@given(st.lists(st.sets(st.integers(0, 4), max_size=4), min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_any_requests_for_several_keys_are_all_served(wanted: list[set[int]], chance: Random) -> None:
    """In whatever order they name them, and although some are cancelled; never two at once with the same key."""

    async def act() -> None:
        locks = KeyedLocks(3600)
        busy: set[int] = set()
        done = 0

        async def request(numbers: set[int]) -> None:
            nonlocal done
            async with locks.hold(chance.sample([key(n) for n in numbers], len(numbers))):
                assert busy.isdisjoint(numbers)
                busy.update(numbers)
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                busy.difference_update(numbers)
                done += 1

        async def cancelled(numbers: set[int]) -> None:
            working = asyncio.create_task(locks.hold([key(n) for n in numbers]).__aenter__())
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
            if not working.done():
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)

        holding = locks.hold([key(0)])
        await holding.__aenter__()
        tasks = [asyncio.create_task(request(numbers)) for numbers in wanted]
        await settle()
        await asyncio.gather(*(cancelled({0, *numbers}) for numbers in wanted[:5]))
        await holding.__aexit__(None, None, None)
        async with asyncio.timeout(TIMEOUT):
            await asyncio.gather(*tasks)
        assert done == len(wanted)
        assert not locks._waiting

    asyncio.run(act())


async def test_requests_for_one_key_are_served_in_their_order() -> None:
    locks, order = KeyedLocks(3600), list[int]()

    async def request(number: int) -> None:
        async with locks.hold([key(1)]) as waited:
            assert waited == (number > 0)
            order.append(number)
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(request(number)) for number in range(20)]
    await settle()
    assert locks.waiting > 10
    await asyncio.gather(*tasks)
    assert order == list(range(20))
    assert locks.waiting == 0


async def test_other_keys_are_not_waited_for() -> None:
    """Not even an account's by a writer to its calendar."""
    locks = KeyedLocks(3600)
    keys = [calendar_lock(1, "a"), calendar_lock(1, "b"), calendar_lock(2, "a"), account_lock(1), link_lock(1, "a")]
    async with locks.hold(keys[:1]), locks.hold(keys[1:]) as waited:
        assert not waited


async def test_waiting_ends_at_the_timeout() -> None:
    """What it has got by then is free again."""
    locks = KeyedLocks(0.02)
    async with locks.hold([key(2)]):
        with pytest.raises(TimedOut) as caught:
            await locks.hold([key(1), key(2), key(3)]).__aenter__()
        assert caught.value.waited_for == "lock"
        assert locks.waiting == 0
        async with locks.hold([key(1), key(3)]) as waited:
            assert not waited
    assert not locks._waiting
