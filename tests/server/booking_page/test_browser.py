"""The booking page in a real browser: with JavaScript and without, by mouse, touch and keyboard.

The links are held in memory, so that a failure here is the page's.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from core.events import Location
from core.instants import parse_instant
from core.real_time_scheduling import CallbackUrls, Completed, RedirectUrls
from core.zones import todays_name
from tests.support import browser as chromium
from tests.support.booking_page import FakeLinks, application, half_hour_starts
from tests.support.browser import Visit, serve_in_thread, visit

browser = chromium.browser  # pytest finds a fixture in the module that uses it

STARTS = [
    *half_hour_starts("2030-05-06", "08:00", "09:00"),
    *half_hour_starts("2030-05-07", "15:30", "16:30"),
    *half_hour_starts("2030-06-11", "09:00", "09:30"),
]
BERLIN = {"timezone_id": "Europe/Berlin", "locale": "en-GB"}
PHONE = {**BERLIN, "viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True}

#: clicks twice, the second time while the first request is running
IMPATIENT = """
async (button) => {
  button.focus();
  button.click();
  await new Promise((done) => setTimeout(done, 200));
  button.click();
  return [button.textContent, document.activeElement === button];
}
"""

Visiting: TypeAlias = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def links() -> FakeLinks:
    return FakeLinks()


@pytest.fixture(scope="module")
def origin(links: FakeLinks) -> Generator[str]:
    """A server with the page."""
    with serve_in_thread(application(links)) as found:
        yield found


@pytest.fixture
def opened(browser: Browser, origin: str, links: FakeLinks) -> Visiting:
    """Opens a link for the first time. Afterwards, no request may have gone elsewhere and no error been logged."""
    links.add("link", STARTS)

    @contextmanager
    def opened(query: str = "", **context: Any) -> Iterator[Visit]:
        with visit(browser, f"{origin}/book/link{query}", **{**BERLIN, **context}) as seen:
            yield seen
            assert seen.foreign_requests == []
            assert seen.errors == []

    return opened


def times(page: Page) -> Locator:
    return page.get_by_role("region", name="Choose a time").get_by_role("link")


def asked(page: Page) -> dict[str, list[str]]:
    """The parameters in the address."""
    return parse_qs(urlsplit(page.url).query)


def pick(page: Page) -> None:
    """Chooses a day and a time."""
    page.get_by_role("link", name="Tuesday 7 May, 3 times").click()
    expect(times(page)).to_have_text(["17:30", "18:00", "18:30"])
    times(page).nth(1).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")


def expect_booked(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("It is booked")
    expect(page.get_by_role("definition").first).to_contain_text("18:00 – 18:45")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_a_meeting_is_booked_in_three_clicks(opened: Visiting, links: FakeLinks, scripts: bool) -> None:
    query = "" if scripts else "?tz=Europe/Berlin"
    with opened(query, java_script_enabled=scripts) as seen:
        pick(seen.page)
        seen.page.get_by_role("button", name="Book this time").click()
        expect_booked(seen.page)
    state = links.by_token["link"].link.state
    assert isinstance(state, Completed)
    assert (state.start, state.visitor_tzid) == (parse_instant("2030-05-07T16:00:00Z"), "Europe/Berlin")


@pytest.mark.parametrize("query", ["", "?day=2030-05-07", "?start=2030-05-07T15:30:00Z"])
def test_the_visitors_own_zone_is_detected(opened: Visiting, query: str) -> None:
    """On the first visit, on any page; other parameters stay. Chromium knows this zone by an older name."""
    with opened(query, timezone_id="Asia/Kathmandu") as seen:
        expect(seen.page.get_by_role("main")).to_contain_text("Kathmandu time, GMT+5:45")
        found = asked(seen.page)
        assert [todays_name(tzid) for tzid in found.pop("tz")] == ["Asia/Kathmandu"]
        assert found == parse_qs(query[1:])
        assert seen.page.evaluate("history.length") <= 2  # the back button leaves the page at once


def test_a_zone_in_the_address_is_not_replaced(opened: Visiting) -> None:
    with opened("?tz=Asia/Tokyo") as seen:
        expect(times(seen.page).first).to_have_text("17:00")
        assert asked(seen.page) == {"tz": ["Asia/Tokyo"]}


def test_without_scripts_the_links_zone_is_shown_until_another_one_is_chosen(opened: Visiting) -> None:
    with opened(java_script_enabled=False) as seen:
        expect(times(seen.page).first).to_have_text("09:00")
        seen.page.get_by_label("Time zone").select_option("Tokyo time")
        seen.page.get_by_role("button", name="Change").click()
        expect(times(seen.page).first).to_have_text("17:00")


def test_with_scripts_selecting_a_zone_applies_it(opened: Visiting) -> None:
    """The shown day stays."""
    with opened("?day=2030-05-07") as seen:
        expect(seen.page.get_by_role("button", name="Change")).to_be_hidden()
        seen.page.get_by_label("Time zone").select_option("Paris time")
        expect(seen.page.get_by_text("Paris time, GMT+2")).to_be_visible()
        assert asked(seen.page) == {"tz": ["Europe/Paris"], "day": ["2030-05-07"]}


def test_by_keyboard_a_zone_is_applied_only_when_confirmed(opened: Visiting) -> None:
    """Every press of an arrow key selects another zone: loading the page at each would make the list unusable."""
    with opened() as seen:
        zones = seen.page.get_by_label("Time zone")
        expect(zones).to_have_value("Europe/Berlin")
        zones.focus()
        for letter in "Par":
            seen.page.keyboard.press(letter)
        expect(zones).to_have_value("Europe/Paris")
        expect(seen.page.get_by_role("button", name="Change")).to_be_visible()
        assert asked(seen.page) == {"tz": ["Europe/Berlin"]}
        seen.page.keyboard.press("Tab")
        seen.page.keyboard.press("Enter")
        expect(seen.page.get_by_text("Paris time, GMT+2")).to_be_visible()


def test_a_meeting_can_be_booked_by_keyboard_alone(opened: Visiting) -> None:
    """Past the days to the times, to another day, and to the end; the focus is visible."""
    with opened() as seen:
        page = seen.page
        expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the times")).to_be_focused()
        expect(page.get_by_role("link", name="Skip to the times")).to_be_in_viewport()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(times(page).first).to_be_focused()
        expect(times(page).first).to_have_css("outline-width", "3px")
        for _ in range(10):
            page.keyboard.press("Shift+Tab")
            if page.get_by_role("link", name="Tuesday 7 May").evaluate("link => link === document.activeElement"):
                break
        page.keyboard.press("Enter")
        expect(page.locator("#times")).to_be_focused()
        expect(times(page)).to_have_text(["17:30", "18:00", "18:30"])
        for key in ("Tab", "Tab", "Enter"):
            page.keyboard.press(key)
        expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")
        for key in ("Tab", "Enter"):
            page.keyboard.press(key)
        expect_booked(page)


def test_the_meeting_can_be_downloaded_as_a_calendar_file(opened: Visiting) -> None:
    with opened() as seen:
        pick(seen.page)
        seen.page.get_by_role("button", name="Book this time").click()
        with seen.page.expect_download() as download:
            seen.page.get_by_role("link", name="Add to my calendar").click()
        assert download.value.suggested_filename == "meeting.ics"
        assert b"DTSTART:20300507T160000Z" in download.value.path().read_bytes()


def test_a_second_click_submits_nothing(opened: Visiting, links: FakeLinks) -> None:
    """However long the first request takes. The button says that it is running, and keeps the focus."""
    links.by_token["link"].delay = 0.5
    with opened() as seen:
        pick(seen.page)
        button = seen.page.get_by_role("button", name="Book this time")
        assert button.evaluate(IMPATIENT) == ["One moment…", True]
        expect_booked(seen.page)
    assert [what for what, _, _ in links.by_token["link"].calls].count("book") == 1


def test_a_taken_slot_is_announced_and_alternatives_are_one_key_away(opened: Visiting, links: FakeLinks) -> None:
    """The focus is on the message; the next Tab moves it to the first alternative."""
    with opened() as seen:
        page = seen.page
        pick(page)
        links.by_token["link"].taken.add(parse_instant("2030-05-07T16:00:00Z"))
        page.get_by_role("button", name="Book this time").click()
        expect(page.get_by_role("alert")).to_contain_text("Tuesday 7 May, 18:00 is no longer free")
        expect(page.get_by_role("heading", level=1)).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Tuesday 7 May, 18:30")).to_be_focused()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Book this time").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("It is booked")
        assert [line for line in seen.errors if "409" not in line] == []  # Chromium's own message about the status
        seen.errors.clear()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_after_booking_a_visitor_is_sent_to_the_application(opened: Visiting, links: FakeLinks, scripts: bool) -> None:
    """To another origin, which the page's policy has to allow."""

    def welcome(request: Request) -> Response:
        return PlainTextResponse(f"Welcome back with {request.url.query}; from {request.headers.get('referer')}")

    with serve_in_thread(Starlette(routes=[Route("/done", welcome)])) as elsewhere:
        links.add("link", STARTS, redirect_urls=RedirectUrls(f"{elsewhere}/done?a=1"))
        with opened("?tz=Europe/Berlin", java_script_enabled=scripts) as seen:
            pick(seen.page)
            seen.page.get_by_role("button", name="Book this time").click()
            expect(seen.page.locator("body")).to_have_text("Welcome back with a=1&token=link; from None")
            assert {urlsplit(stranger).path for stranger in seen.foreign_requests} <= {"/done", "/favicon.ico"}
            seen.foreign_requests.clear()
            seen.errors[:] = [line for line in seen.errors if "404" not in line]  # it has no icon


def test_a_visitor_whose_redirect_is_blocked_sees_the_booking(opened: Visiting, links: FakeLinks) -> None:
    """The application's own page redirects to another origin, which the policy does not allow."""
    with (
        serve_in_thread(Starlette(routes=[Route("/", lambda _: PlainTextResponse("Welcome"))])) as beyond,
        serve_in_thread(Starlette(routes=[Route("/done", lambda _: RedirectResponse(beyond))])) as elsewhere,
    ):
        links.add("link", STARTS, redirect_urls=RedirectUrls(f"{elsewhere}/done"))
        with opened() as seen:
            pick(seen.page)
            seen.page.get_by_role("button", name="Book this time").click()
            expect_booked(seen.page)
            assert all("form-action" in complaint for complaint in seen.errors)
            seen.errors.clear()
            seen.foreign_requests.clear()


def test_reporting_that_no_time_suits_takes_one_click(opened: Visiting, links: FakeLinks) -> None:
    links.add("link", STARTS, callback_urls=CallbackUrls(no_times_suitable_url="https://example.com/none"))
    with opened() as seen:
        seen.page.get_by_role("button", name="None of these times suits me").click()
        expect(seen.page.get_by_role("heading", level=1)).to_have_text("Thank you for telling us")
        seen.page.get_by_role("link", name="Back to the times").click()
        expect(times(seen.page)).to_have_count(3)


@pytest.mark.parametrize(
    "query",
    ["", "?day=2030-05-07", "?start=2030-05-07T15:30:00Z", "?start=2030-05-07T15:31:00Z", "?told=1", "?start=x"],
)
def test_the_page_fits_a_small_phone_and_targets_fit_a_thumb(opened: Visiting, links: FakeLinks, query: str) -> None:
    """However long the texts. Targets outside running text are at least 44 pixels wide and high."""
    long = "Interview-with-a-very-long-name-that-nothing-breaks " * 3
    none = CallbackUrls(no_times_suitable_url="https://example.com/none")
    where = Location(description=long)
    event = {"summary": long, "description": long * 9, "location": where, "url": f"https://example.com/{'x' * 99}"}
    links.add("link", STARTS, callback_urls=none, **event)
    with opened(query, **PHONE) as seen:
        expect(seen.page.get_by_role("main")).to_be_visible()
        assert seen.page.evaluate("document.documentElement.scrollWidth") == 320
        targets = seen.page.locator("button:visible, select, summary, nav a, td a, li a, .button, .card > p > a")
        for target in targets.all():
            box = target.bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44, target
        seen.errors[:] = [line for line in seen.errors if "400" not in line]


def test_choosing_a_day_on_a_phone_scrolls_to_its_times(opened: Visiting) -> None:
    with opened(**PHONE) as seen:
        seen.page.get_by_role("link", name="Tuesday 7 May, 3 times").tap()
        expect(seen.page.get_by_role("heading", name="Tuesday 7 May 2030")).to_be_in_viewport()
        expect(times(seen.page).last).to_be_in_viewport()


@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(248, 248, 246)"), ("dark", "rgb(19, 22, 22)")])
def test_the_page_follows_the_systems_colour_scheme(opened: Visiting, scheme: str, paper: str) -> None:
    with opened(color_scheme=scheme) as seen:
        expect(seen.page.locator("html")).to_have_css("background-color", paper)


@pytest.mark.parametrize(("motion", "seconds"), [("reduce", "0s"), ("no-preference", "0.12s, 0.12s")])
def test_reduced_motion_disables_transitions(opened: Visiting, motion: str, seconds: str) -> None:
    with opened(reduced_motion=motion) as seen:
        expect(times(seen.page).first).to_have_css("transition-duration", seconds)


def test_the_accessibility_tree_makes_sense_without_the_layout(opened: Visiting) -> None:
    """The times of the first day, as a screen reader presents them."""
    with opened() as seen:
        expect(seen.page.get_by_role("main")).to_match_aria_snapshot(
            """
            - main:
              - heading "Interview with Ada" [level=1]
              - list:
                - listitem: 45 minutes
              - combobox "Time zone"
              - region "Choose a day May 2030":
                - heading "Choose a day May 2030" [level=2]
                - navigation "Other days":
                  - link "June 2030"
                - table "The days of May 2030; days with times are links"
              - region "Choose a time Monday 6 May 2030":
                - heading "Choose a time Monday 6 May 2030" [level=2]
                - paragraph: Berlin time, GMT+2
                - heading "Morning" [level=3]
                - list:
                  - listitem:
                    - link "10:00"
                  - listitem:
                    - link "10:30"
                  - listitem:
                    - link "11:00"
            """
        )
        current = seen.page.locator("[aria-current=date]")
        expect(current).to_have_accessible_name("Monday 6 May, 3 times")
