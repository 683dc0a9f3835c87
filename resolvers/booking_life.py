"""Bookings as they are now: one, a page of them, and what leads to them and from them in the graph.

All of it is for the application, by its own key: a booking names people of several accounts, and its visitor.
"""

from collections.abc import Iterable, Mapping, Sequence

from core.access import Actor, is_application, require_application
from core.booking_life import Booking, BookingStatus
from core.errors import Key, NotFound, Problem, Problems
from core.events import Event
from core.identity import is_booking_id, is_sub
from core.instants import Instant, Unreadable
from core.pages import Cursor, Page, PageRequest
from core.periods import check_window
from core.real_time_scheduling import Link
from db import booking_lists, booking_snapshots
from db import real_time_scheduling as links
from db.booking_lists import BookingFilter, StoredBooking, in_order
from db.database import Session
from db.retries import retry_transaction

from .context import Context


@retry_transaction
async def get(ctx: Context, booking_id: str) -> Booking:
    """Returns the application's booking with this id, and has its events ready. Raises NotFound."""
    client_key = require_application(await ctx.actor())
    statements = ctx.statements.for_client(client_key)
    found = await booking_snapshots.load(statements, booking_id, ctx.now) if is_booking_id(booking_id) else None
    if found is None or found.stored.client_key != client_key:
        raise unknown_booking()
    ctx.booked.append((found.stored.booking, found.present))
    return found.stored.booking


def unknown_booking() -> NotFound:
    """The refusal of a booking that is not there, or of another application."""
    return NotFound(problems=[Problem(("booking_id",), Key.UNKNOWN, "is not a booking of this application")])


@retry_transaction
async def list_bookings(
    ctx: Context,
    status: BookingStatus | None,
    sub: str | None,
    start: Instant | Unreadable | None,
    end: Instant | Unreadable | None,
    request: PageRequest,
    *,
    with_events: bool = False,
) -> Page[Booking]:
    """Returns the application's bookings in a state, of an account and in a window, soonest first. Raises Unprocessable.

    `with_events` has their events ready.
    """
    problems = Problems()
    window = check_window(start, end, problems)
    cursor = request.check(problems, most=ctx.limits.max_page)
    client_key = require_application(await ctx.actor())
    problems.raise_if_any()
    if sub is not None and not is_sub(sub):
        return _page([], request)
    wanted = BookingFilter(status, sub, *window)
    async with ctx.db.read(client_key) as session:
        found = await booking_lists.list_bookings(session, client_key, wanted, cursor, request.first + 1, ctx.now)
        if with_events:
            await _load_events(ctx, session, found)
    return _page([each.booking for each in found], request)


async def _load_events(ctx: Context, session: Session, found: Sequence[StoredBooking]) -> None:
    """Has the events ready of bookings that were read in the same session."""
    events = await booking_lists.events_of(session, [each.booking.booking_id for each in found], ctx.now)
    ctx.booked.extend((each.booking, in_order(events[each.booking.booking_id], each.calendar_ids)) for each in found)


@retry_transaction
async def of_events(ctx: Context, event_uids: Iterable[str]) -> Mapping[str, Booking]:
    """Returns the bookings that wrote these events, by the event's uid; none to a caller without the application's key."""
    viewer = await _viewer(ctx)
    if viewer.client_key is None or not is_application(viewer):
        return {}
    async with ctx.db.read(viewer.client_key) as session:
        return await booking_lists.of_events(session, viewer.client_key, {*event_uids}, ctx.now)


@retry_transaction
async def events_of(ctx: Context, given: Iterable[Booking]) -> Mapping[str, Sequence[Event]]:
    """Returns the events that each of the bookings has, by its id: those that it was loaded with, otherwise as they are now."""
    viewer, ids = await _viewer(ctx), {booking.booking_id: booking for booking in given}
    loaded = {id: events for id, booking in ids.items() for one, events in ctx.booked if one is booking}
    present = {
        id for id, booking in ids.items() if booking.status in (BookingStatus.HELD, BookingStatus.CONFIRMED)
    } - loaded.keys()
    if not present:
        return loaded
    async with ctx.db.read(viewer.client_key) as session:
        found = await booking_lists.find_all(session, present, ctx.now)
        events = await booking_lists.events_of(session, present, ctx.now)
    return loaded | {id: in_order(events[id], stored.calendar_ids) for id, stored in found.items()}


@retry_transaction
async def of_links(ctx: Context, given: Iterable[Link], request: PageRequest) -> Mapping[str, Page[Booking]]:
    """Returns a page of the bookings of each link, soonest first, by the link's id. Raises Unprocessable."""
    problems = Problems()
    cursor = request.check(problems, most=ctx.limits.max_page)
    problems.raise_if_any()
    viewer = await _viewer(ctx)
    own = {link.scheduling_id for link in given if is_application(viewer) and link.client_key == viewer.client_key}
    if not own:
        return {}
    async with ctx.db.read(viewer.client_key) as session:
        found = await booking_lists.of_links(session, own, cursor, request.first + 1, ctx.now)
    return {id: _page(each, request) for id, each in found.items()}


@retry_transaction
async def links_of(ctx: Context, given: Iterable[Booking]) -> Mapping[str, Link]:
    """Returns the links that bookings were made with, by the link's id."""
    viewer = await _viewer(ctx)
    ids = {booking.scheduling_id for booking in given} - {None}
    if not ids:
        return {}
    async with ctx.db.read(viewer.client_key) as session:
        found = await links.find_all(session, ids)
    return {id: link for id, link in found.items() if link.client_key == viewer.client_key}


def _page(found: list[Booking], request: PageRequest) -> Page[Booking]:
    return Page[Booking].cut(found, request, lambda booking: Cursor(booking.start, booking.booking_id))


async def _viewer(ctx: Context) -> Actor:
    """Returns the caller, for fields that a stored copy of the answer cannot be revalidated against."""
    ctx.forget_dependencies()
    return await ctx.viewer()
