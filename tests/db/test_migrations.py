"""Migrations: an empty database gets the tables of the code, once, however many processes start at a time."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from core.access import Actor
from core.accounts import AccountKind
from db import access, accounts, booking_lists, clients
from db import migrate as migrate_module
from db.booking_lists import BookingFilter
from db.database import Database
from db.migrate import NewerDatabaseError, _config, migrate, newest_revision
from db.readiness import OTHER_SCHEMA, Readiness
from db.tables import metadata
from tests.conftest import NOW
from tests.support.assumptions import ALTERS
from tests.support.databases import inspect_database
from tests.support.documented_commands import programs, run


def head() -> str:
    """The newest revision."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


async def test_migrating_an_empty_database_creates_the_tables_of_the_code(empty_url: str) -> None:
    """Alembic finds no difference, and every index has its name."""
    db = Database(empty_url)
    before, after = await migrate(db)
    assert (before, after) == (None, head())
    assert await inspect_database(db, lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []

    def indexes(connection: Connection) -> set[str]:
        return {i["name"] or "" for table in metadata.tables for i in inspect(connection).get_indexes(table)}

    assert await inspect_database(db, indexes) >= {i.name for table in metadata.tables.values() for i in table.indexes}
    await db.close()


async def test_migrating_again_changes_nothing(db: Database) -> None:
    """It runs at every start."""
    before, after = await migrate(db)
    assert before == after
    assert await Readiness(db).problem() is None


async def test_concurrent_migrations_run_once(empty_url: str) -> None:
    """Eight processes on one empty database: one migrates, seven find it done."""
    databases = [Database(empty_url) for _ in range(8)]
    befores = [before for before, _ in await asyncio.gather(*(migrate(db) for db in databases))]
    assert befores.count(None) == 1
    assert befores.count(head()) == 7
    for db in databases:
        await db.close()


@ALTERS
async def test_downgrading_and_upgrading_loses_no_account(db: Database) -> None:
    """Dropping a column must not cascade to rows that refer to the table, as copying a table on SQLite would."""
    async with db.write() as session:
        client = await clients.ensure(session, db.encryption, "c", "secret", NOW, name="C")
        kind = AccountKind.APPLICATION_CALENDAR
        await accounts.create_or_get(session, client, kind, "store-42", NOW, scope="read_write")

    def back(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")

    async with db.writer.begin() as connection:
        await connection.run_sync(back)
    assert (await migrate(db))[0] == "0001"
    async with db.read() as session:
        store = await accounts.find(session, client, kind, "store-42")
        assert store is not None
    stands = await access.load(db.driver, Actor(client), [store.sub], NOW)
    assert len(stands.accounts[store.sub].calendars) == 1


async def test_bookings_lose_no_participant_when_their_table_is_copied(db: Database) -> None:
    """As SQLite copies it for another constraint, forth and back. Nor any of their indexes."""
    participants = "SELECT booking_id, position, sub, starts_at, ends_at FROM booking_participants"

    def change(connection: Connection) -> tuple[list[Any], set[str | None], int]:
        config = _config()
        config.attributes["connection"] = connection
        made = {
            "client_key": 1,
            "booking_id": "bkg_1",
            "status": "confirmed",
            "starts_at": 0,
            "ends_at": 1,
            "request": "{}",
            "calendar_ids": [],
            "labels": [],
            "created_at": 0,
            "updated_at": 0,
        }
        connection.execute(metadata.tables["bookings"].insert(), made)
        rows = [
            {"booking_id": "bkg_1", "position": n, "sub": f"acc_{n}", "starts_at": 0, "ends_at": 1} for n in range(3)
        ]
        connection.execute(metadata.tables["booking_participants"].insert(), rows)
        connection.execute(text("UPDATE booking_participants SET ends_at = 2 WHERE position = 1"))
        command.downgrade(config, "0019")
        references = len(inspect(connection).get_foreign_keys("bookings"))
        command.upgrade(config, "0020")
        indexes = {index["name"] for index in inspect(connection).get_indexes("bookings")}
        return [*connection.execute(text(participants))], indexes, references

    async with db.writer.begin() as connection:
        kept, indexes, references = await connection.run_sync(change)
    assert sorted(map(tuple, kept)) == [("bkg_1", n, f"acc_{n}", 0, 2 if n == 1 else 1) for n in range(3)]
    assert indexes >= {"bookings_by_start", "bookings_of_links", "bookings_held"}
    assert references == 2
    assert await inspect_database(db, lambda c: len(inspect(c).get_foreign_keys("bookings"))) == 1
    assert await inspect_database(db, lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []


@pytest.mark.parametrize("older", [False, True], ids=["additive", "not additive"])
async def test_a_newer_database_is_used_if_it_only_has_more(db: Database, older: bool) -> None:
    """In a rolling upgrade servers of the version before go on, and can be started.

    If it has something else, they would misread it, or write data that does not belong there.
    """
    since = "9998" if older else head()
    async with db.write() as session:
        newer = f"UPDATE alembic_version SET version_num = '9999', compatible_since = '{since}'"
        await (await session.connection()).execute(text(newer))
    if older:
        with pytest.raises(NewerDatabaseError, match="9999"):
            await migrate(db)
    else:
        assert await migrate(db) == ("9999", "9999")
    assert await Readiness(db).problem() == (OTHER_SCHEMA if older else None)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_documented_upgrade_may_be_run_on_a_database_that_only_has_more(
    db: Database, database_url: str
) -> None:
    """By the version before, as in a rolling upgrade; it changes nothing."""
    async with db.write() as session:
        newer = f"UPDATE alembic_version SET version_num = '9999', compatible_since = '{head()}'"
        await (await session.connection()).execute(text(newer))
    await run("sh upgrade", {"DATABASE_URL": database_url}, programs(postgresql=False))
    assert await noted(db) == ("9999", head())


@pytest.mark.parametrize("additive", [True, False])
async def test_a_migration_says_whether_it_is_additive(
    db: Database, additive: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A made-up one after the newest: `compatible_since` stays with one that is, and else is its own revision."""
    before, since = await noted(db)
    assert before == head()
    (tmp_path / "9999_made_up.py").write_text(
        f"revision, down_revision, ADDITIVE = '9999', '{before}', {additive}\n\n\ndef upgrade() -> None: ...\n"
    )

    def with_one_more() -> Config:
        config = _config()
        versions = f"{config.get_main_option('script_location')}/versions"
        config.set_main_option("version_locations", f"{versions}{os.pathsep}{tmp_path}")
        return config

    monkeypatch.setattr(migrate_module, "_config", with_one_more)
    newest_revision.cache_clear()
    try:
        assert await migrate(db) == (before, "9999")
    finally:
        newest_revision.cache_clear()
    assert await noted(db) == ("9999", since if additive else "9999")


async def noted(db: Database) -> tuple[str, str]:
    """The revision of a database, and since which it is compatible."""
    async with db.read() as session:
        found = await (await session.connection()).execute(
            text("SELECT version_num, compatible_since FROM alembic_version")
        )
        revision, since = found.one()
        return revision, since


#: rows of the first revision: an account with everything that refers to it, and a revoked one
FIRST_DATA = """
INSERT INTO clients VALUES (1, 'tests', 'Tests', :digest, 5);
INSERT INTO accounts VALUES (1, 1, 'apc', 'store-42', 'apc_1', NULL, NULL, 'Etc/UTC', 'pro_1', NULL, 5);
INSERT INTO accounts VALUES (2, 1, 'apc', 'store-43', 'apc_2', NULL, NULL, 'Etc/UTC', 'pro_2', 7, 6);
INSERT INTO tokens VALUES (1, 1, 'refresh', :digest, 'read_write', NULL, 5);
INSERT INTO calendars VALUES (1, 1, 'cal_1', 'store-42', TRUE, 3);
INSERT INTO calendars VALUES (2, 2, 'cal_2', 'store-43', TRUE, 4);
INSERT INTO events (key, calendar_key, event_id, event_uid, summary, description, starts_at, ends_at, tzid,
                    transparency, status, blocks, deleted, created_at, updated_at)
VALUES (1, 2, 'e1', 'evt_1', 'Delivery', '', 60, 120, 'Etc/UTC', 'opaque', 'confirmed', TRUE, FALSE, 5, 6)
"""

AFTERWARDS: dict[str, list[tuple[Any, ...]]] = {
    "SELECT client_id, name, without FROM clients": [("tests", "Tests", "")],
    "SELECT sub, client_key, kind, external_id, scope, revoked_at FROM accounts ORDER BY key": [
        ("apc_1", 1, "application_calendar", "store-42", "read_write", None),
        ("apc_2", 1, "application_calendar", "store-43", "", 7),
    ],
    "SELECT account_key, kind, scope FROM tokens": [(1, "refresh", "read_write")],
    "SELECT account_key, calendar_id, version FROM calendars ORDER BY key": [(1, "cal_1", 3), (2, "cal_2", 4)],
    "SELECT calendar_key, event_id, summary, starts_at FROM events": [(2, "e1", "Delivery", 60)],
    "SELECT count(*) FROM availability_rules": [(0,)],
    "SELECT count(*) FROM available_periods": [(0,)],
}


async def test_the_data_of_the_first_revision_survives_the_upgrade(empty_url: str) -> None:
    """Every row; kinds have names, existing accounts grant everything, and revoked ones nothing."""
    db = Database(empty_url)
    db.make_folder()

    def first(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in FIRST_DATA.split(";"):
            connection.execute(text(statement), {"digest": b"of a secret"})

    async with db.writer.begin() as connection:
        await connection.run_sync(first)
    assert await Readiness(db).problem() == OTHER_SCHEMA
    assert (await migrate(db))[0] == "0001"
    assert await Readiness(db).problem() is None
    for question, answer in AFTERWARDS.items():
        assert (
            await inspect_database(db, lambda c, question=question: [tuple(r) for r in c.execute(text(question))])
            == answer
        )
    await db.close()


#: links of revision 0005: open with periods, open with slots, booked before its meeting, disabled
LINKS: list[dict[str, Any]] = [
    {"request": {"query_periods": [{"start": 10, "end": 500}, {"start": 600, "end": 700}]}, "status": "open"},
    {"request": {"query_slots": [100, 4000, 300]}, "status": "open"},
    {"request": {"available_periods": [{"start": 10, "end": 400}]}, "status": "open"},
    {"request": {}, "status": "completed", "ends_at": 90, "closed_at": 30},
    {"request": {}, "status": "disabled", "closed_at": 40},
]


@ALTERS
async def test_links_of_earlier_versions_can_be_purged(db: Database) -> None:
    """The migration calculates when each is finished."""

    def fifth(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")
        for number, link in enumerate(LINKS):
            no_periods = {"available_periods": None, "query_periods": None, "query_slots": None}
            query = {**no_periods, "required_duration": {"hours": 1, "minutes": None}, **link["request"]}
            values = {"ends_at": None, "closed_at": None, **link, "id": f"sch_{number}"}
            event = {"event_id": "booking", "summary": "Meeting", "start": 0, "end": 1}
            connection.execute(
                text(
                    "INSERT INTO real_time_schedulings"
                    " (client_key, scheduling_id, request, status, starts_at, ends_at, participants, closed_at, created_at)"
                    " SELECT key, :id, :request, :status, :ends_at, :ends_at, '[]', :closed_at, 5 FROM clients"
                ),
                {**values, "request": json.dumps({"query": query, "event": event})},
            )

    async with db.writer.begin() as connection:
        await connection.run_sync(fifth)
    await migrate(db)
    question = text("SELECT finishes_at FROM real_time_schedulings ORDER BY scheduling_id")
    found = await inspect_database(db, lambda c: [finishes_at for (finishes_at,) in c.execute(question)])
    assert found == [700, 7600, 400, 90, 40]


EARLIER_LINK: dict[str, Any] = {
    "query": {
        "participants": [{"members": [{"sub": "apc_1"}], "required": "all"}],
        "required_duration": {"hours": 1, "minutes": None},
        "query_periods": [{"start": 0, "end": 9000}],
        "available_periods": None,
        "query_slots": None,
    },
    "event": {"event_id": "booking", "summary": "Meeting", "start": 0, "end": 1},
    "target_calendars": [],
    "event_creation": "default",
}


@ALTERS
async def test_links_that_were_completed_earlier_get_their_bookings(db: Database) -> None:
    """With the events of that time, wherever they are by now; without any the booking is cancelled."""
    async with db.write() as session:
        client = await clients.ensure(session, db.encryption, "c", "secret", NOW, name="C")
        kind = AccountKind.APPLICATION_CALENDAR
        subs = [
            (await accounts.create_or_get(session, client, kind, name, NOW, scope="read_write")).sub
            for name in ("ada", "ben")
        ]

    def eleventh(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0011")
        link = text(
            "INSERT INTO real_time_schedulings (client_key, scheduling_id, request, status, starts_at, ends_at,"
            " participants, visitor_tzid, closed_at, created_at)"
            " VALUES (:client, :id, :request, 'completed', 3600, 7200, :subs, 'Asia/Tokyo', :closed_at, 5)"
        )
        event = text(
            "INSERT INTO events (calendar_key, event_id, event_uid, summary, description, starts_at, ends_at, tzid,"
            " transparency, status, blocks, deleted, created_at, updated_at) SELECT calendars.key, 'booking',"
            " CAST(:uid AS VARCHAR) || calendars.key, 'M', '', 10800, 14400, 'UTC', 'opaque', 'confirmed', :blocks,"
            " :deleted, :closed_at, 9 FROM calendars JOIN accounts ON accounts.key = account_key WHERE sub = :sub"
        )
        for number, (sub, deleted) in enumerate(zip(subs, (False, True), strict=True)):
            given = {"client": client, "id": f"sch_{number}", "subs": json.dumps([sub]), "closed_at": 7 + number}
            connection.execute(link, {**given, "request": json.dumps(EARLIER_LINK)})
            moved = {
                "uid": f"evt_{number}",
                "blocks": not deleted,
                "deleted": deleted,
                "closed_at": 7 + number,
                "sub": sub,
            }
            connection.execute(event, moved)
        answer = {
            "start": 3600,
            "end": 7200,
            "participants": ["apc_1"],
            "events": [{"event_uid": "evt_gone", "draft": EARLIER_LINK["event"]}],
        }
        stored = "INSERT INTO booking_answers (client_key, idempotency_key, request_digest, answer, created_at)"
        values = {"client": client, "digest": b"0" * 32, "answer": json.dumps(answer)}
        connection.execute(text(f"{stored} VALUES (:client, 'key', :digest, :answer, 6)"), values)

    async with db.writer.begin() as connection:
        await connection.run_sync(eleventh)
    await migrate(db)
    async with db.read() as session:
        stored = await booking_lists.list_bookings(session, client, BookingFilter(), None, 10, NOW)
        found = [each.booking for each in stored]
        events = await booking_lists.events_of(session, [each.booking_id for each in found], NOW)
    by_start = sorted(found, key=lambda booking: (booking.start, booking.created))
    assert [(each.status, each.start, each.end, [*each.participants], each.scheduling_id) for each in by_start] == [
        ("cancelled", 3600, 7200, ["apc_1"], None),
        ("cancelled", 3600, 7200, [subs[1]], "sch_1"),
        ("confirmed", 10_800, 14_400, [subs[0]], "sch_0"),
    ]
    assert [len(events[each.booking_id]) for each in by_start] == [0, 0, 1]
    assert all(each.request().query.duration == 3600 for each in stored)
    [answer] = await inspect_database(db, lambda c: [*c.execute(text("SELECT answer FROM booking_answers")).scalars()])
    assert json.loads(answer)["booking"]["booking_id"] == by_start[0].booking_id
