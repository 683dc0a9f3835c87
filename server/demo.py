"""Demo data: two people and two rooms with a working week before them, so that the first query has something to find."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.access import Actor
from core.accounts import AccountKind
from core.events import EventDraft
from core.instants import DAY, MINUTE, Instant
from core.limits import Limits
from core.scopes import READ_WRITE
from db import accounts, clients
from db import calendars as db_calendars
from db.database import Database
from resolvers.accounts import authorize
from resolvers.calendars import list_calendars
from resolvers.context import Context
from resolvers.events import upsert_events

CLIENT_ID = "demo"

_DAYS = 14

# Each day's events of an account: from and until, in minutes of the UTC day, and what it is.
_DAYS_OF = {
    "ada": [(9 * 60, 10 * 60, "Stand-up and post"), (13 * 60, 14 * 60, "Lunch with a supplier")],
    "ben": [(10 * 60 + 30, 11 * 60 + 30, "Store tour"), (15 * 60, 16 * 60, "Interview")],
    "red-room": [(9 * 60, 12 * 60, "Workshop")],
    "blue-room": [(14 * 60, 17 * 60, "Board meeting")],
}
_KINDS = {
    "ada": AccountKind.APPLICATION_CALENDAR,
    "ben": AccountKind.APPLICATION_CALENDAR,
    "red-room": AccountKind.RESOURCE,
    "blue-room": AccountKind.RESOURCE,
}


@dataclass(frozen=True, slots=True)
class Cast:
    """Whom the examples are about."""

    client_id: str
    people: tuple[str, str]
    rooms: tuple[str, str]
    #: of the first person
    calendar_id: str


NOBODY = Cast(
    client_id="your client id",
    people=("apc_… the sub of a calendar", "apc_… and of another"),
    rooms=("res_… the sub of a room", "res_… and of another"),
    calendar_id="cal_… from the calendars query",
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the terminal shows: new at every start, because only digests are stored."""

    client_id: str
    client_secret: str
    access_token: str


async def prepare(db: Database, now: Instant) -> Credentials:
    """Brings the demo client, its accounts and their events up to date, and gives fresh credentials for them."""
    secret = secrets.token_urlsafe(32)
    ctx = Context(db, Actor(), now, Limits())
    async with db.write() as session:
        client = await clients.ensure(session, db.encryption, CLIENT_ID, secret, now, name="Demo")
        # Without the client's secret and its plan: the demo starts whatever its plan leaves out.
        made = {name: await authorize(ctx, session, client, kind, name, READ_WRITE) for name, kind in _KINDS.items()}
    for name, authorization in made.items():
        await _fill(replace(ctx, caller=Actor(client, authorization.account.key, READ_WRITE)), name)
    return Credentials(CLIENT_ID, secret, made["ada"].tokens.access_token)


async def cast(db: Database) -> Cast:
    """The demo accounts, for examples that run as they are; NOBODY when they are not there."""
    async with db.read() as session:
        client = await clients.find(session, CLIENT_ID)
        if client is None:
            return NOBODY
        found = [await accounts.find(session, client.key, kind, name) for name, kind in _KINDS.items()]
        ada, ben, red, blue = found
        if ada is None or ben is None or red is None or blue is None:
            return NOBODY
        calendar = (await db_calendars.list_calendars(session, ada.key))[0]
    return Cast(CLIENT_ID, (ada.sub, ben.sub), (red.sub, blue.sub), calendar.calendar_id)


async def _fill(ctx: Context, name: str) -> None:
    primary, *_ = await list_calendars(ctx)
    await upsert_events(ctx, primary.calendar_id, list(_events(name, ctx.now)))


def _events(name: str, now: Instant) -> Iterator[EventDraft]:
    """The coming days' events; their ids are of the day, so that tomorrow's start replaces what today's has made."""
    today = now // DAY
    for day in range(today, today + _DAYS):
        for number, (start, end, summary) in enumerate(_DAYS_OF[name]):
            begin = day * DAY + start * MINUTE
            yield EventDraft(f"demo-{day}-{number}", summary, begin, day * DAY + end * MINUTE)
