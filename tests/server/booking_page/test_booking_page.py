"""The booking page as a browser without JavaScript sees it, from the first visit to the booking."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from core.durations import Duration
from core.events import Location
from core.instants import parse_instant
from core.real_time_scheduling import CallbackUrls, Completed, Disabled, HourFormat, RedirectUrls
from tests.support.booking_page import ADA, FakeLinks, application, half_hour_starts
from tests.support.plain_browser import PlainBrowser

MAY = [*half_hour_starts("2030-05-06", "08:00", "09:00"), *half_hour_starts("2030-05-07", "15:30", "16:30")]
JUNE = half_hour_starts("2030-06-11", "09:00", "09:30")
NONE_SUITS = CallbackUrls(no_times_suitable_url="https://example.com/none")
TAKEN_BY = Completed(parse_instant("2030-05-07T15:30:00Z"), parse_instant("2030-05-07T16:15:00Z"), (ADA,), "Asia/Tokyo")


@pytest.fixture
def links() -> FakeLinks:
    return FakeLinks()


@pytest.fixture
def client(links: FakeLinks) -> Iterator[TestClient]:
    with TestClient(application(links), headers={"accept-language": "en-GB"}) as client:
        yield client


def visit(client: TestClient, query: str = "") -> PlainBrowser:
    """A browser that has opened the test's link."""
    return PlainBrowser(client, f"/book/link{query}")


def days(reader: PlainBrowser) -> list[str]:
    """The days that can be chosen."""
    return [words for words, address in reader.page.links.items() if "day=" in address]


def times(reader: PlainBrowser) -> list[str]:
    return [words for words, address in reader.page.links.items() if "start=" in address]


def test_a_visitor_picks_a_day_and_a_time_and_confirms(client: TestClient, links: FakeLinks) -> None:
    """From start to end, by links and forms alone."""
    held = links.add("link", MAY, summary="Interview with Ada")
    reader = visit(client, "?tz=Europe/Berlin")
    assert reader.page.heading == "Interview with Ada"
    assert days(reader) == ["Monday 6 May, 3 times", "Tuesday 7 May, 3 times"]
    reader.follow("Tuesday 7 May, 3 times")
    assert times(reader) == ["17:30", "18:00", "18:30"]
    reader.follow("18:00")
    assert reader.page.heading == "Is this right?"
    assert "Tuesday 7 May 2030 18:00 – 18:45 Berlin time, GMT+2" in reader.page.text
    reader.submit("Book this time")
    assert reader.page.heading == "It is booked"
    assert "Tuesday 7 May 2030 18:00 – 18:45 Berlin time, GMT+2" in reader.page.text
    start = parse_instant("2030-05-07T16:00:00Z")
    assert held.link.state == Completed(start, start + 45 * 60, (ADA,), "Europe/Berlin")


def test_the_times_of_the_first_day_are_shown_at_once(client: TestClient, links: FakeLinks) -> None:
    links.add("link", MAY)
    reader = visit(client)
    assert times(reader) == ["09:00", "09:30", "10:00"]
    [current] = [given for given in reader.page.elements("a") if "aria-current" in given]
    assert current["aria-current"] == "date"
    assert "day=2030-05-06" in str(current["href"])


def test_a_visitor_can_choose_a_zone_by_its_place(client: TestClient, links: FakeLinks) -> None:
    """From then on it is in every address; the shown day stays the same."""
    links.add("link", MAY)
    reader = visit(client, "?tz=Europe/Berlin&day=2030-05-07")
    reader.submit("Change", tz="Asia/Kathmandu")
    assert times(reader) == ["21:15", "21:45", "22:15"]
    assert "Kathmandu time, GMT+5:45" in reader.page.text
    assert all("tz=Asia/Kathmandu" in address for address in reader.page.links.values() if "?" in address)


def test_days_are_local_days_of_the_visitor(client: TestClient, links: FakeLinks) -> None:
    """The same two meetings are late on Monday, early on Tuesday, and across the date line."""
    links.add("link", ["2030-05-06T23:00:00Z", "2030-05-07T00:00:00Z"])
    assert days(visit(client, "?tz=Etc/UTC")) == ["Monday 6 May, 1 time", "Tuesday 7 May, 1 time"]
    assert days(visit(client, "?tz=Asia/Tokyo")) == ["Tuesday 7 May, 2 times"]
    assert days(visit(client, "?tz=Pacific/Honolulu")) == ["Monday 6 May, 2 times"]


@pytest.mark.parametrize("tz", ["", "?tz=", "?tz=Mars/Olympus", "?tz=europe/berlin", "?tz=%00", "?tz=../../etc/passwd"])
def test_without_a_valid_zone_the_link_decides_which_is_shown(client: TestClient, links: FakeLinks, tz: str) -> None:
    links.add("link", MAY, tzid="Asia/Tokyo")
    assert "Tokyo time, GMT+9" in visit(client, tz).page.text
    links.add("link", MAY)  # without a zone of its own, the event's
    assert "London time, GMT+1" in visit(client, tz).page.text


def test_navigation_leads_from_month_to_month_with_times(client: TestClient, links: FakeLinks) -> None:
    """Months without times are skipped."""
    links.add("link", [*MAY, *half_hour_starts("2030-08-01", "09:00", "09:30")])
    reader = visit(client, "?tz=Etc/UTC")
    assert "June 2030" not in reader.page.links
    reader.follow("August 2030")
    assert days(reader) == ["Thursday 1 August, 2 times"]
    assert times(reader) == ["09:00", "09:30"]
    reader.follow("May 2030")
    assert len(days(reader)) == 2


@pytest.mark.parametrize(
    ("language", "given", "shown"),
    [
        ("en-US,en;q=0.9", None, "4:30 pm"),
        ("de-DE,de;q=0.9,en-US;q=0.8", None, "16:30"),
        ("fr;q=0.3, en-AU", None, "4:30 pm"),
        ("en", None, "16:30"),
        ("", None, "16:30"),
        ("en-GB", HourFormat.H12, "4:30 pm"),
        ("en-US", HourFormat.H24, "16:30"),
    ],
)
def test_the_hour_format_is_the_links_or_else_that_of_the_visitors_region(
    client: TestClient, links: FakeLinks, language: str, given: HourFormat | None, shown: str
) -> None:
    links.add("link", ["2030-05-06T15:30:00Z"], hour_format=given)
    client.headers["accept-language"] = language
    assert times(visit(client)) == [shown]


def test_weeks_and_dates_are_in_the_visitors_regional_format(client: TestClient, links: FakeLinks) -> None:
    links.add("link", MAY)
    reader = visit(client)
    assert reader.page.texts["th"][0] == "Monday"
    assert "Monday 6 May 2030" in reader.page.text
    client.headers["accept-language"] = "en-US"
    reader = visit(client)
    assert reader.page.texts["th"][0] == "Sunday"
    assert "Monday, May 6, 2030" in reader.page.text


def test_a_time_that_occurs_twice_is_shown_with_its_offset(client: TestClient, links: FakeLinks) -> None:
    """Clocks go back at two: half past one occurs twice, an hour apart."""
    links.add("link", half_hour_starts("2030-11-03", "04:30", "07:00"), tzid="America/New_York")
    reader = visit(client)
    assert times(reader) == ["00:30", "01:00 GMT−4", "01:30 GMT−4", "01:00 GMT−5", "01:30 GMT−5", "02:00"]
    assert "Clocks change on this day." in reader.page.text
    reader.follow("01:30 GMT−5")
    assert "01:30 – 02:15 New York time, GMT−5" in reader.page.text
    reader.open("/book/link?tz=America/New_York&start=2030-11-03T05:30:00Z")
    assert "01:30 GMT−4 – 01:15 GMT−5" in reader.page.text


def test_a_day_when_clocks_go_forward_has_only_the_times_that_exist(client: TestClient, links: FakeLinks) -> None:
    """Two o'clock becomes three."""
    links.add("link", half_hour_starts("2030-10-05", "15:00", "16:30"), tzid="Australia/Sydney")
    assert times(visit(client)) == ["01:00", "01:30", "03:00", "03:30"]
    assert "Clocks change on this day." in visit(client).page.text


def test_booking_a_taken_slot_offers_the_next_ones(client: TestClient, links: FakeLinks) -> None:
    held = links.add("link", MAY)
    reader = visit(client, "?tz=Europe/Berlin&start=2030-05-06T08:30:00Z")
    held.taken.add(parse_instant("2030-05-06T08:30:00Z"))
    reader.submit("Book this time")
    assert reader.page.response.status_code == 409
    assert reader.page.heading == "Sorry, that time has gone"
    assert "Monday 6 May, 10:30 is no longer free" in reader.page.text
    assert times(reader) == ["Monday 6 May, 11:00", "Tuesday 7 May, 17:30", "Tuesday 7 May, 18:00"]
    reader.follow("Tuesday 7 May, 17:30")
    reader.submit("Book this time")
    assert reader.page.heading == "It is booked"


def test_opening_the_confirmation_of_a_taken_slot_offers_other_ones(client: TestClient, links: FakeLinks) -> None:
    """The page may have been open for a while, or its address bookmarked."""
    held = links.add("link", MAY)
    held.taken.add(parse_instant("2030-05-07T16:30:00Z"))
    reader = visit(client, "?tz=Europe/Berlin&start=2030-05-07T16:30:00Z")
    assert reader.page.heading == "Sorry, that time has gone"
    assert times(reader)[0] == "Monday 6 May, 10:00"  # there is none after it
    reader.follow("See all times")
    assert times(reader) == ["17:30", "18:00"]
    assert [what for what, _, _ in held.calls] == ["offer", "offer"]


def test_a_time_that_cannot_be_known_is_not_booked_and_can_be_tried_again(client: TestClient, links: FakeLinks) -> None:
    """A calendar elsewhere cannot be read, after the visitor has chosen. The page does not say that the time has gone."""
    held = links.add("link", MAY)
    reader = visit(client, "?tz=Europe/London&start=2030-05-06T08:30:00Z")
    held.not_known.add(parse_instant("2030-05-06T08:30:00Z"))
    reader.submit("Book this time")
    assert (reader.page.heading, reader.page.response.status_code) == (
        "Sorry, we cannot tell whether that time is free",
        409,
    )
    assert "nothing was booked. Please try Monday 6 May, 09:30 again" in reader.page.text
    reader.follow("Try again")
    assert (reader.page.heading, reader.page.response.status_code) == (
        "Sorry, we cannot tell whether that time is free",
        200,
    )
    held.not_known.clear()
    reader.follow("Try again")
    assert reader.page.heading == "Is this right?"


def test_a_link_whose_times_cannot_be_known_says_so(client: TestClient, links: FakeLinks) -> None:
    """Instead of that all of them are taken."""
    held = links.add("link", MAY)
    held.not_known.update(map(parse_instant, MAY))
    reader = visit(client)
    assert reader.page.heading == "We cannot tell which times are free at the moment"
    assert held.no_times_reports == 0
    held.not_known.clear()
    reader.follow("Try again")
    assert reader.page.heading == "Interview with Ada"


def test_a_taken_slot_is_not_confused_with_the_next_of_the_same_local_time(
    client: TestClient, links: FakeLinks
) -> None:
    """After clocks have gone back, the next one reads the same."""
    held = links.add("link", half_hour_starts("2030-11-03", "05:30", "06:30"), tzid="America/New_York")
    held.taken |= {parse_instant("2030-11-03T05:30:00Z"), parse_instant("2030-11-03T06:00:00Z")}
    reader = visit(client, "?start=2030-11-03T05:30:00Z")
    assert "Sunday 3 November, 01:30 GMT−4 is no longer free" in reader.page.text
    assert times(reader) == ["Sunday 3 November, 01:30 GMT−5"]


def test_a_time_within_the_notice_is_called_too_soon(client: TestClient, links: FakeLinks) -> None:
    """It was neither taken nor is it over. NOW is Thursday noon."""
    held = links.add("link", ["2030-05-02T16:00:00Z", *MAY[:1]], minimum_notice=Duration(hours=30))
    held.taken.add(parse_instant("2030-05-02T16:00:00Z"))
    reader = visit(client, "?tz=Europe/Berlin&start=2030-05-02T16:00:00Z")
    assert reader.page.heading == "Sorry, that is too soon"
    assert (
        "18:00 can no longer be booked, because it has to be booked at least 1 day 6 hours ahead." in reader.page.text
    )
    assert times(reader) == ["Monday 6 May, 10:00"]
    held.taken.add(parse_instant(MAY[0]))
    assert "have to be booked at least 1 day 6 hours ahead" in visit(client).page.text


@pytest.mark.parametrize("summary", ["", " ", "\u200b", "\u2800\u3164"])
def test_a_summary_that_shows_nothing_is_replaced(client: TestClient, links: FakeLinks, summary: str) -> None:
    links.add("link", MAY, summary=summary)
    assert visit(client).page.heading == "Meeting"


def test_a_place_with_coordinates_leads_to_the_map(client: TestClient, links: FakeLinks) -> None:
    """On a phone; with a description or without."""
    links.add("link", MAY, location=Location(None, "52.52", "-13.4"))
    assert visit(client).page.links["52.52, -13.4"] == "geo:52.52,-13.4"
    links.add("link", MAY, location=Location("Room 7", "52.52", "-13.4"))
    assert visit(client).page.links["Room 7"] == "geo:52.52,-13.4"


def test_texts_have_the_direction_of_their_writing(client: TestClient, links: FakeLinks) -> None:
    """Hebrew and Arabic are read from right to left."""
    links.add("link", MAY, summary="פגישה", description="שלום", location=Location("חדר 7"))
    reader = visit(client, "?start=2030-05-06T08:30:00Z")
    for name in ("p", "dd"):
        texts = [given for given in reader.page.elements(name) if given.get("class") in ("above", "text")]
        assert texts
        assert all(given.get("dir") == "auto" for given in texts)
    assert [given.get("dir") for given in visit(client).page.elements("h1")] == ["auto"]


def test_a_taken_slot_without_alternatives_offers_none(client: TestClient, links: FakeLinks) -> None:
    held = links.add("link", MAY[:1])
    held.taken.add(held.openings[0].start)
    page = visit(client, f"?start={MAY[0]}").page
    assert "nothing was booked" in page.text
    assert "These times" not in page.text


def test_a_requested_day_that_has_been_taken_is_mentioned(client: TestClient, links: FakeLinks) -> None:
    links.add("link", MAY)
    reader = visit(client, "?day=2030-05-08")
    assert "No times are left on Wednesday 8 May." in reader.page.text
    assert times(reader) == ["09:00", "09:30", "10:00"]


def test_a_link_without_times_says_so(client: TestClient, links: FakeLinks) -> None:
    links.add("link", [], callback_urls=NONE_SUITS)
    page = visit(client).page
    assert page.response.status_code == 200
    assert page.heading == "There are no times to choose from at the moment"
    assert page.forms == {}


def test_a_completed_link_shows_what_was_booked(client: TestClient, links: FakeLinks) -> None:
    """In the zone of the booking unless the address has another one; its other parameters are ignored."""
    links.add(
        "link", MAY, state=TAKEN_BY, location=Location(description="Room 7\nUpstairs"), url="https://example.com/m"
    )
    page = visit(client, f"?start={MAY[0]}&day=2030-05-06").page
    assert page.heading == "It is booked"
    assert "Wednesday 8 May 2030 00:30 – 01:15 Tokyo time, GMT+9" in page.text
    assert "Room 7\nUpstairs" in page.texts["dd"]
    assert page.links["https://example.com/m"] == "https://example.com/m"
    assert "Tuesday 7 May 2030 16:30" in visit(client, "?tz=Europe/London").page.text


def test_a_disabled_link_shows_its_message(client: TestClient, links: FakeLinks) -> None:
    links.add("link", MAY, state=Disabled("It is filled.\n\nThank you!"))
    page = visit(client).page
    assert page.response.status_code == 200
    assert "It is filled.\n\nThank you!" in page.texts["p"]


def test_submitting_twice_gets_the_same_redirect(client: TestClient, links: FakeLinks) -> None:
    """The browser follows the response to the last submission."""
    links.add("link", MAY, redirect_urls=RedirectUrls("https://example.com/done?a=1#there"))
    form = {"start": MAY[0], "tz": "Europe/Berlin"}
    found = [client.post("/book/link", data=form, follow_redirects=False) for _ in range(2)]
    assert [response.status_code for response in found] == [303, 303]
    assert {response.headers["location"] for response in found} == {"https://example.com/done?a=1&token=link#there"}


def test_a_visitor_who_did_not_book_is_not_redirected_to_the_application(client: TestClient, links: FakeLinks) -> None:
    """The link is already completed for another time, or disabled."""
    for state in (TAKEN_BY, Disabled("No.")):
        links.add("link", MAY, state=state, redirect_urls=RedirectUrls("https://example.com/done"))
        response = client.post("/book/link", data={"start": MAY[0], "tz": "Asia/Tokyo"}, follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (303, "?tz=Asia/Tokyo")


def test_a_visitor_can_report_that_no_time_suits(client: TestClient, links: FakeLinks) -> None:
    held = links.add("link", MAY, callback_urls=NONE_SUITS)
    reader = visit(client, "?tz=Europe/Berlin")
    reader.submit("None of these times suits me")
    assert held.calls[-2] == ("none", None, "Europe/Berlin")
    assert reader.page.heading == "Thank you for telling us"
    reader.follow("Back to the times")
    assert len(days(reader)) == 2


def test_without_a_callback_url_nothing_can_be_reported(client: TestClient, links: FakeLinks) -> None:
    links.add("link", MAY)
    assert "None of these times suits me" not in visit(client).page.forms
    assert len(days(visit(client, "?told=1"))) == 2


def test_navigation_reaches_times_beyond_one_answer(client: TestClient, links: FakeLinks) -> None:
    """A day that is only partially loaded is not shown."""
    links.most = 5
    links.add("link", [*MAY, *half_hour_starts("2030-05-20", "09:00", "10:00"), *JUNE], tzid="Etc/UTC")
    reader = visit(client)
    assert days(reader) == ["Monday 6 May, 3 times"]
    reader.follow("Later days")
    assert days(reader) == ["Tuesday 7 May, 3 times"]
    reader.follow("Tuesday 7 May, 3 times")
    reader.follow("Later days")
    assert days(reader) == ["Monday 20 May, 3 times"]
    reader.follow("09:30")
    assert "Monday 20 May 2030 09:30" in reader.page.text
    reader.follow("Choose another time")
    assert times(reader) == ["09:00", "09:30", "10:00"]
    reader.follow("June 2030")
    assert days(reader) == ["Tuesday 11 June, 2 times"]
    assert "Later days" not in reader.page.links
    reader.follow("May 2030")
    assert days(reader) == ["Monday 6 May, 3 times"]


@pytest.mark.parametrize("changes", [{"minutes": 90}, {"minutes": 1440}, {"minutes": 61}])
def test_the_duration_is_shown_in_hours_and_minutes(client: TestClient, links: FakeLinks, changes: Any) -> None:
    links.add("link", ["2030-05-06T22:30:00Z"], **changes, tzid="Etc/UTC")
    shown = {90: "1 hour 30 minutes", 1440: "1 day", 61: "1 hour 1 minute"}[changes["minutes"]]
    reader = visit(client)
    assert shown in reader.page.text
    reader.follow("22:30")
    end = {90: "00:00", 1440: "22:30", 61: "23:31"}[changes["minutes"]]
    day = "Tuesday 7 May, " if changes["minutes"] != 61 else ""
    assert f"22:30 – {day}{end}" in reader.page.text
