"""How long a request is worked on: until it is done, its client hangs up, or its time is over."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive

T = TypeVar("T")

UNREAD = Response(status_code=499)
"""What nobody will read: the client has hung up."""

#: seconds for which nobody looks whether the client is still there: nearly all work is done by then
_SOON = 0.05

#: seconds that work which was called off has to be undone in, before its client is told
_GRACE = 1.0

#: what is still being undone; the event loop alone would let it be forgotten
_leaving: set["asyncio.Future[Any]"] = set()


class DeadlineError(Exception):
    """The work took too long, and was called off."""


async def at_once(work: Coroutine[Any, Any, T], deadline: float) -> T:
    """What the work gives, which as a rule has nothing to wait for: only if it has, a timer is set. Raises TimeoutError."""
    try:
        waits_for = work.send(None)
    except StopIteration as done:
        return done.value
    async with asyncio.timeout(deadline or None):
        return await _Rest(work, waits_for)


class _Rest(Awaitable[T]):
    """What remains of work that has begun, and waits for something."""

    def __init__(self, work: Coroutine[Any, Any, T], waits_for: Any) -> None:
        self._work, self._waits_for = work, waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        while True:
            try:
                came = yield self._waits_for
            except BaseException as error:  # above all that it is cancelled: that is the work's to deal with
                go_on = partial(self._work.throw, error)
            else:
                go_on = partial(self._work.send, came)
            try:
                self._waits_for = go_on()
            except StopIteration as done:
                return done.value


async def while_connected(request: Request, work: Coroutine[Any, Any, T], deadline: float) -> T:
    """What the work gives, `in_time`; it is called off as well when the client hangs up first (ClientDisconnect)."""
    return await _outcome(work, request.receive, deadline)


async def in_time(work: Coroutine[Any, Any, T], deadline: float) -> T:
    """What the work gives.

    It is cancelled, and its transaction undone, when so many seconds are over (DeadlineError); 0 gives it all the time it
    wants. The client of a work that takes its time to end is not kept waiting: a statement that a database does not let
    go of is undone when it does.
    """
    return await _outcome(work, None, deadline)


async def _outcome(work: Coroutine[Any, Any, T], receive: Receive | None, deadline: float) -> T:
    """What the work gives, or why it was given up."""
    outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    working = asyncio.create_task(_tell(outcome, work))
    watch = _Watch(outcome, receive, deadline)
    try:
        return await outcome
    finally:
        watch.end()
        if not working.done():
            await _call_off(working)


async def _tell(outcome: "asyncio.Future[T]", work: Coroutine[Any, Any, T]) -> None:
    """Works, and says what came of it to whoever is still waiting for it."""
    try:
        result = await work
    except asyncio.CancelledError:
        outcome.cancel()
        raise
    except Exception as error:
        if not outcome.done():
            outcome.set_exception(error)
    else:
        if not outcome.done():
            outcome.set_result(result)


class _Watch:
    """Says when nobody has to wait for the outcome any more: its time is over, or nobody is there who would want it."""

    def __init__(self, outcome: "asyncio.Future[Any]", receive: Receive | None, deadline: float) -> None:
        self._outcome, self._receive, self._deadline = outcome, receive, deadline
        self._loop = outcome.get_loop()
        self._listening: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(_SOON, self._begin)

    def _begin(self) -> None:
        left = max(self._deadline - _SOON, 0)
        self._timer = self._loop.call_later(left, self._say, DeadlineError) if self._deadline else None
        if self._receive is not None:
            self._listening = self._loop.create_task(hung_up(self._receive))
            self._listening.add_done_callback(lambda _: self._say(ClientDisconnect))

    def _say(self, end: type[Exception]) -> None:
        if not self._outcome.done():
            self._outcome.set_exception(end())

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._listening is not None:
            self._listening.cancel()


async def _call_off(working: "asyncio.Future[Any]") -> None:
    working.cancel()
    _leaving.add(working)
    working.add_done_callback(_leaving.discard)
    await asyncio.wait({working}, timeout=_GRACE)


async def hung_up(receive: Receive) -> None:
    """Comes back when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
