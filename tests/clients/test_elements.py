"""Cronofy's UI Elements in Chromium, unchanged, on a page of another origin than the server's.

With OPENINGS_ALL_ELEMENTS=1 all of them run on PostgreSQL too, instead of two.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Generator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Route

from core.instants import DAY, format_instant
from server.app import clock
from tests.support import browser as chromium
from tests.support.api import CLIENT_SECRET
from tests.support.browser import require_tool, serve_in_thread
from tests.support.command_line import CommandLineServer, serve
from tests.support.databases import DatabasePool, with_database
from tests.support.rest import CREDENTIALS

from .tools import NODE_MODULES

browser = chromium.browser  # pytest finds a fixture in the module that uses it

PAGES = Path(__file__).parent / "elements"
BUNDLE = NODE_MODULES / "cronofy-elements" / "dist" / "CronofyElements.js"


@dataclass
class Site:
    """The origin of the page, and a server by database."""

    origin: str
    servers: dict[str, CommandLineServer]


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """Everything runs before the browser, whose event loop occupies this thread."""
    require_tool(BUNDLE.is_file(), "no UI Elements: `make install` fetches them with npm")
    folder = tmp_path_factory.mktemp("elements")
    databases: DatabasePool = request.getfixturevalue("database_pool")
    template: str = request.getfixturevalue("postgresql_template")
    name = asyncio.run(databases.acquire(template))
    path = shutil.copy(request.getfixturevalue("sqlite_template"), folder / "openings.db")
    urls = {"sqlite": f"sqlite:///{path}", "postgresql": with_database(databases.server, name)}
    files = {"/": PAGES / "index.html", "/main.js": PAGES / "main.js", "/CronofyElements.js": BUNDLE}
    pages = Starlette(routes=[Route(path, partial(_file, file)) for path, file in files.items()])
    with ExitStack() as stack:
        servers = {backend: stack.enter_context(serve(folder, url)) for backend, url in urls.items()}
        yield Site(stack.enter_context(serve_in_thread(pages)), servers)
        for server in servers.values():
            os.killpg(server.process.pid, signal.SIGKILL)
    asyncio.run(databases.release(name, template))


async def _file(file: Path, _request: Any) -> FileResponse:
    return FileResponse(file)


class Room:
    """An application calendar with an event in the morning of a day to come, and a page with an Element for it."""

    def __init__(self, site: Site, backend: str, page: Page) -> None:
        self.page = page
        self._site = site
        self._server = site.servers[backend]
        self.day = format_instant(clock() // DAY * DAY + 2 * DAY)[:10]
        made = self._post("/v1/application_calendars", {**CREDENTIALS, "application_calendar_id": "room-7"}).json()
        self.sub, self._token = made["sub"], made["access_token"]
        calendar = self.get("/v1/calendars")["calendars"][0]["calendar_id"]
        where = {"location": {"description": "Room 1"}}
        event = {"event_id": "1", "summary": "Interview <b>", "start": self.at(10), "end": self.at(11), **where}
        self._post(f"/v1/calendars/{calendar}/events", event, self._token)

    def at(self, hour: int) -> str:
        return f"{self.day}T{hour:02}:00:00Z"

    @property
    def query(self) -> dict[str, Any]:
        """A query for an hour of the morning, of which there are two."""
        return {
            "participants": [{"members": [{"sub": self.sub}], "required": "all"}],
            "required_duration": {"minutes": 60},
            "query_periods": [{"start": self.at(9), "end": self.at(12)}],
        }

    def get(self, path: str) -> Any:
        """Returns what the account's token reads at the path."""
        headers = {"Authorization": f"Bearer {self._token}"}
        return httpx2.get(f"{self._server.url}{path}", headers=headers).raise_for_status().json()

    def show(self, element: str, permission: str, **options: Any) -> Page:
        """Shows the Element in the page, with a token for the page's origin."""
        asked = {"permissions": [permission], "subs": [self.sub], "origin": self._site.origin}
        token = self._post("/v1/element_tokens", asked, CLIENT_SECRET).json()["element_token"]["token"]
        self.page.goto(self._site.origin)
        self.page.evaluate("(given) => show(...given)", [element, self._server.url, token, options])
        return self.page

    def said(self, kind: str) -> dict[str, Any]:
        """Waits until the Element notifies its callback of this, and returns the notification."""
        found = self.page.wait_for_function("(kind) => notifications.find((it) => it.type === kind)", arg=kind)
        assert self.page.evaluate("notifications.filter((it) => it.type === 'error')") == []
        return found.json_value()

    def expect_selected(self, start: int, end: int) -> dict[str, Any]:
        """Waits until these hours are selected, and returns the slot."""
        slot = self.said("slot_selected")["slot"]
        assert (slot["start"], slot["end"]) == (self.at(start), self.at(end))
        return slot

    def _post(self, path: str, body: Any, token: str | None = None) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        return httpx2.post(f"{self._server.url}{path}", json=body, headers=headers).raise_for_status()


def agenda(room: Room) -> None:
    """It shows the event of the day, with its place; the summary is no HTML."""
    page = room.show("Agenda", "agenda")
    for text in ("BUSY", "10:00 am - 11:00 am", "Interview <b>", "Room 1"):
        expect(page.locator("#element")).to_contain_text(text, use_inner_text=True)


def slot_picker(room: Room) -> None:
    """It offers the hours beside the event."""
    page = room.show("SlotPicker", "availability", availability_query=room.query)
    page.locator("#element button").click()  # the day
    expect(page.locator("#element button", has_text="AM")).to_have_text(["9:00AM - 10:00AM", "11:00AM - 12:00PM"])
    page.get_by_role("button", name="11:00AM - 12:00PM").click()
    page.get_by_role("button", name="Confirm").click()
    assert room.expect_selected(11, 12)["participants"] == [{"sub": room.sub}]


def availability_viewer(room: Room) -> None:
    """In its grid of a week, in which all free hours are free."""
    page = room.show("AvailabilityViewer", "availability", availability_query=room.query)
    room.said("visible_slots")
    for hours in ("10:00AM - 11:00AM", "11:00AM - 12:00PM"):
        for button in page.locator(
            "#element button", has_text=hours
        ).all():  # on each day; those of the others do nothing
            button.dispatch_event("click")
    page.get_by_role("button", name="Confirm").click()
    room.expect_selected(11, 12)


def date_time_picker(room: Room) -> None:
    query = room.query | {"start_interval": {"minutes": 60}}
    page = room.show("DateTimePicker", "availability", availability_query=query)
    page.locator("#element button", has_text="11:00 AM - 12:00 PM").click()
    page.get_by_role("button", name="Confirm").click()
    room.expect_selected(11, 12)


def date_time_picker_with_sequences(room: Room) -> None:
    """Two meetings around the event."""
    query = room.query
    step = {"participants": query["participants"], "required_duration": {"minutes": 60}}
    sequence = [
        {**step, "sequence_id": title, "sequence_title": title, "ordinal": n}
        for n, title in enumerate(("Talk", "Tour"))
    ]
    query = {"query_periods": query["query_periods"], "sequence": sequence}
    page = room.show("DateTimePicker", "availability", availability_query=query)
    page.locator("#element button", has_text="9:00 AM - 12:00 PM").click()
    expect(page.locator("#element")).to_contain_text("Tour11:00 AM - 12:00 PM")
    page.get_by_role("button", name="Confirm").click()
    steps = room.expect_selected(9, 12)["sequence"]
    assert [(each["sequence_id"], each["start"]) for each in steps] == [("Talk", room.at(9)), ("Tour", room.at(11))]


def availability_rules(room: Room) -> None:
    """It finds no rule, offers its own hours, and saves them."""
    page = room.show("AvailabilityRules", "managed_availability", availability_rule_id="default")
    room.said("availability_rule_not_found")
    page.get_by_role("button", name="Save").click()
    room.said("availability_rule_saved")
    saved = room.get("/v1/availability_rules/default")["availability_rule"]
    assert saved["tzid"] == "Etc/UTC"
    assert saved["weekly_periods"][0] == {"day": "monday", "start_time": "09:00", "end_time": "17:00"}
    assert len(saved["weekly_periods"]) == 5


def calendar_sync(room: Room) -> None:
    """A plain list: an application calendar has no outside calendars."""
    authorization = {"redirect_uri": "https://app.example.com", "client_id": "x", "scope": "read_write"}
    page = room.show("CalendarSync", "account_management", authorization=authorization)
    for text in ("room-7", "ACTIVE"):
        expect(page.locator("#element")).to_contain_text(text, use_inner_text=True)


ELEMENTS: list[Callable[[Room], None]] = [
    *(agenda, slot_picker, availability_viewer, date_time_picker, date_time_picker_with_sequences),
    *(availability_rules, calendar_sync),
]
ON_POSTGRESQL = ELEMENTS if os.environ.get("OPENINGS_ALL_ELEMENTS") == "1" else [agenda, slot_picker]
CASES = [*(("sqlite", element) for element in ELEMENTS), *(("postgresql", element) for element in ON_POSTGRESQL)]


@pytest.mark.parametrize(("backend", "element"), CASES, ids=lambda part: getattr(part, "__name__", part))
def test_an_element_works(site: Site, browser: Browser, backend: str, element: Callable[[Room], None]) -> None:
    """What it asks for is answered, and it shows what there is."""
    with browser.new_context(timezone_id="Etc/UTC", locale="en-US") as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        room = Room(site, backend, page)
        page.clock.set_fixed_time(room.at(8))
        element(room)
        assert errors == []
    assert "et=" not in site.servers[backend].output
