"""The calendar file: other programs read in it what the event says."""

import re

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
    found = properties(file)
    assert set(found) <= {"PRODID", "BEGIN", "UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "DESCRIPTION", "URL"}
    for text, name in ((summary, "SUMMARY"), (description, "DESCRIPTION")):
        assert found.get(name, "") == re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "", text)


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
