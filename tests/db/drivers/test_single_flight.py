"""Coalesced lookups: no caller gets a result that was requested before its call."""

import asyncio

import pytest

from db.drivers.single_flight import SingleFlight
from tests.support.waiting import TIMEOUT


class Lookup:
    """A lookup that counts its calls, each of which waits for `finish`."""

    def __init__(self) -> None:
        self.count = 0
        self._gates: list[asyncio.Future[None]] = []

    async def run(self) -> int:
        self.count += 1
        mine = self.count
        self._gates.append(asyncio.get_running_loop().create_future())
        await self._gates[-1]
        return mine

    async def finish(self, error: Exception | None = None) -> None:
        """Finishes the oldest pending call, with or without an error."""
        gate = self._gates.pop(0)
        if error is None:
            gate.set_result(None)
        else:
            gate.set_exception(error)
        await settled()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def started(shared: SingleFlight[int], count: int = 1) -> list[asyncio.Task[int | None]]:
    tasks = [asyncio.create_task(shared.get()) for _ in range(count)]
    await settled()
    return tasks


async def running_and_waiting(
    count: int, timeout: float = 5
) -> tuple[Lookup, SingleFlight[int], asyncio.Task[int | None], list[asyncio.Task[int | None]]]:
    """A lookup with one running call, and `count` callers that arrived during it."""
    lookup = Lookup()
    shared = SingleFlight(lookup.run, timeout)
    [one] = await started(shared)
    return lookup, shared, one, await started(shared, count)


async def test_sequential_callers_get_their_own_results() -> None:
    lookup = Lookup()
    shared = SingleFlight(lookup.run, timeout=5)
    for number in range(1, 4):
        [task] = await started(shared)
        await lookup.finish()
        assert await task == number


async def test_callers_during_a_lookup_share_the_next_one() -> None:
    """Not the running one, which was requested before they arrived; callers during the second share the third."""
    lookup, shared, first, second = await running_and_waiting(5)
    assert lookup.count == 1
    await lookup.finish()
    third = await started(shared, 3)
    assert lookup.count == 2
    await lookup.finish()
    assert lookup.count == 3
    await lookup.finish()
    assert await asyncio.gather(first, *second, *third) == [1] + [2] * 5 + [3] * 3
    [alone] = await started(shared)
    await lookup.finish()
    assert await alone == 4


async def test_cancelling_one_caller_does_not_affect_the_others() -> None:
    """Neither the caller of the running lookup, nor one that waits."""
    lookup, _, first, second = await running_and_waiting(3)
    first.cancel()
    second[0].cancel()
    await settled()
    assert first.cancelled()
    assert second[0].cancelled()
    lookup._gates.pop(0)  # the cancelled call
    await lookup.finish()
    assert await asyncio.gather(*second[1:]) == [2, 2]


async def test_an_error_is_raised_only_to_the_caller_of_the_lookup() -> None:
    """The others get None, and can retry."""
    lookup, shared, first, second = await running_and_waiting(2)
    await lookup.finish(ConnectionError("the server is away"))
    with pytest.raises(ConnectionError):
        await first
    await lookup.finish(ConnectionError("the server is away"))
    assert await asyncio.gather(*second) == [None, None]
    [third] = await started(shared)
    await lookup.finish()
    assert await third == 3


async def test_waiting_for_a_shared_lookup_times_out() -> None:
    """A lookup that hangs delays no later caller."""
    lookup, shared, first, [second] = await running_and_waiting(1, timeout=0.02)
    await lookup.finish()
    assert await first == 1
    assert await asyncio.wait_for(second, TIMEOUT) is None
    lookup._gates.pop(0)
    [third] = await started(shared)
    await lookup.finish()
    assert await third == 3
