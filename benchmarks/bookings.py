"""Bookings a second over a socket, on SQLite and on PostgreSQL, compared with the minimum that a booking requires.

That floor is not a server: one task per connection locks two calendars, inserts an event on each, changes their
versions and commits, without checking free time. Both wait for the disk.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count, takewhile
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple, TypeAlias

import asyncpg
import orjson
import uvloop

from core.instants import DAY, HOUR, Instant, format_instant
from db.drivers.dialects import POSTGRESQL, SQLITE, Dialect

from .measure import Table, percentile, progress
from .questions import APPLICATION_CALENDAR
from .servers import CLIENT_ID, DATABASES, SECRET, ours, running
from .wire import Line, beat, connections, flood, request
from .workloads import SEED, START

WORKERS, CONNECTIONS, CROWD = 2, 8, 20
#: required bookings a second on PostgreSQL
LEAST = 300
MEMBERS, DAYS, STARTS_A_DAY = 200, 60, 8
#: floor and ours alternate: how often, and seconds each time
TURNS, TURN_SECONDS = 4, 1.0
#: concurrent requests for one start, and how often that is measured
CROWDED = 15

BOOK_SLOT = """
mutation ($input: BookSlotInput!) {
  bookSlot(input: $input) {
    __typename
    ... on Booked { start end participants { sub } events { eventUid calendarId } }
    ... on SlotTaken { nextSlots { start end } }
  }
}
"""
HOLD_SLOT = """
mutation ($input: HoldSlotInput!) {
  holdSlot(input: $input) { __typename ... on Booked { booking { id } } }
}
"""
MOVE = """
mutation ($input: RescheduleBookingInput!) {
  rescheduleBooking(input: $input) { __typename ... on Booked { start } }
}
"""
BOOKED, TAKEN = b'{"data":{"bookSlot":{"__typename":"Booked"', b'{"data":{"bookSlot":{"__typename":"SlotTaken"'


class Slot(NamedTuple):
    """A meeting of two people, by their numbers, and its start."""

    pair: Sequence[int]
    start: Instant


#: books each of these slots once, and returns their number
Book: TypeAlias = Callable[[Iterator[Slot]], int]


def run() -> None:
    """Prints a row for each database."""
    table = Table(
        f"Bookings of an hour with two of {MEMBERS} people, each at a time when both are free: bookings a second with "
        f"{WORKERS} workers and {CONNECTIONS} connections, and the ratio to the floor. Then slots held, and moved to "
        f"other times. Then {CROWD} requests for the same hour: milliseconds until all of them are answered, p50 / p99.",
        ["database", "floor", "ours", "of the floor", "at least", "met", "held", "moved", f"{CROWD} at once"],
        name="bookings",
    )
    for database, opened in DATABASES.items():
        with TemporaryDirectory(prefix="openings-benchmarks-") as folder, opened(Path(folder)) as url:
            progress(f"bookings on {database}")
            floor, own, held, moved, crowd = measured(Path(folder), url)
            bar = ("–", "–") if database == "SQLite" else (LEAST, "yes" if own >= LEAST else "no")
            quantiles = " / ".join(f"{percentile(crowd, percent) * 1000:.0f}" for percent in (50, 99))
            rates = (f"{each:,.0f}/s" for each in (held, moved))
            table.row(database, f"{floor:,.0f}/s", f"{own:,.0f}/s", f"{own / floor:.2f} ×", *bar, *rates, quantiles)


def measured(folder: Path, url: str) -> tuple[float, float, float, float, list[float]]:
    """The best rates of the floor and of ours, the rates of holds and of moves, and the seconds of each crowd."""
    server = ours(folder, url, WORKERS)
    opened = bare_on_sqlite if url.startswith("sqlite") else bare_on_postgresql
    with running(server):
        with connections({"": server}) as lines:
            subs = [make(lines[""][0], number) for number in range(MEMBERS)]
        slots, bodies = free_slots(), Bodies(subs)
        with connections({"": server}, CONNECTIONS) as lines, opened(url) as bare:
            rates = [(rate(bare, slots), rate(over(lines[""], bodies), slots)) for _ in range(TURNS)]
            held, moved = held_and_moved(lines[""], bodies, slots)
        with connections({"": server}, CROWD) as crowd:
            times = [answered(crowd[""], bodies.of(next(slots))) for _ in range(CROWDED)]
    floors, own = zip(*rates, strict=True)
    return max(floors), max(own), held, moved, times


def held_and_moved(lines: Sequence[Line], bodies: "Bodies", slots: Iterator[Slot]) -> tuple[float, float]:
    """How many slots a second are held, and how many of these are then moved to another time."""
    held: list[str] = []

    def hold(slots: Iterator[Slot]) -> int:
        for line in flood(lines, (next(bodies.of(slot, HOLD_SLOT)) for slot in slots)):
            held.append(orjson.loads(bytes(line.answer))["data"]["holdSlot"]["booking"]["id"])
        return len(held)

    holds = rate(hold, slots)
    began = perf_counter()
    # Each to a day of its own, when everybody is free.
    requests = (move(booking_id, START + (DAYS + 1 + n) * DAY) for n, booking_id in enumerate(held))
    done = 0
    for line in flood(lines, requests):
        if orjson.loads(bytes(line.answer))["data"]["rescheduleBooking"]["__typename"] != "Booked":
            raise AssertionError(bytes(line.answer))
        done += 1
    return holds, done / (perf_counter() - began)


def move(booking_id: str, start: Instant) -> bytes:
    """The request to move a booking."""
    given = {"bookingId": booking_id, "start": format_instant(start)}
    return request(orjson.dumps({"query": MOVE, "variables": {"input": given}}))


def rate(book: Book, slots: Iterator[Slot]) -> float:
    """Bookings a second."""
    began = perf_counter()
    done = book(takewhile(lambda _: perf_counter() - began < TURN_SECONDS, slots))
    return done / (perf_counter() - began)


def free_slots() -> Iterator[Slot]:
    """Random slots that do not conflict with each other."""
    chance, taken = Random(SEED), set[tuple[int, Instant]]()
    while True:
        pair = chance.sample(range(MEMBERS), 2)
        start = START + chance.randrange(DAYS) * DAY + (9 + chance.randrange(STARTS_A_DAY)) * HOUR
        if taken.isdisjoint((who, start) for who in pair):
            taken.update((who, start) for who in pair)
            yield Slot(pair, start)


def make(line: Line, number: int) -> str:
    """Creates an application calendar, and returns its sub."""
    given = {"clientId": CLIENT_ID, "clientSecret": SECRET, "applicationCalendarId": str(number)}
    return line.data(APPLICATION_CALENDAR % "sub", "", **given)["applicationCalendar"]["sub"]


class Bodies:
    """Requests for slots: both people, and the day's hours from nine to five. Every event has its own id."""

    def __init__(self, subs: Sequence[str]) -> None:
        self._subs = subs
        self._ids = count()

    def of(self, slot: Slot, query: str = BOOK_SLOT) -> Iterator[bytes]:
        """Any number of requests for one slot."""
        nine = slot.start // DAY * DAY + 9 * HOUR
        members = [{"sub": self._subs[who]} for who in slot.pair]
        availability = {
            "participants": [{"required": "all", "members": members}],
            "requiredDuration": {"minutes": 60},
            "queryPeriods": [{"start": format_instant(nine), "end": format_instant(nine + STARTS_A_DAY * HOUR)}],
        }
        for number in self._ids:
            event = {"eventId": f"booking {number}", "summary": "Meeting"}
            given = {"availability": availability, "start": format_instant(slot.start), "event": event}
            yield request(orjson.dumps({"query": query, "variables": {"input": given}}))


def over(lines: Sequence[Line], bodies: Bodies) -> Book:
    """Books through a server, one booking at a time on each connection."""

    def book(slots: Iterator[Slot]) -> int:
        done = 0
        for line in flood(lines, (next(bodies.of(slot)) for slot in slots)):
            if not bytes(line.answer).startswith(BOOKED):
                raise AssertionError(bytes(line.answer))
            done += 1
        return done

    return book


def answered(lines: Sequence[Line], requests: Iterator[bytes]) -> float:
    """Seconds until all concurrent requests for one slot are answered: one is booked, all others are refused."""
    longest = max(beat(lines, requests))
    answers = [bytes(line.answer) for line in lines]
    if sorted(answer.startswith(TAKEN) for answer in answers) != [False] + [True] * (len(lines) - 1):
        raise AssertionError(answers)
    return longest


class Bare:
    """The statements of a booking without any checks. `$1` is the two calendars."""

    def __init__(self, spelling: Dialect) -> None:
        among = spelling.in_array(1, "bigint")
        self.hold = f"SELECT key, version FROM calendars WHERE key {among} ORDER BY key {spelling.row_lock}"
        self.insert = f"""
INSERT INTO events (calendar_key, event_id, event_uid, summary, description, starts_at, ends_at, tzid, transparency, status,
                    blocks, deleted, created_at, updated_at)
SELECT key, CAST($2 AS TEXT), CAST($2 AS TEXT) || key, 'Meeting', '', $3, $4, 'Etc/UTC', 'opaque', 'confirmed', TRUE, FALSE, 0, 0
FROM calendars WHERE key {among}
"""
        self.change = f"UPDATE calendars SET version = version + 1 WHERE key {among}"


KEYS = "SELECT key FROM calendars ORDER BY key"


@contextmanager
def bare_on_postgresql(url: str) -> Generator[Book]:
    """One task with its own connection for each connection to the server."""
    bare = Bare(POSTGRESQL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:

        async def open_all() -> list[asyncpg.Connection]:
            return [await asyncpg.connect(url) for _ in range(CONNECTIONS)]

        async def book_on(connection: asyncpg.Connection, slots: Iterator[Slot]) -> int:
            done = 0
            for slot in slots:
                pair = [keys[who] for who in slot.pair]
                async with connection.transaction():
                    await connection.fetch(bare.hold, pair)
                    await connection.execute(bare.insert, pair, f"bare {slot}", slot.start, slot.start + HOUR)
                    await connection.execute(bare.change, pair)
                done += 1
            return done

        async def book(slots: Iterator[Slot]) -> int:
            return sum(await asyncio.gather(*(book_on(connection, slots) for connection in opened)))

        opened = runner.run(open_all())
        keys = [row["key"] for row in runner.run(opened[0].fetch(KEYS))]
        yield lambda slots: runner.run(book(slots))
        for connection in opened:
            runner.run(connection.close())


@contextmanager
def bare_on_sqlite(url: str) -> Generator[Book]:
    """One connection, because SQLite allows one writer."""
    bare = Bare(SQLITE)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"), 10, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        keys = [key for (key,) in connection.execute(KEYS)]

        def book(slots: Iterator[Slot]) -> int:
            done = 0
            for slot in slots:
                pair = SQLITE.array_param([keys[who] for who in slot.pair])
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(SQLITE.positional(bare.hold), (pair,)).fetchall()
                values = (pair, f"bare {slot}", slot.start, slot.start + HOUR)
                connection.execute(SQLITE.positional(bare.insert), values)
                connection.execute(SQLITE.positional(bare.change), (pair,))
                connection.execute("COMMIT")
                done += 1
            return done

        yield book
