"""Links: created, read and disabled by an application, and used by a visitor who has nothing but the link."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.access import Actor, is_application, require_application
from core.booking_life import Visitor
from core.bookings import SlotTaken
from core.errors import Key, NotFound, Problem, Problems, Unprocessable
from core.explanation import Explanation
from core.identity import is_scheduling_id
from core.instants import Instant
from core.member_statuses import CalendarNotKnown
from core.pages import Cursor, Page, PageRequest
from core.real_time_scheduling import (
    CallbackKind,
    ClosedError,
    Completed,
    Link,
    Open,
    SchedulingRequest,
    Status,
    check_display_message,
    completed,
    disabled,
    offered,
    offers,
)
from core.solver import Opening, all_known
from db import accounts, callbacks, clients, events
from db import real_time_scheduling as links
from db.database import Session
from db.drivers.keyed_locks import link_lock
from db.retries import retry_transaction

from .availability import explain_query
from .booking_attempts import BookingAttempt, LoadedBooking
from .context import Context
from .explanation import Wanted
from .known_calendars import or_not_known

MAX_OFFERED = 1000
"""Maximum number of starts found for a visitor at a time."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A link, and the starts to choose from."""

    link: Link
    #: possible meetings, soonest first; none unless the link is open
    openings: Sequence[Opening] = ()
    #: there are more openings, from this instant on
    more_from: Instant | None = None
    #: openings that there would be if all calendars were known
    not_known: Sequence[Opening] = ()


@retry_transaction
async def create(ctx: Context, request: SchedulingRequest) -> Link:
    """Creates a link. Requires the application's own key. Raises Unprocessable with every problem of the request."""
    client_key = require_application(await ctx.actor())
    problems = request.check(ctx.now, ctx.limits, private_callbacks=ctx.private_callbacks)
    if any(request.callback_urls.of(kind) for kind in CallbackKind):
        async with ctx.db.read(client_key) as session:
            if not await clients.can_sign(session, client_key):
                words = "cannot be signed for this application: give it a new secret with openings client secret"
                problems.add(("callback_urls",), Key.CONFLICT, words)
    booking = request.booking(ctx.now)
    attempt, query_problems = BookingAttempt(ctx, booking), booking.query_problems(ctx.limits, ctx.now)
    while True:
        loaded = await attempt.load(problems, query_problems)
        async with ctx.db.write(client_key) as session:
            # A member that was erased in between is unknown when it is loaded again.
            if await accounts.all_exist(session, [account.key for account in loaded.access.accounts.values()]):
                await _check_event_id(ctx, session, loaded, request)
                return await links.create(session, client_key, request, ctx.now)


async def _check_event_id(ctx: Context, session: Session, loaded: LoadedBooking, request: SchedulingRequest) -> None:
    """Raises Unprocessable if a calendar that the event may be written to has an event with its id already."""
    keys = [calendar.key for theirs in loaded.targets.values() for calendar in theirs]
    if await events.is_taken(session, keys, request.event.event_id, ctx.now):
        words = "is already the id of an event on one of the calendars"
        raise Unprocessable.of(("event", "event_id"), Key.DUPLICATE, words)


@retry_transaction
async def get(ctx: Context, scheduling_id: str | None, token: str | None) -> Link:
    """Returns the application's link with this id or token, exactly one of them. Raises NotFound or Unprocessable."""
    client_key = require_application(await ctx.actor())
    if (scheduling_id is None) is (token is None):
        key = Key.REQUIRED if token is None else Key.CONFLICT
        words = "give either an id or a token"
        paths = ["real_time_scheduling_id"] if token is None else ["real_time_scheduling_id", "token"]
        raise Unprocessable(problems=[Problem((path,), key, words) for path in paths])
    async with ctx.db.read(client_key) as session:
        if scheduling_id is not None:
            return await _own(session, client_key, scheduling_id, "real_time_scheduling_id")
        return await _own(session, client_key, ctx.db.encryption.read_link_token(token or ""), "token")


@retry_transaction
async def list_links(ctx: Context, status: Status | None, request: PageRequest) -> Page[Link]:
    """Returns the application's links, oldest first. Raises Unprocessable."""
    problems = Problems()
    cursor = request.check(problems, most=ctx.limits.max_page)
    client_key = require_application(await ctx.actor())
    problems.raise_if_any()
    async with ctx.db.read(client_key) as session:
        found = await links.list_links(session, client_key, status, cursor, request.first + 1)
    page = Page[tuple[Link, Instant]].cut(found, request, lambda item: Cursor(item[1], item[0].scheduling_id))
    return page.map(lambda item: item[0])


@retry_transaction
async def explain_offer(ctx: Context, link: Link, wanted: Wanted) -> Explanation | None:
    """Explains what an open link offers, to its application. None for others, and once the link's time is over.

    Raises the Refusal of the link's own request if that can no longer be answered.
    """
    actor = await ctx.viewer()
    if not isinstance(link.state, Open) or not is_application(actor) or actor.client_key != link.client_key:
        return None
    query = offered(link, ctx.now)
    if query is None:
        return None
    return await explain_query(ctx, query, query.check(None, ctx.limits), wanted)


@retry_transaction
async def disable(ctx: Context, scheduling_id: str, display_message: str) -> Link:
    """Disables the application's link: visitors see the message instead. Returns the link.

    Raises NotFound, and Unprocessable for an invalid message or a completed link.
    """
    client_key = require_application(await ctx.actor())
    problems = Problems()
    check_display_message(display_message, ("display_message",), problems)
    problems.raise_if_any()
    async with ctx.db.write(client_key, [link_lock(client_key, scheduling_id)]) as session:
        link = await _own(session, client_key, scheduling_id, "real_time_scheduling_id", hold=True)
        try:
            state = disabled(link.state, display_message)
        except ClosedError:
            raise Unprocessable.of(("real_time_scheduling_id",), Key.CONFLICT, "is already completed") from None
        return await links.set_state(session, link, state, ctx.now)


async def get_by_token(ctx: Context, token: str) -> Link:
    """Returns the link with this token. Raises NotFound."""
    return (await _visited(ctx, token))[0]


@retry_transaction
async def offer(ctx: Context, token: str, since: Instant, tzid: str | None) -> Offer:
    """Returns the starts that a visitor can choose from, from `since` on.

    If there are none, the application is notified, with the visitor's zone `tzid`, or the page's if None.
    Raises NotFound, and the Refusal of the link's own request if that can no longer be answered.
    """
    link, acting = await _visited(ctx, token)
    if not isinstance(link.state, Open):
        return Offer(link)
    loaded = await BookingAttempt(acting, link.request.booking(ctx.now)).load()
    with ctx.timed("solve"):
        found = offers(link, loaded.facts, since, ctx.now, MAX_OFFERED + 1)
    known = all_known(loaded.facts)
    not_known = offers(link, known, since, ctx.now, MAX_OFFERED) if known is not None else []
    if not found and not not_known and since <= ctx.now:
        await _notify_no_times(ctx, link, CallbackKind.NO_TIMES_DISPLAYED, tzid or link.request.page_tzid)
    more_from = found[MAX_OFFERED].start if len(found) > MAX_OFFERED else None
    present = set(found)
    return Offer(link, found[:MAX_OFFERED], more_from, [each for each in not_known if each not in present])


async def book(ctx: Context, token: str, start: Instant, tzid: str) -> Link | SlotTaken | CalendarNotKnown:
    """Books a start for a visitor in the zone `tzid`. Returns the link after the booking, or alternative slots.

    Calendars elsewhere are fetched before if that was long ago.

    A link that is not open is returned unchanged. Raises NotFound, and the Refusal of the link's own request if
    that can no longer be answered.
    """
    link, acting = await _visited(ctx, token)
    if not isinstance(link.state, Open):
        return link
    request = replace(link.request.booking(start), visitor=Visitor(tzid=tzid))
    return await or_not_known(acting, _book(BookingAttempt(acting, request), link, tzid))


@retry_transaction
async def _book(attempt: BookingAttempt, link: Link, tzid: str) -> Link | SlotTaken:
    """One attempt. Locks the link, then the calendars, so that both change in one transaction, once."""
    loaded = await attempt.load(fresh=not attempt.may_have_written)
    ctx = attempt.ctx
    locks = [link_lock(link.client_key, link.scheduling_id), *loaded.locks]
    async with ctx.db.write(link.client_key, locks) as session:
        link = await _found(session, link.scheduling_id, hold=True)
        if not isinstance(link.state, Open):
            return link
        earliest, key = link.request.earliest(ctx.now), await links.key_of(session, link)
        answer = await attempt.book_under_lock(session, loaded, earliest, key)
        if isinstance(answer, SlotTaken):
            return answer
        booking = replace(answer.booking, scheduling_id=link.scheduling_id)  # as it is read from now on
        outcome = Completed(booking.start, booking.end, tuple(booking.participants), tzid, booking)
        link = await links.set_state(session, link, completed(link.state, outcome), ctx.now)
        await _enqueue(ctx, session, link, CallbackKind.COMPLETED, tzid)
    return link


async def report_no_suitable_time(ctx: Context, token: str, tzid: str) -> Link:
    """Notifies the application that no time suits a visitor. Returns the link. Raises NotFound."""
    link, _ = await _visited(ctx, token)
    await _notify_no_times(ctx, link, CallbackKind.NO_TIMES_SUITABLE, tzid)
    return link


@retry_transaction
async def _notify_no_times(ctx: Context, link: Link, kind: CallbackKind, tzid: str) -> None:
    """Notifies the application if it has a URL for this, the link is open, and it was not notified recently."""
    if link.request.callback_urls.of(kind) is None:
        return
    async with ctx.db.write(link.client_key, [link_lock(link.client_key, link.scheduling_id)]) as session:
        if await links.may_notify(session, link, kind, ctx.now):
            await _enqueue(ctx, session, link, kind, tzid)


async def _enqueue(ctx: Context, session: Session, link: Link, kind: CallbackKind, tzid: str) -> None:
    await callbacks.enqueue(session, link, kind, url=ctx.link_url(link), visitor_tzid=tzid, now=ctx.now)


@retry_transaction
async def _visited(ctx: Context, token: str) -> tuple[Link, Context]:
    """Returns the link with this token, and a context with its application as the caller. Raises NotFound."""
    async with ctx.db.read(None) as session:  # whose link it is, is found out here
        link = await _found(session, ctx.db.encryption.read_link_token(token))
        without = await clients.disabled_features(session, link.client_key)
    return link, replace(ctx, caller=Actor(link.client_key, disabled_features=without))


async def _own(session: Session, client_key: int, scheduling_id: str | None, name: str, *, hold: bool = False) -> Link:
    """Returns the application's link with this id. Raises NotFound, with `name` as the path of the problem."""
    link = (
        await links.find(session, scheduling_id, lock=hold)
        if scheduling_id and is_scheduling_id(scheduling_id)
        else None
    )
    if link is None or link.client_key != client_key:
        raise NotFound(problems=[Problem((name,), Key.UNKNOWN, "is not a link of this application")])
    return link


async def _found(session: Session, scheduling_id: str | None, *, hold: bool = False) -> Link:
    """Returns the link with this id. Raises NotFound without details, since visitors see it."""
    link = await links.find(session, scheduling_id, lock=hold) if scheduling_id is not None else None
    if link is None:
        raise NotFound("There is no such link.")
    return link
