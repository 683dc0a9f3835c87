"""Radicale and xandikos, as they come from PyPI, as calendars elsewhere: their files are fetched over HTTP."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.instants import MINUTE
from tests.support.api import Api
from tests.support.browser import require_tool
from tests.support.calendar_files import BERLIN, NOW, calendar, event
from tests.support.sources import busy, sync, upsert
from tests.support.waiting import TIMEOUT

#: what is on the calendar, one file for each UID
ITEMS = {
    "single": event("DTSTAMP:20270101T000000Z", "DTSTART:20270111T090000Z", "DTEND:20270111T100000Z", uid="single"),
    "series": "\n".join(
        [
            event(
                "DTSTAMP:20270101T000000Z",
                "DTSTART;TZID=Here:20270112T090000",
                "DTEND;TZID=Here:20270112T100000",
                "RRULE:FREQ=DAILY;COUNT=3",
                "EXDATE;TZID=Here:20270114T090000",
                uid="series",
            ),
            event(
                "DTSTAMP:20270101T000000Z",
                "RECURRENCE-ID;TZID=Here:20270113T090000",
                "DTSTART;TZID=Here:20270113T150000",
                "DTEND;TZID=Here:20270113T153000",
                uid="series",
            ),
        ]
    ),
}
BUSY = ["2027-01-11T09:00/10:00", "2027-01-12T08:00/09:00", "2027-01-13T14:00/14:30"]


@dataclass
class CalendarProgram:
    """A server of others that is being tried."""

    name: str
    #: its arguments, for a folder and a port
    arguments: Callable[[Path, int], list[str]]
    #: where it has a calendar
    path: str
    #: what makes one in its folder
    prepare: Callable[[Path], None] = field(default=lambda folder: None)


def _radicale(folder: Path, port: int) -> list[str]:
    places = ["--config", "", "--storage-filesystem-folder", str(folder), "--auth-type", "none"]
    return ["-m", "radicale", *places, "--server-hosts", f"127.0.0.1:{port}", "--logging-level", "error"]


def _make_calendar(folder: Path) -> None:
    collection = folder / "collection-root" / "ada" / "work"
    collection.mkdir(parents=True)
    (collection / ".Radicale.props").write_text('{"tag": "VCALENDAR"}')


def _xandikos(folder: Path, port: int) -> list[str]:
    serve = ["-m", "xandikos", "serve", "-d", str(folder), "--defaults", "--current-user-principal", "/ada/"]
    return [*serve, "-l", "127.0.0.1", "-p", str(port)]


PROGRAMS = [
    CalendarProgram("radicale", _radicale, "/ada/work/", _make_calendar),
    CalendarProgram("xandikos", _xandikos, "/ada/calendars/calendar/"),
]


@asynccontextmanager
async def running(program: CalendarProgram, folder: Path) -> AsyncGenerator[str]:
    """Runs a program until the block ends. Gives the URL of its calendar."""
    require_tool(find_spec(program.name) is not None, f"no {program.name}: `make install` fetches it from PyPI")
    program.prepare(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, *program.arguments(folder, port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}{program.path}"
        async with asyncio.timeout(TIMEOUT):
            while not await _answers(url):
                assert process.poll() is None
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


async def _answers(url: str) -> bool:
    try:
        return await request("GET", url) == 200
    except OSError:
        return False


async def request(method: str, url: str, body: bytes = b"") -> int:
    """Sends a request, and returns the status of the response."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = [
        f"{method} {parts.path} HTTP/1.1",
        f"Host: {parts.netloc}",
        "Connection: close",
        "Content-Type: text/calendar",
    ]
    writer.write("\r\n".join([*head, f"Content-Length: {len(body)}", "", ""]).encode() + body)
    status = int((await reader.readline()).split()[1])
    await reader.read()
    writer.close()
    return status


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
async def test_a_calendar_of_a_server_of_others_is_followed(
    database_url: str, program: CalendarProgram, tmp_path: Path
) -> None:
    """Its series, zones and moved instances; the same file again is not sent; a calendar that is gone still blocks."""
    folder = tmp_path / "calendars"
    folder.mkdir()
    async with Api.open(database_url, NOW, private_sources=True) as api, running(program, folder) as url:
        ada = await api.application_calendar("ada")
        for name, item in ITEMS.items():
            assert await request("PUT", f"{url}{name}.ics", calendar("PRODID:tests", BERLIN, item)) == 201
        await upsert(api, ada, url)
        source = await sync(api, ada)
        assert (source["status"], source["problem"], source["unreadable"]) == ("ACTIVE", None, 0)
        assert await busy(api, ada) == BUSY
        versions = await api.rows("SELECT version FROM calendars")
        assert await api.rows("SELECT etag IS NOT NULL FROM calendar_sources") in ([(True,)], [(1,)])
        api.now += MINUTE
        assert (await sync(api, ada))["status"] == "ACTIVE"
        assert await api.rows("SELECT version FROM calendars") == versions
        assert await request("DELETE", f"{url}single.ics") in (200, 204)
        await sync(api, ada)
        assert await busy(api, ada) == BUSY[1:]
        await upsert(api, ada, f"{url}nowhere.ics")
        gone = await sync(api, ada)
        assert (gone["status"], gone["problem"]) == ("PENDING", "The server answered with status 404.")
        assert await busy(api, ada) == BUSY[1:]
