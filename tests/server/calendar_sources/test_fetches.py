"""Fetches of calendar sources, from a server that cuts, hangs and lies. None of it frees a minute."""

import asyncio
import gzip
import logging
import zlib
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from core.instants import HOUR, MINUTE, format_instant
from db.database import Database
from db.source_fetches import ClaimedSource
from server.calendar_sources.download import Downloads
from server.calendar_sources.fetches import SourceFetches
from server.outgoing.http_client import HTTPClient, allow_all
from tests.support.api import Account, Api, open_database
from tests.support.calendar_files import NOW, calendar, days, event
from tests.support.calendar_server import CalendarServer, response, running_calendar_server, zipped
from tests.support.sources import LIST, busy, sync, token_of, upsert
from tests.support.waiting import TIMEOUT, until

FILE = calendar(*days(2))
BUSY = ["2027-01-11T09:00/10:00", "2027-01-12T09:00/10:00"]


@pytest.fixture
async def api(database_url: str) -> AsyncGenerator[Api]:
    """An application that may fetch from addresses of this machine."""
    async with Api.open(database_url, NOW, private_sources=True) as api:
        yield api


@pytest.fixture
async def server() -> AsyncGenerator[CalendarServer]:
    """A server elsewhere, with a calendar of two events."""
    async with running_calendar_server(FILE) as server:
        yield server


@pytest.fixture
async def ada(api: Api, server: CalendarServer) -> Account:
    """An account whose source was fetched."""
    ada = await api.application_calendar("ada")
    await upsert(api, ada, server.url)
    await sync(api, ada)
    return ada


#: what a server says, and what is said of it
FAILURES: list[tuple[bytes | int, str]] = [
    (400, "The server answered with status 400."),
    (500, "The server answered with status 500."),
    (206, "The server answered with status 206."),
    (b"", "Its server broke off."),
    (b"HTTP/1.1 200 OK\r\nContent-Le", "Its server broke off."),
    (response(FILE)[:-30], "Its server broke off."),
    (b"not HTTP\r\n\r\n", "Its server broke off."),
    (response(b""), "The file is empty."),
    (response(b"<html>Please log in"), "The file is a web page and not a calendar."),
    (response(b"root:x:0:0"), "The file is not a calendar: it does not begin with BEGIN:VCALENDAR."),
    (response(FILE[:-30]), "The file ends before its calendar does: it was cut off."),
    (
        response(calendar(event("DTSTART:x", uid="a"), event("DTSTART:y", uid="b"))),
        "The file has 2 events, none of which can be read: DTSTART:x: 'x' is not a date",
    ),
    (response(b"x" * 10_485_761), "Is larger than 10 MiB."),
    (zipped(b"x" * 10_485_761), "Is larger than 10 MiB."),
    (response(gzip.compress(FILE)[:-20], Content_Encoding="gzip"), "Ends before its end: it was cut off."),
    (response(b"\x1f\x8b" + b"x" * 100, Content_Encoding="gzip"), "Is compressed, and damaged."),
    (response(zlib.compress(FILE), Content_Encoding="br"), "Is compressed in a way that was not asked for."),
    (response(b"", status=302), "Was redirected to something that is no URL."),
    (response(b"", status=302, Location="ftp://example.com/"), "Was redirected to something that is no URL."),
    (response(b"", status=302, Location="/"), "Was redirected more than 3 times."),
    (304, "The server answered with status 304."),
]


async def test_a_failed_fetch_changes_nothing_but_that_it_failed(
    api: Api, server: CalendarServer, ada: Account
) -> None:
    """What is busy stays busy, and when the source was last fetched well stays known."""
    [before] = (await api.data(LIST, ada.token))["calendarSources"]
    [versions] = [await api.rows("SELECT version FROM calendars ORDER BY key")]
    for number, (answer, why) in enumerate(FAILURES):
        api.now = NOW + MINUTE * (number // 10)  # not more than twenty a minute
        server.answers = [answer] * 4
        failed = await sync(api, ada)
        assert failed == {**before, "problem": failed["problem"]}
        assert failed["problem"].startswith(why)
        assert await busy(api, ada) == BUSY
        server.answers.clear()
    assert await api.rows("SELECT version FROM calendars ORDER BY key") == versions
    assert await sync(api, ada) == {**before, "syncedAt": format_instant(api.now)}


async def test_a_source_that_refuses_is_disconnected_until_a_fetch_is_good(
    api: Api, server: CalendarServer, ada: Account
) -> None:
    """Another failure in between does not connect it again. Its events stay."""
    versions = "SELECT version FROM calendars ORDER BY key"
    for status in (401, 403, 404, 410):
        before = await api.rows(versions)
        server.answers = [status]
        assert (await sync(api, ada))["status"] == "DISCONNECTED"
        refused = await api.rows(versions)
        assert refused != before
        server.answers = [500]
        assert (await sync(api, ada))["status"] == "DISCONNECTED"
        assert await api.rows(versions) == refused
        assert await busy(api, ada) == BUSY
        assert (await sync(api, ada))["status"] == "ACTIVE"
        assert await api.rows(versions) != refused


async def test_a_file_that_has_not_changed_is_not_sent_again(api: Api, server: CalendarServer, ada: Account) -> None:
    server.etag = '"1"'
    await sync(api, ada)
    api.now += MINUTE
    assert (await sync(api, ada))["syncedAt"] == format_instant(api.now)
    assert [request.headers.get("if-none-match") for request in server.requests] == [None, None, '"1"']
    server.etag, server.file = '"2"', calendar(*days(1))
    await sync(api, ada)
    assert await busy(api, ada) == BUSY[:1]


async def test_a_compressed_file_is_read(api: Api, server: CalendarServer, ada: Account) -> None:
    server.answers = [zipped(calendar(*days(3)))]
    await sync(api, ada)
    assert len(await busy(api, ada)) == 3
    assert server.requests[-1].headers["accept-encoding"] == "gzip"


async def test_redirects_are_followed_and_each_is_checked(database_url: str, server: CalendarServer) -> None:
    """A public server cannot lead a fetch to a private one, neither by name nor by number."""
    refused = server.url.replace("127.0.0.1", "127.0.0.2")
    for location, good in ((f"{server.url}/a.ics", True), (refused, False)):
        server.answers = [response(b"", status=301, Location=location)]
        client = HTTPClient(lambda address: str(address) != "127.0.0.2", setting="OPENINGS_PRIVATE_SOURCES")
        if good:
            assert (await Downloads(client).get(1, server.url, NOW)).body == FILE
        else:
            with pytest.raises(Exception, match="private address, which OPENINGS_PRIVATE_SOURCES=1 would allow"):
                await Downloads(client).get(1, server.url, NOW)


async def test_a_server_that_hangs_is_left_alone(server: CalendarServer) -> None:
    """Whether it says nothing at all, or stops in the middle."""
    for answer in (None, asyncio.Event()):
        server.answers = [answer]
        with pytest.raises(Exception, match=r"took longer than 0\.05 s"):
            await Downloads(HTTPClient(allow_all), patience=0.05).get(1, server.url, NOW)


async def test_a_server_may_ask_to_wait(api: Api, server: CalendarServer, ada: Account) -> None:
    """In seconds, or until a time; for six hours at most."""
    for header, wait in {
        "3600": HOUR,
        "Sun, 10 Jan 2027 13:00:00 GMT": HOUR,
        "999999999": 6 * HOUR,
        "soon": 0,
        "-5": 0,
    }.items():
        server.answers = [response(b"", status=503, Retry_After=header)]
        await sync(api, ada)
        [(due_at,)] = await api.rows("SELECT due_at FROM calendar_sources")
        assert due_at == NOW + wait if wait else NOW < due_at <= NOW + HOUR
        await sync(api, ada)


async def test_failing_sources_are_fetched_less_and_less(api: Api, server: CalendarServer, ada: Account) -> None:
    """Up to six hours apart, a part of it at random. A good fetch begins anew."""
    waits: list[int] = []
    for _ in range(12):
        server.answers = [500]
        api.now += MINUTE
        await sync(api, replace(ada, token=await token_of(api, "ada")))
        [(due_at,)] = await api.rows("SELECT due_at FROM calendar_sources")
        waits.append(due_at - api.now)
    most = [min(MINUTE << number, 6 * HOUR) for number in range(12)]
    assert all(3 * limit / 4 <= wait <= limit for wait, limit in zip(waits, most, strict=True))
    await sync(api, ada)
    assert await api.rows("SELECT due_at, attempts FROM calendar_sources") == [(api.now + 15 * MINUTE, 0)]


async def test_no_log_line_has_a_url_or_a_line_of_a_file(
    api: Api, server: CalendarServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where our code fails."""
    caplog.set_level(logging.INFO)
    ada = await api.application_calendar("ada")
    await upsert(api, ada, f"{server.url}/token-of-ada.ics")
    broken: list[bytes | int] = [500, response(b"private words"), response(FILE[:-9]), b""]
    for answer in broken:
        server.answers = [answer]
        await sync(api, ada)
    server.answers = [response(calendar(event("DTSTART:private words", uid="a")))]
    await sync(api, ada)
    assert "calendar source" in caplog.text
    assert "token-of-ada" not in caplog.text
    assert "private words" not in caplog.text


class Worker:
    """The fetches of one server process."""

    def __init__(self, database_url: str) -> None:
        self.db = open_database(database_url)
        self.now = NOW
        client = HTTPClient(allow_all)
        self.fetches = SourceFetches(self.db, Downloads(client), lambda: self.now, interval=0.02, jitter=lambda: 0.0)


@pytest.fixture
async def workers(database_url: str) -> AsyncGenerator[Callable[[], Worker]]:
    """Makes server processes, which are closed at the end."""
    made: list[Worker] = []

    def make() -> Worker:
        made.append(Worker(database_url))
        return made[-1]

    yield make
    for worker in made:
        await worker.db.close()


async def _sources(db: Database) -> list[int]:
    return [key for (key,) in await db.driver.fetch_many("SELECT key FROM calendar_sources ORDER BY key")]


async def test_due_sources_are_fetched_by_themselves(
    api: Api, server: CalendarServer, workers: Callable[[], Worker]
) -> None:
    """By one of several workers, and again a quarter of an hour later."""
    ada = await api.application_calendar("ada")
    some = [workers() for _ in range(2)]
    async with AsyncExitStack() as stack:
        for worker in some:
            await stack.enter_async_context(worker.fetches.running())
        await upsert(api, ada, server.url)
        await until(lambda: len(server.requests) == 1)
        await _until_idle(api)
        assert await busy(api, ada) == BUSY
        for worker in some:
            worker.now += 15 * MINUTE
        await until(lambda: len(server.requests) == 2)
        await _until_idle(api)
    assert len(server.requests) == 2


async def _until_idle(api: Api) -> None:
    """Waits until no source is being fetched."""
    async with asyncio.timeout(TIMEOUT):
        while await api.rows("SELECT key FROM calendar_sources WHERE claim IS NOT NULL"):
            await asyncio.sleep(0.01)


async def test_those_who_want_a_source_fetched_at_once_share_one_fetch(
    api: Api, server: CalendarServer, ada: Account, workers: Callable[[], Worker]
) -> None:
    """Also those of another worker, which answer when it is done."""
    [key] = await _sources(api.db)
    one, other = workers(), workers()
    held = asyncio.Event()
    server.answers = [held]
    claim, claimed = one.fetches._claim_these, 0  # pyright: ignore[reportPrivateUsage]

    async def counted(keys: Collection[int]) -> list[ClaimedSource]:
        nonlocal claimed
        found = await claim(keys)
        claimed += 1
        return found

    one.fetches._claim_these = counted  # pyright: ignore[reportPrivateUsage]
    first = [asyncio.create_task(one.fetches.fetch([key])) for _ in range(3)]
    await until(lambda: (len(server.requests), claimed) == (2, 3))  # who has not asked by the end fetches anew
    waits, look = asyncio.Event(), other.fetches._under_way  # pyright: ignore[reportPrivateUsage]

    async def under_way(keys: Collection[int]) -> set[int]:
        waits.set()
        return await look(keys)

    other.fetches._under_way = under_way  # pyright: ignore[reportPrivateUsage]
    second = asyncio.create_task(other.fetches.fetch([key]))
    await asyncio.wait_for(waits.wait(), TIMEOUT)
    gone = asyncio.create_task(one.fetches.fetch([key]))
    await asyncio.sleep(0)
    gone.cancel()
    assert not any(task.done() for task in (*first, second))
    held.set()
    async with asyncio.timeout(TIMEOUT):
        await asyncio.gather(*first, second)
    assert len(server.requests) == 2


async def test_a_killed_worker_s_source_is_fetched_by_another_one(
    api: Api, server: CalendarServer, ada: Account, workers: Callable[[], Worker]
) -> None:
    """When its claim has expired; what the killed one may still write does not count."""
    [key] = await _sources(api.db)
    killed, other = workers(), workers()
    held = asyncio.Event()
    server.answers = [held]
    stopped = asyncio.create_task(killed.fetches.fetch([key]))
    await until(lambda: len(server.requests) == 2)
    other.now += 200
    server.file = calendar(*days(3))
    await other.fetches.fetch([key])
    assert len(await busy(api, ada)) == 3
    server.file = FILE
    held.set()
    await stopped
    assert len(await busy(api, ada)) == 3


async def test_a_changed_source_ignores_the_fetch_under_way(api: Api, server: CalendarServer, ada: Account) -> None:
    """What comes from the URL that it had says nothing of the one that it has."""
    held = asyncio.Event()
    server.answers = [held]
    under_way = asyncio.create_task(sync(api, ada))
    await until(lambda: len(server.requests) == 2)
    await upsert(api, ada, f"{server.url}/other.ics")
    server.file = calendar()
    held.set()
    assert (await under_way)["status"] == "PENDING"
    assert await busy(api, ada) == BUSY


async def test_shutdown_releases_what_is_under_way(
    api: Api, server: CalendarServer, ada: Account, workers: Callable[[], Worker]
) -> None:
    """It is due at once, for the next process."""
    worker = workers()
    worker.fetches._grace = 1  # pyright: ignore[reportPrivateUsage]
    api.now = worker.now = NOW + 15 * MINUTE
    server.answers = [None]
    async with worker.fetches.running():
        await until(lambda: len(server.requests) == 2)
    assert await api.rows("SELECT claim, due_at FROM calendar_sources") == [(None, worker.now)]


async def test_one_client_has_few_fetches_at_a_time(
    api: Api, server: CalendarServer, workers: Callable[[], Worker]
) -> None:
    """So that another client's source is not behind all of them."""
    ada = await api.application_calendar("ada")
    held = asyncio.Event()
    for number in range(10):
        await upsert(api, ada, server.url, source_id=str(number))
    server.answers = [held] * 10
    async with workers().fetches.running():
        await until(lambda: len(server.requests) == 4)
        assert len(await api.rows("SELECT key FROM calendar_sources WHERE claim IS NOT NULL")) == 4
        held.set()
        await until(lambda: len(server.requests) == 10)
        await _until_idle(api)
