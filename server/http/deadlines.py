"""How long a request is worked on: until it is done, its client hangs up, or its time is over."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive

T = TypeVar("T")

CLIENT_GONE = Response(status_code=499)
"""What nobody will read: the client has hung up."""

#: seconds for which nobody looks whether the client is still there: nearly all work is done by then
_SOON = 0.05

#: seconds that work which was called off has to be undone in, before its client is told
_GRACE = 1.0

#: what is still being undone; the event loop alone would let it be forgotten
_leaving: set["asyncio.Task[Any]"] = set()


class DeadlineError(Exception):
    """The work took too long, and was called off."""


async def run_eagerly(work: Coroutine[Any, Any, T], deadline: float) -> T:
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


async def run_while_connected(request: Request, work: Coroutine[Any, Any, T], deadline: float) -> T:
    """As `run_with_deadline`; the work is called off as well when the client hangs up first (ClientDisconnect)."""
    return await _run(work, request.receive, deadline)


async def run_with_deadline(work: Coroutine[Any, Any, T], deadline: float) -> T:
    """What the work gives.

    It is cancelled, and its transaction undone, when so many seconds are over (DeadlineError); 0 gives it all the time it
    wants. The client of a work that takes its time to end is not kept waiting: a statement that a database does not let
    go of is undone when it does.
    """
    return await _run(work, None, deadline)


async def _run(work: Coroutine[Any, Any, T], receive: Receive | None, deadline: float) -> T:
    """What the work gives. It has a task of its own, so that whoever waits for it can be told that it was given up."""
    working = asyncio.create_task(work)
    try:
        await _wait_for(working, receive, deadline)
    except BaseException:  # also that whoever waits is cancelled
        await _call_off(working)
        raise
    return working.result()


async def _wait_for(working: "asyncio.Task[Any]", receive: Receive | None, deadline: float) -> None:
    """Until the work is done. Raises ClientDisconnect or DeadlineError if that is not to be waited for any longer."""
    done, _ = await asyncio.wait({working}, timeout=_SOON)
    if done:
        return
    left = max(deadline - _SOON, 0) if deadline else None
    listening = {asyncio.create_task(until_disconnected(receive))} if receive is not None else set[asyncio.Task[None]]()
    try:
        done, _ = await asyncio.wait({working, *listening}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in listening:
            task.cancel()
    if working not in done:
        raise ClientDisconnect if done else DeadlineError


async def _call_off(working: "asyncio.Task[Any]") -> None:
    """Cancels the work, and waits a while until it is undone."""
    working.cancel()
    _leaving.add(working)
    working.add_done_callback(_left)
    await asyncio.wait({working}, timeout=_GRACE)


def _left(working: "asyncio.Task[Any]") -> None:
    _leaving.discard(working)
    if not working.cancelled():
        working.exception()  # is nobody's answer, and not for asyncio to log


async def until_disconnected(receive: Receive) -> None:
    """Comes back when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
