"""The calendar file: other programs read in it what the event says."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from core.events import Location
from core.instants import parse_instant
from core.real_time_scheduling import Completed, Disabled
from core.texts import is_storable
from server.booking_page.calendar_file import calendar_file
from tests.support.booking_page import ADA, NOW, FakeLinks, application, make_link

DONE = Completed(parse_instant("2030-05-07T15:30:00Z"), parse_instant("2030-05-07T16:15:00Z"), (ADA,), "Asia/Tokyo")

_texts = st.text(max_size=300).filter(is_storable)


def properties(file: bytes) -> dict[str, str]:
    """The properties as a calendar reads them: folded lines joined, texts unescaped."""
    lines = file.decode().replace("\r\n ", "").removesuffix("\r\n").split("\r\n")
    return {name: re.sub(r"\\(.)", _meant, value) for name, _, value in (line.partition(":") for line in lines[2:-2])}


def _meant(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]


def test_the_file_describes_the_booked_meeting() -> None:
    """The UID is the link's id, so importing it again makes no second event."""
    where = Location(description="Room 7,\nupstairs; left")
    link = make_link(
        45, DONE, summary="Interview", description="Bring \\ nothing", location=where, url="https://a.example/m"
    )
    assert calendar_file(link, DONE, NOW).decode().split("\r\n") == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Openings//Booking page//EN",
        "BEGIN:VEVENT",
        f"UID:{link.scheduling_id}",
        "DTSTAMP:20300502T120000Z",
        "DTSTART:20300507T153000Z",
        "DTEND:20300507T161500Z",
        "SUMMARY:Interview",
        "DESCRIPTION:Bring \\\\ nothing",
        "LOCATION:Room 7\\,\\nupstairs\\; left",
        "URL:https://a.example/m",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]


@given(_texts, _texts, _texts)
def test_texts_cannot_break_lines_or_inject_properties(summary: str, description: str, url: str) -> None:
    """Lines are folded at 75 bytes, and control characters are left out."""
    file = calendar_file(make_link(45, DONE, summary=summary, description=description, url=f"x:{url}"), DONE, NOW)
    assert all(len(line) <= 75 for line in file.split(b"\r\n"))
    assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|(?<!\r)\n|\r(?!\n)", file)
    expected = {"PRODID", "BEGIN", "UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "URL"}
    assert set(properties(file)) <= expected


@given(_texts)
def test_texts_can_be_read_back(text: str) -> None:
    """All but control characters. Every kind of line break stays one, surrounding white space is left out."""
    link = make_link(45, DONE, summary=f"a{text}b", description=f"a{text}b", location=Location(f"a{text}b"))
    found = properties(calendar_file(link, DONE, NOW))
    readable = re.sub(r"[\x00-\x08\x0e-\x1f\x7f]", "", re.sub(r"\r\n|[\r\v\f]", "\n", f"a{text}b"))
    assert [found[name] for name in ("SUMMARY", "DESCRIPTION", "LOCATION")] == [readable] * 3


@given(_texts.filter(lambda text: "%" not in text))
def test_urls_can_be_read_back(text: str) -> None:
    """A URL in a file is ASCII."""
    for url in (f"https://a.example/{text}", f"x:{text}"):
        written = properties(calendar_file(make_link(45, DONE, url=url), DONE, NOW))["URL"]
        assert re.fullmatch(r"[!-~]+", written)
        assert unquote(written) == url


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://meet.jit.si/Hallo-Wörld", "https://meet.jit.si/Hallo-W%C3%B6rld"),
        ("https://meet.jit.si/Hallo-W%C3%B6rld?a=1&b=%20#top", "https://meet.jit.si/Hallo-W%C3%B6rld?a=1&b=%20#top"),
        ("https://Bücher.example:8443/ä", "https://xn--bcher-kva.example:8443/%C3%A4"),
        ("https://straße.example", "https://xn--strae-oqa.example"),
        ("https://[2001:db8::1]:80/x", "https://[2001:db8::1]:80/x"),
        ("https://ä..example/", "https://%C3%A4..example/"),
        ("tel:+49-30-1234", "tel:+49-30-1234"),
    ],
)
def test_a_url_leads_to_the_same_place_as_in_a_browser(url: str, written: str) -> None:
    """Without its ö it would be another room."""
    assert properties(calendar_file(make_link(45, DONE, url=url), DONE, NOW))["URL"] == written


def test_the_file_and_the_page_call_the_meeting_the_same() -> None:
    """A summary that shows nothing is replaced; a place that has coordinates only is written as these."""
    blank = make_link(45, DONE, summary="\u200b", description=" ", location=Location(None, "52.52", "-13.4"))
    found = properties(calendar_file(blank, DONE, NOW))
    assert (found["SUMMARY"], found["LOCATION"], found["GEO"]) == ("Meeting", "52.52, -13.4", "52.52;-13.4")
    assert "DESCRIPTION" not in found


def test_only_a_completed_link_has_a_calendar_file() -> None:
    links = FakeLinks()
    links.add("done", state=DONE)
    links.add("open", ["2030-05-07T15:30:00Z"])
    links.add("disabled", state=Disabled("No."))
    client = TestClient(application(links))
    response = client.get("/book/done.ics")
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="meeting.ics"'
    assert response.headers["cache-control"] == "no-store"
    assert properties(response.content)["SUMMARY"] == "Interview with Ada"
    assert [client.get(f"/book/{name}.ics").status_code for name in ("open", "disabled", "nowhere")] == [404, 404, 404]
