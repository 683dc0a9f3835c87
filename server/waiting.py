"""How long a request is worked on: until it is done, its client hangs up, or its time is over."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive

T = TypeVar("T")

UNREAD = Response(status_code=499)
"""What nobody will read: the client has hung up."""

#: seconds that work which was called off has to be undone in, before its client is told
_GRACE = 1.0

#: what is still being undone; the event loop alone would let it be forgotten
_leaving: set["asyncio.Future[Any]"] = set()


class DeadlineError(Exception):
    """The work took too long, and was called off."""


async def while_connected(request: Request, work: Coroutine[Any, Any, T], deadline: float) -> T:
    """What the work gives, `in_time`; it is called off as well when the client hangs up first (ClientDisconnect)."""
    working = asyncio.ensure_future(work)
    hanging_up = asyncio.ensure_future(hung_up(request.receive))
    try:
        return await _first(working, {hanging_up}, deadline)
    finally:
        hanging_up.cancel()


async def in_time(work: Coroutine[Any, Any, T], deadline: float) -> T:
    """What the work gives.

    It is cancelled, and its transaction undone, when so many seconds are over (DeadlineError); 0 gives it all the time it
    wants. The client of a work that takes its time to end is not kept waiting: a statement that a database does not let
    go of is undone when it does.
    """
    return await _first(asyncio.ensure_future(work), set(), deadline)


async def _first(working: "asyncio.Future[T]", ends: set["asyncio.Future[None]"], deadline: float) -> T:
    try:
        done, _ = await asyncio.wait({working, *ends}, timeout=deadline or None, return_when=asyncio.FIRST_COMPLETED)
        if working in done:
            return working.result()
        raise ClientDisconnect if done else DeadlineError
    finally:
        if not working.done():
            await _call_off(working)


async def _call_off(working: "asyncio.Future[Any]") -> None:
    working.cancel()
    _leaving.add(working)
    working.add_done_callback(_gone)
    await asyncio.wait({working}, timeout=_GRACE)


def _gone(working: "asyncio.Future[Any]") -> None:
    _leaving.discard(working)
    if not working.cancelled():
        working.exception()  # looked at, so that nobody is told that it was not: its client has its answer


async def hung_up(receive: Receive) -> None:
    """Comes back when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
