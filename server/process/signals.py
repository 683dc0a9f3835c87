"""Shutdown signals, before uvicorn's own handling."""

import asyncio
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any


@contextmanager
def on_shutdown_signal(callback: Callable[[], None]) -> Generator[None]:
    """Within the block, SIGINT and SIGTERM schedule `callback` in the event loop, then run their previous handler.

    uvicorn ends the application's lifespan only after every response is complete, and a stream would never complete.
    So the signal is caught in front of uvicorn's handler.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = {number: handler for number, handler in before.items() if callable(handler)}
    if not ours or threading.current_thread() is not threading.main_thread():
        yield  # signals are not handled here
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
