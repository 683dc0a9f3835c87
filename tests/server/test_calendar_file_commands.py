"""`openings import` and `openings export`: events from and to iCalendar files."""

import asyncio
import json
from collections.abc import Callable
from datetime import date
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import pytest
from icalendar import Calendar
from sqlalchemy import text

from core.accounts import AccountKind, Profile
from core.instants import parse_instant
from db import accounts, calendars, clients
from db.drivers.base import Snapshot
from server.cli import main
from tests.support.api import KEY, open_database

pytestmark = pytest.mark.usefixtures("no_settings")

FAR = parse_instant("2027-01-01T00:00:00Z")


class Ended(NamedTuple):
    """How a command has ended, and what it has printed."""

    returncode: object
    stdout: str
    stderr: str


Run: TypeAlias = Callable[..., Ended]


class House(NamedTuple):
    """A database with an account in Paris, and how to ask it."""

    environment: dict[str, str]
    client_id: str
    sub: str
    calendar_id: str
    url: str

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        async def read() -> list[tuple[Any, ...]]:
            db = open_database(self.url)
            async with db.reader.connect() as connection:
                found = [tuple(row) for row in await connection.execute(text(statement))]
            await db.close()
            return found

        return asyncio.run(read())


async def prepare(database_url: str) -> House:
    db = open_database(database_url)
    async with db.write() as session:
        client_id, _ = await clients.create(session, db.encryption, "Shop", FAR)
        client = await clients.find(session, client_id)
        assert client is not None
        profile = Profile(name="Ada", tzid="Europe/Paris")
        ada = await accounts.create_or_get(
            session, client.key, AccountKind.USER, "ada", FAR, scope="read_write", profile=profile
        )
        [calendar] = (await calendars.of_accounts(Snapshot(session), [ada.key]))[ada.key]
    await db.close()
    environment = {"OPENINGS_DATABASE_URL": database_url, "OPENINGS_KEY": KEY}
    return House(environment, client_id, ada.sub, calendar.calendar_id, database_url)


@pytest.fixture
def house(database_url: str) -> House:
    return asyncio.run(prepare(database_url))


@pytest.fixture
def run(house: House, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs a command in this process, on the house's database."""

    def run(*arguments: str, given: bytes = b"") -> Ended:
        with monkeypatch.context() as patched:
            for name, value in house.environment.items():
                patched.setenv(name, value)
            patched.setattr("sys.stdin", TextIOWrapper(BytesIO(given)))
            try:
                main(arguments)
                status = 0
            except SystemExit as stopped:
                status = stopped.code
        shown = capsysbinary.readouterr()
        return Ended(status, shown.out.decode(), shown.err.decode())

    return run


def event(uid: str, *lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", f"UID:{uid}", "DTSTAMP:20270101T000000Z", *lines, "END:VEVENT"])


def file(*events: str) -> bytes:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tests//EN", *events, "END:VCALENDAR", ""]).encode()


MEETING = event(
    "meeting@example.com",
    "SUMMARY:Meeting\\, with tea",
    "DTSTART;TZID=Europe/London:20270701T090000",
    "DTEND;TZID=Europe/London:20270701T100000",
    "LOCATION:Red room",
    "DESCRIPTION:First line\\nsecond line",
    "STATUS:TENTATIVE",
)
HOLIDAY = event("holiday", "SUMMARY:Holiday", "DTSTART;VALUE=DATE:20270704", "DURATION:P2D", "TRANSP:TRANSPARENT")
FLOATING = event("floating", "SUMMARY:Lunch", "DTSTART:20270702T120000", "DTEND:20270702T130000")
EVENTS = """
SELECT event_id, summary, starts_at, ends_at, start_date, end_date, tzid, description, location_description, status, blocks
FROM events WHERE NOT deleted ORDER BY starts_at
"""


def test_the_events_of_a_file_are_imported(house: House, run: Run) -> None:
    """To the primary calendar of an account by its sub, with their zones; floating times in that of the account."""
    done = run("import", "--account", house.sub, "-", given=file(MEETING, HOLIDAY, FLOATING))
    assert done == (0, '{"created": 3, "updated": 0, "problems": 0}\n', "")
    at = [parse_instant(f"2027-07-{time}Z") for time in ("01T08:00:00", "01T09:00:00", "02T10:00:00", "02T11:00:00")]
    days = [parse_instant(f"2027-07-{day}T22:00:00Z") for day in ("03", "05")]
    found = [tuple(map(_plain, row)) for row in house.rows(EVENTS)]
    more = ("First line\nsecond line", "Red room", "tentative", True)
    assert found == [
        ("meeting@example.com", "Meeting, with tea", *at[:2], "", "", "Europe/London", *more),
        ("floating", "Lunch", *at[2:], "", "", "Europe/Paris", "", "", "confirmed", True),
        ("holiday", "Holiday", *days, "2027-07-04", "2027-07-06", "Europe/Paris", "", "", "confirmed", False),
    ]


def _plain(value: Any) -> Any:
    return "" if value is None else str(value) if isinstance(value, date) else value


def test_importing_again_changes_nothing_but_what_is_another(house: House, run: Run, tmp_path: Path) -> None:
    """An event is known by its UID. By the application's own id of the account, from a file."""
    ics = tmp_path / "ada.ics"
    ics.write_bytes(file(MEETING, FLOATING))
    assert run("import", "--account", "ada", str(ics)).stdout == '{"created": 2, "updated": 0, "problems": 0}\n'
    before = house.rows("SELECT event_id, event_uid FROM events ORDER BY key")
    ics.write_bytes(file(MEETING.replace("090000", "083000"), FLOATING))
    again = run("import", "--account", "ada", "--calendar", house.calendar_id, "--client", house.client_id, str(ics))
    assert again.stdout == '{"created": 0, "updated": 2, "problems": 0}\n'
    assert house.rows("SELECT event_id, event_uid FROM events ORDER BY key") == before
    [(starts_at,)] = house.rows("SELECT starts_at FROM events WHERE event_id = 'meeting@example.com'")
    assert starts_at == parse_instant("2027-07-01T07:30:00Z")


def test_what_cannot_be_read_is_listed_with_its_line(house: House, run: Run) -> None:
    """The rest is imported; with --strict nothing is."""
    broken = event("broken", "SUMMARY:Broken", "DTSTART:20270231T090000Z", "DTEND:20270301T090000Z")
    endless = event("a" * 300, "SUMMARY:No end", "DTSTART:20270801T090000Z")
    nowhere = event("nowhere", "DTSTART;TZID=Nowhere:20270801T090000", "DTEND;TZID=Nowhere:20270801T100000")
    gone = event("gone", "DTSTART:20270801T090000Z", "DTEND:20270801T100000Z", "STATUS:CANCELLED")
    given = file(MEETING, broken, endless, gone, nowhere)
    strict = run("import", "--account", house.sub, "--strict", "-", given=given)
    assert (strict.returncode, strict.stdout) == (1, "")
    assert strict.stderr.endswith("openings: nothing was imported, because of 3 problems\n")
    assert house.rows("SELECT COUNT(*) FROM events") == [(0,)]
    done = run("import", "--account", house.sub, "-", given=given)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"created": 1, "updated": 0, "problems": 3})
    lines = given.decode().split("\r\n")
    first, second, third = done.stderr.splitlines()
    assert first.startswith(f"line {lines.index('DTSTART:20270231T090000Z') + 1}: an event ")
    assert first.endswith(": DTSTART:20270231T090000Z")
    assert second == f"line {lines.index('UID:' + 'a' * 300)}: an event has something that cannot be stored: " + (
        "end must be after the start"
    )
    assert third == f"line {lines.index('UID:nowhere')}: an event is in a time zone that is not known"


WEEKLY = event(
    "weekly",
    "SUMMARY:Weekly",
    "DTSTART;TZID=Europe/Paris:20270104T090000",
    "DTEND;TZID=Europe/Paris:20270104T100000",
    "RRULE:FREQ=WEEKLY;COUNT=6",
    "RDATE;TZID=Europe/Paris:20270106T090000",
    "EXDATE;TZID=Europe/Paris:20270111T090000",
)
MOVED = event(
    "weekly",
    "SUMMARY:Moved",
    "RECURRENCE-ID;TZID=Europe/Paris:20270118T090000",
    "DTSTART;TZID=Europe/Paris:20270119T110000",
    "DTEND;TZID=Europe/Paris:20270119T113000",
)
CANCELLED = event(
    "weekly",
    "RECURRENCE-ID;TZID=Europe/Paris:20270125T090000",
    "DTSTART;TZID=Europe/Paris:20270125T090000",
    "STATUS:CANCELLED",
)
INSTANCES = "SELECT summary, starts_at FROM events WHERE NOT deleted AND recurrence IS NULL ORDER BY starts_at"


def test_a_series_is_imported_as_one(house: House, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its rules, and its instances that were changed or cancelled; importing again changes nothing."""
    monkeypatch.setattr("server.commands.calendar_files.clock", lambda: FAR)
    times = ["04T08:00", "06T08:00", "19T10:00"]
    starts = [parse_instant(f"2027-01-{time}:00Z") for time in times]
    starts += [parse_instant(f"2027-02-{day}T08:00:00Z") for day in ("01", "08")]
    for created in (2, 0):
        done = run("import", "--account", house.sub, "-", given=file(MOVED, WEEKLY, CANCELLED))
        assert json.loads(done.stdout) == {"created": created // 2, "updated": 2 - created // 2, "problems": 0}
        found = [tuple(row) for row in house.rows(INSTANCES)]
        assert found == [("Moved" if at == starts[2] else "Weekly", at) for at in starts]
        assert house.rows("SELECT COUNT(*) FROM events WHERE recurrence IS NOT NULL") == [(1,)]


def test_an_instance_that_is_changed_too_far_away_is_an_event_by_itself(
    house: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.commands.calendar_files.clock", lambda: FAR)
    yearly = event("yearly", "SUMMARY:Yearly", "DTSTART;VALUE=DATE:20200105", "RRULE:FREQ=YEARLY")
    far = event("yearly", "SUMMARY:Later", "RECURRENCE-ID;VALUE=DATE:20300105", "DTSTART;VALUE=DATE:20300107")
    done = run("import", "--account", house.sub, "-", given=file(yearly, far))
    assert json.loads(done.stdout) == {"created": 2, "updated": 0, "problems": 0}
    [(lines,)] = house.rows("SELECT recurrence FROM events WHERE recurrence IS NOT NULL")
    assert lines == "RRULE:FREQ=YEARLY\nEXDATE;VALUE=DATE:20300105"
    [(event_id,)] = house.rows("SELECT event_id FROM events WHERE summary = 'Later'")
    assert event_id == "yearly_20300105"


def test_a_series_that_cannot_be_taken_over_is_listed(house: House, run: Run) -> None:
    zone = "\r\n".join(
        (
            "BEGIN:VTIMEZONE",
            "TZID:Ours",
            "BEGIN:STANDARD",
            "DTSTART:19700101T000000",
            "TZOFFSETFROM:+0100",
            "TZOFFSETTO:+0100",
            "END:STANDARD",
            "END:VTIMEZONE",
        )
    )
    ours = event("ours", "DTSTART;TZID=Ours:20270104T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY")
    hourly = event("hourly", "DTSTART:20270104T090000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY")
    following = event("weekly", "RECURRENCE-ID;RANGE=THISANDFUTURE:20270118T080000Z", "DTSTART:20270118T090000Z")
    done = run("import", "--account", house.sub, "-", given=file(zone, ours, hourly, WEEKLY, following))
    assert json.loads(done.stdout) == {"created": 0, "updated": 0, "problems": 3}
    words = [line.partition(": ")[2] for line in done.stderr.splitlines()]
    assert words[0] == "an event recurs in a time zone without a name of IANA's"
    assert words[1].endswith("RRULE:FREQ=HOURLY")
    assert words[2] == "an event changes all following instances of a series at once, which is not taken over"


def test_a_long_file_is_imported_in_parts(house: House, run: Run) -> None:
    """And the terminal shows how far it is."""
    many = [
        event(f"e{n}", f"SUMMARY:Event {n}", f"DTSTART:2027{n % 12 + 1:02}01T{n % 24:02}0000Z", "DURATION:PT30M")
        for n in range(2500)
    ]
    done = run("import", "--account", house.sub, "-", given=file(*many))
    assert json.loads(done.stdout)["created"] == 2500
    assert done.stderr.splitlines() == ["1,000 of 2,500 events", "2,000 of 2,500 events", "2,500 of 2,500 events"]


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (["--account", "nobody"], b"", "there is no account 'nobody': openings account list shows all"),
        (
            ["--account", "ada", "--calendar", "cal_x"],
            file(MEETING),
            "the account has no calendar 'cal_x'; it has cal_",
        ),
        (["--account", "ada"], b"<html>", "the file is a web page and not a calendar"),
        (["--account", "ada"], file(MEETING)[:-17], "the file ends before its calendar does: it was cut off"),
        (["--account", "ada"], b"", "the file is empty"),
    ],
)
def test_a_mistake_ends_in_one_line(run: Run, arguments: list[str], given: bytes, words: str) -> None:
    done = run("import", *arguments, "-", given=given)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"openings: {words}")
    assert len(done.stderr.splitlines()) == 1


def test_two_accounts_with_one_id_have_to_be_told_apart(house: House, run: Run) -> None:
    """By their subs."""

    async def another() -> str:
        db = open_database(house.url)
        async with db.write() as session:
            client = await clients.find(session, house.client_id)
            assert client is not None
            made = await accounts.create_or_get(
                session, client.key, AccountKind.RESOURCE, "ada", FAR, scope="read_write"
            )
        await db.close()
        return made.sub

    sub = asyncio.run(another())
    done = run("export", "--account", "ada")
    assert (done.returncode, done.stdout) == (1, "")
    assert house.sub in done.stderr
    assert sub in done.stderr
    assert run("export", "--account", sub).returncode == 0


def test_an_exported_file_has_all_events_and_can_be_imported(house: House, run: Run) -> None:
    """However long ago they were. With --busy it says only when they block."""
    old = event("old", "SUMMARY:Long ago", "DTSTART:19990701T080000Z", "DTEND:19990701T090000Z")
    run("import", "--account", house.sub, "-", given=file(MEETING, HOLIDAY, old))
    exported = run("export", "--account", "ada")
    assert (exported.returncode, exported.stderr) == (0, "")
    found = Calendar.from_ical(exported.stdout)
    assert [str(each["SUMMARY"]) for each in found.walk("VEVENT")] == ["Long ago", "Meeting, with tea", "Holiday"]
    busy = Calendar.from_ical(run("export", "--account", "ada", "--busy").stdout)
    assert [str(each["SUMMARY"]) for each in busy.walk("VEVENT")] == ["Busy", "Busy"]
    again = run("import", "--account", house.sub, "-", given=exported.stdout.encode())
    assert json.loads(again.stdout) == {"created": 3, "updated": 0, "problems": 0}  # by the UIDs that they have here
    twice = house.rows("SELECT summary, starts_at, ends_at, COUNT(*) FROM events GROUP BY 1, 2, 3 ORDER BY 2")
    assert [row[3] for row in twice] == [2, 2, 2]
