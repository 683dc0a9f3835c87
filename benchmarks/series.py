"""Availability of members whose events recur, beside the same events one by one: `python -m benchmarks series`.

Ten members with 50 weekly series each, which begin a year before, or with single events at the same times. Facts are
loaded anew for every query, as the first query after a write does. What one change of a series takes is shown as well.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from core.access import Actor
from core.durations import Duration
from core.events import EventDraft
from core.instants import DAY, HOUR, MINUTE
from core.limits import Limits
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from core.recurring_events import RecurringEvent, window_of
from db import calendars, clients
from db.database import Database
from db.encryption import Encryption
from db.migrate import migrate
from resolvers.application_calendars import get_or_create
from resolvers.availability import availability
from resolvers.context import Context
from resolvers.events import upsert_event, upsert_events

from .measure import Table, progress
from .servers import DATABASES
from .workloads import DAYS, SEED, START

CLIENT, SECRET = "series", "a-secret-of-the-benchmark-that-guards-nothing"
NOW = START - DAY
MEMBERS, SERIES, ROUNDS = 10, 50, 100
#: the required ratio of the medians
MOST = 1.2
RECURRING, SINGLE = "recurring", "one by one"


class Someone(NamedTuple):
    """An application calendar of the benchmark's client."""

    sub: str
    account_key: int
    calendar_id: str


def run() -> None:
    """Prints a row for each database."""
    table = Table(
        f"Availability of {MEMBERS} members with {SERIES} weekly series each over {DAYS} days, facts loaded anew, in "
        "milliseconds (median); and an upsert of one series, and of one instance of it.",
        ["database", SINGLE, RECURRING, "at most", "ratio", "holds", "upsert", "instance"],
        wide=13,
    )
    for name, opened in DATABASES.items():
        with TemporaryDirectory(prefix="openings-benchmarks-") as folder, opened(Path(folder)) as url:
            progress(f"series on {name}")
            table.row(name, *asyncio.run(measured(url)))


async def measured(url: str) -> Sequence[str]:
    """The cells of a row."""
    db = Database(url, encryption=lambda: Encryption(SECRET))
    await migrate(db)
    async with db.write() as session:
        client_key = await clients.ensure(session, db.encryption, CLIENT, SECRET, NOW, name=CLIENT)
    people = {kind: await fill(db, client_key, kind) for kind in (SINGLE, RECURRING)}
    times: dict[str, list[float]] = {SINGLE: [], RECURRING: []}
    answers: dict[str, object] = {}
    for _ in range(ROUNDS):
        for kind, members in people.items():
            context = Context(db, Actor(client_key, None, ""), NOW, Limits())
            began = perf_counter()
            answers[kind] = [(found.start, found.end) for found in await availability(context, question(members))]
            times[kind].append(perf_counter() - began)
    if answers[SINGLE] != answers[RECURRING] or not answers[SINGLE]:
        raise AssertionError("the answers differ")
    who = people[RECURRING][0]
    one = drafts(0)[0]
    moved = RecurringEvent(one).instances(window_of(NOW))
    some = sorted(moved.items(), key=lambda each: each[1].span())[60:80]
    upserts = [await took(lambda: upsert_event(as_account(db, client_key, who), who.calendar_id, one)) for _ in some]
    changes = [
        await took(lambda draft=draft: upsert_event(as_account(db, client_key, who), who.calendar_id, draft))
        for _, draft in some
    ]
    await db.close()
    ratio = median(times[RECURRING]) / median(times[SINGLE])
    shown = [f"{median(each) * 1000:.2f}" for each in (times[SINGLE], times[RECURRING], upserts, changes)]
    return [*shown[:2], f"{MOST} ×", f"{ratio:.2f} ×", "yes" if ratio <= MOST else "NO", *shown[2:]]


async def took(work: Callable[[], Awaitable[object]]) -> float:
    """Seconds of one call."""
    began = perf_counter()
    await work()
    return perf_counter() - began


def as_account(db: Database, client_key: int, who: Someone) -> Context:
    return Context(db, Actor(client_key, who.account_key, "read_write"), NOW, Limits())


async def fill(db: Database, client_key: int, kind: str) -> list[Someone]:
    """Makes the members with their events, as series or one by one."""
    people: list[Someone] = []
    for number in range(MEMBERS):
        nobody = Context(db, Actor(), NOW, Limits())
        made = (await get_or_create(nobody, CLIENT, SECRET, f"{kind} {number}", "read_write")).account
        async with db.read() as session:
            [calendar_id] = await calendars.keys_of_account(session, made.key)
        who = Someone(made.sub, made.key, calendar_id)
        series = drafts(number)
        if kind == SINGLE:
            instances = [
                EventDraft(f"{one.event_id} {at}", one.summary, each.start, each.end)
                for one in series
                for at, each in RecurringEvent(one).instances(window_of(NOW)).items()
            ]
            for begin in range(0, len(instances), 1000):
                await upsert_events(as_account(db, client_key, who), calendar_id, instances[begin : begin + 1000])
        else:
            await upsert_events(as_account(db, client_key, who), calendar_id, series)
        people.append(who)
    return people


def drafts(number: int) -> list[EventDraft]:
    """The series of a member: half hours at random times of the working week, since a year before."""
    chance = Random(SEED + number)
    starts = [
        START - 52 * 7 * DAY + chance.randrange(5) * DAY + (8 * 60 + chance.randrange(0, 600, 15)) * MINUTE
        for _ in range(SERIES)
    ]
    lines = ("RRULE:FREQ=WEEKLY",)
    return [
        EventDraft(f"series {place}", "Standup", start, start + HOUR // 2, recurrence=lines)
        for place, start in enumerate(starts)
    ]


def question(members: Sequence[Someone]) -> AvailabilityQuery:
    """Half an hour with all of them, in all the days that a query may ask about."""
    return AvailabilityQuery(
        [Group([Member(who.sub) for who in members])],
        Duration(minutes=30),
        query_periods=[Period(START, START + DAYS * DAY)],
        response_format=ResponseFormat.OVERLAPPING_SLOTS,
        start_interval=Duration(minutes=15),
        max_results=200,
    )
