"""The life of a booking: it is confirmed, moved and cancelled, each under the locks of all members, or not at all."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial

from core.access import require_application
from core.booking_life import REASON_LENGTH, Booking, BookingActor, BookingStatus, cancelled
from core.booking_moves import beside, is_still_possible, moved
from core.bookings import Booked, BookingRequest, SlotTaken
from core.errors import Key, NotFound, Problem, Problems, Refusal, Unprocessable
from core.events import Event, EventDraft, EventStatus
from core.instants import Instant, Unreadable
from core.limits import EXTERNAL_ID_LENGTH
from core.member_statuses import CalendarNotKnown
from core.periods import check_future, check_instant, read
from core.query import AvailabilityQuery
from core.spans import Bounds
from core.texts import check_id, check_text
from db import booking_changes, booking_lists, bookings, calendars
from db.booking_lists import BookedEvent, StoredBooking, in_order
from db.bookings import BookedCalendar
from db.database import Session
from db.drivers.keyed_locks import calendar_lock
from db.retries import retry_transaction

from .booking_attempts import BookingAttempt, LoadedBooking, RefusedBooking
from .booking_changes import notify
from .booking_life import find_own
from .context import Context
from .explanation import Wanted
from .idempotency import RequestKey
from .known_calendars import or_not_known


class _OutdatedError(Exception):
    """The booking has changed before its calendars were locked: they may be other ones now."""


@dataclass(frozen=True, slots=True)
class Move:
    """Another time for a booking."""

    booking_id: str
    start: Instant | Unreadable
    #: where the booking must be for this; None: anywhere
    expected_start: Instant | Unreadable | None = None
    #: in place of the query that it was booked by
    query: AvailabilityQuery | None = None
    idempotency_key: str | None = None


async def confirm(
    ctx: Context, booking_id: str, idempotency_key: str | None, wanted: Wanted | None = None
) -> Booked | SlotTaken | CalendarNotKnown:
    """Confirms a hold. After its end it is decided again, as if it were booked now.

    Requires the application's own key. Confirming a confirmed booking changes nothing. Raises NotFound, and
    Unprocessable for a cancelled one.
    """
    key = RequestKey.of(idempotency_key, "confirm", booking_id)
    return await or_not_known(ctx, _change(_Change(ctx, booking_id, None, key, wanted)))


async def reschedule(ctx: Context, move: Move, wanted: Wanted | None = None) -> Booked | SlotTaken | CalendarNotKnown:
    """Moves all events of a booking, or none. Its own time does not stand in its way.

    Requires the application's own key. Raises NotFound, and Unprocessable with all problems: also for a booking that is
    cancelled, expired, or not where it is expected.
    """
    key = RequestKey.of(move.idempotency_key, "reschedule", move)
    return await or_not_known(ctx, _change(_Change(ctx, move.booking_id, move, key, wanted)))


@dataclass
class _Change:
    """A confirmation, or a move if there is one, across retries."""

    ctx: Context
    booking_id: str
    move: Move | None
    key: RequestKey
    wanted: Wanted | None
    #: whether a write was begun whose outcome is unknown
    may_have_written: bool = False

    def check(self) -> Problems:
        """Returns the problems of the request that can be found without the booking."""
        problems, move = Problems(), self.move
        if self.key.key is not None:
            check_id(self.key.key, ("idempotency_key",), problems, longest=EXTERNAL_ID_LENGTH)
        if move is not None:
            check_future(move.start, ("start",), problems, self.ctx.now)
            if move.expected_start is not None:
                check_instant(move.expected_start, ("expected_start",), problems)
        return problems

    def request(self, stored: StoredBooking) -> BookingRequest:
        """Returns what the booking is decided by from now on."""
        request, move = stored.request(), self.move
        if move is None or move.query is None:
            return request
        subs = set(move.query.subs)
        targets = [target for target in request.target_calendars if target.sub in subs]
        return replace(request, query=move.query, start=read(move.start), target_calendars=targets)

    def attempt(self, stored: StoredBooking, own: Mapping[str, BookedEvent]) -> BookingAttempt:
        """Returns the attempt to book the time again, without its own events in the way."""
        booking, request = stored.booking, self.request(stored)
        if self.move is None:
            request = moved(request, booking.start, *(start for spans in _held(own).values() for start, _ in spans))
        elif self.move.query is None:
            request = moved(request, read(self.move.start))
        if booking.status is not BookingStatus.EXPIRED:
            request = beside(request, [each.event.event_uid for each in own.values() if not each.event.deleted])
        return BookingAttempt(self.ctx, request, self.wanted, booking.participants)

    def needs_no_decision(self, booking: Booking) -> bool:
        """Whether the answer follows from the state of the booking alone."""
        over = BookingStatus.CONFIRMED if self.move is None else BookingStatus.EXPIRED
        return booking.status in (BookingStatus.CANCELLED, over)


@retry_transaction
async def _change(change: _Change) -> Booked | SlotTaken:
    client_key = require_application(await change.ctx.actor())
    problems = change.check()
    if problems:
        return await change.key.stored_or(change.ctx, client_key, Unprocessable(problems=problems))
    while True:
        try:
            return await _change_once(change, client_key)
        except _OutdatedError:
            continue


async def _change_once(change: _Change, client_key: int) -> Booked | SlotTaken:
    ctx = change.ctx
    async with ctx.db.read(client_key) as session:
        stored = await find_own(ctx, session, client_key, change.booking_id)
        own = await booking_lists.written_by(session, change.booking_id, ctx.now)
    locks = {calendar_lock(each.account_key, calendar_id) for calendar_id, each in own.items()}
    keys = {each.calendar_key for each in own.values()}
    if not change.needs_no_decision(stored.booking):
        loaded = await _load(change, stored, own)
        if isinstance(loaded, RefusedBooking):
            return await change.key.stored_or(ctx, client_key, loaded.refusal)
        locks |= {*loaded.locks}
        keys |= {*loaded.access.versions}
    async with ctx.db.write(client_key, locks) as session:
        decide = partial(_change_under_lock, change, session, stored, keys)
        return await change.key.answer(ctx, session, client_key, decide)


async def _load(
    change: _Change, stored: StoredBooking, own: Mapping[str, BookedEvent]
) -> LoadedBooking | RefusedBooking:
    """Loads the members, whose calendars are to be locked. Refuses a query that cannot be answered."""
    attempt, move = change.attempt(stored, own), change.move
    given = move.query if move is not None else None
    query_problems = (
        replace(attempt.request, query=given).query_problems(change.ctx.limits) if given is not None else ()
    )
    problems = Problems()
    if move is not None and not query_problems and not attempt.request.is_possible(read(move.start)):
        problems.add(
            ("start",), Key.INCLUSION, "is not a start of the query: it must lie within it and on its start interval"
        )
    loaded = await attempt.load_or_refuse(problems, query_problems, fresh=not change.may_have_written)
    change.ctx = attempt.ctx
    if isinstance(loaded, RefusedBooking) and given is None and not problems:
        return replace(loaded, refusal=_unanswerable(loaded.refusal))
    return loaded


def _unanswerable(refusal: Refusal) -> Unprocessable:
    """Returns the refusal of a booking whose own query cannot be answered any more."""
    why = "; ".join(f"a member {problem.description}" for problem in refusal.problems)
    words = f"was booked by a query that cannot be answered any more, so it needs another: {why}"
    return Unprocessable.of(("booking_id",), Key.CONFLICT, words)


async def _change_under_lock(
    change: _Change, session: Session, before: StoredBooking, keys: Collection[int]
) -> Booked | SlotTaken:
    """Locks the calendars and the booking, and decides on their current state."""
    ctx = change.ctx
    await calendars.lock_for_update(session, keys)
    stored, own = await _locked(ctx, session, before, keys)
    booking = stored.booking
    if change.needs_no_decision(booking):
        if booking.status is BookingStatus.CONFIRMED:
            return Booked(booking, _events(stored, own))
        raise Unprocessable.of(("booking_id",), Key.CONFLICT, f"is {booking.status} already")
    if change.needs_no_decision(before.booking):
        raise _OutdatedError
    if (move := change.move) is not None and move.expected_start not in (None, booking.start):
        if change.may_have_written and (booking.start, booking.updated) == (move.start, ctx.now):
            return Booked(booking, _events(stored, own))
        raise Unprocessable.of(("expected_start",), Key.CONFLICT, "is not where the booking is: it was moved since")
    change.may_have_written = True
    attempt = change.attempt(stored, own)
    loaded = await attempt.load_under_lock(session)
    if move is None and booking.status is BookingStatus.HELD and _is_whole(stored, own):
        still_possible = partial(is_still_possible, attempt.request.query, held=_held(own))
        if not still_possible(loaded.facts):
            return attempt.slot_taken(loaded, ctx.now + 1, still_possible)
        return await _confirm(ctx, session, stored, own)
    subs = attempt.choose(loaded) if attempt.request.is_possible(ctx.now + 1) else None
    if subs is None:
        return attempt.slot_taken(loaded, ctx.now + 1)
    start, end = attempt.request.draft.span()
    after = replace(booking, start=start, end=end, participants=subs, updated=ctx.now)
    if move is None:
        after = replace(after, status=BookingStatus.CONFIRMED, hold_expires_at=None)
    return await _write(change, session, stored, own, after, loaded)


async def _locked(
    ctx: Context, session: Session, before: StoredBooking, keys: Collection[int]
) -> tuple[StoredBooking, Mapping[str, BookedEvent]]:
    """Locks the booking. Returns it and its events. Raises NotFound, and _OutdatedError if other calendars are to be locked."""
    booking_id = before.booking.booking_id
    stored = await booking_lists.find(session, booking_id, ctx.now, lock=True)
    if stored is None:
        raise NotFound(problems=[Problem(("booking_id",), Key.UNKNOWN, "is not a booking of this application")])
    own = await booking_lists.written_by(session, booking_id, ctx.now)
    if stored.stored_request != before.stored_request or not {each.calendar_key for each in own.values()} <= set(keys):
        raise _OutdatedError
    return stored, own


def _held(own: Mapping[str, BookedEvent]) -> Mapping[str, Collection[Bounds]]:
    """Returns the time that lapses with the hold, by sub."""
    spans: defaultdict[str, list[Bounds]] = defaultdict(list)
    for each in own.values():
        if each.lapses_at is not None and not each.event.deleted:
            spans[each.sub].append(each.event.span)
    return spans


def _is_whole(stored: StoredBooking, own: Mapping[str, BookedEvent]) -> bool:
    """Whether the hold has an event, and nobody has replaced one of its events with another.

    By another clock it may have ended before.
    """
    return own.keys() >= set(stored.calendar_ids) and any(not each.event.deleted for each in own.values())


async def _confirm(ctx: Context, session: Session, stored: StoredBooking, own: Mapping[str, BookedEvent]) -> Booked:
    """Confirms a hold as it is."""
    after = replace(stored.booking, status=BookingStatus.CONFIRMED, hold_expires_at=None, updated=ctx.now)
    keys = [each.calendar_key for each in own.values() if not each.event.deleted]
    await bookings.move_events(session, after, keys, ctx.now, in_place=True)
    await calendars.bump_versions(session, keys)
    return await _stored(ctx, session, stored, after)


def _events(stored: StoredBooking, own: Mapping[str, BookedEvent]) -> list[Event]:
    """Returns the events that the booking has, in the order of its calendars."""
    return in_order({id: each.event for id, each in own.items() if not each.event.deleted}, stored.calendar_ids)


async def _write(
    change: _Change,
    session: Session,
    stored: StoredBooking,
    own: Mapping[str, BookedEvent],
    after: Booking,
    loaded: LoadedBooking,
) -> Booked:
    """Writes the booking at another time, and for other people if they are others."""
    ctx, request = change.ctx, change.request(stored)
    present = {id: each for id, each in own.items() if not each.event.deleted}
    chosen = [(sub, calendar) for sub in after.participants for calendar in loaded.targets[sub]]
    staying = [calendar.key for _, calendar in chosen if calendar.calendar_id in present]
    leaving = [each.calendar_key for each in present.values() if each.calendar_key not in staying]
    await bookings.move_events(session, after, staying, ctx.now)
    if leaving:
        await bookings.delete_events(session, after.booking_id, leaving, ctx.now)
    by_draft: dict[EventDraft, list[BookedCalendar]] = {}
    status = EventStatus.TENTATIVE if after.status is BookingStatus.HELD else EventStatus.CONFIRMED
    for sub, calendar in chosen:
        if calendar.calendar_id not in present:
            draft = replace(request.draft_for(sub), start=after.start, end=after.end, status=status)
            by_draft.setdefault(draft, []).append(calendar)
    for draft, theirs in by_draft.items():
        if await bookings.write_events(session, theirs, draft, after, ctx.now) is None:
            words = "has an event id that is by now that of another event on one of the calendars"
            raise Unprocessable.of(("booking_id",), Key.DUPLICATE, words)
    await calendars.bump_versions(session, [*(calendar.key for _, calendar in chosen), *leaving])
    ids = [calendar.calendar_id for _, calendar in chosen]
    return await _stored(ctx, session, stored, after, request=bookings.dump(request), calendar_ids=ids)


async def _stored(ctx: Context, session: Session, stored: StoredBooking, after: Booking, **columns: object) -> Booked:
    """Stores the booking after a change."""
    before = stored.booking
    stored = await booking_changes.store(session, stored, after, **columns)
    await notify(ctx, session, before, after)
    return Booked(after, _events(stored, await booking_lists.written_by(session, after.booking_id, ctx.now)))


@retry_transaction
async def cancel(ctx: Context, booking_id: str, reason: str | None) -> Booking:
    """Cancels a booking and deletes its events. Returns it; a cancelled or expired one is returned unchanged.

    Requires the application's own key. Raises NotFound and Unprocessable.
    """
    problems = Problems()
    check_text(reason, ("reason",), problems, longest=REASON_LENGTH)
    client_key = require_application(await ctx.actor())
    problems.raise_if_any()
    while True:
        try:
            return await _cancel_once(ctx, client_key, booking_id, reason)
        except _OutdatedError:
            continue


async def _cancel_once(ctx: Context, client_key: int, booking_id: str, reason: str | None) -> Booking:
    async with ctx.db.read(client_key) as session:
        before = await find_own(ctx, session, client_key, booking_id)
        own = await booking_lists.written_by(session, booking_id, ctx.now)
    locks = {calendar_lock(each.account_key, calendar_id) for calendar_id, each in own.items()}
    keys = {each.calendar_key for each in own.values()}
    async with ctx.db.write(client_key, locks) as session:
        await calendars.lock_for_update(session, keys)
        stored, own = await _locked(ctx, session, before, keys)
        if stored.booking.status in (BookingStatus.CANCELLED, BookingStatus.EXPIRED):
            return stored.booking
        present = [each.calendar_key for each in own.values() if not each.event.deleted]
        await bookings.delete_events(session, booking_id, present, ctx.now)
        await calendars.bump_versions(session, present)
        after = cancelled(stored.booking, BookingActor.APPLICATION, reason, ctx.now)
        await booking_changes.store(session, stored, after)
        await notify(ctx, session, stored.booking, after)
        return after
