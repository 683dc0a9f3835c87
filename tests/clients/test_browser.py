"""Pages of another port in Chromium, with the clients of docs/browser.md, and Vite's proxy.

A server with two workers runs on each database. Vite serves the pages, as it does for those who develop one.
"""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from core.instants import DAY, format_instant
from server.app import clock
from tests.support import browser as chromium
from tests.support.api import CLIENT_ID, CLIENT_SECRET
from tests.support.browser import require_tool, visit
from tests.support.command_line import CommandLineServer, serve
from tests.support.databases import DatabasePool, with_database
from tests.support.graphql_queries import (
    AVAILABILITY_CHANGED,
    AVAILABILITY_PERIOD_STARTS,
    CALENDARS,
    ELEMENT_TOKEN,
    REVOKE_AUTHORIZATION,
    UPSERT_EVENT,
)
from tests.support.waiting import wait_until

browser = chromium.browser  # pytest finds a fixture in the module that uses it

HERE = Path(__file__).parent
CREDENTIALS = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
TOKENS = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { sub accessToken } }"
BACKENDS = ["sqlite", "postgresql"]


@dataclass
class Site:
    """The page of Vite under two origins, of which the servers allow the first, and a server by database."""

    allowed: str
    other: str
    servers: dict[str, CommandLineServer]


@pytest.fixture(scope="module")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    """Everything runs before the browser, whose event loop occupies this thread."""
    node = shutil.which("node")
    require_tool(node, "no Node: install Debian's nodejs and npm")
    require_tool((HERE / "node_modules" / "vite").is_dir(), "no Vite: `make install` fetches it with npm")
    folder = tmp_path_factory.mktemp("pages")
    databases: DatabasePool = request.getfixturevalue("database_pool")
    template: str = request.getfixturevalue("postgresql_template")
    name = asyncio.run(databases.acquire(template))
    path = shutil.copy(request.getfixturevalue("sqlite_template"), folder / "openings.db")
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    urls = {"sqlite": f"sqlite:///{path}", "postgresql": with_database(databases.server, name)}
    origin = f"http://127.0.0.1:{port}"
    with ExitStack() as stack:
        servers = {
            backend: stack.enter_context(serve(folder, url, "--workers", "2", OPENINGS_ORIGINS=origin))
            for backend, url in urls.items()
        }
        stack.enter_context(vite(str(node), port, folder, servers["sqlite"].url))
        yield Site(origin, f"http://localhost:{port}", servers)
        for server in servers.values():
            os.killpg(server.process.pid, signal.SIGKILL)
    asyncio.run(databases.release(name, template))


@contextmanager
def vite(node: str, port: int, folder: Path, server: str) -> Iterator[None]:
    """Runs Vite's development server on the port."""
    command = [node, HERE / "node_modules" / "vite" / "bin" / "vite.js", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "OPENINGS_URL": server}
    with (folder / "vite.txt").open("w") as said:
        process = subprocess.Popen(
            [*command, "--strictPort"], cwd=HERE / "browser", env=environment, stdout=said, stderr=said
        )
    try:
        wait_until(lambda: is_served(f"http://127.0.0.1:{port}/main.js"))
        yield
    finally:
        process.kill()
        process.wait(20)


def is_served(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


@dataclass
class Person:
    """An application calendar on a server, and its availability of a day to come."""

    server: CommandLineServer
    sub: str
    token: str

    @property
    def input(self) -> dict[str, Any]:
        day = clock() // DAY * DAY + 2 * DAY
        period = {"start": format_instant(day), "end": format_instant(day + DAY)}
        group = {"members": [{"sub": self.sub}], "required": "all"}
        return {"participants": [group], "requiredDuration": {"hours": 1}, "queryPeriods": [period]}

    def element_token(self, origin: str, *permissions: str) -> str:
        given = {"subs": [self.sub], "origin": origin, "permissions": permissions}
        answer = self.server.ask(ELEMENT_TOKEN, CLIENT_SECRET, input=given)
        return answer["data"]["elementToken"]["elementToken"]["token"]

    def become_busy(self) -> None:
        """Writes an event at the beginning of the day, so that the answer changes."""
        calendar_id = self.server.ask(CALENDARS, self.token)["data"]["calendars"][0]["calendarId"]
        start = self.input["queryPeriods"][0]["start"]
        event = {"eventId": "e1", "summary": "Busy", "start": start, "end": start.replace("T00", "T01")}
        given = {"calendarId": calendar_id, "event": event}
        assert "errors" not in self.server.ask(UPSERT_EVENT, self.token, input=given)


def person(server: CommandLineServer, name: str) -> Person:
    made = server.ask(TOKENS, input={**CREDENTIALS, "applicationCalendarId": name})["data"]["applicationCalendar"]
    return Person(server, made["sub"], made["accessToken"])


def ask(page: Page, client: str, url: str, token: str, query: str, **variables: Any) -> dict[str, Any]:
    """The answer that a client in the page gets; `failed` if the browser keeps it from the page."""
    given = json.dumps([client, f"{url}/graphql", token, query, variables])
    return page.evaluate(f"ask(...{given})")


def watch(page: Page, client: str, url: str, token: str, query: str, **variables: Any) -> Callable[[int], Any]:
    """Subscribes in the page. Returns a function that waits for the nth result."""
    name = f"{client} {len(page.evaluate('Object.keys(results)'))}"
    page.evaluate(f"watch(...{json.dumps([name, client, f'{url}/graphql', token, query, variables])})")

    def result(n: int) -> Any:
        page.wait_for_function(f"results[{json.dumps(name)}].length > {n}")
        return page.evaluate(f"results[{json.dumps(name)}][{n}]")

    return result


@contextmanager
def opened(browser: Browser, origin: str) -> Iterator[Page]:
    """The page under this origin, with its clients loaded."""
    with visit(browser, f"{origin}/") as seen:
        seen.page.wait_for_function("window.ask !== undefined")
        yield seen.page


def code(answer: dict[str, Any]) -> str:
    return answer["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_page_of_an_allowed_origin_asks_and_subscribes(site: Site, browser: Browser, backend: str) -> None:
    """With each client; it reads refusals, and gets a new answer after a write by either worker."""
    server = site.servers[backend]
    ada = person(server, "ada")
    with opened(browser, site.allowed) as page:
        for client in ("fetch", "apollo", "urql"):
            answer = ask(page, client, server.url, ada.token, AVAILABILITY_PERIOD_STARTS, input=ada.input)
            assert answer["data"]["availability"]["availablePeriods"]
            assert code(ask(page, client, server.url, "unknown", CALENDARS)) == "UNAUTHENTICATED"
        results = [
            watch(page, name, server.url, ada.token, AVAILABILITY_CHANGED, input=ada.input) for name in ("ws", "urql")
        ]
        before = [result(0)["data"] for result in results]
        ada.become_busy()
        after = [result(1)["data"] for result in results]
        assert before[0] == before[1] != after[0] == after[1]
        status = "fetch(...{}).then((it) => [it.status, it.headers.get('X-Request-ID') !== null])"
        for body, content_type, refused in (("x" * 300_000, "application/json", 413), ("", "text/plain", 415)):
            request = {"method": "POST", "body": body, "headers": {"Content-Type": content_type}}
            given = json.dumps([f"{server.url}/graphql", request])
            assert page.evaluate(status.format(given)) == [refused, True]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_page_of_another_origin_gets_nothing(site: Site, browser: Browser, backend: str) -> None:
    """Not with the application's secret either; the log says what to do."""
    server = site.servers[backend]
    with opened(browser, site.other) as page:
        for client in ("fetch", "apollo", "urql"):
            assert "Failed to fetch" in ask(page, client, server.url, CLIENT_SECRET, CALENDARS)["failed"]
        closed = watch(page, "ws", server.url, CLIENT_SECRET, AVAILABILITY_CHANGED, input={})(0)
        assert closed["closed"] == 4403
        assert "OPENINGS_ORIGINS" in closed["reason"]
    assert f"add {site.other} to OPENINGS_ORIGINS" in server.output


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_page_with_an_element_token_asks_within_its_permissions(site: Site, browser: Browser, backend: str) -> None:
    """From its own origin, which need not be allowed; and until it is revoked."""
    server = site.servers[backend]
    ben, eve = person(server, "ben"), person(server, "eve")
    token = ben.element_token(site.other, "AVAILABILITY")
    with opened(browser, site.other) as page:
        for client in ("fetch", "apollo", "urql"):
            answer = ask(page, client, server.url, token, AVAILABILITY_PERIOD_STARTS, input=ben.input)
            assert answer["data"]["availability"]["availablePeriods"]
            assert code(ask(page, client, server.url, token, CALENDARS)) == "FORBIDDEN"
        another = ask(page, "fetch", server.url, token, AVAILABILITY_PERIOD_STARTS, input=eve.input)
        assert code(another) == "UNPROCESSABLE"
        results = [
            watch(page, name, server.url, token, AVAILABILITY_CHANGED, input=ben.input) for name in ("ws", "urql")
        ]
        assert all(result(0)["data"] for result in results)
        with opened(browser, site.allowed) as elsewhere:
            assert code(ask(elsewhere, "fetch", server.url, token, CALENDARS)) == "UNAUTHENTICATED"
            subscribed = watch(elsewhere, "ws", server.url, token, AVAILABILITY_CHANGED, input=ben.input)
            assert subscribed(0)["closed"] == 4403
        assert code(server.ask(CALENDARS, token)) == "UNAUTHENTICATED"
        assert "errors" not in server.ask(REVOKE_AUTHORIZATION, input={**CREDENTIALS, "token": token})
        assert [code(result(1)) for result in results] == ["UNAUTHENTICATED"] * 2
        assert code(ask(page, "fetch", server.url, token, CALENDARS)) == "UNAUTHENTICATED"


def test_a_page_behind_vites_proxy_asks_its_own_origin(site: Site, browser: Browser) -> None:
    """No origin needs to be allowed, and nothing is logged."""
    server = site.servers["sqlite"]
    cem = person(server, "cem")
    before = server.output.count("refused origin")
    with opened(browser, site.other) as page:
        answer = ask(page, "fetch", site.other, cem.token, AVAILABILITY_PERIOD_STARTS, input=cem.input)
        assert answer["data"]["availability"]["availablePeriods"]
        result = watch(page, "ws", site.other, cem.token, AVAILABILITY_CHANGED, input=cem.input)
        assert result(0)["data"]
    assert server.output.count("refused origin") == before
