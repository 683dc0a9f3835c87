"""A meeting that somebody wants: who is asked, where their events go, whether it is possible, and its writing."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from core.access import require_application, require_availability
from core.bookings import Booked, BookingRequest, SlotTaken, choose, next_slots
from core.errors import Forbidden, Key, Path, Problem, Problems, Refusal, Unprocessable
from core.events import Event, EventDraft
from core.instants import Instant
from core.scopes import Scope
from db import bookings, calendars
from db.access import Standing
from db.bookings import BookedCalendar
from db.database import Session

from .context import Context
from .facts import Known, check_grants, look, look_within


@dataclass
class Meeting:
    """One meeting, be it that it takes more than one attempt to book it."""

    ctx: Context
    request: BookingRequest
    #: by which it knows its own events again, when a connection was lost and nobody told whether they were written
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    begun: bool = False
    #: the application that asks, once it is admitted
    client_key: int = 0
    #: by the sub of a member, where the event goes
    targets: dict[str, list[BookedCalendar]] = field(default_factory=dict[str, list[BookedCalendar]])

    async def look(self, problems: Problems, query_problems: Problems, session: Session | None = None) -> Known:
        """What is known now, be it as a transaction that has begun already finds it.

        Raises every problem of the request, those that were found before among them.
        """
        targeted = Problems()

        def admit(stands: Standing) -> None:
            targeted[:] = self._admit(stands)

        try:
            asked = (self.ctx, self.request.query, query_problems, admit)
            known = await (look(*asked) if session is None else look_within(session, *asked))
            self._check(known).refuse()
        except Refusal as refusal:
            raise _of_the_request(refusal, [*problems, *targeted]) from None
        Problems([*problems, *targeted]).refuse()
        return known

    async def decide(self, session: Session, known: Known, earliest: Instant) -> Booked | SlotTaken:
        """Holds the calendars of all members, decides on what is so now, and writes what was decided.

        What was known before only tells which calendars these are. Slots to choose instead start at `earliest` or later.
        """
        await calendars.hold(session, known.standing.versions)
        if self.begun and (done := await self._done_before(session)) is not None:
            return done
        self.begun = True
        # Somebody may have lost a right since it was looked at first.
        known = await self.look(Problems(), Problems(), session)
        subs = self.choose(known) if self.request.is_possible(earliest) else None
        return await self._write(session, subs) if subs is not None else self.taken(known, earliest)

    def choose(self, known: Known) -> list[str] | None:
        """The subs of those who meet; None when it is not possible."""
        with self.ctx.measured("solve"):
            return choose(self.request, known.facts)

    def taken(self, known: Known, earliest: Instant) -> SlotTaken:
        """That it is not possible, and what is instead."""
        return SlotTaken(next_slots(self.request, known.facts, earliest))

    def _admit(self, stands: Standing) -> Problems:
        """Finds where the event of each member would go; what is wrong with what was asked for.

        Raises Unauthenticated, Forbidden, PaymentRequired for who may not book.
        """
        self.client_key = require_application(stands.actor)
        require_availability(stands.actor, managed=self.request.query.managed)
        return self._find_targets(stands)

    def _find_targets(self, stands: Standing) -> Problems:
        problems = Problems()
        accounts = stands.accounts
        given: dict[str, list[str]] = {}
        for index, target in enumerate(self.request.target_calendars):
            if target.sub not in accounts:
                continue
            given.setdefault(target.sub, []).append(target.calendar_id)
            if target.calendar_id not in accounts[target.sub].calendars:
                path: Path = ("target_calendars", index, "calendar_id")
                problems.add(path, Key.UNKNOWN, "is not a calendar of this account")
        for sub, account in accounts.items():
            own = account.calendars
            ids = given.get(sub) or list(own)[:1]  # the first is the primary one
            self.targets[sub] = [BookedCalendar(own[id], id, self._event_uid(own[id])) for id in ids if id in own]
        return problems

    def _event_uid(self, calendar_key: int) -> str:
        return f"evt_{sha256(f'{self.secret} {calendar_key}'.encode()).hexdigest()[:24]}"

    def _check(self, known: Known) -> Problems:
        """Reports members whose query leaves out the calendar that the event goes to, and who have not granted its making."""
        problems = Problems()
        for (path, member), which in zip(self.request.query.members(), known.chosen, strict=True):
            if not {calendar.key for calendar in self.targets[member.sub]} <= set(which.calendars):
                words = "leaves out the calendar that the event goes to: a second booking would not see it"
                problems.add((*path, "calendar_ids"), Key.CONFLICT, words)
        check_grants(self.request.query, known.standing.accounts, problems, Scope.CREATE_EVENT)
        return problems

    async def _write(self, session: Session, subs: Sequence[str]) -> Booked:
        """Writes each member's event to calendars that are held; all of them, or the transaction has to be undone."""
        chosen = [calendar for sub in subs for calendar in self.targets[sub]]
        by_draft: dict[EventDraft, list[BookedCalendar]] = {}
        for sub in subs:
            by_draft.setdefault(self.request.draft_for(sub), []).extend(self.targets[sub])
        written: dict[str, Event] = {}
        for draft, theirs in by_draft.items():
            found = await bookings.book(session, theirs, draft, self.ctx.now)
            if found is None:
                words = "is the id of an event that is on one of the calendars already"
                raise problem(("event", "event_id"), Key.DUPLICATE, words)
            written |= {event.calendar_id: event for event in found}
        await calendars.change(session, [calendar.key for calendar in chosen])
        return Booked(*self.request.draft.span(), subs, [written[calendar.calendar_id] for calendar in chosen])

    async def _done_before(self, session: Session) -> Booked | None:
        """The booking that an earlier attempt has made, and that was thought to have failed."""
        keys = {calendar.key: calendar for theirs in self.targets.values() for calendar in theirs}
        found = await bookings.booked(session, keys, self.request.event.event_id)
        subs = [sub for sub in self.request.query.subs if all(each.key in found for each in self.targets[sub])]
        if not found:
            return None
        written = [found[calendar.key] for sub in subs for calendar in self.targets[sub]]
        return Booked(*self.request.draft.span(), subs, written)


def problem(path: Path, key: Key, description: str) -> Unprocessable:
    """A request that has this one problem."""
    return Unprocessable(problems=[Problem(path, key, description)])


def _of_the_request(refusal: Refusal, others: Sequence[Problem]) -> Refusal:
    """The refusal of a query as one of the request that has it, with all other problems."""
    if not refusal.problems:
        return refusal
    theirs = Problems(refusal.problems).within("availability")
    if isinstance(refusal, Forbidden) and not others:
        return Forbidden(problems=theirs, details=refusal.details)
    return Unprocessable(problems=[*others, *theirs])
