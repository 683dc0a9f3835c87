"""A new user's first steps: start the server, open the page, paste the token from the terminal, press play."""

import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support import browser as chromium

browser = chromium.browser

SUB = re.compile(r"(?:apc|res)_[0-9a-f]{24}")


@pytest.fixture(scope="module")
def terminal(tmp_path_factory: pytest.TempPathFactory) -> Generator[dict[str, str]]:
    """What the terminal of the real server with demo data shows."""
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
        shown: dict[str, str] = {}
        for line in server.stderr:
            if found := re.search(r"Openings is at (\S+)", line):
                shown["url"] = found[1]
            if found := re.search(r"(access token|client id|client secret)\s+(\S+)", line):
                shown[found[1]] = found[2]
            if "Ctrl-C" in line:
                break
        yield shown
        server.terminate()


def test_the_first_query_is_answered_on_the_page(browser: Browser, terminal: dict[str, str]) -> None:
    """By the steps that the terminal names; nothing is loaded from elsewhere, and no error is logged."""
    with chromium.visit(browser, terminal["url"]) as visit:
        visit.page.get_by_label("Access token").fill(terminal["access token"])
        visit.page.get_by_role("button", name="Execute query").click()
        answer = visit.page.locator(".result-window")
        answer.get_by_text("availableSlots").wait_for()
        text = answer.inner_text()
        assert "T12:00:00Z" in text
        assert len(set(SUB.findall(text))) == 4
        assert visit.foreign_requests == []
        assert visit.errors == []


def test_without_the_token_the_page_says_what_is_missing(browser: Browser, terminal: dict[str, str]) -> None:
    """The most likely first mistake gets a clear answer."""
    with chromium.visit(browser, terminal["url"]) as visit:
        visit.page.get_by_role("button", name="Execute query").click()
        visit.page.locator(".result-window").get_by_text("needs a bearer token").wait_for()
