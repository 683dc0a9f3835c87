"""One asks for many: never is anybody given an answer that is older than their question."""

import asyncio

import pytest

from db.drivers.single_flight import SingleFlight


class Asked:
    """Whoever is asked: counts, and answers when it is let."""

    def __init__(self) -> None:
        self.count = 0
        self._gates: list[asyncio.Future[None]] = []

    async def ask(self) -> int:
        self.count += 1
        mine = self.count
        self._gates.append(asyncio.get_running_loop().create_future())
        await self._gates[-1]
        return mine

    async def let(self, error: Exception | None = None) -> None:
        """The oldest question that is open is answered, or fails."""
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


async def one_and_others(
    count: int, patience: float = 5
) -> tuple[Asked, SingleFlight[int], asyncio.Task[int | None], list[asyncio.Task[int | None]]]:
    """Somebody who asks, and so many who come while they do."""
    asked = Asked()
    shared = SingleFlight(asked.ask, patience)
    [one] = await started(shared)
    return asked, shared, one, await started(shared, count)


async def test_who_asks_alone_is_answered_alone() -> None:
    asked = Asked()
    shared = SingleFlight(asked.ask, timeout=5)
    for number in range(1, 4):
        [task] = await started(shared)
        await asked.let()
        assert await task == number


async def test_whoever_comes_meanwhile_shares_the_next_answer() -> None:
    """Not the one that was asked for before they came; and who comes during the second shares the third."""
    asked, shared, first, second = await one_and_others(5)
    assert asked.count == 1
    await asked.let()
    third = await started(shared, 3)
    assert asked.count == 2
    await asked.let()
    assert asked.count == 3
    await asked.let()
    assert await asyncio.gather(first, *second, *third) == [1] + [2] * 5 + [3] * 3
    [alone] = await started(shared)
    await asked.let()
    assert await alone == 4


async def test_who_is_cancelled_takes_nothing_from_the_others() -> None:
    """Neither the one who asks, nor one of those who wait."""
    asked, _, first, second = await one_and_others(3)
    first.cancel()
    second[0].cancel()
    await settled()
    assert first.cancelled()
    assert second[0].cancelled()
    asked._gates.pop(0)  # whose question was called off
    await asked.let()
    assert await asyncio.gather(*second[1:]) == [2, 2]


async def test_an_error_is_for_the_one_who_asked() -> None:
    """The others are told nothing, and may ask again."""
    asked, shared, first, second = await one_and_others(2)
    await asked.let(ConnectionError("the server is away"))
    with pytest.raises(ConnectionError):
        await first
    await asked.let(ConnectionError("the server is away"))
    assert await asyncio.gather(*second) == [None, None]
    [third] = await started(shared)
    await asked.let()
    assert await third == 3


async def test_nobody_waits_for_ever_for_what_was_asked_for_them() -> None:
    """A question that is lost on the way holds up nobody who comes later."""
    asked, shared, first, [second] = await one_and_others(1, patience=0.02)
    await asked.let()
    assert await first == 1
    assert await asyncio.wait_for(second, 5) is None
    asked._gates.pop(0)
    [third] = await started(shared)
    await asked.let()
    assert await third == 3
