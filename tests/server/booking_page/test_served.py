"""Booking links end to end: an application creates one, a visitor books with it in Chromium, and both see the booking.

The server runs in a process of its own, on SQLite and on PostgreSQL. It is started before the browser: while
Playwright's sync API is running, no coroutine can be awaited.
"""

import asyncio
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import httpx2
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support import browser as chromium
from tests.support.api import CLIENT_ID, CLIENT_SECRET
from tests.support.browser import Visit, visit
from tests.support.builders import link_token
from tests.support.databases import execute_sql, with_database
from tests.support.graphql_queries import BOOK_SLOT, CREATE_LINK, DISABLE_LINK, GET_LINK, REVOKE_AUTHORIZATION
from tests.support.server_process import ServerProcess, start_server
from tests.support.waiting import TIMEOUT, wait_until

browser = chromium.browser

CALENDAR = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { sub accessToken } }"
EVENTS = "{ events(input: {}) { nodes { eventId summary start end } } }"

#: the day of all meetings; the browser is in a zone without clock changes
DAY = datetime.now(UTC).date() + timedelta(days=3)
BERLIN = {"timezone_id": "Etc/GMT-2", "locale": "en-GB"}

Visiting: TypeAlias = Callable[..., AbstractContextManager[Visit]]


class Application:
    """An application that creates links on a server, and Ada, the member of all of them."""

    def __init__(self, served: ServerProcess) -> None:
        self.served = served
        self.replace_ada()

    def replace_ada(self) -> None:
        """Replaces Ada by a new account with an empty calendar."""
        given = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "applicationCalendarId": uuid4().hex}
        made = self.data(CALENDAR, None, input=given)["applicationCalendar"]
        self.sub, self.token = made["sub"], made["accessToken"]

    def data(self, query: str, bearer: str | None = CLIENT_SECRET, **variables: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer is not None else {}
        body = {"query": query, "variables": variables}
        answer = httpx2.post(f"{self.served.url}/graphql", json=body, headers=headers, timeout=TIMEOUT).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def asking(self, event_id: str, **more: Any) -> dict[str, Any]:
        """A request for an hour with Ada in the morning."""
        period = {"start": f"{DAY}T09:00:00Z", "end": f"{DAY}T13:00:00Z"}
        return {
            "availability": {
                "participants": [{"required": "all", "members": [{"sub": self.sub}]}],
                "requiredDuration": {"minutes": 60},
                "queryPeriods": [period],
                "startInterval": {"minutes": 30},
            },
            "event": {"eventId": event_id, "summary": "Interview", "tzid": "Etc/UTC"},
            **more,
        }

    def link(self, **more: Any) -> dict[str, Any]:
        made = self.data(CREATE_LINK, input=self.asking("interview", **more))
        return made["realTimeScheduling"]["realTimeScheduling"]

    def seen(self, link: dict[str, Any]) -> dict[str, Any]:
        """The current state of a link, as the application sees it."""
        return self.data(GET_LINK, id=link["realTimeSchedulingId"])["realTimeScheduling"]

    def take(self, hour: str) -> None:
        """Books Ada for another meeting."""
        self.data(BOOK_SLOT, input={**self.asking("other"), "start": f"{DAY}T{hour}:00Z"})


@pytest.fixture(scope="module")
def applications(
    sqlite_template: Path, postgresql: str, postgresql_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Generator[dict[str, Application]]:
    """One application for each database."""
    folder, name = tmp_path_factory.mktemp("served"), f"pages_{uuid4().hex}"
    path = shutil.copy(sqlite_template, folder / "openings.db")
    asyncio.run(execute_sql(postgresql, f"CREATE DATABASE {name} TEMPLATE {postgresql_template}"))
    urls = {"sqlite": f"sqlite:///{path}", "postgresql": with_database(postgresql, name)}
    servers = {kind: start_server(folder / kind, url, OPENINGS_LOG="text") for kind, url in urls.items()}
    try:
        for served in servers.values():
            asyncio.run(_up(served))
        yield {kind: Application(served) for kind, served in servers.items()}
    finally:
        for served in servers.values():
            served.kill()
        asyncio.run(execute_sql(postgresql, f"DROP DATABASE {name} WITH (FORCE)"))


async def _up(served: ServerProcess) -> None:
    await served.wait_until_ready()
    await served.http.aclose()


@pytest.fixture(params=["sqlite", "postgresql"])
def application(applications: dict[str, Application], request: pytest.FixtureRequest) -> Application:
    """The application, with a new Ada for each test. Tests name it before the browser, so that it is set up first."""
    found = applications[request.param]
    found.replace_ada()
    return found


@pytest.fixture
def opened(application: Application, browser: Browser) -> Visiting:
    """Opens a link for the first time. Afterwards, no request may have gone elsewhere and no error been logged."""

    @contextmanager
    def opened(link: dict[str, Any], **context: Any) -> Iterator[Visit]:
        with visit(browser, link["url"], **{**BERLIN, **context}) as seen:
            yield seen
            assert seen.foreign_requests == []
            assert seen.errors == []

    return opened


def heading(page: Page, words: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(words)


def confirm(page: Page) -> None:
    page.get_by_role("button", name="Book this time").click()


def test_the_visitor_the_application_and_the_member_see_the_booking(opened: Visiting, application: Application) -> None:
    """The visitor in her zone, the application through the link, Ada on her calendar, and the next visitor."""
    link = application.link()
    with opened(link) as seen:
        times = seen.page.get_by_role("region", name="Choose a time").get_by_role("link")
        expect(times).to_have_text(["11:00", "11:30", "12:00", "12:30", "13:00", "13:30", "14:00"])
        times.nth(2).click()
        confirm(seen.page)
        heading(seen.page, "It is booked")
        expect(seen.page.get_by_role("definition").first).to_contain_text("12:00 – 13:00")
    found = application.seen(link)
    start, end = f"{DAY}T10:00:00Z", f"{DAY}T11:00:00Z"
    assert (found["status"], found["event"]["start"], found["event"]["end"]) == ("COMPLETED", start, end)
    [event] = application.data(EVENTS, application.token)["events"]["nodes"]
    assert event == {"eventId": "interview", "summary": "Interview", "start": start, "end": end}
    with opened(link, timezone_id="Etc/GMT-9") as seen:
        expect(seen.page.get_by_role("definition").first).to_contain_text("12:00 – 13:00")


def test_a_link_can_be_booked_without_scripts(opened: Visiting, application: Application) -> None:
    link = application.link()
    with opened(link, java_script_enabled=False) as seen:
        seen.page.get_by_role("link", name="12:00", exact=True).click()
        confirm(seen.page)
        heading(seen.page, "It is booked")
    assert application.seen(link)["event"]["start"] == f"{DAY}T12:00:00Z"


def test_a_visitor_whose_slot_was_taken_books_another_one(opened: Visiting, application: Application) -> None:
    link = application.link()
    with opened(link) as seen:
        seen.page.get_by_role("link", name="12:30").click()
        application.take("10:00")
        confirm(seen.page)
        expect(seen.page.get_by_role("alert")).to_contain_text("12:30 is no longer free")
        seen.errors.clear()  # Chromium's own message about the status
        expect(seen.page.get_by_role("listitem")).to_have_count(3)
        seen.page.get_by_role("link", name="13:00").click()
        confirm(seen.page)
        heading(seen.page, "It is booked")
    assert application.seen(link)["event"]["start"] == f"{DAY}T11:00:00Z"


def test_of_two_concurrent_visitors_only_one_books(opened: Visiting, application: Application) -> None:
    """The other one sees that booking."""
    link = application.link()
    with opened(link) as first, opened(link) as second:
        first.page.get_by_role("link", name="11:00").click()
        second.page.get_by_role("link", name="13:00").click()
        confirm(first.page)
        heading(first.page, "It is booked")
        confirm(second.page)
        expect(second.page.get_by_role("definition").first).to_contain_text("11:00 – 12:00")


def test_a_disabled_link_shows_its_message(opened: Visiting, application: Application) -> None:
    """To a visitor who opens it, and to one who already had it open."""
    link = application.link()
    with opened(link) as seen:
        seen.page.get_by_role("link", name="11:00").click()
        given = {
            "realTimeSchedulingId": link["realTimeSchedulingId"],
            "displayMessage": "It is <b>filled</b>.\nThanks!",
        }
        application.data(DISABLE_LINK, input=given)
        confirm(seen.page)
        expect(seen.page.get_by_text("It is <b>filled</b>.")).to_have_text("It is <b>filled</b>.\nThanks!")
    assert application.seen(link)["status"] == "DISABLED"


def test_a_visitor_can_report_that_no_time_suits(opened: Visiting, application: Application) -> None:
    link = application.link(callbackUrls={"noTimesSuitableUrl": "https://shop.example.com/none"})
    with opened(link) as seen:
        seen.page.get_by_role("button", name="None of these times suits me").click()
        heading(seen.page, "Thank you for telling us")
    assert application.seen(link)["status"] == "OPEN"


def test_a_link_that_cannot_be_used_says_so(opened: Visiting, application: Application) -> None:
    """Ada has revoked access; a wrong token finds nothing. The log has the reason, and no token."""
    link = application.link()
    given = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "sub": application.sub}
    application.data(REVOKE_AUTHORIZATION, input=given)
    with opened(link) as seen:
        heading(seen.page, "This link cannot be used at the moment")
        seen.page.goto(link["url"][:-1] + ("A" if link["url"][-1] != "A" else "B"))
        heading(seen.page, "There is nothing here")
        seen.errors.clear()  # Chromium's own messages about the statuses
    # A request is logged after its response.
    wait_until(lambda: any("GET /book/… 404" in line for line in application.served.log_lines))
    said = "\n".join(application.served.log_lines)
    assert "refused a visitor: " in said
    assert link_token(link) not in said
