"""Booking a start for all members, never twice: in one trip if possible, otherwise under lock."""

from functools import partial
from typing import cast

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
from .known_calendars import CalendarsNotKnownError, or_not_known


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
    """Returns the first answer given under the idempotency key if there is one, even if the request has problems by now."""
    key = RequestKey.of(attempt.request.idempotency_key, attempt.request)
    loaded = await attempt.load_or_refuse(*_problems(attempt), fresh=not attempt.may_have_written)
    if isinstance(loaded, LoadedBooking):
        async with attempt.ctx.db.hold(loaded.locks) as waited:
            if waited:  # for a booking that has changed what was loaded
                loaded = await attempt.load_or_refuse(*_problems(attempt))
            if isinstance(loaded, LoadedBooking):
                return await _book_holding(attempt, key, loaded)
    return await key.stored_or(attempt.ctx, loaded.client_key, loaded.refusal)


async def _book_holding(attempt: BookingAttempt, key: RequestKey, loaded: LoadedBooking) -> Booked | SlotTaken:
    """Books while no other request of this process does, on the same calendars."""
    ctx, client_key = attempt.ctx, loaded.client_key
    if not attempt.may_have_written:
        if (answer := await _book_optimistically(attempt, key, loaded)) is not None:
            return answer
        if (stored := await key.stored(ctx, client_key)) is not None:
            return cast("Booked | SlotTaken", stored)
        again = await attempt.load_or_refuse(*_problems(attempt))
        if isinstance(again, RefusedBooking):
            return await key.stored_or(ctx, client_key, again.refusal)
        loaded = again
        if (answer := await _book_optimistically(attempt, key, loaded)) is not None:
            return answer
    async with ctx.db.write(client_key) as session:
        decide = partial(attempt.book_under_lock, session, loaded, _earliest(attempt))
        return await key.answer(ctx, session, client_key, decide)


async def _book_optimistically(
    attempt: BookingAttempt, key: RequestKey, loaded: LoadedBooking
) -> Booked | SlotTaken | None:
    """Books without a transaction of several statements. Stores the answer under the key.

    Returns None, without a change, if a calendar has changed since it was loaded, or another answer is stored. SlotTaken is
    returned at once: it is true as of the load, whatever other writers do.
    """
    ctx, client_key = attempt.ctx, loaded.client_key
    subs = attempt.choose(loaded)
    if subs is None:
        try:
            taken = attempt.slot_taken(loaded, _earliest(attempt))
        except CalendarsNotKnownError:
            if (stored := await key.stored(ctx, client_key)) is not None:
                return cast("Booked | SlotTaken", stored)
            raise
        return await key.answer_first(ctx, client_key, taken)
    access, new = loaded.access, attempt.new_booking(loaded, subs)
    account_keys = [access.accounts[sub].key for sub in subs]
    booked = Booked(new.booking, bookings.events_of(new, ctx.now))
    attempt.may_have_written = True
    stored = key.row(ctx, client_key, booked)
    attempt.may_have_written = await bookings.book_unchanged(
        ctx.db, new, access.versions, account_keys, ctx.now, stored
    )
    return booked if attempt.may_have_written else None


def _problems(attempt: BookingAttempt) -> tuple[Problems, Problems]:
    """Returns the problems of the request, and of its query, that can be found without the database."""
    request, ctx = attempt.request, attempt.ctx
    query_problems = request.query_problems(ctx.limits)
    return request.check(ctx.now, ctx.limits, query_problems), query_problems


def _earliest(attempt: BookingAttempt) -> Instant:
    """Returns the earliest start that may be booked, or offered as an alternative."""
    return attempt.ctx.now + 1
