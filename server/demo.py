"""Demo data: two people and two rooms with events in the coming two weeks, so that the first query finds something."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.access import Actor
from core.accounts import AccountKind, Profile
from core.events import EventDraft
from core.instants import DAY, MINUTE, Instant
from core.limits import Limits
from core.scopes import READ_WRITE
from db import accounts, clients
from db import calendars as db_calendars
from db.database import Database
from db.drivers.base import Snapshot
from resolvers.accounts import authorize
from resolvers.calendars import list_calendars
from resolvers.context import Context
from resolvers.events import upsert_events

CLIENT_ID = "demo"

_DAYS = 14

# Each day's events of an account: start and end in minutes of the UTC day, and the summary.
_DAILY_EVENTS = {
    "ada": [(9 * 60, 10 * 60, "Stand-up and post"), (13 * 60, 14 * 60, "Lunch with a supplier")],
    "ben": [(10 * 60 + 30, 11 * 60 + 30, "Store tour"), (15 * 60, 16 * 60, "Interview")],
    "red-room": [(9 * 60, 12 * 60, "Workshop")],
    "blue-room": [(14 * 60, 17 * 60, "Board meeting")],
}
_ACCOUNTS = {
    "ada": (AccountKind.USER, Profile("Ada", "ada@example.com")),
    "ben": (AccountKind.USER, Profile("Ben", "ben@example.com")),
    "red-room": (AccountKind.RESOURCE, Profile("Red room")),
    "blue-room": (AccountKind.RESOURCE, Profile("Blue room")),
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
        found = [await accounts.find(session, client.key, kind, name) for name, (kind, _) in _ACCOUNTS.items()]
        ada, ben, red, blue = found
        if ada is None or ben is None or red is None or blue is None:
            return NOBODY
        calendars = await db_calendars.of_accounts(Snapshot(session), [ada.key])
    return Cast(CLIENT_ID, (ada.sub, ben.sub), (red.sub, blue.sub), calendars[ada.key][0].calendar_id)


async def _fill(ctx: Context, name: str) -> None:
    primary, *_ = await list_calendars(ctx)
    await upsert_events(ctx, primary.calendar_id, list(_events(name, ctx.now)))


def _events(name: str, now: Instant) -> Iterator[EventDraft]:
    """The events of the coming days. Ids contain the day, so tomorrow's start replaces the events of today's."""
    today = now // DAY
    for day in range(today, today + _DAYS):
        for number, (start, end, summary) in enumerate(_DAILY_EVENTS[name]):
            begin = day * DAY + start * MINUTE
            yield EventDraft(f"demo-{day}-{number}", summary, begin, day * DAY + end * MINUTE)
