"""Attempts at a booking: loading what is known about the members, deciding on a start, and writing the events."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import TypeAlias

from core.access import Actor, require_application, require_availability
from core.bookings import Booked, BookingRequest, SlotTaken, choose, next_slots
from core.errors import Forbidden, Key, Problem, Problems, Refusal, Unprocessable
from core.events import Event, EventDraft
from core.instants import Instant
from core.scopes import Scope
from core.solver import Facts
from db import bookings, calendars
from db.access import AccessSnapshot, Account
from db.bookings import BookedCalendar
from db.database import Session

from .context import Context
from .facts import LoadedFacts, check_grants, load_access, load_facts, with_snapshot_fallback

Targets: TypeAlias = Mapping[str, Sequence[BookedCalendar]]
"""By the sub of a member, the calendars that its event goes to."""


@dataclass(frozen=True, slots=True)
class LoadedBooking:
    """What a booking is decided on."""

    #: the application that asks
    client_key: int
    access: AccessSnapshot
    #: group by group
    facts: Sequence[Sequence[Facts]]
    targets: Targets


@dataclass(frozen=True, slots=True)
class RefusedBooking:
    """A request with problems, from an application that may book."""

    client_key: int
    refusal: Refusal


@dataclass
class BookingAttempt:
    """A booking, across the retries that it may take."""

    ctx: Context
    request: BookingRequest
    #: gives each event a uid by which a retry recognises it: the commit may succeed though the connection is lost
    event_uid_seed: str = field(default_factory=lambda: secrets.token_hex(16))
    #: a write was begun, and its outcome is unknown
    may_have_written: bool = False

    async def load(self, problems: Sequence[Problem] = (), query_problems: Sequence[Problem] = ()) -> LoadedBooking:
        """What the booking is decided on. Raises every problem of the request, the given ones first."""
        return _unless_refused(await self.load_or_refuse(problems, query_problems))

    async def load_or_refuse(
        self, problems: Sequence[Problem], query_problems: Sequence[Problem]
    ) -> LoadedBooking | RefusedBooking:
        """What the booking is decided on, or every problem of the request.

        Raises Unauthenticated, Forbidden, PaymentRequired for a caller that may not book.
        """
        return await with_snapshot_fallback(self.ctx, partial(self._load, problems, query_problems))

    async def book_under_lock(self, session: Session, loaded: LoadedBooking, earliest: Instant) -> Booked | SlotTaken:
        """Locks the calendars of all members, decides on their present state, and writes the booking.

        What was loaded before only tells which calendars to lock. Slots offered instead start at
        `earliest` or later.
        """
        await calendars.lock_for_update(session, loaded.access.versions)
        if self.may_have_written and (booked := await self._find_booked(session, loaded.targets)) is not None:
            return booked
        self.may_have_written = True
        # Rights may have been revoked since the first load.
        loaded = _unless_refused(await self._load((), (), session))
        subs = self.choose(loaded) if self.request.is_possible(earliest) else None
        if subs is None:
            return self.slot_taken(loaded, earliest)
        return await self._write(session, subs, loaded.targets)

    def choose(self, loaded: LoadedBooking) -> list[str] | None:
        """The subs of the members who meet; None when the start is not possible."""
        with self.ctx.timed("solve"):
            return choose(self.request, loaded.facts)

    def slot_taken(self, loaded: LoadedBooking, earliest: Instant) -> SlotTaken:
        """The answer for a start that is not possible, with the next slots that are."""
        return SlotTaken(next_slots(self.request, loaded.facts, earliest))

    async def _load(
        self, problems: Sequence[Problem], query_problems: Sequence[Problem], session: Session | None
    ) -> LoadedBooking | RefusedBooking:
        query = self.request.query
        standing = await load_access(self.ctx, query, session)
        client_key = self._require_rights(standing.actor)
        targets = self._targets(standing.accounts)
        problems = Problems([*problems, *self._unknown_calendars(standing.accounts)])
        try:
            loaded = await load_facts(self.ctx, query, standing, query_problems, session)
            self._check(loaded, targets).raise_if_any()
        except Refusal as refusal:
            return RefusedBooking(client_key, _of_the_request(refusal, problems))
        if problems:
            return RefusedBooking(client_key, Unprocessable(problems=problems))
        return LoadedBooking(client_key, standing, loaded.facts, targets)

    def _require_rights(self, actor: Actor) -> int:
        """The key of the application. Raises Unauthenticated, Forbidden, PaymentRequired."""
        client_key = require_application(actor)
        require_availability(actor, managed=self.request.query.managed)
        return client_key

    def _unknown_calendars(self, accounts: Mapping[str, Account]) -> Problems:
        """Reports target calendars that are not their account's."""
        problems = Problems()
        for index, target in enumerate(self.request.target_calendars):
            if target.sub in accounts and target.calendar_id not in accounts[target.sub].calendars:
                path = ("target_calendars", index, "calendar_id")
                problems.add(path, Key.UNKNOWN, "is not a calendar of this account")
        return problems

    def _targets(self, accounts: Mapping[str, Account]) -> Targets:
        """The calendars that the request names for a member, else the member's primary one."""
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
        return f"evt_{sha256(f'{self.event_uid_seed} {calendar_key}'.encode()).hexdigest()[:24]}"

    def _check(self, loaded: LoadedFacts, targets: Targets) -> Problems:
        """Reports target calendars that the query leaves out, and members that have not granted writing."""
        problems = Problems()
        query = self.request.query
        for (path, member), selection in zip(query.members(), loaded.selections, strict=True):
            if not {calendar.key for calendar in targets[member.sub]} <= set(selection.calendars):
                words = "leaves out the calendar that the event goes to: a second booking would not see it"
                problems.add((*path, "calendar_ids"), Key.CONFLICT, words)
        check_grants(query, loaded.standing.accounts, problems, Scope.CREATE_EVENT)
        return problems

    async def _write(self, session: Session, subs: Sequence[str], targets: Targets) -> Booked:
        """Writes each member's event to locked calendars. Raises Unprocessable, to undo the transaction."""
        chosen = [calendar for sub in subs for calendar in targets[sub]]
        by_draft: dict[EventDraft, list[BookedCalendar]] = {}
        for sub in subs:
            by_draft.setdefault(self.request.draft_for(sub), []).extend(targets[sub])
        written: dict[str, Event] = {}
        for draft, theirs in by_draft.items():
            events = await bookings.book(session, theirs, draft, self.ctx.now)
            if events is None:
                words = "is the id of an event that is on one of the calendars already"
                raise Unprocessable.of(("event", "event_id"), Key.DUPLICATE, words)
            written |= {event.calendar_id: event for event in events}
        await calendars.bump_versions(session, [calendar.key for calendar in chosen])
        return Booked(*self.request.draft.span(), subs, [written[calendar.calendar_id] for calendar in chosen])

    async def _find_booked(self, session: Session, targets: Targets) -> Booked | None:
        """The booking that an earlier attempt committed, though it appeared to fail."""
        by_key = {calendar.key: calendar for theirs in targets.values() for calendar in theirs}
        found = await bookings.booked(session, by_key, self.request.event.event_id)
        if not found:
            return None
        subs = [sub for sub in self.request.query.subs if all(each.key in found for each in targets[sub])]
        events = [found[calendar.key] for sub in subs for calendar in targets[sub]]
        return Booked(*self.request.draft.span(), subs, events)


def _unless_refused(result: LoadedBooking | RefusedBooking) -> LoadedBooking:
    if isinstance(result, RefusedBooking):
        raise result.refusal
    return result


def _of_the_request(refusal: Refusal, others: Sequence[Problem]) -> Refusal:
    """The refusal of a query as one of the request around it, together with the request's other problems."""
    theirs = Problems(refusal.problems).prefixed("availability")
    if isinstance(refusal, Forbidden) and not others:
        return Forbidden(problems=theirs, details=refusal.details)
    return Unprocessable(problems=[*others, *theirs])
