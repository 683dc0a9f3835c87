"""The real server on a socket, for third-party clients."""

import shutil
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.api import CLIENT_ID, CLIENT_SECRET
from tests.support.server_process import ServerProcess, running_server

CREDENTIALS = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}
_APPLICATION_CALENDAR = """
mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { sub accessToken } }
"""
_USER = "mutation ($input: AccountInput!) { account(input: $input) { sub accessToken } }"


@dataclass(frozen=True)
class Store:
    """An account with one calendar for one test, and the arguments for a client that uses it."""

    url: str
    token: str
    sub: str
    calendar_id: str

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.url, self.token, self.sub, self.calendar_id


@pytest.fixture(scope="package")
async def served(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> AsyncGenerator[ServerProcess]:
    """A server started by `openings serve`, on SQLite: these tests are about GraphQL over HTTP, not the database."""
    folder = tmp_path_factory.mktemp("served")
    path = shutil.copy(sqlite_template, folder / "openings.db")
    async with running_server(folder / "said", f"sqlite:///{path}") as server:
        yield server


@pytest.fixture
async def store(served: ServerProcess) -> Store:
    """A calendar for each test, so that tests on the same server do not affect each other."""
    given = {**CREDENTIALS, "applicationCalendarId": f"store-{uuid4().hex}"}
    made = (await served.data(_APPLICATION_CALENDAR, input=given))["applicationCalendar"]
    return await _store(served, made)


@pytest.fixture
async def person(served: ServerProcess) -> Store:
    """A user whose name is Ada."""
    given = {**CREDENTIALS, "kind": "USER", "accountId": f"ada-{uuid4().hex}", "name": "Ada"}
    return await _store(served, (await served.data(_USER, input=given))["account"])


async def _store(served: ServerProcess, made: dict[str, Any]) -> Store:
    """The account that was made, with its calendar."""
    calendars = await served.data("{ calendars { calendarId } }", made["accessToken"])
    return Store(f"{served.url}/graphql", made["accessToken"], made["sub"], calendars["calendars"][0]["calendarId"])
