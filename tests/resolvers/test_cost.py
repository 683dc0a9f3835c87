"""The cost of requests in SQL statements, which is the same on every machine."""

from typing import Any

import pytest
from sqlalchemy import text

from core.instants import DAY, format_instant
from db.drivers.base import Row
from db.drivers.fair_queue import Client
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Api
from tests.support.assumptions import COUNTS, IS_POSTGRESQL
from tests.support.builders import create_account, create_hourly_events, nth_hour, slots_input
from tests.support.graphql_queries import AVAILABILITY_SLOT_STARTS, BOOK_SLOT_TYPENAME
from tests.support.statements import record_statements


@pytest.mark.parametrize("events", [0, 200])
async def test_availability_of_ten_members_takes_two_statements(api: Api, events: int) -> None:
    """One for rights and versions, one for events, whatever their number."""
    people = [await api.application_calendar(f"person {n}") for n in range(10)]
    if events:
        for person in people:
            await create_hourly_events(api, person, events)
    with record_statements(api) as statements:
        await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=slots_input(people))
    assert len(statements) == 2


async def test_a_calendar_changed_between_the_statements_is_read_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event written after the versions were read is in the answer, and is not cached under the old version."""
    person = await api.application_calendar("person")
    name = "fetch_many_for"
    directly = getattr(api.db.driver, name)

    async def interrupted(client: Client, statement: str, *values: Any) -> list[Row]:
        if "FROM calendars" in statement:
            monkeypatch.undo()
            await create_hourly_events(api, person, 240)
        return await directly(client, statement, *values)

    monkeypatch.setattr(api.db.driver, name, interrupted)
    asked = {**slots_input([person]), "queryPeriods": [{"start": nth_hour(0), "end": nth_hour(1)}]}
    slots = [{"start": "2027-01-10T00:30:00Z"}]
    for _ in range(2):
        answer = await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=asked)
        assert answer["availability"]["availableSlots"] == slots


async def test_a_booking_without_conflict_takes_three_statements(api: Api) -> None:
    """Rights and versions, events, and the write, whatever the number of calendars."""
    people = [await api.application_calendar(f"person {n}") for n in range(10)]
    given = {"availability": slots_input(people), "start": nth_hour(1), "event": {"eventId": "e", "summary": "Meeting"}}
    with record_statements(api) as statements:
        assert await api.data(BOOK_SLOT_TYPENAME, CLIENT_SECRET, input=given) == {"bookSlot": {"__typename": "Booked"}}
    # SQLite's one-trip writes do not use the engine, which is recorded
    assert len(statements) == (2 if api.db.dialect == "sqlite" else 3)


HELD = "mutation ($input: HoldSlotInput!) { holdSlot(input: $input) { ... on Booked { booking { id } } } }"
CHANGED = {
    "confirmBooking": "mutation ($input: ConfirmBookingInput!) { confirmBooking(input: $input) { __typename } }",
    "rescheduleBooking": "mutation ($input: RescheduleBookingInput!) { rescheduleBooking(input: $input) { __typename } }",
}


@COUNTS
@pytest.mark.parametrize("name", CHANGED)
async def test_a_booking_is_changed_with_one_statement_more(api: Api, name: str) -> None:
    """The booking with its events; a move is to another year, and reads nothing of the time in between."""
    people = [await api.application_calendar(f"person {n}") for n in range(10)]
    given = {"availability": slots_input(people), "start": nth_hour(1), "event": {"eventId": "e", "summary": "Meeting"}}
    booking_id = (await api.data(HELD, CLIENT_SECRET, input=given))["holdSlot"]["booking"]["id"]
    to = {"start": format_instant(NOW + 400 * DAY)} if name == "rescheduleBooking" else {}
    with record_statements(api) as statements:
        answer = await api.data(CHANGED[name], CLIENT_SECRET, input={"bookingId": booking_id, **to})
    assert answer == {name: {"__typename": "Booked"}}
    assert len(statements) == (3 if api.db.dialect == "sqlite" else 4)
    [read] = [values for statement, values in statements if "min(lapses_at)" in statement]
    assert read[2] - read[1] == 7 * DAY


async def test_a_cached_availability_takes_one_statement(api: Api) -> None:
    """Token, rights, and the versions of all calendars and hours: nothing else can have changed."""
    people = [await api.application_calendar(f"person {n}") for n in range(10)]
    for person in people:
        await create_hourly_events(api, person, 20)
    asked = slots_input(people)
    for member in asked["participants"][0]["members"][:5]:
        member["managedAvailability"] = True
    await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=asked)
    another = {**asked, "requiredDuration": {"minutes": 45}}
    for warm in (asked, another):
        with record_statements(api) as statements:
            await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=warm)
        assert len(statements) == 1


@COUNTS
async def test_a_batch_of_events_takes_as_many_statements_as_one_event(api: Api) -> None:
    """The token, and the write, which also locks the calendar, sees what is there, and notifies."""
    person = await api.application_calendar("person")
    with record_statements(api) as one:
        await create_hourly_events(api, person, 1)
    with record_statements(api) as many:
        await create_hourly_events(api, person, 240)
    assert len(one) == len(many) == (1 if api.db.dialect == "sqlite" else 2)


RULES = """
WITH RECURSIVE rule(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rule WHERE n < 20)
INSERT INTO availability_rules (account_key, availability_rule_id, tzid, weekly_periods, calendar_ids)
SELECT key, 'rule ' || n, 'Europe/London', '[["tuesday", "09:00", "17:00"]]', NULL FROM rule, accounts
"""

PERIODS = """
WITH RECURSIVE day(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM day WHERE n < 50)
INSERT INTO available_periods (account_key, available_period_id, starts_at, ends_at)
SELECT key, 'day ' || n, 1799000000 + n * 86400, 1799003600 + n * 86400 FROM day, accounts
"""


@pytest.mark.parametrize("kept", [[], [RULES], [PERIODS], [RULES, PERIODS]], ids=["none", "rules", "periods", "both"])
async def test_working_hours_take_a_constant_number_of_statements(api: Api, kept: list[str]) -> None:
    """Twenty rules and fifty stored periods of each of ten members are read like none at all."""
    people = [await api.application_calendar(f"person {n}") for n in range(10)]
    async with api.db.writer.begin() as connection:
        for statement in kept:
            await connection.execute(text(statement))
    given = slots_input(people)
    for member in given["participants"][0]["members"]:
        member["managedAvailability"] = True
    with record_statements(api) as statements:
        answer = await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=given)
    assert len(statements) == 5
    assert answer["availability"]["availableSlots"]


HISTORY = """
WITH RECURSIVE past(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM past WHERE n < 5000)
INSERT INTO events (calendar_key, event_id, event_uid, summary, description, starts_at, ends_at, tzid,
                    transparency, status, blocks, deleted, created_at, updated_at)
SELECT key, 'past ' || n, 'past ' || key || ' ' || n, '', '', 1799000000 - n * 7200, 1799003600 - n * 7200, 'Etc/UTC',
       'opaque', 'confirmed', TRUE, FALSE, 0, 0
FROM past, calendars
"""


async def test_busy_time_is_read_from_its_own_index(api: Api) -> None:
    """By the plan of the recorded statement: no table scan, and no index that includes all of the past."""
    people = [await api.application_calendar(f"person {n}") for n in range(3)]
    async with api.db.writer.begin() as connection:
        await connection.execute(text(HISTORY))
        await connection.execute(text("ANALYZE"))
    with record_statements(api) as statements:
        await api.data(AVAILABILITY_SLOT_STARTS, CLIENT_SECRET, input=slots_input(people))
    statement, parameters = statements[-1]
    explain = "EXPLAIN QUERY PLAN " if api.db.dialect == "sqlite" else "EXPLAIN "
    async with api.db.reader.connect() as connection:
        plan = " ".join(str(row[-1]) for row in await connection.exec_driver_sql(explain + statement, parameters))
    assert "events_blocking" in plan, plan
    assert ("COVERING INDEX" if api.db.dialect == "sqlite" else "Index") in plan, plan


NAMED_SLOTS = """
query ($input: AvailabilityInput!) {
  availability(input: $input) { availableSlots { start participants { sub account { name } } } }
}
"""


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("token", ["application", "account"])
async def test_names_in_two_hundred_slots_of_ten_people_take_one_statement_more(
    database_url: str, compiled: bool, token: str
) -> None:
    """Whether the facts are cached or not: one statement for all accounts."""
    async with Api.open(database_url, NOW) as api:
        people = [await create_account(api, f"person {n}", name=f"Person {n}") for n in range(10)]
        for person in people:
            await create_hourly_events(api, person, 3)
    asked = {**slots_input(people), "maxResults": 200}
    counts: list[int] = []
    slots: list[Any] = []
    for query in (NAMED_SLOTS.replace("account { name }", ""), NAMED_SLOTS):
        async with Api.open(database_url, NOW, compiled=compiled) as api:
            taken: list[int] = []
            for most in range(200, 195 if compiled else 197, -1):  # graphql-core takes eight times as long
                with record_statements(api) as statements:
                    answer = await api.data(
                        query,
                        CLIENT_SECRET if token == "application" else people[0].token,
                        input={**asked, "maxResults": most},
                    )
                taken.append(len(statements))
                slots = answer["availability"]["availableSlots"]
                assert [len(slot["participants"]) for slot in slots] == [10] * most
            # With cached facts, the fewest: a transaction of another database on this server takes a statement more.
            counts += [taken[0], min(taken[1:])]
    # PostgreSQL is asked once whether anybody has written, and the rows of both statements are in the cache.
    is_asked_once = database_url.startswith("postgresql") and IS_POSTGRESQL
    assert counts == [2, 1, 3, 1 if is_asked_once else 2]
    names = [participant["account"] and participant["account"]["name"] for participant in slots[-1]["participants"]]
    assert names == ([f"Person {n}" for n in range(10)] if token == "application" else ["Person 0", *[None] * 9])


GRAPH = """
{
  accounts(first: 7) {
    nodes {
      name
      calendars { id events(input: {}, first: 2) { nodes { id calendar { id account { id name } } } } }
      events(input: {}, first: 3) { nodes { id calendar { id } } }
      availabilityRules { availabilityRuleId }
      availablePeriods(first: 5) { nodes { start } }
    }
  }
}
"""


@pytest.mark.parametrize("compiled", [True, False])
async def test_the_graph_of_many_accounts_takes_as_many_statements_as_that_of_one(
    database_url: str, compiled: bool
) -> None:
    """One or two for each place of the document, however many objects there are."""
    counts: list[int] = []
    async with Api.open(database_url, NOW, compiled=compiled) as api:
        for number in range(7):
            await create_hourly_events(api, await create_account(api, f"person {number}"), 4)
            if number in (0, 6):
                with record_statements(api) as statements:
                    nodes = (await api.data(GRAPH, CLIENT_SECRET))["accounts"]["nodes"]
                counts.append(len(statements))
                assert len(nodes) == number + 1
                assert all(len(node["events"]["nodes"]) == 3 for node in nodes)
                assert all(len(node["calendars"][0]["events"]["nodes"]) == 2 for node in nodes)
    # The caller, the accounts; their calendars, those's events, and of these the calendars and their accounts; the
    # accounts' events, with the calendars that they are on, and the calendar of each; rules; periods.
    if database_url.startswith("sqlite"):
        assert counts == [11, 11]
    else:  # a statement that comes again within the request need not be sent again
        assert max(counts) <= 11
