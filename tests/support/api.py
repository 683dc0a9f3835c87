"""An in-process client of the whole application: GraphQL requests in, JSON answers out, without a socket."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self

import httpx2
from sqlalchemy import text
from starlette.applications import Starlette

from core.instants import Instant
from core.rights import ElementPermission
from db import clients
from db.database import Database
from db.encryption import Encryption
from server.app import create_app
from server.graphql.engine import GraphQLEngine
from server.settings import Settings

from .assumptions import ASSUME, IS_POSTGRESQL
from .graphql_queries import ELEMENT_TOKEN

CLIENT_ID = "tests"
#: the encryption key of every database of the tests
KEY = "a-key-of-the-tests-that-is-long-enough"
CLIENT_SECRET = "a-secret-of-the-tests-that-nobody-else-knows"

PAGE = "https://app.example.com"
"""The origin of the page that the tests' element tokens are for."""

ALL = [permission.name for permission in ElementPermission]
"""All permissions of element tokens."""

_APPLICATION_CALENDAR = """
mutation ($input: ApplicationCalendarInput!) {
  applicationCalendar(input: $input) { sub accessToken refreshToken }
}
"""


def open_database(database_url: str) -> Database:
    """Opens a database with the encryption key of the tests."""
    return Database(database_url, assume_postgresql=IS_POSTGRESQL, encryption=lambda: Encryption(KEY))


@dataclass(frozen=True)
class Account:
    """An account that a test has created: its tokens and its calendar."""

    sub: str
    token: str
    refresh_token: str
    calendar_id: str


class ElementToken(str):
    """An element token, which is sent with its origin."""

    origin: str

    def __new__(cls, token: str, origin: str) -> Self:
        made = super().__new__(cls, token)
        made.origin = origin
        return made


class Api:
    """Sends requests to the application, whose clock shows `now`."""

    def __init__(self, http: httpx2.AsyncClient, app: Starlette, clock: list[Instant]) -> None:
        self.http = http
        self.app = app
        self.db: Database = app.state.db
        self.engine: GraphQLEngine = app.state.engine
        self.gate = self.engine.gate
        self._clock = clock

    @classmethod
    @asynccontextmanager
    async def open(cls, database_url: str, now: Instant, **settings: Any) -> AsyncGenerator["Api"]:
        """Runs the application on this database, with a clock that starts at `now`."""
        clock = [now]
        app = create_app(
            Settings(database_url=database_url, **{"key": KEY, "assume": ASSUME, **settings}), clock=lambda: clock[0]
        )
        transport = httpx2.ASGITransport(app)
        try:
            async with httpx2.AsyncClient(transport=transport, base_url="http://openings.test") as http:
                yield cls(http, app, clock)
        finally:
            await app.state.db.close()

    @property
    def now(self) -> Instant:
        return self._clock[0]

    @now.setter
    def now(self, instant: Instant) -> None:
        self._clock[0] = instant

    async def __call__(
        self, query: str, token: str | ElementToken | None = None, /, **variables: Any
    ) -> dict[str, Any]:
        """Returns the whole answer to a query: `data`, and `errors` if there are any."""
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        if isinstance(token, ElementToken):
            headers["Origin"] = token.origin
        response = await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        return response.json()

    async def data(self, query: str, token: str | ElementToken | None = None, **variables: Any) -> dict[str, Any]:
        """Returns the data of an answer, which must have no errors."""
        answer = await self(query, token, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def refusal(self, query: str, token: str | ElementToken | None = None, **variables: Any) -> dict[str, Any]:
        """Returns the extensions of the one error that the answer must have."""
        answer = await self(query, token, **variables)
        [error] = answer["errors"]
        return error["extensions"]

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Returns the rows of an SQL query."""
        async with self.db.reader.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(statement))]

    @property
    def credentials(self) -> dict[str, str]:
        """The fields of an input that identify the tests' client."""
        return {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}

    async def application_calendar(self, name: str, **more: Any) -> Account:
        """Creates or finds an application calendar of the tests' client."""
        return await self._application_calendar(name, {**self.credentials, **more})

    async def application_calendar_of_another_client(self, name: str) -> Account:
        """Creates an application calendar of another client, which is created for it."""
        async with self.db.write() as session:
            client_id, client_secret = await clients.create(session, self.db.encryption, "Another", self.now)
        return await self._application_calendar(name, {"clientId": client_id, "clientSecret": client_secret})

    async def element_token(self, *accounts: Account, origin: str = PAGE, **more: Any) -> ElementToken:
        """Creates an element token for these accounts, with all permissions unless `more` names some."""
        given = {"subs": [account.sub for account in accounts], "origin": origin, "permissions": ALL, **more}
        made = await self.data(ELEMENT_TOKEN, CLIENT_SECRET, input=given)
        return ElementToken(made["elementToken"]["elementToken"]["token"], origin)

    async def _application_calendar(self, name: str, credentials: dict[str, str]) -> Account:
        given = {**credentials, "applicationCalendarId": name}
        made = (await self.data(_APPLICATION_CALENDAR, input=given))["applicationCalendar"]
        calendars = await self.data("{ calendars { calendarId } }", made["accessToken"])
        [calendar] = calendars["calendars"]
        return Account(made["sub"], made["accessToken"], made["refreshToken"], calendar["calendarId"])
