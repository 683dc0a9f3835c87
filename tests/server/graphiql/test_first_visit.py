"""A new user's first steps: start the server, open the address that the terminal shows, press play."""

import re
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import browser as chromium
from tests.support.waiting import wait_until

browser = chromium.browser


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, Any]]:
    """What the terminal of the real server with demo data shows; the lines of its log come later."""
    database: Path = tmp_path_factory.mktemp("demo") / "demo.db"
    command = [
        sys.executable,
        "-m",
        "server.cli",
        "serve",
        "--demo",
        "--port",
        "0",
        "--database-url",
        f"sqlite:///{database}",
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        shown: dict[str, Any] = {"log": []}
        for line in server.stderr:
            if found := re.search(r"Openings is at (\S+)", line):
                shown["url"] = found[1]
            if found := re.search(r"(http\S+#token=\S+)", line):
                shown["address"] = found[1]
            if found := re.search(r"(access token|client id|client secret)\s+(\S+)", line):
                shown[found[1]] = found[2]
            if "Ctrl-C" in line:
                break
        following = threading.Thread(target=lambda: shown["log"].extend(server.stderr or ()))
        following.start()
        yield shown
        server.terminate()
        following.join()


def play(page: Page, tab: str, *shown: str) -> None:
    """Runs an example, whose answer must show these texts."""
    tabs = page.locator(".graphiql-tab-button")
    tabs.nth(tabs.all_inner_texts().index(tab)).click()
    page.wait_for_timeout(700)  # GraphiQL reads the names of the operations in a tab some time after it is opened
    page.get_by_role("button", name="Execute query").click()
    for text in shown:
        expect(page.get_by_role("region", name="Result Window")).to_contain_text(text)


def test_the_first_queries_are_answered_with_nothing_pasted(browser: Browser, terminal: dict[str, Any]) -> None:
    """By the address in the terminal; names are in the answers, nothing is loaded from elsewhere, no error is logged."""
    with chromium.visit(browser, terminal["address"]) as visit:
        page = visit.page
        assert page.url == terminal["url"]
        play(page, "Availability", "T12:00:00Z", '"Ada"', '"Ben"', '"Red room"')
        play(page, "BookSlot", "bookSlot", '"Ada"', '"Ben"', '"Red room"')
        play(page, "BookSlot", "nextSlots", "T16:00:00Z")  # again, by an event of another id
        play(page, "Week", '"ada@example.com"', "Stand-up and post")
        assert visit.foreign_requests == []
        assert visit.errors == []


def test_the_terminal_shows_the_credentials(terminal: dict[str, Any]) -> None:
    """Each in a line of its own, for programs as well."""
    assert terminal["client id"] == "demo"
    assert terminal["address"] == f"{terminal['url']}#token={terminal['client secret']}"
    assert terminal["access token"] != terminal["client secret"]


def test_the_token_is_in_no_line_of_the_log(browser: Browser, terminal: dict[str, Any]) -> None:
    """The part of an address after the # stays in the browser."""
    with chromium.visit(browser, terminal["address"]) as visit:
        visit.page.get_by_role("button", name="Execute query").wait_for()
    wait_until(lambda: "GET /graphql" in "".join(terminal["log"]))
    assert terminal["client secret"] not in "".join(terminal["log"])


def test_without_the_token_the_page_says_what_is_missing(browser: Browser, terminal: dict[str, Any]) -> None:
    """The most likely first mistake gets a clear answer."""
    with chromium.visit(browser, terminal["url"]) as visit:
        visit.page.get_by_role("button", name="Execute query").click()
        visit.page.locator(".result-window").get_by_text("needs a bearer token").wait_for()
