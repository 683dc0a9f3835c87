"""The log: one line for every request, without secrets and without contents of events."""

import json
import logging
import re
from typing import Any

import pytest
from sqlalchemy import text

from server.graphql.documents import MAX_SOURCE_LENGTH
from server.observability.logs import JsonLine
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import AVAILABILITY_PERIOD_STARTS

UPSERT_EVENT = "mutation Put($input: UpsertEventInput!) { upsertEvent(input: $input) { event { summary } } }"

#: contents of an event, which must not be logged
CONTENTS = {
    "summary": "Severance talk with Mr Doe",
    "description": "The envelope lies in the second drawer",
    "location": {"description": "Room without windows"},
    "url": "https://example.com/a-private-meeting-link",
}

LINE = re.compile(r"(?P<method>[A-Z]+) (?P<path>\S+) (?P<status>\d{3}) (?P<took>\d+\.\d)ms (?P<operation>.+)")


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log at the levels of a running server: ours from INFO, others from WARNING."""
    caplog.set_level(logging.INFO, "openings")
    caplog.set_level(logging.INFO, "openings.access")
    return caplog


def access_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the access log so far."""
    return [record.getMessage() for record in caplog.records if record.name == "openings.access"]


def meeting(whose: Account) -> dict[str, Any]:
    """An event with private contents."""
    event = {"eventId": "e1", "start": "2027-01-19T10:00:00Z", "end": "2027-01-19T11:00:00Z", **CONTENTS}
    return {"calendarId": whose.calendar_id, "event": event}


def secrets(*people: Account) -> list[str]:
    """Texts that must not occur in any line."""
    kept = [CLIENT_SECRET, *(str(value) for value in CONTENTS.values() if isinstance(value, str))]
    return [*kept, "Room without windows", *(token for who in people for token in (who.token, who.refresh_token))]


async def test_a_request_is_logged_in_one_line(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """What was requested, how it ended, how long it took; the formatter adds the time."""
    await api("query Whose { calendars { calendarId } }")
    [line] = access_lines(caplog)
    found = LINE.fullmatch(line)
    assert found is not None, line
    assert found.group("method", "path", "status", "operation") == ("POST", "/graphql", "200", "query Whose")
    assert 0 < float(found["took"]) < 10_000


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("{ calendars { calendarId } userInfo { sub } }", "query {calendars,userInfo}"),
        ('mutation { deleteEvent(input: {calendarId: "c", eventId: "e"}) { deleted } }', "mutation {deleteEvent}"),
        ("query Mine { a: calendars { calendarId } }", "query Mine"),
        ("{ nothing }", "-"),
        ("{", "-"),
    ],
)
async def test_a_line_names_the_operation(api: Api, caplog: Any, query: str, shown: str) -> None:
    """By its name or its fields; an invalid document has neither."""
    await api(query)
    [line] = access_lines(caplog)
    assert line.endswith(f"ms {shown}")


async def test_every_status_is_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Above all, those of failed requests."""
    await api.http.get("/healthz")
    await api.http.get("/nowhere")
    await api.http.get("/graphql", params={"query": "mutation { deleteAvailablePeriods { deleted } }"})
    await api.http.post("/graphql", content=b"1", headers={"Content-Type": "application/json"})
    await api.http.post("/graphql", content=b"1", headers={"Content-Type": "text/plain"})
    found = [LINE.fullmatch(line) for line in access_lines(caplog)]
    assert [line and line["status"] for line in found] == ["200", "404", "405", "400", "415"]


async def test_secrets_and_contents_are_not_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """Over many requests: right and wrong tokens, variables of the wrong type, secrets in the wrong place."""
    ada = await api.application_calendar("ada")
    given = meeting(ada)
    await api.data(UPSERT_EVENT, ada.token, input=given)
    await api.data("{ events(input: {}) { nodes { summary description } } }", ada.token)
    asked = {"participants": [{"required": 1, "members": [{"sub": ada.sub}]}], "requiredDuration": {"hours": 1}}
    await api(AVAILABILITY_PERIOD_STARTS, ada.token, input=asked)
    await api(UPSERT_EVENT, ada.token, input=given | {"event": given["event"] | {"end": CONTENTS["summary"]}})
    await api(UPSERT_EVENT, ada.token, input=given | {"event": given["event"] | {"summary": [CONTENTS["summary"]]}})
    await api(UPSERT_EVENT, ada.token, input=given | {CLIENT_SECRET: 1})
    await api(f'{{ calendars {{ calendarId }} }} "{ada.token}', CLIENT_SECRET)
    await api(f'{{ availabilityRule(availabilityRuleId: "{CONTENTS["summary"]}") {{ tzid }} }}', ada.refresh_token)
    query = {"query": AVAILABILITY_PERIOD_STARTS, "variables": f'{{"token": "{ada.token}"}}'}
    await api.http.get("/graphql", params=query, headers={"Authorization": f"Basic {CLIENT_SECRET}"})
    refresh = "mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) { accessToken } }"
    await api(refresh, input={**api.credentials, "refreshToken": ada.refresh_token})
    await api(refresh, input={"clientId": CLIENT_SECRET, "clientSecret": ada.token, "refreshToken": ada.refresh_token})
    assert len(access_lines(caplog)) > 10
    assert [secret for secret in secrets(ada) if secret in caplog.text] == []


async def test_a_fault_is_logged_without_contents(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """With its traceback, but without the statement's parameters, which contain the event."""
    ada = await api.application_calendar("ada")
    await api.data(UPSERT_EVENT, ada.token, input=meeting(ada))
    async with api.db.writer.begin() as connection:
        await connection.execute(text("CREATE UNIQUE INDEX one_event_is_enough ON events (calendar_key)"))
    given = meeting(ada)
    answer = await api(UPSERT_EVENT, ada.token, input=given | {"event": given["event"] | {"eventId": "e2"}})
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "in upsert_one" in caplog.text
    assert "Traceback" in caplog.text
    assert [secret for secret in secrets(ada) if secret in caplog.text] == []


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("/book/a-token", "/book/…"),
        ("/book/a-token?tz=Europe/Berlin", "/book/…"),
        ("/book/a-token.ics", "/book/…"),
        ("/book/a/a-token", "/book/…"),
        ("/book%2Fa-token", "/book/…"),
        ("/book/a-token/book/a-token", "/book/…"),
        ("/book/a-token%0Aforged", "/book/…"),
        ("/below/book/a-token", "/below/book/…"),
        ("/book", "/book"),
        ("/bookings", "/bookings"),
    ],
)
async def test_the_token_of_a_booking_link_is_not_logged(api: Api, caplog: Any, address: str, shown: str) -> None:
    """Anyone who has the address of a booking link may book, so the line shows only that it was one."""
    await api.http.get(address)
    [line] = access_lines(caplog)
    found = LINE.fullmatch(line)
    assert found is not None, line
    assert found["path"] == shown
    assert "a-token" not in caplog.text


@pytest.mark.parametrize(
    "address",
    ["/nowhere%0A2027-01-01T00:00:00.000Z%20INFO%20forged", "/a%0d%0ab", "/a%e2%80%a8b", "/a%1b[2Jb", "/a%c2%85b"],
    ids=["line feed", "carriage return", "line separator", "escape", "next line"],
)
async def test_a_path_cannot_forge_a_line(api: Api, caplog: pytest.LogCaptureFixture, address: str) -> None:
    """Line breaks and control characters are escaped."""
    await api.http.get(address)
    [line] = access_lines(caplog)
    assert line.isprintable()
    assert len(line.splitlines()) == 1


async def test_a_line_is_never_long(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """However long the path, the operation's name, the requested name, or the alias of a refused field."""
    long = "x" * (MAX_SOURCE_LENGTH - 1_000)
    await api.http.get(f"/{long[:50_000]}")
    await api(f"query {long} {{ __typename }}")
    await api.http.post("/graphql", json={"query": "{ __typename }", "operationName": long})
    await api(f"{{ {long}: calendars {{ calendarId }} }}")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("openings")]
    assert len(lines) == 5
    assert max(map(len, lines)) < 500


@pytest.mark.parametrize("words", ["half a pair: \ud800", "a line\nand another", "größer 面接"])
def test_any_message_can_be_a_json_line(words: str) -> None:
    """It is one line that reads back unchanged: an exception may contain text that is not valid UTF-8."""
    record = logging.LogRecord("openings", logging.ERROR, __file__, 1, "%s", (words,), None)
    line = JsonLine().format(record)
    assert "\n" not in line
    assert line.encode("utf-8")
    assert json.loads(line)["message"] == words
