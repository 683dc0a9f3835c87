"""Deadlines and disconnects: every way in which work can end, at every moment."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from server.http import deadlines
from server.http.deadlines import DeadlineError, run_eagerly, run_while_connected, run_with_deadline
from tests.support.event_loop import settle
from tests.support.waiting import TIMEOUT, until

#: seconds that no test takes
HOUR = 3600


@pytest.fixture
def backend() -> str:
    """SQLite only: these tests do not depend on the database."""
    return "sqlite"


class Client:
    """A client that disconnects when `gone` is set."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        self.listened = 0

    async def receive(self) -> Message:
        self.listened += 1
        await self.gone.wait()
        return {"type": "http.disconnect"}

    @property
    def request(self) -> Request:
        return Request({"type": "http"}, self.receive)


class Work:
    """Takes some time, and records how it ended."""

    def __init__(self, seconds: float = 0) -> None:
        self.seconds = seconds
        self.ended = "not at all"

    async def __call__(self) -> str:
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        self.ended = "done"
        return "a result"


async def fail(after: float = 0) -> str:
    if after:
        await asyncio.sleep(after)
    raise LookupError("on purpose")


async def test_work_that_does_not_suspend_sets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "timeout", None)

    async def ready() -> int:
        return 7

    assert await run_eagerly(ready(), 1) == 7
    with pytest.raises(LookupError, match="on purpose"):
        await run_eagerly(fail(), 1)


@pytest.mark.parametrize("deadline", [0, 5])
async def test_work_that_suspends_is_awaited_in_the_same_task(deadline: float) -> None:
    """Also with timeouts of its own."""

    async def twice() -> str:
        began_in = asyncio.current_task()
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.001):
                    await asyncio.Event().wait()
        assert asyncio.current_task() is began_in
        return await Work(0.001)()

    assert await run_eagerly(twice(), deadline) == "a result"
    with pytest.raises(LookupError, match="on purpose"):
        await run_eagerly(fail(after=0.001), deadline)


async def test_work_that_takes_too_long_is_cancelled() -> None:
    work = Work(5)
    with pytest.raises(TimeoutError):
        await run_eagerly(work(), 0.01)
    assert work.ended == "cancelled"


async def test_cancelling_the_caller_cancels_the_work() -> None:
    work = Work(5)
    waits = asyncio.create_task(run_eagerly(work(), 5))
    await asyncio.sleep(0.01)
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert work.ended == "cancelled"


@pytest.mark.parametrize(("seconds", "soon"), [(0, HOUR), (0.001, HOUR), (0.02, 0.001)])
async def test_the_result_of_finished_work_is_returned(
    monkeypatch: pytest.MonkeyPatch, seconds: float, soon: float
) -> None:
    """The client's connection is watched only if the work takes some time."""
    monkeypatch.setattr(deadlines, "_SOON", soon)
    client = Client()
    assert await run_while_connected(client.request, Work(seconds)(), HOUR) == "a result"
    assert client.listened == (seconds > soon)


@pytest.mark.parametrize("seconds", [0, 0.001, 0.1])
async def test_an_exception_of_the_work_is_raised(seconds: float) -> None:
    with pytest.raises(LookupError, match="on purpose"):
        await run_while_connected(Client().request, fail(seconds), 5)
    with pytest.raises(LookupError, match="on purpose"):
        await run_with_deadline(fail(seconds), 5)


@pytest.mark.parametrize("deadline", [0, 5])
async def test_a_disconnect_cancels_the_work(deadline: float) -> None:
    client, work = Client(), Work(5)
    client.gone.set()
    with pytest.raises(ClientDisconnect):
        await run_while_connected(client.request, work(), deadline)
    assert work.ended == "cancelled"


@pytest.mark.parametrize("deadline", [0.001, 0.1])
async def test_the_deadline_cancels_the_work(deadline: float) -> None:
    for waits in (
        lambda work: run_with_deadline(work, deadline),
        lambda work: run_while_connected(Client().request, work, deadline),
    ):
        work = Work(5)
        with pytest.raises(DeadlineError):
            await waits(work())
        assert work.ended == "cancelled"


@pytest.mark.parametrize("deadline", [0, 5])
async def test_work_runs_in_the_callers_task(deadline: float) -> None:
    """However often and for whatever it suspends; a timeout inside the work cancels only what is inside it."""

    async def several() -> str:
        begun_in = asyncio.current_task()
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            with suppress(TimeoutError):
                async with asyncio.timeout(0.001):
                    await asyncio.Event().wait()
        await asyncio.gather(Work(0.001)(), asyncio.sleep(0))
        with pytest.raises(LookupError):
            await asyncio.create_task(fail(0.001))
        assert asyncio.current_task() is begun_in
        return await Work(0.001)()

    begun_in = asyncio.current_task()
    assert await run_with_deadline(several(), deadline) == await run_while_connected(
        Client().request, several(), deadline
    )
    assert asyncio.current_task() is begun_in


class Stubborn(asyncio.Future[None]):
    """A future that cannot be cancelled, like the work of a thread."""

    def cancel(self, msg: object = None) -> bool:
        return False


@pytest.mark.parametrize("how", ["alone", "among others", "undoing"])
async def test_a_client_does_not_wait_for_work_that_cannot_be_cancelled(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The client gets the timeout. The work is cancelled when it resumes, and is referenced until then."""
    monkeypatch.setattr(deadlines, "_GRACE", 0.02)
    stubborn = Stubborn()
    about, found = ContextVar("about", default="nothing"), list[object]()

    async def work() -> None:
        about.set("this request")
        try:
            if how == "alone":
                await stubborn
            elif how == "among others":
                await asyncio.gather(stubborn)
            else:
                await asyncio.sleep(5)
        except asyncio.CancelledError:
            if how == "undoing":
                await stubborn
            found.extend((about.get(), "cancelled"))
            raise

    async with asyncio.timeout(TIMEOUT):
        with pytest.raises(DeadlineError):
            await run_with_deadline(work(), 0.001)
    assert not found
    [leaving] = deadlines._leaving
    stubborn.set_result(None)
    await asyncio.wait({leaving})
    assert found == ["this request", "cancelled"]
    assert not deadlines._leaving


@pytest.fixture
def listens_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watches the connection almost from the beginning."""
    monkeypatch.setattr(deadlines, "_SOON", 0.001)


async def begun(client: Client, work: Coroutine[Any, Any, str], deadline: float = 5) -> "asyncio.Task[str]":
    """Starts the work, and waits until the connection is watched."""
    waits = asyncio.create_task(run_while_connected(client.request, work, deadline))
    await until(lambda: client.listened > 0)
    return waits


@pytest.mark.usefixtures("listens_soon")
@pytest.mark.parametrize("first", ["the answer", "the client"])
async def test_work_that_finishes_in_the_moment_of_the_disconnect_has_a_result(first: str) -> None:
    future, client = asyncio.get_running_loop().create_future(), Client()
    waits = await begun(client, asyncio.wait_for(future, None))
    if first == "the client":
        client.gone.set()
    future.set_result("a result")
    client.gone.set()
    assert await waits == "a result"


@pytest.mark.usefixtures("listens_soon")
async def test_work_that_resumes_in_the_moment_of_the_disconnect_is_cancelled() -> None:
    future, client, work = asyncio.get_running_loop().create_future(), Client(), Work(5)

    async def twice() -> str:
        await future
        return await work()

    waits = await begun(client, twice())
    future.set_result(None)
    client.gone.set()
    with pytest.raises(ClientDisconnect):
        await waits
    assert work.ended == "cancelled"


@pytest.mark.usefixtures("listens_soon")
async def test_a_caller_cancelled_in_the_moment_of_the_disconnect_raises_cancelled_error() -> None:
    """Not ClientDisconnect, which would swallow the cancellation; the work is cancelled too."""
    client, work = Client(), Work(5)
    waits = await begun(client, work())
    client.gone.set()
    waits.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waits
    assert work.ended == "cancelled"


@pytest.mark.usefixtures("listens_soon")
async def test_the_first_reason_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client may disconnect while work beyond its deadline is still ending."""
    monkeypatch.setattr(deadlines, "_GRACE", HOUR)
    client, stubborn = Client(), Stubborn()

    async def wait() -> str:
        await stubborn
        return "a result"

    waits = await begun(client, wait(), 0.01)
    await asyncio.sleep(0.05)
    client.gone.set()
    await asyncio.sleep(0.01)
    assert not waits.done()
    stubborn.set_result(None)
    with pytest.raises(DeadlineError):
        await waits


@pytest.mark.usefixtures("listens_soon")
async def test_a_caller_cancelled_twice_does_not_wait_for_the_work() -> None:
    """The work is referenced until it ends."""
    client, stubborn = Client(), Stubborn()

    async def wait() -> str:
        await stubborn
        return "a result"

    waits = await begun(client, wait())
    for _ in range(2):
        waits.cancel()
        await settle()
    assert waits.cancelled()
    [leaving] = deadlines._leaving
    stubborn.set_result(None)
    await asyncio.wait({leaving})
    assert leaving.cancelled()


async def test_cancelling_the_caller_cancels_the_work_at_any_time() -> None:
    """As at shutdown; before and after the connection is watched."""
    for seconds in (0.001, 0.1):
        work = Work(5)
        waits = asyncio.create_task(run_while_connected(Client().request, work(), 5))
        await asyncio.sleep(seconds)
        waits.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert work.ended == "cancelled"


async def test_work_that_raises_cancelled_error_ends() -> None:
    async def gone() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(TIMEOUT):
            await run_with_deadline(gone(), 0)
