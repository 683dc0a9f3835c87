"""PostgreSQL's plans for the statements of requests: they use indexes, whatever the caller and the number of accounts.

The statements are recorded from real requests. Each is planned twice, because asyncpg prepares it and PostgreSQL may
then choose between a plan for the given values and a generic one.
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Generator, Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from db import purge
from tests.conftest import NOW
from tests.faults.writers import UPSERT_EVENT
from tests.support.api import CLIENT_SECRET, Api
from tests.support.assumptions import COUNTS
from tests.support.builders import nth_hour, slots_input
from tests.support.databases import execute_sql, with_database
from tests.support.graphql_queries import AVAILABILITY_SLOT_STARTS, BOOK_SLOT_TYPENAME, REFRESH_TOKEN, UPSERT_EVENTS
from tests.support.statements import record_statements

#: tables that grow with the number of accounts
LARGE = {"accounts", "availability_rules", "available_periods", "calendars", "events", "tokens"}

#: in smaller tables a sequential scan is rightly cheaper
ACCOUNTS = 6000
FILL = f"""
INSERT INTO accounts (client_key, kind, external_id, sub, tzid, profile_id, scope, created_at)
SELECT key, 'user', 'many ' || n, 'acc_' || lpad(n::text, 24, '0'), 'Etc/UTC', 'pro_' || n, 'read_write', 0
FROM clients, generate_series(1, {ACCOUNTS}) AS n;
INSERT INTO tokens (account_key, kind, digest, scope, expires_at, created_at)
SELECT key, kinds.kind, sha256((key || kinds.kind)::bytea), 'read_write', 2000000000, 0
FROM accounts, (VALUES ('access'), ('refresh')) AS kinds(kind);
INSERT INTO calendars (account_key, calendar_id, name, "primary", version)
SELECT key, 'cal_' || key || '_' || n, 'many', n = 1, 0 FROM accounts, generate_series(1, 2) AS n
WHERE external_id LIKE 'many %';
INSERT INTO availability_rules (account_key, availability_rule_id, tzid, weekly_periods)
SELECT key, 'many ' || n, 'Etc/UTC', '[["monday", "09:00", "17:00"]]' FROM accounts, generate_series(1, 2) AS n;
INSERT INTO available_periods (account_key, available_period_id, starts_at, ends_at)
SELECT key, 'many ' || n, 1799000000 + n * 86400, 1799030000 + n * 86400 FROM accounts, generate_series(1, 3) AS n;
INSERT INTO events (calendar_key, event_id, event_uid, summary, description, starts_at, ends_at, tzid,
                    transparency, status, blocks, deleted, created_at, updated_at)
SELECT key, 'many ' || n, 'many ' || key || ' ' || n, 'Busy', '', 1799000000 + n * 7200, 1799003600 + n * 7200,
       'Etc/UTC', 'opaque', 'confirmed', TRUE, FALSE, 0, 0
FROM calendars, generate_series(1, 10) AS n;
ANALYZE
"""


@pytest.fixture
def backend() -> str:
    """PostgreSQL only: SQLite's plans do not depend on the amount of data."""
    return "postgresql"


@pytest.fixture(scope="module")
def postgresql_template(postgresql: str, postgresql_template: str) -> Generator[str]:
    """A database with thousands of accounts, each with tokens, two calendars, events and hours."""
    name = f"large_{uuid4().hex}"
    asyncio.run(execute_sql(postgresql, f"CREATE DATABASE {name} TEMPLATE {postgresql_template}"))
    asyncio.run(execute_sql(with_database(postgresql, name), FILL))
    yield name
    asyncio.run(execute_sql(postgresql, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
async def planner(database_url: str) -> AsyncGenerator[asyncpg.Connection]:
    """A connection for EXPLAIN."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def plans(planner: asyncpg.Connection, statement: str, parameters: Any) -> list[dict[str, Any]]:
    """The statement's plan for these values, and the generic one."""
    first = parameters[0] if isinstance(parameters, list) else parameters  # a list has the values of many executions
    mine = await planner.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *first)
    async with planner.transaction():
        await planner.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await planner.execute(f"PREPARE planned AS {statement}")
        nulls = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", statement))))
        common = await planner.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE planned {nulls and f'({nulls})'}")
        await planner.execute("DEALLOCATE planned")
    return [json.loads(plan)[0]["Plan"] for plan in (mine, common)]


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from steps(part)


async def scanned(planner: asyncpg.Connection, statements: list[tuple[str, Any]]) -> dict[str, str]:
    """The large tables with a sequential scan, each with the statement that causes it."""
    return {
        step["Relation Name"]: statement
        for statement, parameters in statements
        for plan in await plans(planner, statement, parameters)
        for step in steps(plan)
        if step["Node Type"] == "Seq Scan" and step["Relation Name"] in LARGE
    }


async def indexes(planner: asyncpg.Connection, statements: list[tuple[str, Any]]) -> set[str]:
    """The indexes that any of the plans reads."""
    return {
        step["Index Name"]
        for statement, parameters in statements
        for plan in await plans(planner, statement, parameters)
        for step in steps(plan)
        if "Index Name" in step
    }


@pytest.mark.parametrize("managed", [False, True], ids=["any time", "in working hours"])
async def test_an_availability_query_scans_no_table(api: Api, planner: asyncpg.Connection, managed: bool) -> None:
    """Its time depends on the ten accounts in the query, not on the thousands of others."""
    people = [await api.application_calendar(f"person {n}") for n in range(10)]
    asked = slots_input(people)
    for member in asked["participants"][0]["members"]:
        member["managedAvailability"] = managed
    with record_statements(api) as statements:
        await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=asked)
    assert len(statements) == (5 if managed else 2)
    assert await scanned(planner, statements) == {}
    assert "events_blocking" in await indexes(planner, statements)


async def test_excluded_events_are_found_by_their_ids(api: Api, planner: asyncpg.Connection) -> None:
    """Of either kind: an event's uid is not looked for in all events."""
    people = [await api.application_calendar(f"person {n}") for n in range(10)]
    asked = {**slots_input(people), "excludedEvents": [{"eventId": "many 1"}, {"eventUid": "many 1 1"}]}
    with record_statements(api) as statements:
        await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=asked)
    assert len(statements) == 3
    assert await scanned(planner, statements) == {}
    assert "events_event_uid_key" in await indexes(planner, statements)


@COUNTS
async def test_a_booking_scans_no_table(api: Api, planner: asyncpg.Connection) -> None:
    """The caller's rights, the calendars' events, and the write that checks their versions under lock."""
    people = [await api.application_calendar(f"person {n}") for n in range(10)]
    given = {"availability": slots_input(people), "start": nth_hour(1), "event": {"eventId": "e", "summary": "Meeting"}}
    with record_statements(api) as statements:
        assert await api.data(BOOK_SLOT_TYPENAME, CLIENT_SECRET, input=given) == {"bookSlot": {"__typename": "Booked"}}
    assert len(statements) == 3
    assert await scanned(planner, statements) == {}


async def test_the_account_of_a_token_is_found_by_an_index(api: Api, planner: asyncpg.Connection) -> None:
    """There are more tokens than anything else except events."""
    person = await api.application_calendar("person")
    api.db.driver.invalidate()
    with record_statements(api) as statements:
        await api.data("{ calendars { calendarId } }", person.token)
    assert await scanned(planner, statements) == {}
    assert "tokens_digest_key" in await indexes(planner, statements)


async def test_an_authorization_scans_no_table(api: Api, planner: asyncpg.Connection) -> None:
    """It inserts two tokens, and deletes the oldest refresh tokens."""
    await api.application_calendar("person")
    with record_statements(api) as statements:
        person = await api.application_calendar("person")
        await api.data(REFRESH_TOKEN, input={**api.credentials, "refreshToken": person.refresh_token})
    assert await scanned(planner, statements) == {}
    assert "tokens_by_use" in await indexes(planner, statements)


async def test_a_step_of_the_purge_scans_no_table(
    api: Api, planner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time depends on the rows that it deletes, and on the accounts that it looks through. For fewer than here,
    because to delete 500 of some thousand rows a sequential scan is rightly cheaper."""
    monkeypatch.setattr(purge, "STEP", 5)
    with record_statements(api) as statements:
        async with api.db.write() as session:
            await purge.access_tokens(session, NOW)
            await purge.accounts_to_trim(session, 17)
            await purge.refresh_tokens(session, 17, 5)
    assert await scanned(planner, statements) == {}
    assert {"tokens_expires_at", "tokens_by_use"} <= await indexes(planner, statements)


async def test_busy_time_beside_rights_and_versions_scans_no_table(
    api: Api, planner: asyncpg.Connection, database_url: str
) -> None:
    """After a write elsewhere; then a booking with a key, and one that is not possible."""
    people = [await api.application_calendar(f"person {n}") for n in range(2)]
    given = slots_input(people)
    await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=given)
    event = {"eventId": "e", "summary": "Busy", "start": nth_hour(3), "end": nth_hour(4)}
    async with Api.open(database_url, NOW) as other:
        await other.data(UPSERT_EVENT, people[0].token, input={"calendarId": people[0].calendar_id, "event": event})
    booking = {"availability": given, "start": nth_hour(1), "event": {"eventId": "booked", "summary": "Booked"}}
    with record_statements(api) as statements:
        await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=given)
        for key in ("a", "b"):
            await api.data(BOOK_SLOT_TYPENAME, CLIENT_SECRET, input={**booking, "idempotencyKey": key})
    beside = [each for each in statements if ") AS busy" in each[0]]
    assert len(beside) == 3
    assert len(statements) == 6
    assert await scanned(planner, statements) == {}
    assert "events_blocking" in await indexes(planner, beside)


async def test_counting_bookings_scans_no_table(api: Api, planner: asyncpg.Connection) -> None:
    """For limits and for who has the fewest; with excluded events, the bookings of those as well."""
    people = [await api.application_calendar(f"person {n}") for n in range(2)]
    given = slots_input(people)
    for member in given["participants"][0]["members"]:
        member["availabilityConstraints"] = [{"limit": 2, "period": "MONTH"}]
    booking = {
        "availability": {**given, "participants": [{**given["participants"][0], "required": 1}]},
        "start": nth_hour(1),
        "event": {"eventId": "booked", "summary": "Booked"},
        "assignment": "FEWEST_BOOKINGS",
    }
    with record_statements(api) as statements:
        await api.data(BOOK_SLOT_TYPENAME, CLIENT_SECRET, input=booking)
        excluding = {**given, "excludedEvents": [{"eventId": "booked"}, {"eventUid": "evt_1"}]}
        await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=excluding)
    assert await scanned(planner, statements) == {}
    counting = [each for each in statements if "booking_id IS NOT NULL" in each[0] and "blocks" in each[0]]
    assert len(counting) >= 2
    assert not {"events_of_bookings"} & await indexes(planner, counting)  # that has the bookings of all accounts


@COUNTS
@pytest.mark.parametrize("count", [1, 100])
async def test_an_upsert_scans_no_table(api: Api, planner: asyncpg.Connection, count: int) -> None:
    """After the token's statement: it locks the calendar, sees what is there, writes the events, and notifies subscribers."""
    person = await api.application_calendar("person")
    events = [
        {"eventId": f"e{n}", "summary": "Busy", "start": nth_hour(n), "end": nth_hour(n + 1)} for n in range(count)
    ]
    with record_statements(api) as statements:
        await api.data(UPSERT_EVENTS, person.token, input={"calendarId": person.calendar_id, "events": events})
    assert len(statements) == 2
    assert await scanned(planner, statements) == {}


@COUNTS
async def test_an_upsert_of_one_event_is_one_statement_and_scans_no_table(
    api: Api, planner: asyncpg.Connection
) -> None:
    """After the token's statement: it locks the calendar, writes the event, and notifies subscribers."""
    person = await api.application_calendar("person")
    given = {"eventId": "e", "summary": "Busy", "start": nth_hour(0), "end": nth_hour(1)}
    api.db.driver.invalidate()
    with record_statements(api) as statements:
        await api.data(UPSERT_EVENT, person.token, input={"calendarId": person.calendar_id, "event": given})
    assert len(statements) == 2
    assert await scanned(planner, statements) == {}
    assert {"calendars_calendar_id_key", "tokens_digest_key"} <= await indexes(planner, statements)


async def test_a_sequential_scan_is_detected(api: Api, planner: asyncpg.Connection) -> None:
    """The other tests can fail: no index leads to an event by its summary."""
    statement = "SELECT key FROM events WHERE summary = $1"
    assert await scanned(planner, [(statement, ("Interview",))]) == {"events": statement}
