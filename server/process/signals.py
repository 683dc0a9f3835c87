"""Being told to stop: whoever has to know at once is told at once."""

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def on_shutdown_signal(callback: Callable[[], None]) -> Generator[None]:
    """Has `act` called in the event loop when a signal tells the process to stop; what it did before follows.

    uvicorn ends the lifespan of the application only when all of its answers are finished, and an answer that never is
    would keep it waiting. So the signal itself is listened to, in front of uvicorn's own handler.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = {number: handler for number, handler in before.items() if callable(handler)}
    if not ours or threading.current_thread() is not threading.main_thread():
        yield  # no signal comes here
        return
    loop = asyncio.get_running_loop()

    def handle(number: int, frame: FrameType | None) -> Any:
        loop.call_soon_threadsafe(callback)
        return ours[signal.Signals(number)](number, frame)

    for number in ours:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
