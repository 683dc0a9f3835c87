"""axe-core, the engine of most accessibility tools, finds no violation on the booking page in any state."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from core.events import Location
from core.instants import parse_instant
from core.real_time_scheduling import CallbackUrls, Completed, Disabled
from tests.clients.tools import NODE_MODULES
from tests.support import browser as chromium
from tests.support.booking_page import ADA, FakeLinks, application, half_hour_starts
from tests.support.browser import require_tool, serve_in_thread

browser = chromium.browser

AXE = NODE_MODULES / "axe-core" / "axe.min.js"

STARTS = [*half_hour_starts("2030-05-06", "08:00", "09:00"), *half_hour_starts("2030-11-03", "04:30", "07:00")]
EVENT: dict[str, Any] = {
    "description": "About the work, and whatever you would like to ask. " * 9,
    "location": Location(description="Room 7\nUpstairs"),
    "url": "https://example.com/meeting",
    "callback_urls": CallbackUrls(no_times_suitable_url="https://example.com/none"),
}
DONE = Completed(parse_instant("2030-05-07T15:30:00Z"), parse_instant("2030-05-07T16:15:00Z"), (ADA,), "Asia/Tokyo")

STATES = {
    "days and times": "open?tz=Europe/Berlin",
    "a day that has gone": "open?tz=Europe/Berlin&day=2030-05-07",
    "clocks change": "open?tz=America/New_York&day=2030-11-03",
    "a month without times": "open?tz=Europe/Berlin&day=2030-07-01",
    "confirmation": "open?tz=Europe/Berlin&start=2030-05-06T08:00:00Z",
    "taken": "open?tz=Europe/Berlin&start=2030-05-06T08:01:00Z",
    "none suits": "open?tz=Europe/Berlin&told=1",
    "no times": "empty?tz=Europe/Berlin",
    "booked": "done",
    "disabled": "disabled",
    "unknown": "nowhere",
    "the database is away": "away",
    "nonsense": "open?start=x",
}


@pytest.fixture(scope="module")
def origin() -> Generator[str]:
    """A server with links in all their states."""
    require_tool(AXE.is_file(), "no axe-core: `make install` fetches it with npm")
    links = FakeLinks()
    links.add("open", STARTS, **EVENT)
    links.add("empty", **EVENT)
    links.add("done", state=DONE, **EVENT)
    links.add("disabled", state=Disabled("The position is filled.\n\nThank you!"))
    links.add("away").error = OSError()
    with serve_in_thread(application(links)) as found:
        yield f"{found}/book/"


def found_by_axe(page: Page) -> list[str]:
    """The violations, each with the elements concerned."""
    page.add_script_tag(path=Path(AXE))
    found = page.evaluate(
        "() => axe.run(document, {resultTypes: ['violations'], rules: {'target-size': {enabled: true}}})"
    )
    assert len(found["passes"]) > 10
    return [f"{wrong['id']}: {[node['html'] for node in wrong['nodes']]}" for wrong in found["violations"]]


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
def test_axe_finds_no_violation(browser: Browser, origin: str, scheme: Any, width: int) -> None:
    """Each layout with one colour scheme; the two are independent of each other.

    Injecting axe needs `bypass_csp`; the policy itself is tested elsewhere.
    """
    wrong: dict[str, list[str]] = {}
    size: Any = {"width": width, "height": 800}
    with browser.new_context(bypass_csp=True, color_scheme=scheme, viewport=size, reduced_motion="reduce") as context:
        page = context.new_page()
        for state, address in STATES.items():
            page.goto(origin + address)
            expect(page.get_by_role("main")).to_be_visible()
            wrong[state] = found_by_axe(page)
    assert {state: found for state, found in wrong.items() if found} == {}
