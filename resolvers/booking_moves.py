"""Confirming and moving a booking: for all of its members, or not at all.

In one trip if nothing has changed since it was decided, otherwise under lock.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from core.access import require_application
from core.booking_life import Booking, BookingStatus
from core.booking_moves import beside, is_still_possible, moved
from core.bookings import Assignment, Booked, BookingRequest, SlotTaken
from core.errors import Key, Problems, Refusal, Unprocessable
from core.events import Event, EventDraft, EventStatus
from core.instants import Instant, Unreadable
from core.limits import EXTERNAL_ID_LENGTH
from core.member_statuses import CalendarNotKnown
from core.periods import check_future, check_instant, read
from core.query import AvailabilityQuery
from core.spans import Bounds, Span
from core.texts import check_id
from db import booking_changes, booking_lists, bookings, calendars
from db.booking_documents import dump_request
from db.booking_lists import StoredBooking, in_order
from db.booking_snapshots import BookingSnapshot
from db.bookings import BookedCalendar
from db.database import Session
from db.retries import retry_transaction

from .booking_attempts import BookingAttempt, LoadedBooking, RefusedBooking
from .booking_changes import notify
from .booking_life import unknown_booking
from .booking_locks import OutdatedError, load_snapshot, lock, locks_of, until_current
from .context import Context
from .explanation import Wanted
from .idempotency import RequestKey
from .known_calendars import or_not_known


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

    def attempt(self, snapshot: BookingSnapshot) -> BookingAttempt:
        """Returns the attempt to book the time again, without its own events in the way.

        Facts are loaded for that time alone, unless who is chosen depends on more.
        """
        request, starts = self._changed(snapshot)
        booking, wants_all = snapshot.stored.booking, request.assignment is Assignment.LEAST_BUSY
        return BookingAttempt(
            self.ctx,
            request,
            preferred=booking.participants,
            own=snapshot,
            starts=None if wants_all else [*{*starts}],
        )

    def whole_attempt(self, snapshot: BookingSnapshot) -> BookingAttempt:
        """Returns the same with all of the query's time, for what is offered instead, and explained."""
        request, _ = self._changed(snapshot)
        if snapshot.stored.booking.status is not BookingStatus.EXPIRED:
            uids = [each.event.event_uid for each in snapshot.events.values() if not each.event.deleted]
            request = beside(request, uids)
        return BookingAttempt(self.ctx, request, self.wanted, snapshot.stored.booking.participants)

    def _changed(self, snapshot: BookingSnapshot) -> tuple[BookingRequest, Sequence[Instant]]:
        """Returns the request for the time to be booked, and the starts that it is about."""
        booking, request = snapshot.stored.booking, self.request(snapshot.stored)
        if self.move is None:
            others = [start for spans in _held(snapshot).values() for start, _ in spans]
            return moved(request, booking.start, *others), [booking.start, *others]
        start = read(self.move.start)
        return moved(request, start) if self.move.query is None else request, [start]

    def conflict(self, booking: Booking) -> bool:
        """Whether the booking is not where it is expected to be."""
        return self.move is not None and self.move.expected_start not in (None, booking.start)

    def needs_no_decision(self, booking: Booking) -> bool:
        """Whether the answer follows from the state of the booking alone."""
        over = BookingStatus.CONFIRMED if self.move is None else BookingStatus.EXPIRED
        return booking.status in (BookingStatus.CANCELLED, over)


@retry_transaction
async def _change(change: _Change) -> Booked | SlotTaken:
    problems = change.check()
    if problems:
        client_key = require_application(await change.ctx.actor())
        return await change.key.stored_or(change.ctx, client_key, Unprocessable(problems=problems))
    return await until_current(lambda: _change_once(change))


async def _change_once(change: _Change) -> Booked | SlotTaken:
    ctx = change.ctx
    snapshot = await load_snapshot(ctx, change.booking_id)
    if snapshot is None or change.needs_no_decision(snapshot.stored.booking):
        client_key, loaded = require_application(await ctx.actor()), None
        if snapshot is None or snapshot.stored.client_key != client_key:
            raise unknown_booking()
    else:
        loaded = await _load(change, snapshot)
        ctx, client_key = change.ctx, loaded.client_key
        if isinstance(loaded, RefusedBooking):
            return await change.key.stored_or(ctx, client_key, loaded.refusal)
    locks, keys = locks_of(snapshot), {*snapshot.versions}
    if loaded is not None:
        locks |= {*loaded.locks}
        keys |= {*loaded.access.versions}
    async with ctx.db.hold(locks) as waited:
        if waited:  # for a request that may have changed what was loaded
            loaded = None
        if loaded is not None and (booked := await _change_optimistically(change, snapshot, loaded)) is not None:
            return booked
        async with ctx.db.write(client_key) as session:
            decide = partial(_change_under_lock, change, session, snapshot, keys)
            return await change.key.answer(ctx, session, client_key, decide)


async def _load(change: _Change, snapshot: BookingSnapshot) -> LoadedBooking | RefusedBooking:
    """Loads the members, whose calendars are to be locked. Refuses a query that cannot be answered."""
    attempt, move = change.attempt(snapshot), change.move
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


async def _change_optimistically(change: _Change, snapshot: BookingSnapshot, loaded: LoadedBooking) -> Booked | None:
    """Changes a booking that keeps its people without a transaction of several statements.

    Returns None, without a change, if a calendar has changed since it was loaded, and if it takes more than that.
    """
    ctx, stored, access = change.ctx, snapshot.stored, loaded.access
    is_plain = change.key.key is None and not change.may_have_written and stored.booking.scheduling_id is None
    versions = {**access.versions, **snapshot.versions}
    if not is_plain or change.conflict(stored.booking) or versions != {**snapshot.versions, **access.versions}:
        return None
    after = _decide(change, change.attempt(snapshot), snapshot, loaded)
    if after is None or not _keeps_calendars(after, snapshot, loaded):
        return None
    change.may_have_written = True
    has_query = change.move is not None and change.move.query is not None
    request = dump_request(change.request(stored)) if has_query else stored.stored_request
    in_place, given = _confirms_as_it_is(change, snapshot), (snapshot, after, versions, request, ctx.now)
    if not await booking_changes.change_unchanged(ctx.db, *given, in_place=in_place):
        change.may_have_written = False
        return None
    return Booked(after, _changed_events(snapshot, after, ctx.now, in_place=in_place))


def _keeps_calendars(after: Booking, snapshot: BookingSnapshot, loaded: LoadedBooking) -> bool:
    """Whether the booking has the same people after a change, and an event on each of the same calendars before."""
    chosen = [calendar.calendar_id for sub in after.participants for calendar in loaded.targets[sub]]
    present = {id for id, each in snapshot.events.items() if not each.event.deleted and not each.event.draft.recurrence}
    stored = snapshot.stored
    same = [*after.participants] == [*stored.booking.participants] and chosen == [*stored.calendar_ids]
    return same and present == {*chosen}


def _changed_events(snapshot: BookingSnapshot, after: Booking, now: Instant, *, in_place: bool) -> list[Event]:
    """Returns the events of a booking that was changed just now, in the order of its calendars."""
    found: dict[str, Event] = {}
    for id, each in snapshot.events.items():
        draft, span = each.event.draft, each.event.span
        if not in_place:
            draft, span = replace(draft, start=after.start, end=after.end), Span(after.start, after.end)
        if after.status is BookingStatus.CONFIRMED and each.lapses_at is not None:
            draft = replace(draft, status=EventStatus.CONFIRMED)
        found[id] = replace(each.event, draft=draft, span=span, updated=now)
    return in_order(found, snapshot.stored.calendar_ids)


def _decide(
    change: _Change, attempt: BookingAttempt, snapshot: BookingSnapshot, loaded: LoadedBooking
) -> Booking | None:
    """Returns the booking after the change; None if the time is not possible."""
    booking, now = snapshot.stored.booking, change.ctx.now
    if _confirms_as_it_is(change, snapshot):
        if not is_still_possible(attempt.request.query, loaded.facts, _held(snapshot)):
            return None
        return replace(booking, status=BookingStatus.CONFIRMED, hold_expires_at=None, updated=now)
    subs = attempt.choose(loaded) if attempt.request.is_possible(now + 1) else None
    if subs is None:
        return None
    start, end = attempt.request.draft.span()
    after = replace(booking, start=start, end=end, participants=subs, updated=now)
    return after if change.move else replace(after, status=BookingStatus.CONFIRMED, hold_expires_at=None)


def _confirms_as_it_is(change: _Change, snapshot: BookingSnapshot) -> bool:
    """Whether a hold is confirmed that has an event, and nobody has replaced one of its events with another.

    By another clock it may have ended before.
    """
    if change.move is not None or snapshot.stored.booking.status is not BookingStatus.HELD:
        return False
    is_whole = snapshot.events.keys() >= {*snapshot.stored.calendar_ids}
    return is_whole and any(not each.event.deleted for each in snapshot.events.values())


async def _change_under_lock(
    change: _Change, session: Session, before: BookingSnapshot, keys: Collection[int]
) -> Booked | SlotTaken:
    """Locks the calendars and the booking, and decides on their current state."""
    ctx = change.ctx
    snapshot = await lock(ctx, session, before, keys)
    booking = snapshot.stored.booking
    if change.needs_no_decision(booking):
        if booking.status is BookingStatus.CONFIRMED:
            return Booked(booking, snapshot.present)
        raise Unprocessable.of(("booking_id",), Key.CONFLICT, f"is {booking.status} already")
    if change.needs_no_decision(before.stored.booking):
        raise OutdatedError
    if (move := change.move) is not None and change.conflict(booking):
        if change.may_have_written and (booking.start, booking.updated) == (move.start, ctx.now):
            return Booked(booking, snapshot.present)
        raise Unprocessable.of(("expected_start",), Key.CONFLICT, "is not where the booking is: it was moved since")
    change.may_have_written = True
    attempt = change.attempt(snapshot)
    loaded = await attempt.load_under_lock(session)
    after = _decide(change, attempt, snapshot, loaded)
    if after is None:
        return await _refuse(change, session, snapshot)
    if _confirms_as_it_is(change, snapshot):
        return await _confirm(ctx, session, snapshot, after)
    return await _write(change, session, snapshot, after, loaded)


async def _refuse(change: _Change, session: Session, snapshot: BookingSnapshot) -> SlotTaken:
    """Returns the answer that the time is not possible. Raises CalendarsNotKnownError."""
    attempt = change.whole_attempt(snapshot)
    loaded = await attempt.load_under_lock(session)
    if _confirms_as_it_is(change, snapshot):
        still_possible = partial(is_still_possible, attempt.request.query, held=_held(snapshot))
        return attempt.slot_taken(loaded, change.ctx.now + 1, still_possible)
    return attempt.slot_taken(loaded, change.ctx.now + 1)


def _held(snapshot: BookingSnapshot) -> Mapping[str, Collection[Bounds]]:
    """Returns the time that lapses with the hold, by sub."""
    spans: defaultdict[str, list[Bounds]] = defaultdict(list)
    for each in snapshot.events.values():
        if each.lapses_at is not None and not each.event.deleted:
            spans[each.sub].append(each.event.span)
    return spans


async def _confirm(ctx: Context, session: Session, snapshot: BookingSnapshot, after: Booking) -> Booked:
    """Confirms a hold as it is."""
    keys = [each.calendar_key for each in snapshot.events.values() if not each.event.deleted]
    await bookings.move_events(session, after, keys, ctx.now, in_place=True)
    await calendars.bump_versions(session, keys)
    return await _stored(ctx, session, snapshot.stored, after)


async def _write(
    change: _Change, session: Session, snapshot: BookingSnapshot, after: Booking, loaded: LoadedBooking
) -> Booked:
    """Writes the booking at another time, and for other people if they are others."""
    ctx, request = change.ctx, change.request(snapshot.stored)
    present = {id: each for id, each in snapshot.events.items() if not each.event.deleted}
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
    return await _stored(ctx, session, snapshot.stored, after, request=dump_request(request), calendar_ids=ids)


async def _stored(ctx: Context, session: Session, stored: StoredBooking, after: Booking, **columns: object) -> Booked:
    """Stores the booking after a change."""
    before = stored.booking
    stored = await booking_changes.store(session, stored, after, **columns)
    await notify(ctx, session, before, after)
    events = await booking_lists.events_of(session, [after.booking_id], ctx.now)
    return Booked(after, in_order(events[after.booking_id], stored.calendar_ids))
