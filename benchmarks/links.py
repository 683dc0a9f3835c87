"""Booking links whose visitors report that no time suits, which sends a callback."""

import socket

from core.instants import DAY, format_instant

from .questions import Someone
from .servers import HOST
from .wire import Line
from .workloads import START

CREATE_LINK = """
mutation ($input: RealTimeSchedulingInput!) { realTimeScheduling(input: $input) { realTimeScheduling { url } } }
"""


def make_link(line: Line, secret: str, who: Someone, name: str, callback_url: str) -> str:
    """Creates a link, and returns the path of its page. Each link sends one such callback an hour."""
    given = {
        "event": {"eventId": f"link {name}", "summary": "Meeting", "tzid": "Etc/UTC"},
        "availability": {
            "participants": [{"required": "all", "members": [{"sub": who.sub}]}],
            "requiredDuration": {"minutes": 60},
            "queryPeriods": [{"start": format_instant(START), "end": format_instant(START + DAY)}],
        },
        "callbackUrls": {"noTimesSuitableUrl": callback_url},
    }
    url: str = line.data(CREATE_LINK, secret, **given)["realTimeScheduling"]["realTimeScheduling"]["url"]
    return "/book/" + url.rpartition("/")[2]


def no_time_suits(port: int, path: str) -> None:
    """Reports it on the page of a link. Raises AssertionError if that is refused."""
    form = b"none=1&tz=Etc/UTC"
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\nContent-Length: {len(form)}\r\n"
    with socket.create_connection((HOST, port), 60) as connection:
        connection.sendall(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode() + form)
        said = b""
        while more := connection.recv(65_536):
            said += more
    assert said.startswith(b"HTTP/1.1 303"), said[:300]
