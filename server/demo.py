"""Demo data: the calendars of a small chain of stores for two weeks.

Ada manages store 42, Ben the region. They interview candidates in two rooms, their stand at an expo takes visits, and
Chloe mills signs and stairs in their workshop. The README, the examples of GraphiQL and the pictures in the docs are about
the same people and the same Tuesday.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from core.access import Actor
from core.accounts import EMPTY_PROFILE, AccountKind, Profile
from core.events import EventDraft, EventStatus
from core.instants import DAY, HOUR, MINUTE, Instant
from core.limits import Limits
from core.scopes import READ_WRITE
from db import accounts, clients
from db import calendars as db_calendars
from db.database import Database
from db.drivers.base import Snapshot
from db.retries import retry_transaction
from resolvers.accounts import authorize
from resolvers.calendars import list_calendars
from resolvers.context import Context
from resolvers.events import upsert_events

CLIENT_ID = "demo"

_DAYS = 14
_MONDAY, _TUESDAY, _WEDNESDAY, _THURSDAY, _FRIDAY = range(5)
_EPOCH = date(1970, 1, 1)

_ACCOUNTS = {
    "ada": (AccountKind.USER, Profile("Ada", "ada@example.com")),
    "ben": (AccountKind.USER, Profile("Ben", "ben@example.com")),
    "chloe": (AccountKind.USER, Profile("Chloe", "chloe@example.com")),
    "red-room": (AccountKind.RESOURCE, Profile("Red room")),
    "blue-room": (AccountKind.RESOURCE, Profile("Blue room")),
    "milling-machine": (AccountKind.RESOURCE, Profile("Milling machine")),
    "expo-stand-7": (AccountKind.APPLICATION_CALENDAR, EMPTY_PROFILE),
}

#: each account's events by weekday: from and to on the clock of UTC, and the summary; a summary alone
#: for the whole day. A question mark at its end makes the event tentative
_WEEK = {
    "ada": {
        _MONDAY: ["09:00-10:30 Plan for the week", "14:00-15:00 Call with head office"],
        _TUESDAY: ["09:00-10:00 Stand-up and post", "13:00-14:00 Lunch with a supplier"],
        _WEDNESDAY: ["09:00-09:30 Stand-up", "10:00-12:00 Stocktaking"],
        _THURSDAY: ["09:00-10:00 Delivery", "15:00-16:30 Interview: assistant manager"],
        _FRIDAY: ["09:00-09:30 Stand-up", "13:00-15:00 Rota of next week?"],
    },
    "ben": {
        _MONDAY: ["10:00-12:00 Sales figures"],
        _TUESDAY: ["10:30-12:00 Store tour", "14:00-16:00 Interviews"],
        _WEDNESDAY: ["Visit to store 51"],
        _THURSDAY: ["09:00-11:00 Budget", "13:00-14:00 Lunch with the landlord"],
        _FRIDAY: ["11:00-12:00 Call with head office"],
    },
    "chloe": {
        _MONDAY: ["08:00-11:00 Stair rails"],
        _TUESDAY: ["08:00-10:00 Sign for store 42", "12:00-12:30 Lunch"],
        _WEDNESDAY: ["12:00-12:30 Lunch", "13:00-17:00 Maintenance"],
        _THURSDAY: ["12:00-12:30 Lunch", "14:00-17:00 Safety training"],
        _FRIDAY: ["Day off"],
    },
    "red-room": {
        _MONDAY: ["13:00-15:00 Supplier meeting"],
        _TUESDAY: ["09:00-12:00 Workshop"],
        _THURSDAY: ["14:00-17:00 Safety training"],
        _FRIDAY: ["09:00-11:00 Review of the month"],
    },
    "blue-room": {
        _MONDAY: ["09:00-10:30 Plan for the week"],
        _TUESDAY: ["14:00-17:00 Board meeting"],
        _THURSDAY: ["15:00-16:30 Interview: assistant manager"],
    },
    "milling-machine": {
        _MONDAY: ["08:00-11:00 Stair rails"],
        _TUESDAY: ["08:00-10:00 Sign for store 42"],
        _WEDNESDAY: ["13:00-17:00 Maintenance"],
    },
    "expo-stand-7": {
        _WEDNESDAY: [
            "10:00-10:30 Visit: Northgate Bakery",
            "10:30-11:00 Visit: Harbour Cafés",
            "14:00-14:30 Visit: press",
        ],
        _THURSDAY: ["10:00-10:30 Visit: City Library", "11:00-11:30 Visit: Lindqvist & Daughters", "15:00-16:00 Panel"],
    },
}


@dataclass(frozen=True, slots=True)
class Cast:
    """The accounts that the examples use."""

    client_id: str
    people: tuple[str, str]
    rooms: tuple[str, str]
    #: the first person's calendar
    calendar_id: str


NOBODY = Cast(
    client_id="your client id",
    people=("acc_… the sub of a person", "acc_… the sub of another"),
    rooms=("res_… the sub of a room", "res_… the sub of another"),
    calendar_id="cal_… from the calendars query",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials that the terminal shows. The access token is new at every start, because only its digest is
    stored.
    """

    client_id: str
    client_secret: str
    access_token: str


@retry_transaction
async def prepare(db: Database, now: Instant) -> Credentials:
    """Creates or updates the demo client, its accounts and their events. Returns its secret, and a new token."""
    ctx = Context(db, Actor(), now, Limits())
    async with db.write() as session:
        # The same at every start, so that what uses it goes on working.
        secret = await clients.secret(session, db.encryption, CLIENT_ID) or secrets.token_urlsafe(32)
        client = await clients.ensure(session, db.encryption, CLIENT_ID, secret, now, name="Demo")
        # Past the check of the secret and of the plan: the demo starts whichever features are switched off.
        authorizations = {
            name: await authorize(ctx, session, client, kind, name, READ_WRITE, profile)
            for name, (kind, profile) in _ACCOUNTS.items()
        }
    for name, authorization in authorizations.items():
        await _fill(replace(ctx, caller=Actor(client, authorization.account.key, READ_WRITE)), name)
    return Credentials(CLIENT_ID, secret, authorizations["ada"].tokens.access_token)


async def cast(db: Database) -> Cast:
    """The demo accounts, with which the examples run unchanged; NOBODY if there are none."""
    async with db.read() as session:
        client = await clients.find(session, CLIENT_ID)
        if client is None:
            return NOBODY
        found = [
            account
            for name in ("ada", "ben", "red-room", "blue-room")
            if (account := await accounts.find(session, client.key, _ACCOUNTS[name][0], name)) is not None
        ]
        if len(found) < 4:
            return NOBODY
        ada, ben, red, blue = found
        calendars = await db_calendars.of_accounts(Snapshot(session), [ada.key])
    return Cast(CLIENT_ID, (ada.sub, ben.sub), (red.sub, blue.sub), calendars[ada.key][0].calendar_id)


def nine_on_tuesday(now: Instant) -> Instant:
    """Returns nine o'clock on the next Tuesday, the day that the examples are about."""
    today = now // DAY
    return (today + 1 + (_TUESDAY - _weekday(today + 1)) % 7) * DAY + 9 * HOUR


async def _fill(ctx: Context, name: str) -> None:
    primary, *_ = await list_calendars(ctx)
    await upsert_events(ctx, primary.calendar_id, list(_events(name, ctx.now)))


def _weekday(day: int) -> int:
    """Returns the weekday of a day since 1970, which began with a Thursday."""
    return (day + _THURSDAY) % 7


def _events(name: str, now: Instant) -> Iterator[EventDraft]:
    """The events of the coming days. Ids contain the day, so tomorrow's start replaces the events of today's."""
    today = now // DAY
    for day in range(today, today + _DAYS):
        for number, line in enumerate(_WEEK[name].get(_weekday(day), ())):
            yield _draft(f"demo-{day}-{number}", day, line)


def _draft(event_id: str, day: int, line: str) -> EventDraft:
    """Returns the event that a line of `_WEEK` describes."""
    hours, _, rest = line.partition(" ")
    status = EventStatus.TENTATIVE if line.endswith("?") else EventStatus.CONFIRMED
    if hours[0].isdigit():
        start, end = (day * DAY + _minutes(clock) * MINUTE for clock in hours.split("-"))
        return EventDraft(event_id, rest.rstrip("?"), start, end, status=status)
    first = _EPOCH + timedelta(days=day)
    return EventDraft(event_id, line.rstrip("?"), first, first + timedelta(days=1), status=status)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
