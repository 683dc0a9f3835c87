"""A real browser for tests: this machine's own Chromium, and a page that remembers what went wrong on it.

Tests with a browser are plain functions, not coroutines, and use no fixture that is one: Playwright keeps an event loop
running in this thread while a browser is open, and beside it no other can run. That is also why a browser is open for
one module and not for the whole session.
"""

import os
import shutil
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.applications import Starlette

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")

# Nothing but the page itself: no sandbox (the tests may run as root), no updates and no look at the network on its own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def need(there: object, what: str) -> None:
    """Skips the test, saying what to install; where everything has to be there (`.ci/run` says so), fails it."""
    if there:
        return
    if os.environ.get("OPENINGS_REQUIRE_TOOLS") == "1":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    """Chromium, without a window."""
    path = os.environ.get("OPENINGS_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    need(path, "no browser: install Debian's chromium, or name one in OPENINGS_CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """A page that was opened, and what happened on it that should not."""

    page: Page
    strangers: list[str] = field(default_factory=list[str])
    """Addresses outside the page's own origin that it tried to reach."""
    complaints: list[str] = field(default_factory=list[str])
    """Errors on the console (a breach of the content security policy is one), and exceptions of its scripts."""


#: What Chromium says of a stylesheet's view transition when the next page was shown before it could begin: on a busy machine
#: one page replaces the other without it. No script of ours asks for any.
_NICETY = "Transition was aborted"


@contextmanager
def visit(browser: Browser, url: str, **context_has: Any) -> Iterator[Visit]:
    """Opens `url` as somebody who has never been there: nothing is remembered from earlier visits.

    What else is said of the browser is as for Playwright's `new_context`: its zone, its size, whether it runs scripts.
    """
    with browser.new_context(**context_has) as context:
        seen = Visit(context.new_page())
        _listen(seen, urlsplit(url).netloc)
        seen.page.goto(url)
        yield seen


def _listen(seen: Visit, home: str) -> None:
    def asked(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"data", "blob"} and parts.netloc != home:
            seen.strangers.append(address)

    seen.page.on("request", lambda request: asked(request.url))
    seen.page.on("websocket", lambda socket: asked(socket.url))
    seen.page.on("console", lambda said: seen.complaints.append(said.text) if said.type == "error" else None)
    seen.page.on("pageerror", lambda error: None if _NICETY in str(error) else seen.complaints.append(str(error)))


@contextmanager
def serving(app: Starlette) -> Iterator[str]:
    """The application on a free port, as long as the block lasts."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
