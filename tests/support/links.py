"""Booking links as values of the core, and callbacks about them."""

from core.booking_life import Booking, BookingStatus, Visitor
from core.durations import Duration
from core.events import EventDraft
from core.instants import DAY, HOUR
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member
from core.real_time_scheduling import CallbackKind, CallbackUrls, Completed, Link, Open, SchedulingRequest, State
from db import callbacks, clients
from db.database import Database, Session
from tests.conftest import NOW

from .api import CLIENT_ID

NINE = NOW + DAY + 9 * HOUR
OPEN = Open()
ADA, BEN = "apc_5a1cd5b2f2e8f0e1c4a0f3d7", "apc_0b6f8a7e2d3c4b5a69788796"
BOOKING = Booking(
    *("bkg_5d0c2f64b1a09e8d7c6b5a49", BookingStatus.CONFIRMED, NINE, NINE + HOUR, [ADA, BEN], NOW, NOW),
    visitor=Visitor(tzid="America/New_York"),
)
COMPLETED = Completed(NINE, NINE + HOUR, [ADA, BEN], "Europe/Paris", BOOKING)
URL = "https://openings.example.com/book/a-token"


def make_link(client_key: int, *, to: str | None = None, state: State = COMPLETED, description: str = "") -> Link:
    """A link of the client, whose callbacks all go to the URL `to`."""
    both = [Group([Member(ADA), Member(BEN)])]
    query = AvailabilityQuery(both, Duration(minutes=60), query_periods=[Period(NINE, NINE + 3 * HOUR)])
    event = EventDraft("interview-17", "Interview — 面接", 0, 1, description, "Europe/London")
    request = SchedulingRequest(query, event, callback_urls=CallbackUrls(to, to, to))
    return Link("sch_64b1859e8090ea21640c915f", client_key, request, state)


async def client_key(session: Session, client_id: str = CLIENT_ID) -> int:
    """Returns the primary key of a client, by default the tests' one."""
    client = await clients.find(session, client_id)
    assert client is not None
    return client.key


async def create_clients(db: Database, count: int) -> list[str]:
    """Creates clients, and returns their ids."""
    async with db.write() as session:
        return [(await clients.create(session, db.encryption, f"client {n}", NOW))[0] for n in range(count)]


async def enqueue_callback(db: Database, to: str | None, *, now: int = NOW, client_id: str = CLIENT_ID) -> str:
    """Enqueues a callback about a booking for a client, and returns its delivery id."""
    async with db.write() as session:
        given = make_link(await client_key(session, client_id), to=to)
        kind = CallbackKind.COMPLETED
        return await callbacks.enqueue(session, given, kind, url=URL, visitor_tzid="Asia/Tokyo", now=now) or ""
