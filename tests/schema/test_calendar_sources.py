"""Calendar sources through GraphQL: what an account can do with calendars elsewhere."""

from collections.abc import AsyncGenerator
from dataclasses import replace

import pytest
from sqlalchemy import text

from core.instants import MINUTE, format_instant
from tests.support.api import CLIENT_SECRET, Api
from tests.support.calendar_files import NOW, calendar, days, event, single
from tests.support.calendar_server import CalendarServer, running_calendar_server
from tests.support.graphql_queries import (
    DELETE_ALL_EVENTS,
    DELETE_EVENT,
    DELETE_EVENTS,
    REVOKE_AUTHORIZATION,
    UPSERT_EVENT,
)
from tests.support.sources import DELETE, EVENTS, LIST, SYNC, UPSERT, busy, sync, token_of, upsert

READ_ONLY = "is read-only: its events are those of a calendar elsewhere"
URL = "https://calendar.example.com/secret-of-ada/basic.ics"


@pytest.fixture
async def local_api(database_url: str) -> AsyncGenerator[Api]:
    """An application that may fetch from addresses of this machine."""
    async with Api.open(database_url, NOW, private_sources=True) as api:
        yield api


@pytest.fixture
async def server() -> AsyncGenerator[CalendarServer]:
    """A server elsewhere, with a calendar of two events."""
    async with running_calendar_server(calendar(*days(2))) as server:
        yield server


async def test_a_source_is_pending_until_it_is_fetched(local_api: Api, server: CalendarServer) -> None:
    """Its events go to a read-only calendar of its own, which is listed with the others."""
    ada = await local_api.application_calendar("ada")
    source = await upsert(local_api, ada, server.url, name="Ada at work")
    calendar_id = source["calendar"]["calendarId"]
    assert source == {
        "sourceId": "work",
        "status": "PENDING",
        "syncedAt": None,
        "knownUntil": None,
        "problem": None,
        "unreadable": 0,
        "calendar": {"calendarId": calendar_id, "calendarName": "Ada at work", "calendarReadonly": True},
    }
    fetched = await sync(local_api, ada)
    assert fetched == {**source, "status": "ACTIVE", "syncedAt": format_instant(NOW)}
    assert await busy(local_api, ada) == ["2027-01-11T09:00/10:00", "2027-01-12T09:00/10:00"]
    assert (await local_api.data(LIST, ada.token))["calendarSources"] == [fetched]
    listed = (await local_api.data("{ calendars { calendarId calendarReadonly } }", ada.token))["calendars"]
    assert [each["calendarReadonly"] for each in listed] == [False, True]
    deleted = await local_api.data(DELETE, ada.token, sourceId="work")
    assert deleted == {"deleteCalendarSource": {"deleted": True}}
    assert await busy(local_api, ada) == []
    assert (await local_api.data(DELETE, ada.token, sourceId="work"))["deleteCalendarSource"] == {"deleted": False}
    assert len((await local_api.data("{ calendars { calendarId } }", ada.token))["calendars"]) == 1


async def test_events_change_with_the_file_and_otherwise_not_at_all(local_api: Api, server: CalendarServer) -> None:
    """The same again makes no new version of the calendar, so that stored answers stay valid."""
    ada = await local_api.application_calendar("ada")
    await upsert(local_api, ada, server.url)
    await sync(local_api, ada)
    versions = "SELECT version FROM calendars ORDER BY key"
    before = await local_api.rows(versions)
    events = (await local_api.data(EVENTS, ada.token))["events"]["nodes"]
    local_api.now += 15 * MINUTE
    server.file = server.file.replace(b"UID:", b"DTSTAMP:20270110T121500Z\r\nUID:")
    assert (await sync(local_api, ada))["syncedAt"] == format_instant(local_api.now)
    assert await local_api.rows(versions) == before
    server.file = calendar(single("20270111T090000Z", "20270111T093000Z", "day11"), *days(2, since=12))
    await sync(local_api, ada)
    assert await local_api.rows(versions) != before
    assert await busy(local_api, ada) == ["2027-01-11T09:00/09:30", "2027-01-12T09:00/10:00", "2027-01-13T09:00/10:00"]
    later = (await local_api.data(EVENTS, ada.token))["events"]["nodes"]
    assert later[:2] == [{**events[0], "end": "2027-01-11T09:30:00Z"}, events[1]]


async def test_a_series_is_known_up_to_its_horizon_which_moves(local_api: Api, server: CalendarServer) -> None:
    """Also while nothing can be fetched."""
    server.file = calendar(event("DTSTART:20270111T090000Z", "DURATION:PT1H", "RRULE:FREQ=WEEKLY"))
    ada = await local_api.application_calendar("ada")
    await upsert(local_api, ada, server.url)
    assert (await sync(local_api, ada))["knownUntil"] == "2028-02-16T00:00:00Z"
    count = len(await busy(local_api, ada))
    local_api.now += 70 * 24 * 60 * MINUTE
    server.answers = [500]
    ada = replace(ada, token=await token_of(local_api, "ada"))
    failed = await sync(local_api, ada)
    assert (failed["status"], failed["knownUntil"]) == ("DISCONNECTED", "2028-04-26T00:00:00Z")
    assert len(await busy(local_api, ada)) == count + 10


async def test_another_url_is_another_calendar(local_api: Api, server: CalendarServer) -> None:
    """What was busy stays so until the first good fetch, and then goes at once, however much it is."""
    server.file = calendar(*days(20))
    ada = await local_api.application_calendar("ada")
    await upsert(local_api, ada, f"{server.url}/a.ics")
    await sync(local_api, ada)
    assert (await upsert(local_api, ada, f"{server.url}/a.ics"))["status"] == "ACTIVE"
    changed = await upsert(local_api, ada, f"{server.url}/b.ics", name="Other")
    assert (changed["status"], changed["syncedAt"]) == ("PENDING", None)
    server.answers = [404]
    assert (await sync(local_api, ada))["status"] == "PENDING"
    assert len(await busy(local_api, ada)) == 20
    server.file = calendar(*days(1))
    assert (await sync(local_api, ada))["status"] == "ACTIVE"
    assert await busy(local_api, ada) == ["2027-01-11T09:00/10:00"]
    assert [request.request_line.split()[1] for request in server.requests] == ["/a.ics", "/b.ics", "/b.ics"]


async def test_options_can_change(local_api: Api, server: CalendarServer) -> None:
    """All-day events are read anew, and a partial source counts or does not."""
    server.file = calendar(event("DTSTART:20270112", uid="a"), event("DTSTART:soon", uid="b"), *days(1))
    ada = await local_api.application_calendar("ada")
    await upsert(local_api, ada, server.url, allDay="FREE")
    first = await sync(local_api, ada)
    assert (first["status"], first["unreadable"]) == ("PARTIAL", 1)
    assert first["problem"].startswith("DTSTART:soon: 'soon' is not a date")
    assert await busy(local_api, ada) == ["2027-01-11T09:00/10:00"]
    await upsert(local_api, ada, server.url, allDay="BLOCK", partial="ALLOW", name="Renamed")
    again = await sync(local_api, ada)
    assert (again["status"], again["problem"]) == ("PARTIAL", first["problem"])
    assert again["calendar"]["calendarName"] == "Renamed"
    assert await busy(local_api, ada) == ["2027-01-11T09:00/10:00", "2027-01-12/"]
    [(unknown_at,)] = await local_api.rows("SELECT unknown_at FROM calendars WHERE unknown_at IS NOT NULL")
    assert unknown_at > NOW


async def test_nobody_else_writes_to_its_calendar(local_api: Api, server: CalendarServer) -> None:
    ada = await local_api.application_calendar("ada")
    source = await upsert(local_api, ada, server.url)
    await sync(local_api, ada)
    calendar_id = source["calendar"]["calendarId"]
    draft = {"eventId": "x", "summary": "x", "start": "2027-02-01T09:00:00Z", "end": "2027-02-01T10:00:00Z"}
    refused = {"calendarId": [{"key": "errors.conflict", "description": READ_ONLY}]}
    for query, given in (
        (UPSERT_EVENT, {"calendarId": calendar_id, "event": draft}),
        (
            "mutation ($input: UpsertEventsInput!) { upsertEvents(input: $input) { created } }",
            {"calendarId": calendar_id, "events": [draft]},
        ),
        (DELETE_EVENT, {"calendarId": calendar_id, "eventId": "day11_20270111T090000Z"}),
    ):
        refusal = await local_api.refusal(query, ada.token, input=given)
        assert (refusal["code"], refusal["errors"]) == ("UNPROCESSABLE", refused)
    refusal = await local_api.refusal(DELETE_EVENTS, ada.token, input={"calendarIds": [ada.calendar_id, calendar_id]})
    assert refusal["errors"] == {"calendarIds[1]": refused["calendarId"]}
    deleting = "mutation ($input: DeleteCalendarInput!) { deleteCalendar(input: $input) { deleted } }"
    refusal = await local_api.refusal(deleting, ada.token, input={"calendarId": calendar_id})
    assert "deleteCalendarSource deletes it" in refusal["errors"]["calendarId"][0]["description"]
    await local_api.data(UPSERT_EVENT, ada.token, input={"calendarId": ada.calendar_id, "event": draft})
    assert (await local_api.data(DELETE_ALL_EVENTS, ada.token))["deleteEvents"] == {"deleted": 1}
    assert len(await busy(local_api, ada)) == 2


async def test_no_booking_is_written_to_it(local_api: Api, server: CalendarServer) -> None:
    ada = await local_api.application_calendar("ada")
    source = await upsert(local_api, ada, server.url)
    await sync(local_api, ada)
    start = "2027-01-13T09:00:00Z"
    query = {
        "participants": [{"members": [{"sub": ada.sub}], "required": "all"}],
        "requiredDuration": {"minutes": 60},
        "querySlots": [{"start": start}],
    }
    given = {
        "availability": query,
        "start": start,
        "event": {"eventId": "b", "summary": "Booked"},
        "targetCalendars": [{"sub": ada.sub, "calendarId": source["calendar"]["calendarId"]}],
    }
    booking = "mutation ($input: BookSlotInput!) { bookSlot(input: $input) { __typename } }"
    refusal = await local_api.refusal(booking, CLIENT_SECRET, input=given)
    assert refusal["errors"] == {
        "targetCalendars[0].calendarId": [{"key": "errors.conflict", "description": READ_ONLY}]
    }
    del given["targetCalendars"]
    assert (await local_api.data(booking, CLIENT_SECRET, input=given))["bookSlot"] == {"__typename": "Booked"}


async def test_every_problem_of_a_source(api: Api) -> None:
    ada = await api.application_calendar("ada")
    for url, why in {
        "": "complete URL",
        "ftp://example.com/a.ics": "complete URL",
        "https://user:pass@example.com/a.ics": "user name",
        "http://127.0.0.1/a.ics": "OPENINGS_PRIVATE_SOURCES=1",
        "webcal://[::1]/a.ics": "OPENINGS_PRIVATE_SOURCES=1",
        "http://169.254.169.254/latest": "OPENINGS_PRIVATE_SOURCES=1",
        "https://example.com/" + "x" * 2048: "at most 2048",
    }.items():
        given = {"sourceId": "", "url": url, "name": "x" * 256}
        refusal = await api.refusal(UPSERT, ada.token, input=given)
        assert {*refusal["errors"]} == {"sourceId", "name", "url"}
        assert why in refusal["errors"]["url"][0]["description"]
    refusal = await api.refusal(SYNC, ada.token, sourceId="none")
    assert (refusal["code"], {*refusal["errors"]}) == ("NOT_FOUND", {"sourceId"})
    assert (await api.refusal(SYNC, ada.token, sourceId="\0"))["code"] == "NOT_FOUND"


async def test_an_account_has_at_most_twenty_sources_with_names_of_their_own(api: Api) -> None:
    ada, ben = await api.application_calendar("ada"), await api.application_calendar("ben")
    for number in range(20):
        await upsert(api, ada, "webcal://example.com/a.ics", source_id=str(number))
    refusal = await api.refusal(UPSERT, ada.token, input={"sourceId": "one more", "url": URL})
    assert refusal["errors"]["sourceId"][0]["key"] == "errors.too_many"
    refusal = await api.refusal(UPSERT, ada.token, input={"sourceId": "1", "url": URL, "name": "2"})
    assert refusal["errors"]["name"][0]["key"] == "errors.duplicate"
    assert (await upsert(api, ben, URL, source_id="ben"))["calendar"]["calendarName"] == "ben 2"
    assert len((await api.data(LIST, ben.token))["calendarSources"]) == 1


async def test_a_source_can_be_fetched_at_once_twenty_times_a_minute(local_api: Api, server: CalendarServer) -> None:
    """Counted in the database, so by all workers together."""
    ada, ben = [await local_api.application_calendar(name) for name in ("ada", "ben")]
    for name in ("a", "b"):
        await upsert(local_api, ada, server.url, source_id=name)
    async with local_api.db.write() as session:
        spent = text(f"UPDATE calendar_sources SET asked_in = {NOW // MINUTE}, asked = 9")
        await (await session.connection()).execute(spent)
    for name in ("a", "b"):
        await sync(local_api, ada, name)
    refusal = await local_api.refusal(SYNC, ada.token, sourceId="a")
    assert (refusal["code"], refusal["limit"], refusal["retryAfter"]) == ("RATE_LIMITED", "20/min", 60)
    await upsert(local_api, ben, server.url)
    await sync(local_api, ben)
    local_api.now += MINUTE
    await sync(local_api, ada, "a")


async def test_a_revoked_account_is_not_fetched(local_api: Api, server: CalendarServer) -> None:
    """Until it is asked for again. Then what is known of its calendars counts again, too."""
    ada = await local_api.application_calendar("ada")
    await upsert(local_api, ada, server.url)
    await sync(local_api, ada)
    await local_api.data(REVOKE_AUTHORIZATION, input={**local_api.credentials, "sub": ada.sub})
    assert await local_api.rows("SELECT due_at FROM calendar_sources") == [(None,)]
    [(key,)] = await local_api.rows("SELECT key FROM calendar_sources")
    assert local_api.gate.fetch_sources is not None
    await local_api.gate.fetch_sources([key])
    assert len(server.requests) == 1
    token = await token_of(local_api, "ada")
    assert await local_api.rows("SELECT due_at FROM calendar_sources") == [(NOW,)]
    await local_api.data(SYNC, token, sourceId="work")
    assert len(server.requests) == 2


async def test_a_url_is_in_no_answer_and_in_the_database_encrypted(api: Api, database_url: str) -> None:
    ada = await api.application_calendar("ada")
    source = await upsert(api, ada, URL)
    assert "secret-of-ada" not in str(source)
    [(sealed,)] = await api.rows("SELECT sealed_url FROM calendar_sources")
    assert b"secret-of-ada" not in bytes(sealed)
    rows = await api.rows("SELECT host, source_id, problem, remark, etag FROM calendar_sources")
    assert "secret-of-ada" not in str(rows)


async def test_what_is_wrong_is_told_to_who_may_read_events(local_api: Api, server: CalendarServer) -> None:
    """A line of a file may be an event."""
    server.file = calendar(event("DTSTART:secret", uid="a"), *days(1))
    ada = await local_api.application_calendar("ada")
    await upsert(local_api, ada, server.url)
    assert "secret" in (await sync(local_api, ada))["problem"]
    token = await token_of(local_api, "ada", scope="list_calendars")
    [source] = (await local_api.data(LIST, token))["calendarSources"]
    assert source["problem"] == "Only a caller that may read events is told."


async def test_events_of_a_source_decide_who_is_free(local_api: Api, server: CalendarServer) -> None:
    """Before its first fetch, nobody is free by it."""
    ada = await local_api.application_calendar("ada")
    await upsert(local_api, ada, server.url)
    query = """
    query ($input: AvailabilityInput!) { availability(input: $input) { availablePeriods { start end } } }
    """
    given = {
        "participants": [{"members": [{"sub": ada.sub}], "required": "all"}],
        "requiredDuration": {"minutes": 60},
        "queryPeriods": [{"start": "2027-01-11T08:00:00Z", "end": "2027-01-11T12:00:00Z"}],
        "responseFormat": "PERIODS",
    }
    assert (await local_api.data(query, CLIENT_SECRET, input=given))["availability"]["availablePeriods"] == []
    await sync(local_api, ada)
    assert (await local_api.data(query, CLIENT_SECRET, input=given))["availability"]["availablePeriods"] == [
        {"start": "2027-01-11T08:00:00Z", "end": "2027-01-11T09:00:00Z"},
        {"start": "2027-01-11T10:00:00Z", "end": "2027-01-11T12:00:00Z"},
    ]
