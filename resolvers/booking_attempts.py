"""Booking attempts: loading the facts about the members, deciding on a start, and writing the events."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import TypeAlias

from core.access import Actor, require_application, require_availability
from core.booking_life import Booking, BookingStatus
from core.bookings import Booked, BookingRequest, SlotTaken, choose, next_slots
from core.calendar_sources import READ_ONLY
from core.errors import Forbidden, Key, Problem, Problems, Refusal, Unprocessable
from core.events import Event, EventDraft
from core.explanation import Explanation
from core.instants import Instant
from core.scopes import Scope
from core.solver import Facts, all_known
from db import booking_lists, bookings, calendars
from db.access import AccessSnapshot, Account
from db.booking_lists import in_order
from db.booking_snapshots import BookingSnapshot
from db.bookings import BookedCalendar, NewBooking
from db.database import Session
from db.drivers.keyed_locks import LockKey, calendar_lock

from .booking_life import unknown_booking
from .context import Context
from .explanation import Wanted, explain
from .facts import (
    LoadedFacts,
    MemberSelection,
    check_grants,
    load_access,
    load_facts,
    with_snapshot_fallback,
)
from .known_calendars import CalendarsNotKnownError, refreshed

Targets: TypeAlias = Mapping[str, Sequence[BookedCalendar]]
"""The calendars that each member's event is written to, by sub."""


@dataclass(frozen=True, slots=True)
class LoadedBooking:
    """The data on which a booking is decided."""

    #: the calling application
    client_key: int
    loaded: LoadedFacts
    targets: Targets
    #: why the start is not possible, if it is not and that was asked for
    explanation: Explanation | None = None

    @property
    def access(self) -> AccessSnapshot:
        """The rights and versions that were read."""
        return self.loaded.access

    @property
    def facts(self) -> Sequence[Sequence[Facts]]:
        """The facts, by group, then by member."""
        return self.loaded.facts

    @property
    def locks(self) -> list[LockKey]:
        """The keys of the calendars of all members, which a booking locks."""
        accounts = self.access.accounts.values()
        return [calendar_lock(account.key, calendar_id) for account in accounts for calendar_id in account.calendars]


@dataclass(frozen=True, slots=True)
class RefusedBooking:
    """A request with problems, from an application that may book."""

    client_key: int
    refusal: Refusal


@dataclass
class BookingAttempt:
    """One booking, across retries."""

    ctx: Context
    request: BookingRequest
    #: what to explain if the start is not possible
    wanted: Wanted | None = None
    #: the subs of those who are booked before others
    preferred: Sequence[str] = ()
    #: the same for the bookings of one sequence
    sequence_id: str | None = None
    #: the booking that is decided again: its own events do not count, and its application must be the caller
    own: BookingSnapshot | None = None
    #: the starts that facts are loaded for; None: those of the whole query
    starts: Sequence[Instant] | None = None
    #: the booking that it makes; a retry recognises it: the commit may succeed though the connection is lost
    booking_id: str = field(default_factory=lambda: f"bkg_{secrets.token_hex(12)}")
    #: whether a write was begun whose outcome is unknown
    may_have_written: bool = False

    async def load(
        self, problems: Sequence[Problem] = (), query_problems: Sequence[Problem] = (), *, fresh: bool = False
    ) -> LoadedBooking:
        """Loads the data for the decision. Raises all problems of the request, the given ones first."""
        return _unless_refused(await self.load_or_refuse(problems, query_problems, fresh=fresh))

    async def load_or_refuse(
        self, problems: Sequence[Problem], query_problems: Sequence[Problem], *, fresh: bool = False
    ) -> LoadedBooking | RefusedBooking:
        """Loads the data for the decision, or returns all problems of the request.

        With `fresh`, calendars elsewhere are fetched first if that was long ago, and from then on it is the time after
        that. Must not be used while a lock is held, nor when something may have been written.
        Raises Unauthenticated, Forbidden or PaymentRequired if the caller may not book.
        """
        loaded = await with_snapshot_fallback(self.ctx, partial(self._load, problems, query_problems))
        if (
            not fresh
            or isinstance(loaded, RefusedBooking)
            or (ctx := await refreshed(self.ctx, [loaded.loaded])) is None
        ):
            return loaded
        self.ctx = ctx
        return await with_snapshot_fallback(self.ctx, partial(self._load, problems, query_problems))

    async def book_under_lock(
        self, session: Session, loaded: LoadedBooking, earliest: Instant, link_key: int | None = None
    ) -> Booked | SlotTaken:
        """Locks the calendars of all members, decides on their current state, and writes the booking.

        `loaded` only determines which calendars to lock. Alternative slots start at `earliest` or later.
        """
        await calendars.lock_for_update(session, loaded.access.versions)
        if self.may_have_written and (booked := await self._find_booked(session)) is not None:
            return booked
        self.may_have_written = True
        loaded = await self.load_under_lock(session)
        subs = self.choose(loaded) if self.request.is_possible(earliest) else None
        if subs is None:
            return self.slot_taken(loaded, earliest)
        return await self.write(session, self.new_booking(loaded, subs, link_key), loaded.targets)

    def new_booking(self, loaded: LoadedBooking, subs: Sequence[str], link_key: int | None = None) -> NewBooking:
        """Returns the booking of these members, to be written."""
        request, now = self.request, self.ctx.now
        booking = Booking(
            self.booking_id,
            BookingStatus.CONFIRMED if request.hold_for is None else BookingStatus.HELD,
            *request.draft.span(),
            participants=subs,
            created=now,
            updated=now,
            hold_expires_at=now + request.hold_for.seconds if request.hold_for is not None else None,
            sequence_id=self.sequence_id,
            labels=request.labels,
            visitor=request.visitor,
        )
        calendars = [calendar for sub in subs for calendar in loaded.targets[sub]]
        return NewBooking(loaded.client_key, booking, request, calendars, link_key)

    def choose(self, loaded: LoadedBooking) -> list[str] | None:
        """Returns the subs of the members to book; None if the start is not possible."""
        with self.ctx.timed("solve"):
            return choose(self.request, loaded.facts, self.preferred)

    def slot_taken(
        self,
        loaded: LoadedBooking,
        earliest: Instant,
        is_possible: Callable[[Sequence[Sequence[Facts]]], bool] | None = None,
    ) -> SlotTaken:
        """Returns the answer for a start that is not possible, with the next slots that are.

        Raises CalendarsNotKnownError if it would be possible with all calendars known. `is_possible` decides that, if it is
        not whether it could be booked.
        """
        if (known := all_known(loaded.facts)) is not None and (is_possible or self._could_be_booked(earliest))(known):
            raise CalendarsNotKnownError(self.request.query.subs, loaded.loaded)
        return SlotTaken(next_slots(self.request, loaded.facts, earliest), loaded.explanation)

    def _could_be_booked(self, earliest: Instant) -> Callable[[Sequence[Sequence[Facts]]], bool]:
        return lambda facts: (
            self.request.is_possible(earliest) and choose(self.request, facts, self.preferred) is not None
        )

    async def load_under_lock(self, session: Session) -> LoadedBooking:
        """Loads the data in a transaction that has locked the calendars: rights may have been revoked since."""
        return _unless_refused(await self._load((), (), session))

    async def _load(
        self, problems: Sequence[Problem], query_problems: Sequence[Problem], session: Session | None
    ) -> LoadedBooking | RefusedBooking:
        query = self.request.query if self.starts is None else self.request.at(self.starts)
        access = await load_access(self.ctx, query, session, [*problems, *query_problems], fresh=True)
        client_key = self._require_rights(access.actor)
        targets = self._targets(access.accounts)
        problems = Problems([*problems, *self._unknown_calendars(access.accounts)])
        try:
            counted = self.request.counted
            loaded = await load_facts(self.ctx, query, access, query_problems, session, counted, self.own)
            loaded = _with_room_for_all_events(loaded, targets)
            problems += self._read_only_targets(loaded)
            self._check(loaded, targets).raise_if_any()
        except Refusal as refusal:
            return RefusedBooking(client_key, _of_the_request(refusal, problems))
        if problems:
            return RefusedBooking(client_key, Unprocessable(problems=problems))
        booking = LoadedBooking(client_key, loaded, targets)
        if self.wanted is None or self.choose(booking) is not None:
            return booking
        slot = self.request.chosen_slot
        return replace(booking, explanation=await explain(self.ctx, slot, loaded, [], self.wanted, session))

    def prepare(self, client_key: int, loaded: LoadedFacts) -> tuple[LoadedBooking, Problems, Problems]:
        """Returns the data for the decision from facts that were loaded for more than this booking.

        With them come the problems of the request, and those of its query. Raises Forbidden.
        """
        accounts = loaded.access.accounts
        targets = self._targets(accounts)
        loaded = _with_room_for_all_events(loaded, targets)
        booking = LoadedBooking(client_key, loaded, targets)
        own = Problems([*self._unknown_calendars(accounts), *self._read_only_targets(loaded)])
        return booking, own, self._check(loaded, targets)

    def _require_rights(self, actor: Actor) -> int:
        """Returns the key of the application. Raises Unauthenticated, NotFound, Forbidden or PaymentRequired."""
        client_key = require_application(actor)
        if self.own is not None and self.own.stored.client_key != client_key:
            raise unknown_booking()
        require_availability(actor, managed=self.request.query.managed)
        return client_key

    def _unknown_calendars(self, accounts: Mapping[str, Account]) -> Problems:
        """Returns a problem for each target calendar that its account does not have."""
        problems = Problems()
        for index, target in enumerate(self.request.target_calendars):
            if target.sub in accounts and target.calendar_id not in accounts[target.sub].calendars:
                path = ("target_calendars", index, "calendar_id")
                problems.add(path, Key.UNKNOWN, "is not a calendar of this account")
        return problems

    def _read_only_targets(self, loaded: LoadedFacts) -> Problems:
        """Returns a problem for each target calendar that has the events of a calendar elsewhere."""
        problems = Problems()
        for index, target in enumerate(self.request.target_calendars):
            account = loaded.access.accounts.get(target.sub)
            key = account.calendars.get(target.calendar_id) if account is not None else None
            busy = loaded.busy.get(key) if key is not None else None
            if busy is not None and busy.unknown_at is not None:
                problems.add(("target_calendars", index, "calendar_id"), Key.CONFLICT, READ_ONLY)
        return problems

    def _targets(self, accounts: Mapping[str, Account]) -> Targets:
        """Returns the calendars that the request names for each member, or the member's primary one."""
        named: dict[str, list[str]] = {}
        for target in self.request.target_calendars:
            named.setdefault(target.sub, []).append(target.calendar_id)
        targets: dict[str, list[BookedCalendar]] = {}
        for sub, account in accounts.items():
            own = account.calendars
            ids = named.get(sub) or list(own)[:1]  # the first is the primary one
            targets[sub] = [BookedCalendar(own[id], id, self._event_uid(own[id])) for id in ids if id in own]
        return targets

    def _event_uid(self, calendar_key: int) -> str:
        return f"evt_{sha256(f'{self.booking_id} {calendar_key}'.encode()).hexdigest()[:24]}"

    def _check(self, loaded: LoadedFacts, targets: Targets) -> Problems:
        """Returns problems for target calendars outside the query, and for members that have not granted writing."""
        problems = Problems()
        query = self.request.query
        for (path, member), selection in zip(query.members(), loaded.selections, strict=True):
            if not {calendar.key for calendar in targets[member.sub]} <= set(selection.calendars):
                words = "must include the calendar that the event is written to: a second booking would not see it"
                problems.add((*path, "calendar_ids"), Key.CONFLICT, words)
        check_grants(query, loaded.access.accounts, problems, Scope.CREATE_EVENT)
        return problems

    async def write(self, session: Session, new: NewBooking, targets: Targets, *at: str | int) -> Booked:
        """Writes to locked calendars. A duplicate id raises Unprocessable, which undoes the transaction.

        `at` is where the request of this booking stands in a larger one.
        """
        await bookings.create(session, new)
        by_draft: dict[EventDraft, list[BookedCalendar]] = {}
        for sub in new.booking.participants:
            by_draft.setdefault(self.request.draft_for(sub), []).extend(targets[sub])
        written: dict[str, Event] = {}
        for draft, theirs in by_draft.items():
            events = await bookings.write_events(session, theirs, draft, new.booking, self.ctx.now)
            if events is None:
                words = "is already the id of an event on one of the calendars"
                raise Unprocessable.of((*at, "event", "event_id"), Key.DUPLICATE, words)
            written |= {event.calendar_id: event for event in events}
        await calendars.bump_versions(session, [calendar.key for calendar in new.calendars])
        return Booked(new.booking, [written[calendar.calendar_id] for calendar in new.calendars])

    async def _find_booked(self, session: Session) -> Booked | None:
        """Returns the booking if an earlier attempt committed it although it appeared to fail."""
        found = await booking_lists.find(session, self.booking_id, self.ctx.now)
        if found is None:
            return None
        events = (await booking_lists.events_of(session, [self.booking_id], self.ctx.now))[self.booking_id]
        return Booked(found.booking, in_order(events, found.calendar_ids))


def _with_room_for_all_events(loaded: LoadedFacts, targets: Targets) -> LoadedFacts:
    """Returns the facts with a smaller capacity for members with several target calendars: each gets an event."""
    if all(len(targets[each.member.sub]) <= 1 for each in loaded.selections):
        return loaded
    members = iter(loaded.selections)
    return replace(
        loaded, facts=[[_with_room(known, targets, next(members)) for known in theirs] for theirs in loaded.facts]
    )


def _with_room(known: Facts, targets: Targets, selection: MemberSelection) -> Facts:
    more = len(targets[selection.member.sub]) - 1
    return replace(known, capacity=max(known.capacity - more, 1)) if more > 0 else known


def _unless_refused(result: LoadedBooking | RefusedBooking) -> LoadedBooking:
    if isinstance(result, RefusedBooking):
        raise result.refusal
    return result


def _of_the_request(refusal: Refusal, others: Sequence[Problem]) -> Refusal:
    """Converts a query's refusal to one of the booking request, and adds the request's other problems."""
    theirs = Problems(refusal.problems).prefixed("availability")
    if isinstance(refusal, Forbidden) and not others:
        return Forbidden(problems=theirs, details=refusal.details)
    return Unprocessable(problems=[*others, *theirs])
