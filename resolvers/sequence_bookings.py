"""Booking a sequence: all steps under one lock, or none."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from core.access import require_application, require_availability
from core.availability_constraints import reached
from core.booking_life import Booking
from core.errors import Forbidden, Problems, Refusal, Unprocessable
from core.member_statuses import CalendarNotKnown
from core.query import Member
from core.sequence_bookings import BookedSequence, SequenceRequest, SequenceTaken, next_sequences
from core.sequences import is_sequence
from core.solver import Facts, all_known
from core.spans import Busy
from core.zones import ZoneInfo
from db import booking_lists, calendars
from db.bookings import NewBooking
from db.database import Session
from db.retries import retry_transaction

from .booking_attempts import BookingAttempt, LoadedBooking, RefusedBooking
from .context import Context
from .facts import LoadedFacts, load_access, load_sequence_facts, with_snapshot_fallback
from .idempotency import RequestKey
from .known_calendars import CalendarsNotKnownError, or_not_known, refreshed


async def book_sequence(ctx: Context, request: SequenceRequest) -> BookedSequence | SequenceTaken | CalendarNotKnown:
    """Books every step of a sequence, or none if the starts are not a sequence of the query any more.

    Calendars elsewhere are fetched before if that was long ago. An answer that they are not known is not stored.
    Requires the application's own key. Raises Unprocessable with every problem of the request.
    """
    return await or_not_known(ctx, _book(_SequenceAttempt(ctx, request)))


@dataclass
class _SequenceAttempt:
    """One booking of a sequence, across retries."""

    ctx: Context
    request: SequenceRequest
    #: the bookings that it makes, by which a retry recognises them
    booking_ids: list[str] = field(default_factory=list[str])
    sequence_id: str = field(default_factory=lambda: f"seq_{secrets.token_hex(12)}")
    #: whether a write was begun whose outcome is unknown
    may_have_written: bool = False

    def steps(self) -> list[BookingAttempt]:
        """Returns the attempt of each step, in the order of the starts."""
        attempts = [BookingAttempt(self.ctx, request) for request in self.request.requests]
        if not self.booking_ids:
            self.booking_ids = [attempt.booking_id for attempt in attempts]
        for attempt, booking_id in zip(attempts, self.booking_ids, strict=True):
            attempt.booking_id, attempt.sequence_id = booking_id, self.sequence_id
        return attempts


@dataclass(frozen=True, slots=True)
class _LoadedSequence:
    """What a sequence is decided on: the bookings of its steps, in the order of the starts."""

    client_key: int
    bookings: list[LoadedBooking]


@retry_transaction
async def _book(attempt: _SequenceAttempt) -> BookedSequence | SequenceTaken:
    ctx, request = attempt.ctx, attempt.request
    key = RequestKey.of(request.idempotency_key, request)
    problems, query_problems = request.check(ctx.now, ctx.limits), request.query_problems(ctx.limits)
    loaded = await with_snapshot_fallback(ctx, partial(_load, attempt, problems, query_problems))
    if not isinstance(loaded, RefusedBooking) and not attempt.may_have_written:
        fresh = await refreshed(ctx, [booking.loaded for booking in loaded.bookings])
        if fresh is not None:
            ctx = attempt.ctx = fresh
            loaded = await with_snapshot_fallback(ctx, partial(_load, attempt, problems, query_problems))
    if isinstance(loaded, RefusedBooking):
        return await key.stored_or(ctx, loaded.client_key, loaded.refusal)
    locks = {lock for booking in loaded.bookings for lock in booking.locks}
    async with ctx.db.write(loaded.client_key, locks) as session:
        return await key.answer(ctx, session, loaded.client_key, partial(_book_under_lock, attempt, session, loaded))


async def _load(
    attempt: _SequenceAttempt, problems: Problems, query_problems: Problems, session: Session | None
) -> _LoadedSequence | RefusedBooking:
    ctx, query = attempt.ctx, attempt.request.query
    access = await load_access(ctx, query, session, [*problems, *query_problems], fresh=True)
    client_key = require_application(access.actor)
    require_availability(access.actor, managed=query.managed)
    counted = attempt.request.counted if not problems and not query_problems else None
    try:
        facts = await load_sequence_facts(ctx, query, access, query_problems, session, counted)
    except Refusal as refusal:
        return RefusedBooking(client_key, _of_the_query(refusal, problems))
    if problems:
        return RefusedBooking(client_key, Unprocessable(problems=problems))
    if not facts:
        return _LoadedSequence(client_key, [])
    prepared: list[LoadedBooking] = []
    for index, (step, place) in enumerate(zip(attempt.steps(), attempt.request.places(), strict=True)):
        at = ("sequenced_availability", "sequence", place)
        try:
            booking, own, of_query = step.prepare(client_key, facts[place])
        except Forbidden as refusal:
            found = Problems(refusal.problems).prefixed(*at)
            return RefusedBooking(client_key, Forbidden(problems=found, details=refusal.details))
        problems = Problems([*problems, *own.prefixed("starts", index), *of_query.prefixed(*at)])
        prepared.append(booking)
    if problems:
        return RefusedBooking(client_key, Unprocessable(problems=problems))
    return _LoadedSequence(client_key, prepared)


async def _book_under_lock(
    attempt: _SequenceAttempt, session: Session, loaded: _LoadedSequence
) -> BookedSequence | SequenceTaken:
    """Locks the calendars of all members of all steps, decides on their current state, and writes the bookings."""
    ctx, request = attempt.ctx, attempt.request
    await calendars.lock_for_update(session, {key for each in loaded.bookings for key in each.access.versions})
    if attempt.may_have_written:
        found = await booking_lists.find_all(session, attempt.booking_ids, ctx.now)
        if found:
            return BookedSequence([found[id].booking for id in attempt.booking_ids])
    attempt.may_have_written = True
    current = await _load(attempt, Problems(), Problems(), session)
    if isinstance(current, RefusedBooking):
        raise current.refusal
    by_place = dict(zip(request.places(), current.bookings, strict=False))  # none, if there is no time at all
    facts = [by_place[place].facts for place in sorted(by_place)]
    earliest = ctx.now + 1
    chosen = request.chosen()
    if not facts or min(chosen.values()) < earliest:
        return SequenceTaken(next_sequences(request.query, facts, earliest) if facts else [])
    if not is_sequence(request.query, facts, chosen):
        if is_sequence(request.query, [all_known(each) or each for each in facts], chosen):
            raise CalendarsNotKnownError(request.query.subs, _joined([each.loaded for each in current.bookings]))
        return SequenceTaken(next_sequences(request.query, facts, earliest))
    steps, made = attempt.steps(), list[NewBooking]()
    for step, theirs in zip(steps, current.bookings, strict=True):
        subs = step.choose(_after([new.booking for new in made], step, theirs))
        if subs is None:  # the steps before reach a limit of bookings
            return SequenceTaken(next_sequences(request.query, facts, earliest))
        made.append(step.new_booking(theirs, subs))
    bookings: list[Booking] = []
    for index, (step, theirs, new) in enumerate(zip(steps, current.bookings, made, strict=True)):
        bookings.append((await step.write(session, new, theirs.targets, "starts", index)).booking)
    return BookedSequence(bookings)


def _joined(steps: Sequence[LoadedFacts]) -> LoadedFacts:
    """Returns what was loaded about the members of all steps, without the facts."""
    selections = [selection for each in steps for selection in each.selections]
    busy = {key: busy for each in steps for key, busy in each.busy.items()}
    return LoadedFacts(steps[0].access, selections, [], busy)


def _after(made: Sequence[Booking], step: BookingAttempt, loaded: LoadedBooking) -> LoadedBooking:
    """Returns the facts of a step after other steps: their bookings count for limits, and for who has the fewest."""
    query, accounts = step.request.query, loaded.access.accounts

    def after(member: Member, known: Facts) -> Facts:
        more = Busy.of((each.start, each.end) for each in made if member.sub in each.participants)
        bookings = Busy.merged([known.bookings, more])
        zone = ZoneInfo(accounts[member.sub].tzid)
        limit_reached = reached(member.availability_constraints, bookings, query.window(), zone)
        return replace(known, bookings=bookings, limit_reached=limit_reached)

    facts = [
        [after(member, known) for member, known in zip(group.members, theirs, strict=True)]
        for group, theirs in zip(query.participants, loaded.facts, strict=True)
    ]
    return replace(loaded, loaded=replace(loaded.loaded, facts=facts))


def _of_the_query(refusal: Refusal, others: Problems) -> Refusal:
    """Converts a query's refusal to one of the request, and adds the request's other problems."""
    theirs = Problems(refusal.problems).prefixed("sequenced_availability")
    if isinstance(refusal, Forbidden) and not others:
        return Forbidden(problems=theirs, details=refusal.details)
    return Unprocessable(problems=[*others, *theirs])
