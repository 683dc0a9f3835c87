"""Runs the work of a request until it is done, its deadline passes, or its client disconnects."""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from functools import partial
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive

T = TypeVar("T")

CLIENT_GONE = Response(status_code=499)
"""The response for a client that has disconnected; it is never read."""

#: seconds before the connection is watched for a disconnect: nearly all work is done by then
_SOON = 0.05

#: seconds that cancelled work has to roll back before its client gets a response
_GRACE = 1.0

#: cancelled tasks that are still rolling back; asyncio itself holds only weak references to tasks
_leaving: set["asyncio.Task[Any]"] = set()


class DeadlineError(Exception):
    """The work exceeded its deadline and was cancelled."""


async def run_eagerly(work: Coroutine[Any, Any, T], deadline: float) -> T:
    """Runs the coroutine and returns its result. The timeout is armed only if the coroutine suspends.

    Raises TimeoutError after `deadline` seconds; 0 is no limit. A repeated request usually does not suspend: its body
    has arrived and its response is cached. There a plain `asyncio.timeout` would cost 6 % of the response's time.
    """
    # The protocol (PEP 492): send(None) runs a coroutine to its next suspension and returns what it yields to the
    # event loop: in asyncio a Future to wait for, or None for one turn of the loop. StopIteration carries the
    # coroutine's result; any other exception is its own.
    try:
        yielded = work.send(None)
    except StopIteration as done:
        return done.value
    # `await work` would raise RuntimeError: the coroutine is already suspended in an await. So _Rest resumes it.
    async with asyncio.timeout(deadline or None):
        return await _Rest(work, yielded)


class _Rest(Awaitable[T]):
    """Awaits a coroutine that has been started and is suspended. It stays in the task of its caller.

    This is `yield from work` (PEP 380), except that the first yielded value is already at hand.
    """

    def __init__(self, work: Coroutine[Any, Any, T], yielded: Any) -> None:
        self._work, self._yielded = work, yielded

    def __await__(self) -> Generator[Any, Any, T]:
        while True:
            # Yield the awaitable to the task, which resumes this generator when it is done.
            try:
                sent = yield self._yielded
            except BaseException as error:  # CancelledError, from the timeout or the caller: the coroutine handles it
                resume = partial(self._work.throw, error)
            else:  # None: the coroutine reads the result from the Future
                resume = partial(self._work.send, sent)
            try:  # run the coroutine to its next suspension
                self._yielded = resume()
            except StopIteration as done:
                return done.value


async def run_while_connected(request: Request, work: Coroutine[Any, Any, T], deadline: float) -> T:
    """As `run_with_deadline`, and also cancels the work if the client disconnects (ClientDisconnect)."""
    return await _run(work, request.receive, deadline)


async def run_with_deadline(work: Coroutine[Any, Any, T], deadline: float) -> T:
    """Runs the work and returns its result. Raises DeadlineError after `deadline` seconds; 0 is no limit.

    At the deadline the work is cancelled and its transaction rolled back. If that takes longer than _GRACE, because the
    database does not return from a statement, the caller goes on and the rollback finishes in the background.
    """
    return await _run(work, None, deadline)


async def _run(work: Coroutine[Any, Any, T], receive: Receive | None, deadline: float) -> T:
    """Runs the work in a task of its own, so that the caller can go on before a cancelled task has ended."""
    working = asyncio.create_task(work)
    try:
        await _wait_for(working, receive, deadline)
    except BaseException:  # including the cancellation of the caller
        await _cancel(working)
        raise
    return working.result()


async def _wait_for(working: "asyncio.Task[Any]", receive: Receive | None, deadline: float) -> None:
    """Waits for the work. Raises ClientDisconnect or DeadlineError if either comes first."""
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


async def _cancel(working: "asyncio.Task[Any]") -> None:
    """Cancels the work, and waits up to _GRACE seconds for its rollback."""
    working.cancel()
    _leaving.add(working)
    working.add_done_callback(_forget)
    await asyncio.wait({working}, timeout=_GRACE)


def _forget(working: "asyncio.Task[Any]") -> None:
    _leaving.discard(working)
    if not working.cancelled():
        working.exception()  # retrieved so that asyncio does not log it


async def until_disconnected(receive: Receive) -> None:
    """Returns when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
