"""Debian's PgBouncer between Openings and PostgreSQL, in each of its modes."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from db.database import Database
from db.migrate import migrate, newest_revision
from db.pooler import PoolerError, check_statements, push_problem
from server.cli import main
from server.settings import Settings
from tests.conftest import NOW
from tests.support.api import Account, Api
from tests.support.assumptions import LISTENS
from tests.support.builders import (
    availability_input,
    book_slot,
    booking_input,
    iso_time,
    period_hours,
    upsert_event_input,
)
from tests.support.documented_commands import documented
from tests.support.graphql_queries import AVAILABILITY_CHANGED, UPSERT_EVENT
from tests.support.live_clients import live_server
from tests.support.pgbouncer import pgbouncer
from tests.support.server_process import running_server
from tests.support.waiting import TIMEOUT

#: the documented parameter for a pooler that loses prepared statements
UNPREPARED = "&" + documented("sh pooler").split()[0].partition("?")[2]
#: writers at a time, and a pooler that has fewer connections to PostgreSQL than they to it
WRITERS, FEW = 24, "default_pool_size = 3"


@pytest.fixture(params=["postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """PostgreSQL only: SQLite has no pooler."""
    return request.param


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gives what is tried at the start as long as a busy machine may take."""
    monkeypatch.setattr("db.pooler._ROUNDS_TIMEOUT", TIMEOUT)
    monkeypatch.setattr("db.pooler._NOTIFICATION_TIMEOUT", TIMEOUT)


async def problem_of(url: str, listen_url: str = "") -> str | None:
    """What does not work behind this URL, as is found at the start."""
    database = Database(url, listen_url=listen_url)
    try:
        await check_statements(database)
        return await push_problem(database)
    finally:
        await database.close()


async def assert_all_works(url: str, listen_url: str = "") -> None:
    """Two servers write at the same time through one pooler, and a subscriber of the one learns what the other writes."""
    async with live_server(url, listen_url=listen_url) as live, Api.open(url, NOW, listen_url=listen_url) as other:
        both = live.api, other
        names = [f"person {number}" for number in range(WRITERS)]
        ada, *others = await asyncio.gather(*(api.application_calendar(name) for api in both for name in names))
        others = others[: WRITERS - 1]
        async with live.subscribe(AVAILABILITY_CHANGED, input=availability_input(ada)) as ws:
            assert period_hours(await ws.next_result()) == ["9-17"]
            booked = await asyncio.gather(*(write_and_book(api, person) for person in others for api in both))
            assert sorted(booked) == ["Booked"] * len(others) + ["SlotTaken"] * len(others)
            await other.data(UPSERT_EVENT, ada.token, input=upsert_event_input(ada, 9, 10))
            assert period_hours(await ws.next_result()) == ["10-17"]
        await live.wait_until_idle()


async def write_and_book(api: Api, person: Account) -> str:
    """Writes an event and books the hour after it, each of which has its own way to the database."""
    await api.data(UPSERT_EVENT, person.token, input=upsert_event_input(person, 9, 10))
    given = booking_input(("all", [person]), start=iso_time(10), event_id=f"by server {id(api)}")
    return (await book_slot(api, given))["__typename"]


async def test_in_session_mode_all_works(database_url: str) -> None:
    with pgbouncer(database_url, "session", more="default_pool_size = 60") as url:
        assert await problem_of(url) is None
        await assert_all_works(url)


async def test_in_transaction_mode_all_works_without_prepared_statements_and_with_a_direct_address(
    database_url: str,
) -> None:
    with pgbouncer(database_url, "transaction", more=FEW) as url:
        assert await problem_of(url + UNPREPARED, database_url) is None
        await assert_all_works(url + UNPREPARED, database_url)


async def test_migrations_that_start_together_wait_for_each_other_behind_a_pooler(empty_url: str) -> None:
    """Their lock ends with the transaction, so it needs no session."""
    with pgbouncer(empty_url, "transaction", more=FEW) as url:
        databases = [Database(url + UNPREPARED) for _ in range(3)]
        found = await asyncio.gather(*map(migrate, databases))
        newest = newest_revision()
        assert sorted(found, key=str) == [(newest, newest)] * 2 + [(None, newest)]
        for database in databases:
            await database.close()


@LISTENS
async def test_what_a_pooler_does_not_pass_on_is_said_at_the_start(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, with the cure."""
    with pgbouncer(database_url, "transaction") as url:
        async with running_server(tmp_path, url + UNPREPARED) as server:
            [line] = [line for line in server.log_lines if "pushes" in line]
            assert "no notification arrives at postgresql://" in line
            assert "set OPENINGS_LISTEN_URL to a direct address" in line
        monkeypatch.setattr("db.pooler._NOTIFICATION_TIMEOUT", 0.1)
        wrong = f"{url}&password=hush"
        problem = await problem_of(database_url, wrong)
    assert problem is not None
    assert "set it to a direct address of this database" in problem
    assert "hush" not in problem
    gone = await problem_of(database_url, wrong)
    assert gone is not None
    assert "cannot listen at OPENINGS_LISTEN_URL" in gone
    assert "hush" not in gone


@pytest.mark.parametrize("command", ["serve --port 0", "migrate", "client list"])
def test_a_pooler_that_loses_prepared_statements_is_refused(
    database_url: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """By each command, in the documented line: PgBouncer before 1.21 in transaction mode would fail most requests."""
    with pgbouncer(database_url, "transaction") as url, pytest.raises(SystemExit, match="1"):
        main([*command.split(), "--database-url", url])
    shown = Database(database_url).shown_url
    assert capsys.readouterr().err == documented("text pooler").replace("postgresql://127.0.0.1:6432/openings", shown)


@pytest.mark.parametrize("more", ["default_pool_size = 1", "server_round_robin = 1"])
async def test_such_a_pooler_is_noticed_whichever_connections_it_gives(database_url: str, more: str) -> None:
    """Only one, or several in turns, so that a connection rarely gets the one that another has just used."""
    with pgbouncer(database_url, "transaction", more=more) as url:
        if "round_robin" in more:
            await open_several(url)
        with pytest.raises(PoolerError):
            await problem_of(url)


async def open_several(url: str) -> None:
    """Has transactions beside each other, for which the pooler opens connections."""
    database = Database(url + UNPREPARED)
    async with database.read() as one, database.read() as another, database.read() as third:
        for session in (one, another, third):
            await session.exec(text("SELECT 1"))  # pyright: ignore[reportCallIssue, reportArgumentType]
    await database.close()


def test_the_documented_settings_are_settings() -> None:
    documents = dict(line.split("=", 1) for line in documented("sh pooler").splitlines())
    found = Settings.read(documents)
    assert [found.database_url, found.listen_url] == [*documents.values()]


async def test_a_server_of_its_own_needs_no_pooler(database_url: str) -> None:
    assert await problem_of(database_url) is None
