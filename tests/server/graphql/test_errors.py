"""Errors: they have one shape everywhere, and a fault never looks like free time."""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from db.database import Database
from tests.conftest import NOW
from tests.support.api import CLIENT_SECRET, Account, Api
from tests.support.graphql_queries import APPLICATION_CALENDAR, REVOKE_AUTHORIZATION, UPSERT_EVENT

AVAILABILITY = """
query ($input: AvailabilityInput!) {
  availability(input: $input) { availablePeriods { start end } availableSlots { start end } }
}
"""
REFRESH = "mutation ($input: RefreshTokenInput!) { refreshToken(input: $input) { sub } }"
FIRST = "query ($first: Int!) { events(input: {}, first: $first) { nodes { eventId } } }"

NOTHING_ASKED: dict[str, Any] = {"participants": [], "requiredDuration": {"hours": 1}}

FORMATS = {"PERIODS": "availablePeriods", "SLOTS": "availableSlots"}

#: internal details that no client may see
INSIDES = (
    "sqlite",
    "asyncpg",
    "sqlalchemy",
    "select",
    "insert",
    "from events",
    "no such table",
    "does not exist",
    ".py",
)


@pytest.fixture
async def ada(api: Api) -> Account:
    """An application calendar with one event."""
    ada = await api.application_calendar("ada")
    await api.data(UPSERT_EVENT, ada.token, input=meeting(ada))
    return ada


def meeting(whose: Account) -> dict[str, Any]:
    """An event of one hour."""
    event = {"eventId": "e1", "summary": "One", "start": "2027-01-19T10:00:00Z", "end": "2027-01-19T11:00:00Z"}
    return {"calendarId": whose.calendar_id, "event": event}


def question(whose: Account, response_format: str = "PERIODS") -> dict[str, Any]:
    """A query for an hour on that day."""
    return {
        "participants": [{"members": [{"sub": whose.sub}], "required": "all"}],
        "requiredDuration": {"hours": 1},
        "queryPeriods": [{"start": "2027-01-19T09:00:00Z", "end": "2027-01-19T17:00:00Z"}],
        "responseFormat": response_format,
    }


@asynccontextmanager
async def broken(db: Database, table: str = "events") -> AsyncGenerator[None]:
    """Renames a table away for the duration of the block: a real failure of the real database."""
    await _rename(db, table, f"{table}_elsewhere")
    yield
    await _rename(db, f"{table}_elsewhere", table)


async def _rename(db: Database, name: str, other: str) -> None:
    async with db.writer.begin() as connection:
        await connection.execute(text(f"ALTER TABLE {name} RENAME TO {other}"))


def faults(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Our error records in the log."""
    return [record for record in caplog.records if record.name == "openings" and record.levelno >= logging.ERROR]


def masked(error: dict[str, Any], caplog: pytest.LogCaptureFixture) -> str:
    """The id of an error that shows no internal details, but is logged with all of them."""
    assert error.keys() <= {"message", "locations", "path", "extensions"}
    assert error["extensions"]["code"] == "INTERNAL"
    assert [word for word in INSIDES if word in str(error).lower()] == []
    id = error["extensions"]["id"]
    assert id in error["message"]
    [record] = [record for record in faults(caplog) if id in record.getMessage()]
    assert record.exc_info
    assert record.exc_info[1] is not None
    assert "events" in str(record.exc_info[1])
    return id


# The request, and the possible codes of its error.
MISTAKES: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "no token of an account": ("{ calendars { calendarId } }", {}, {"UNAUTHENTICATED", "FORBIDDEN"}),
    "problems": (AVAILABILITY, {"input": NOTHING_ASKED}, {"UNAUTHENTICATED", "UNPROCESSABLE"}),
    "a field that is missing": (APPLICATION_CALENDAR, {"input": {"applicationCalendarId": "x"}}, {"BAD_REQUEST"}),
    "a field that is unknown": (AVAILABILITY, {"input": {**NOTHING_ASKED, "members": 7}}, {"BAD_REQUEST"}),
    "a variable that is missing": (FIRST, {}, {"BAD_REQUEST"}),
    "a variable of another type": (FIRST, {"first": "many"}, {"BAD_REQUEST"}),
    "a variable out of range": (FIRST, {"first": 2**31}, {"BAD_REQUEST"}),
    "no such field": ("{ calendars { nothing } }", {}, {"BAD_REQUEST"}),
    "half a document": ("{ calendars {", {}, {"BAD_REQUEST"}),
}


async def test_every_error_has_the_same_shape(api: Api) -> None:
    """A message for people, a code for programs; whether it is graphql-core's error or ours."""
    for name, (query, variables, codes) in MISTAKES.items():
        for token in (None, CLIENT_SECRET):
            answer = await api(query, token, **variables)
            assert answer["errors"], name
            for error in answer["errors"]:
                assert error.keys() <= {"message", "locations", "path", "extensions"}, name
                assert error["message"], name
                assert error["extensions"]["code"] in codes, name
            executed = "path" in answer["errors"][0]
            assert ("data" in answer) is executed, name


async def test_a_refusal_is_logged_in_one_line(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """It is the caller's mistake, not a fault of ours: level INFO, without a traceback."""
    caplog.set_level(logging.INFO, "openings")
    refused = await api.refusal(AVAILABILITY, CLIENT_SECRET, input={**NOTHING_ASKED, "maxResults": 0})
    assert refused["errors"].keys() == {"participants", "queryPeriods", "maxResults"}
    [record] = [record for record in caplog.records if record.name == "openings"]
    assert record.levelno == logging.INFO
    assert not record.exc_info
    assert "UNPROCESSABLE" in record.getMessage()
    assert "maxResults errors.too_few" in record.getMessage()


async def test_a_database_failure_is_a_masked_error(api: Api, ada: Account, caplog: Any) -> None:
    """The client gets an id to quote, under which the log has the traceback."""
    async with broken(api.db):
        answer = await api("{ events(input: {}) { nodes { eventId } } }", ada.token)
    [error] = answer["errors"]
    assert (answer["data"], error["path"]) == ({"events": None}, ["events"])
    id = masked(error, caplog)
    assert "Traceback" in caplog.text
    assert f"fault {id} in events" in caplog.text


@pytest.mark.parametrize("table", ["events", "calendars"])
@pytest.mark.parametrize("response_format", FORMATS)
async def test_an_unreadable_account_is_never_free(api: Api, ada: Account, table: str, response_format: str) -> None:
    """No response format can say "unknown", so it is an error. Once the database is back, the same query succeeds."""
    asked = question(ada, response_format)
    async with broken(api.db, table):
        answer = await api(AVAILABILITY, ada.token, input=asked)
    assert answer["data"] == {"availability": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL"]
    found = (await api.data(AVAILABILITY, ada.token, input=asked))["availability"]
    assert {name for name, value in found.items() if value} == {FORMATS[response_format]}


async def test_a_cached_answer_is_not_sent_without_the_database(api: Api, ada: Account) -> None:
    """The same query was answered a moment ago, but only the database knows whether that is still valid."""
    asked = question(ada, next(iter(FORMATS)))
    before = await api.data(AVAILABILITY, ada.token, input=asked)
    async with broken(api.db, "calendars"):
        assert (await api(AVAILABILITY, ada.token, input=asked))["errors"]
    assert await api.data(AVAILABILITY, ada.token, input=asked) == before


async def test_a_failing_field_does_not_affect_its_siblings(api: Api, ada: Account, caplog: Any) -> None:
    """Two of three fields need the missing table: each fails by itself, with an id of its own."""
    query = "{ calendars { calendarId } a: events(input: {}) { nodes { eventId } } b: freeBusy(input: {}) { nodes { end } } }"
    async with broken(api.db):
        answer = await api(query, ada.token)
    assert answer["data"] == {"calendars": [{"calendarId": ada.calendar_id}], "a": None, "b": None}
    assert sorted(error["path"][0] for error in answer["errors"]) == ["a", "b"]
    assert len({masked(error, caplog) for error in answer["errors"]}) == 2


async def test_a_failed_mutation_is_rolled_back(api: Api) -> None:
    """It leaves no account without a calendar; the next mutation of the request is executed."""
    query = """
    mutation ($one: ApplicationCalendarInput!, $revoke: RevokeAuthorizationInput!) {
      applicationCalendar(input: $one) { sub }
      revokeAuthorization(input: $revoke) { revoked }
    }
    """
    other = await api.application_calendar("other")
    given: dict[str, Any] = {
        "one": {**api.credentials, "applicationCalendarId": "new"},
        "revoke": {**api.credentials, "sub": other.sub},
    }
    async with broken(api.db, "calendars"):
        answer = await api(query, **given)
    assert answer["data"] == {"applicationCalendar": None, "revokeAuthorization": {"revoked": True}}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL"]
    assert await api.rows("SELECT count(*) FROM accounts") == [(1,)]


async def test_only_fields_that_need_a_token_fail_without_token_table(api: Api, ada: Account, caplog: Any) -> None:
    """The other fields are answered."""
    async with broken(api.db, "tokens"):
        answer = await api("{ __typename calendars { calendarId } }", ada.token)
    assert answer["data"] == {"__typename": "Query", "calendars": None}
    [error] = answer["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["calendars"], "INTERNAL")
    assert [word for word in (*INSIDES, "tokens") if word in str(answer).lower()] == []
    [record] = faults(caplog)
    assert error["extensions"]["id"] in record.getMessage()
    assert ada.token not in caplog.text


@pytest.mark.parametrize(
    "url", ["sqlite:///{}", "postgresql://ada:hunter2@127.0.0.1:1/x"], ids=["sqlite", "postgresql"]
)
async def test_an_unusable_database_is_an_error_and_not_ready(url: str, tmp_path: Path, caplog: Any) -> None:
    """The process is alive, but `/readyz` says that it should get no requests."""
    (tmp_path / "notes.txt").write_text("This is no database, whatever the settings say.\n" * 100)
    url = url.format(tmp_path / "notes.txt")
    async with Api.open(url, NOW) as api:
        answer = await api("{ calendars { calendarId } }", "some-token")
        statuses = {path: (await api.http.get(path)).status_code for path in ("/healthz", "/readyz")}
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["id"] in caplog.text
    assert answer["data"] == {"calendars": None}
    assert statuses == {"/healthz": 200, "/readyz": 503}
    assert [word for word in ("some-token", "hunter2") if word in caplog.text + str(answer)] == []


async def test_a_database_of_another_version_is_not_ready(api: Api) -> None:
    """The response says what to do about it."""
    assert (await api.http.get("/readyz")).json()["status"] == "ready"
    async with broken(api.db, "alembic_version"):
        response = await api.http.get("/readyz")
    assert response.status_code == 503
    assert "openings migrate" in response.json()["status"]


async def test_a_fault_of_the_page_with_examples_is_masked(database_url: str, caplog: Any) -> None:
    """Its examples come from the database; without it, the response is a masked error, not the server's error page."""
    async with Api.open(database_url, NOW, demo=True) as api, broken(api.db, "clients"):
        response = await api.http.get("/graphql", headers={"Accept": "text/html"})
    assert response.status_code == 500
    [error] = response.json()["errors"]
    assert error["extensions"]["id"] in caplog.text


async def test_a_malformed_token_is_unauthenticated(api: Api) -> None:
    """Whatever the header contains; fields that need no token are answered nevertheless."""
    odd = [b"", b" ", b"\0", b"x" * 5_000, b"Bearer", b"\xff\xfe", "née".encode(), b"a b", b"' OR 1=1 --"]
    for authorization in [b"Basic dGVzdHM6eA==", b"Bearer", *(b"Bearer " + bearer for bearer in odd)]:
        query = "{ __typename calendars { calendarId } }"
        response = await api.http.post("/graphql", json={"query": query}, headers={b"Authorization": authorization})
        assert response.json()["data"] == {"__typename": "Query", "calendars": None}, authorization
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED", authorization


async def test_a_null_character_in_any_text_is_the_callers_mistake(api: Api, ada: Account) -> None:
    """PostgreSQL cannot store it: such a text is refused, or finds nothing, before the database raises an error."""
    event = meeting(ada)["event"]
    given: list[tuple[str, dict[str, Any]]] = [
        *((APPLICATION_CALENDAR, {**api.credentials, "applicationCalendarId": "x", name: "\0"})
          for name in ("clientId", "clientSecret", "applicationCalendarId")),
        *((UPSERT_EVENT, {"calendarId": ada.calendar_id, "event": {**event, name: "a\0b"}})
          for name in ("eventId", "summary", "description", "tzid", "url", "start")),
        (UPSERT_EVENT, {"calendarId": "\0", "event": event}),
        (UPSERT_EVENT, {"calendarId": ada.calendar_id, "event": {**event, "location": {"description": "\0"}}}),
        (REFRESH, {**api.credentials, "refreshToken": "\0"}),
        (REVOKE_AUTHORIZATION, {**api.credentials, "token": "\0"}),
        (REVOKE_AUTHORIZATION, {**api.credentials, "sub": "\0"}),
        (AVAILABILITY, question(ada) | {"participants": [{"required": 1, "members": [{"sub": ada.sub, "calendarIds": ["\0"]}]}]}),
    ]  # fmt: skip
    for query, input in given:
        answer = await api(query, ada.token, input=input)
        codes = {error["extensions"]["code"] for error in answer.get("errors", [])}
        assert codes <= {"UNPROCESSABLE", "NOT_FOUND", "UNAUTHENTICATED", "FORBIDDEN"}, input


async def test_hundreds_of_fields_share_a_few_connections(database_url: str, ada: Account) -> None:
    """With a raised limit of root fields: all run concurrently, and each gets a connection in the end."""
    query = "{" + " ".join(f"a{n}: calendars {{ calendarId }}" for n in range(300)) + "}"
    async with Api.open(database_url, NOW, max_root_fields=300) as api:
        data = await api.data(query, ada.token)
    assert len(data) == 300
    assert all(calendars == [{"calendarId": ada.calendar_id}] for calendars in data.values())
