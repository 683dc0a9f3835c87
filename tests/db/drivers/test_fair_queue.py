"""Slots that clients share: whose turn it is, whatever the order in which requests arrive, end and give up."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import TimedOut
from db.drivers.fair_queue import FairQueue
from tests.support.event_loop import settle
from tests.support.waiting import TIMEOUT

CLIENTS = "abc"


@dataclass
class Crowd:
    """Requests of several clients, which hold their slot until they are ended."""

    queue: FairQueue
    #: (client, number of the request) that have a slot, and that wait, in their order
    served: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    waiting: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    _tasks: dict[tuple[str, int], "asyncio.Task[None]"] = field(
        default_factory=dict[tuple[str, int], "asyncio.Task[None]"]
    )
    _ends: dict[tuple[str, int], asyncio.Event] = field(default_factory=dict[tuple[str, int], asyncio.Event])

    async def arrive(self, client: str) -> None:
        request = client, len(self._tasks)
        self._ends[request] = asyncio.Event()
        self.waiting.append(request)
        self._tasks[request] = asyncio.create_task(self._run(request))
        await settle()

    async def _run(self, request: tuple[str, int]) -> None:
        try:
            async with self.queue.slot(request[0]):
                self.waiting.remove(request)
                self.served.append(request)
                await self._ends[request].wait()
        finally:
            for where in (self.served, self.waiting):
                if request in where:
                    where.remove(request)

    async def end(self, request: tuple[str, int]) -> None:
        self._ends[request].set()
        await settle()

    async def cancel(self, request: tuple[str, int]) -> None:
        self._tasks[request].cancel()
        await settle()

    def held(self) -> Counter[str]:
        return Counter(client for client, _ in self.served)

    async def leave(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


def run(slots: int, most: int, act: Callable[[Crowd], Awaitable[None]]) -> None:
    async def acted() -> None:
        crowd = Crowd(FairQueue(slots, 3600, most=most))
        await act(crowd)
        await crowd.leave()
        assert crowd.queue.waiting == 0
        assert not crowd.queue._held
        assert crowd.queue._free == slots

    asyncio.run(acted())


STEPS = st.lists(st.tuples(st.sampled_from(["arrive", "arrive", "end", "cancel"]), st.integers(0, 11)), max_size=60)


@given(STEPS, st.integers(1, 4), st.data())
def test_a_slot_goes_to_the_client_with_the_fewest(
    steps: list[tuple[str, int]], slots: int, data: st.DataObject
) -> None:
    """In any order of events: within the limits, none idle that somebody could use, and in order within a client."""
    most = data.draw(st.integers(1, slots))

    async def act(crowd: Crowd) -> None:
        for step, number in steps:
            before, waited = crowd.held(), list(crowd.waiting)
            match step:
                case "arrive":
                    await crowd.arrive(CLIENTS[number % 3])
                case "end" if crowd.served:
                    ended = crowd.served[number % len(crowd.served)]
                    await crowd.end(ended)
                    before[ended[0]] -= 1
                case "cancel" if crowd.served or crowd.waiting:
                    both = [*crowd.served, *crowd.waiting]
                    gone = both[number % len(both)]
                    await crowd.cancel(gone)
                    if gone in waited:
                        waited.remove(gone)
                    else:
                        before[gone[0]] -= 1
                case _:
                    continue
            held = crowd.held()
            assert sum(held.values()) <= slots
            assert all(count <= most for count in held.values())
            if sum(held.values()) < slots:
                assert all(held[client] == most for client, _ in crowd.waiting)
            for chosen in [request for request in waited if request not in crowd.waiting]:
                rivals = [request for request in waited if before[request[0]] < most]
                assert before[chosen[0]] == min(before[client] for client, _ in rivals)
                assert chosen == next(request for request in waited if request[0] == chosen[0])
            assert crowd.queue.waiting == len(crowd.waiting)

    run(slots, most, act)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
def test_no_client_is_passed_over(arrivals: list[str]) -> None:
    """With one slot: while a request is the first of its client, no other client is served twice."""

    async def act(crowd: Crowd) -> None:
        await crowd.arrive("the first")
        for client in arrivals:
            await crowd.arrive(client)
        order: list[str] = []
        while crowd.served:
            await crowd.end(crowd.served[0])
            order += [client for client, _ in crowd.served]
        assert Counter(order) == Counter(arrivals)
        for number, client in enumerate(order):
            rest = order[number:]
            others = Counter(rest[: rest.index(client, 1)] if client in rest[1:] else rest[:1])
            assert max(others.values()) == 1

    run(1, 1, act)


async def test_a_crowd_delays_another_client_by_one_turn() -> None:
    """However many requests of the crowd wait, and have been waiting."""
    crowd = Crowd(FairQueue(1, 3600))
    for _ in range(80):
        await crowd.arrive("a")
    await crowd.arrive("b")
    turns = 0
    while crowd.served[0][0] != "b":
        await crowd.end(crowd.served[0])
        turns += 1
    assert turns <= 2
    await crowd.leave()


async def test_waiting_ends_at_the_timeout() -> None:
    """The request is refused, and its place in the queue is free."""
    queue = FairQueue(1, 0.02, name="connection")
    async with queue.slot("a"):
        for client in "ab":
            with pytest.raises(TimedOut) as caught:
                await queue.acquire(client)
            assert (caught.value.waited_for, caught.value.details) == ("connection", {"retry": True})
        assert queue.waiting == 0
    async with queue.slot("b"):
        pass


async def test_a_slot_given_to_a_request_that_gives_up_goes_to_the_next() -> None:
    """It is cancelled after it was served, and before it notices."""
    queue = FairQueue(1, 3600)
    await queue.acquire("a")
    gone, waiting = asyncio.create_task(queue.acquire("b")), asyncio.create_task(queue.acquire("c"))
    await settle()
    queue.release("a")
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    assert gone.cancelled()
    await asyncio.wait_for(waiting, TIMEOUT)
    queue.release("c")
    assert queue.is_free("a")
