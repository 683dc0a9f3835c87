"""A real browser: the Chromium of this machine, and pages whose errors are recorded.

Tests with a browser are plain functions, not coroutines, and use no asynchronous fixture: while a browser is open,
Playwright runs an event loop in this thread, which can have only one. For the same reason a browser is open for one
module and not for the whole session.
"""

import os
import shutil
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.applications import Starlette

from .waiting import TIMEOUT, wait_until

expect.set_options(timeout=1000 * TIMEOUT)

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

# No sandbox, because the tests may run as root; no updates and no other requests that no page has made.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def require_tool(there: object, what: str) -> None:
    """Skips the test unless the tool is there; fails it where all tools are required, as `.ci/run` does.

    `what` says what to install.
    """
    if there:
        return
    if os.environ.get("OPENINGS_REQUIRE_TOOLS") == "1":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def chromium_path() -> str | None:
    """The path of the browser, or None."""
    return os.environ.get("OPENINGS_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Chromium, without a window."""
    path = chromium_path()
    require_tool(path, "no browser: install Debian's chromium, or name one in OPENINGS_CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A page that was opened, and the errors that occurred on it."""

    page: Page
    foreign_requests: list[str] = field(default_factory=list[str])
    """Addresses outside of the page's own origin that it requested."""
    errors: list[str] = field(default_factory=list[str])
    """Errors on the console, violations of the content security policy included, and uncaught exceptions of scripts."""


#: the error of Chromium when the next page was shown before the view transition of a stylesheet could begin, as happens
#: on a busy machine; no script of ours starts a view transition
_HARMLESS_ERROR = "Transition was aborted"


@contextmanager
def visit(browser: Browser, url: str, **context_options: Any) -> Iterator[Visit]:
    """Opens `url` in a new browser context, without cookies or caches of earlier visits.

    The options are those of Playwright's `new_context`, such as the time zone and whether scripts run.
    """
    with browser.new_context(**context_options) as context:
        seen = Visit(context.new_page())
        _record_problems(seen, urlsplit(url).netloc)
        seen.page.goto(url)
        yield seen


def _record_problems(seen: Visit, home: str) -> None:
    """Adds the page's errors, and its requests to other hosts than `home`, to the visit."""

    def asked(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"data", "blob"} and parts.netloc != home:
            seen.foreign_requests.append(address)

    seen.page.on("request", lambda request: asked(request.url))
    seen.page.on("websocket", lambda socket: asked(socket.url))
    seen.page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
    seen.page.on("pageerror", lambda error: None if _HARMLESS_ERROR in str(error) else seen.errors.append(str(error)))


@contextmanager
def serve_in_thread(app: Starlette) -> Iterator[str]:
    """Serves the application on a free port, in a thread, until the block ends; yields its URL."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        assert server.started
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
