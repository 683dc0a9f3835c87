"""Links: made, looked at and taken back by an application, and used by a visitor who has nothing but the link."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.access import Actor, require_application
from core.bookings import SlotTaken
from core.errors import Key, NotFound, Problem, Problems, Unprocessable
from core.identity import is_scheduling_id
from core.instants import Instant
from core.real_time_scheduling import (
    CallbackKind,
    ClosedError,
    Completed,
    Link,
    Open,
    SchedulingRequest,
    check_display_message,
    completed,
    disabled,
    offers,
)
from core.solver import Opening
from db import callbacks, clients
from db import real_time_scheduling as links
from db.database import Session
from db.retries import retry_transaction

from .booking_attempts import BookingAttempt
from .context import Context

MAX_OFFERED = 1000
"""How many starts are found for a visitor at a time."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A link, and what there is to choose from."""

    link: Link
    #: possible meetings, soonest first; none unless the link is open
    openings: Sequence[Opening] = ()
    #: there are more than these, from here on
    more_from: Instant | None = None


@retry_transaction
async def create(ctx: Context, request: SchedulingRequest) -> Link:
    """A new link. For the application's own key. Raises Unprocessable with every problem of the request."""
    client_key = require_application(await ctx.actor())
    problems = request.check(ctx.now, ctx.limits, private_callbacks=ctx.private_callbacks)
    if any(request.callback_urls.of(kind) for kind in CallbackKind):
        async with ctx.db.read() as session:
            if not await clients.can_sign(session, client_key):
                words = "cannot be signed for this application: give it another secret with openings client secret"
                problems.add(("callback_urls",), Key.CONFLICT, words)
    await BookingAttempt(ctx, request.booking(ctx.now)).load(problems, request.query.check(ctx.now, ctx.limits))
    async with ctx.db.write() as session:
        return await links.create(session, client_key, request, ctx.now)


@retry_transaction
async def get(ctx: Context, scheduling_id: str | None, token: str | None) -> Link:
    """The application's link with this id, or with this token: one of them is given. Raises NotFound, Unprocessable."""
    client_key = require_application(await ctx.actor())
    if (scheduling_id is None) is (token is None):
        key = Key.REQUIRED if token is None else Key.CONFLICT
        words = "give an id or a token, and not both"
        paths = ["real_time_scheduling_id"] if token is None else ["real_time_scheduling_id", "token"]
        raise Unprocessable(problems=[Problem((path,), key, words) for path in paths])
    async with ctx.db.read() as session:
        if scheduling_id is not None:
            return await _own(session, client_key, scheduling_id, "real_time_scheduling_id")
        return await _own(session, client_key, ctx.db.encryption.read_link_token(token or ""), "token")


@retry_transaction
async def disable(ctx: Context, scheduling_id: str, display_message: str) -> Link:
    """The application's link, disabled: whoever opens it reads the message.

    Raises NotFound, and Unprocessable for a message that cannot be shown and for a link that is completed.
    """
    client_key = require_application(await ctx.actor())
    problems = Problems()
    check_display_message(display_message, ("display_message",), problems)
    problems.raise_if_any()
    async with ctx.db.write() as session:
        link = await _own(session, client_key, scheduling_id, "real_time_scheduling_id", hold=True)
        try:
            state = disabled(link.state, display_message)
        except ClosedError:
            raise Unprocessable.of(("real_time_scheduling_id",), Key.CONFLICT, "is completed already") from None
        return await links.set_state(session, link, state, ctx.now)


async def get_by_token(ctx: Context, token: str) -> Link:
    """The link with this token, as it is. Raises NotFound."""
    return (await _visited(ctx, token))[0]


@retry_transaction
async def offer(ctx: Context, token: str, since: Instant, tzid: str | None) -> Offer:
    """What a visitor may choose from, from an instant on. Raises NotFound, and the Refusal of a link that is of no use now.

    The application is told when there is nothing to show to a visitor in this zone; None: in the one that the page shows.
    """
    link, acting = await _visited(ctx, token)
    if not isinstance(link.state, Open):
        return Offer(link)
    loaded = await BookingAttempt(acting, link.request.booking(ctx.now)).load()
    with ctx.timed("solve"):
        found = offers(link, loaded.facts, since, ctx.now, MAX_OFFERED + 1)
    if not found and since <= ctx.now:
        await _notify_no_times(ctx, link, CallbackKind.NO_TIMES_DISPLAYED, tzid or link.request.page_tzid)
    return Offer(link, found[:MAX_OFFERED], found[MAX_OFFERED].start if len(found) > MAX_OFFERED else None)


async def book(ctx: Context, token: str, start: Instant, tzid: str) -> Link | SlotTaken:
    """Books a start for a visitor whose zone this is: the link as it is then, or what else there is.

    A link that is no longer open is as it was. Raises NotFound, and the Refusal of a link that is of no use now.
    """
    link, acting = await _visited(ctx, token)
    if not isinstance(link.state, Open):
        return link
    return await _book(BookingAttempt(acting, link.request.booking(start)), link, tzid)


@retry_transaction
async def _book(attempt: BookingAttempt, link: Link, tzid: str) -> Link | SlotTaken:
    """One attempt. The link is held first, then the calendars: it is booked once, and only with them."""
    ctx = attempt.ctx
    loaded = await attempt.load()
    async with ctx.db.write() as session:
        link = await _found(session, link.scheduling_id, hold=True)
        if not isinstance(link.state, Open):
            return link
        answer = await attempt.book_under_lock(session, loaded, link.request.earliest(ctx.now))
        if isinstance(answer, SlotTaken):
            return answer
        outcome = Completed(answer.start, answer.end, tuple(answer.participants), tzid)
        link = await links.set_state(session, link, completed(link.state, outcome), ctx.now)
        await _enqueue(ctx, session, link, CallbackKind.COMPLETED, tzid)
    return link


async def report_no_suitable_time(ctx: Context, token: str, tzid: str) -> Link:
    """The link, whose application is told that a visitor found no time that suits. Raises NotFound."""
    link, _ = await _visited(ctx, token)
    await _notify_no_times(ctx, link, CallbackKind.NO_TIMES_SUITABLE, tzid)
    return link


@retry_transaction
async def _notify_no_times(ctx: Context, link: Link, kind: CallbackKind, tzid: str) -> None:
    """Tells the application, if it wants to know, the link is still open, and it was not told a short while ago."""
    if link.request.callback_urls.of(kind) is None:
        return
    async with ctx.db.write() as session:
        if await links.may_notify(session, link, kind, ctx.now):
            await _enqueue(ctx, session, link, kind, tzid)


async def _enqueue(ctx: Context, session: Session, link: Link, kind: CallbackKind, tzid: str) -> None:
    await callbacks.enqueue(session, link, kind, url=ctx.link_url(link), visitor_tzid=tzid, now=ctx.now)


@retry_transaction
async def _visited(ctx: Context, token: str) -> tuple[Link, Context]:
    """The link with this token, and the surroundings of its application, which a visitor acts for. Raises NotFound."""
    async with ctx.db.read() as session:
        link = await _found(session, ctx.db.encryption.read_link_token(token))
        without = await clients.disabled_features(session, link.client_key)
    return link, replace(ctx, caller=Actor(link.client_key, disabled_features=without))


async def _own(session: Session, client_key: int, scheduling_id: str | None, name: str, *, hold: bool = False) -> Link:
    """The link with this id, if it is this application's. Raises NotFound, which names the field that the id came in."""
    link = (
        await links.find(session, scheduling_id, lock=hold)
        if scheduling_id and is_scheduling_id(scheduling_id)
        else None
    )
    if link is None or link.client_key != client_key:
        raise NotFound(problems=[Problem((name,), Key.UNKNOWN, "is not a link of this application")])
    return link


async def _found(session: Session, scheduling_id: str | None, *, hold: bool = False) -> Link:
    """The link with this id. Raises NotFound, which tells a visitor no more than that."""
    link = await links.find(session, scheduling_id, lock=hold) if scheduling_id is not None else None
    if link is None:
        raise NotFound("There is no such link.")
    return link
