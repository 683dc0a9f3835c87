"""Booking a start for all members, never twice: in one trip if possible, otherwise under lock."""

from functools import partial

from core.bookings import Booked, BookingRequest, SlotTaken
from core.errors import Problems
from core.instants import Instant
from core.member_statuses import CalendarNotKnown
from db import bookings
from db.retries import retry_transaction

from .booking_attempts import BookingAttempt, LoadedBooking, RefusedBooking
from .context import Context
from .explanation import Wanted
from .idempotency import RequestKey
from .known_calendars import or_not_known


async def book_slot(
    ctx: Context, request: BookingRequest, wanted: Wanted | None = None
) -> Booked | SlotTaken | CalendarNotKnown:
    """Writes the event to a calendar of every participant, or to none if the start is not possible.

    Calendars elsewhere are fetched before if that was long ago. An answer that they are not known is not stored.

    Requires the application's own key. Every member must have granted free-busy and creating events.
    Raises Unprocessable with every problem of the request, which includes an existing event with the same id.
    With `wanted`, a start that is not possible is explained; the stored answer of an idempotency key is not.
    """
    return await or_not_known(ctx, _book(BookingAttempt(ctx, request, wanted)))


@retry_transaction
async def _book(attempt: BookingAttempt) -> Booked | SlotTaken:
    if attempt.request.idempotency_key is not None:
        return await _book_idempotently(attempt, attempt.request.idempotency_key)
    loaded = await attempt.load(*_problems(attempt), fresh=not attempt.may_have_written)
    async with attempt.ctx.db.hold(loaded.locks) as waited:
        if waited:  # for a booking that has changed what was loaded
            loaded = await attempt.load(*_problems(attempt))
        if not attempt.may_have_written:
            if (answer := await _book_optimistically(attempt, loaded)) is not None:
                return answer
            loaded = await attempt.load(*_problems(attempt))
            if (answer := await _book_optimistically(attempt, loaded)) is not None:
                return answer
        async with attempt.ctx.db.write(loaded.client_key) as session:
            return await attempt.book_under_lock(session, loaded, _earliest(attempt))


async def _book_optimistically(attempt: BookingAttempt, loaded: LoadedBooking) -> Booked | SlotTaken | None:
    """Books without a transaction of several statements. Returns None if a calendar has changed since it was loaded.

    SlotTaken is returned at once: it is true as of the load, whatever other writers do.
    """
    subs = attempt.choose(loaded)
    if subs is None:
        return attempt.slot_taken(loaded, _earliest(attempt))
    access, ctx, draft = loaded.access, attempt.ctx, attempt.request.draft
    new = attempt.new_booking(loaded, subs)
    account_keys = [access.accounts[sub].key for sub in subs]
    attempt.may_have_written = True
    events = await bookings.book_unchanged(ctx.db, new, access.versions, account_keys, draft, ctx.now)
    attempt.may_have_written = events is not None
    return Booked(new.booking, events) if events is not None else None


async def _book_idempotently(attempt: BookingAttempt, key: str) -> Booked | SlotTaken:
    """Returns the first answer given under the idempotency key, even if the request has problems by now."""
    request = RequestKey.of(key, attempt.request)
    loaded = await attempt.load_or_refuse(*_problems(attempt), fresh=not attempt.may_have_written)
    ctx = attempt.ctx
    if isinstance(loaded, RefusedBooking):
        return await request.stored_or(ctx, loaded.client_key, loaded.refusal)
    async with ctx.db.write(loaded.client_key, loaded.locks) as session:
        decide = partial(attempt.book_under_lock, session, loaded, _earliest(attempt))
        return await request.answer(ctx, session, loaded.client_key, decide)


def _problems(attempt: BookingAttempt) -> tuple[Problems, Problems]:
    """Returns the problems of the request, and of its query, that can be found without the database."""
    request, ctx = attempt.request, attempt.ctx
    query_problems = request.query_problems(ctx.limits)
    return request.check(ctx.now, ctx.limits, query_problems), query_problems


def _earliest(attempt: BookingAttempt) -> Instant:
    """Returns the earliest start that may be booked, or offered as an alternative."""
    return attempt.ctx.now + 1
