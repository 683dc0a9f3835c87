"""Takes the pictures of the README: `python -m website.screenshots` opens the pages on the demo data, light and dark."""

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.support.browser import ARGUMENTS, chromium_path
from tests.support.command_line import CommandLineServer, serve

FOLDER = Path(__file__).parents[1] / "docs"
_SIZE = ViewportSize(width=1200, height=720)


def main() -> None:
    """Writes the pictures into docs/."""
    with _demo() as (server, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=ARGUMENTS)
        for scheme in ("light", "dark"):
            with _page(browser, scheme) as page:
                _ask_in_graphiql(page, address)
                page.screenshot(path=FOLDER / f"graphiql-{scheme}.png")
            with _page(browser, scheme) as page:
                _open_booking_page(page, server, address)
                page.screenshot(path=FOLDER / f"booking-page-{scheme}.png")
        browser.close()


@contextmanager
def _demo() -> Iterator[tuple[CommandLineServer, str]]:
    """A server with demo data, and the address with the token that its terminal shows."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder), f"sqlite:///{folder}/demo.db", "--demo") as server,
    ):
        [address] = re.findall(r"http\S+#token=\S+", server.output)
        yield server, address
        server.process.terminate()


@contextmanager
def _page(browser: Browser, scheme: Any) -> Iterator[Page]:
    with browser.new_context(
        viewport=_SIZE, color_scheme=scheme, timezone_id="Europe/London", locale="en-GB"
    ) as context:
        yield context.new_page()


def _ask_in_graphiql(page: Page, address: str) -> None:
    page.goto(address)
    play = page.get_by_role("button", name="Execute query")
    play.wait_for()
    page.wait_for_timeout(1000)  # GraphiQL reads the names of operations some time after it opens
    play.click()
    page.locator(".result-window").get_by_text("Red room").first.wait_for()


def _open_booking_page(page: Page, server: CommandLineServer, address: str) -> None:
    given = page.request.get(server.url + "/graphql", headers={"Accept": "text/html"}).text()
    [tabs] = re.findall(r'id="examples">(.*?)</script', given, re.DOTALL)
    [link] = [tab for tab in json.loads(tabs) if "mutation BookingLink" in tab["query"]]
    made = server.ask(link["query"], address.partition("#token=")[2], **json.loads(link["variables"]))
    page.goto(made["data"]["realTimeScheduling"]["realTimeScheduling"]["url"])
    page.wait_for_load_state("networkidle")


if __name__ == "__main__":
    main()
