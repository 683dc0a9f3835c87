"""How long a request is worked on: until it is done, its client hangs up, or its time is over."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any, NoReturn, TypeVar

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


class _Held(Awaitable[T]):
    """Work that is done by the task that awaits it, until it is told to let go: then the work is called off.

    A task of its own for all work would cost more than the work that nearly all requests make. To the task, this is the
    future that the work waits for; but it can be woken without that one's consent, which may take its time to be cancelled,
    as may what the work then does to undo itself. That is for a task of its own.
    """

    # What a task asks of a future: to be asyncio's own, it would need a state of its own.
    _asyncio_future_blocking = False

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        #: a future, or nothing but the loop's next turn
        self._waits_for: Any = None
        #: what the task that awaits this is woken by, and in which context
        self._wake: Any = None
        self._context: Context | None = None
        self._end: Exception | None = None

    def __await__(self) -> Generator[Any, Any, T]:
        go_on = partial(self._work.send, None)
        while True:
            try:
                self._waits_for = waits_for = go_on()
            except StopIteration as done:
                return done.value
            if self.done():  # which it was told while the work went on
                break
            try:
                if waits_for is None:
                    yield
                else:
                    self._asyncio_future_blocking = True
                    yield self
                go_on = partial(self._work.send, None)
            except BaseException as error:
                if error is self._end:
                    break
                go_on = partial(self._work.throw, error)
        yield from _call_off(_Rest(self._work, waits_for)).__await__()
        self.result()

    def let_go(self, end: Exception) -> None:
        """Whoever waits is told this, when the work has been undone or takes too long for it. The first that is said holds."""
        if self.done():
            return
        self._end = end
        if self._waits_for is not None and self._waits_for.remove_done_callback(self._wake):
            self._loop.call_soon(self._wake, self, context=self._context)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def add_done_callback(self, wake: Callable[[Any], object], *, context: Context | None = None) -> None:
        self._wake, self._context = wake, context
        self._waits_for.add_done_callback(wake, context=context)

    def cancel(self, msg: object = None) -> bool:
        # Once it was told to let go, the task is to hear of it by itself: the work is no longer its own.
        return not self.done() and self._waits_for.cancel(msg)

    def done(self) -> bool:
        return self._end is not None

    def result(self) -> NoReturn:
        assert self._end is not None
        raise self._end


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
    held = _Held(work)
    watch = _Watch(held.let_go, receive, deadline)
    try:
        return await held
    finally:
        watch.end()


class _Watch:
    """Says when nobody has to wait any more: its time is over, or nobody is there who would want it."""

    def __init__(self, say: Callable[[Exception], None], receive: Receive | None, deadline: float) -> None:
        self._say, self._receive, self._deadline = say, receive, deadline
        self._loop = asyncio.get_running_loop()
        self._listening: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(_SOON, self._begin)

    def _begin(self) -> None:
        left = max(self._deadline - _SOON, 0)
        self._timer = self._loop.call_later(left, self._say, DeadlineError()) if self._deadline else None
        if self._receive is not None:
            self._listening = self._loop.create_task(hung_up(self._receive))
            self._listening.add_done_callback(self._hung_up)

    def _hung_up(self, listening: "asyncio.Task[None]") -> None:
        if not listening.cancelled():
            self._say(ClientDisconnect())

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._listening is not None:
            self._listening.cancel()


async def _call_off(rest: _Rest[Any]) -> None:
    async def undo() -> None:
        with suppress(Exception):  # what goes wrong now is nobody's answer
            await rest

    working = asyncio.create_task(undo())
    _leaving.add(working)
    working.add_done_callback(_leaving.discard)
    try:
        await asyncio.sleep(0)  # or else it would be cancelled before the work knows of it
    finally:
        working.cancel()
    await asyncio.wait({working}, timeout=_GRACE)


async def hung_up(receive: Receive) -> None:
    """Comes back when the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
