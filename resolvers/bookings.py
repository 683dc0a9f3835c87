"""Never two bookings: a start is decided on under lock, and written before anybody else can decide."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from core.access import require_application, require_availability
from core.bookings import Booked, BookingRequest, SlotTaken, choose, next_slots
from core.errors import Forbidden, Key, Path, Problem, Problems, Refusal, Unprocessable
from core.identity import digest
from core.scopes import Scope
from db import booking_answers, bookings, calendars
from db.booking_answers import OtherRequestError
from db.bookings import BookedCalendar
from db.database import Session
from db.direct import Snapshot
from db.failures import retried
from db.standing import Standing

from .context import Context
from .facts import Known, check_grants, look, read_facts
from .remembered import Remembered


@retried
async def _until_done(booking: "_Booking") -> Booked | SlotTaken:
    return await booking.make()


async def book_slot(ctx: Context, request: BookingRequest) -> Booked | SlotTaken:
    """Writes the event to a calendar of every member that meets, if the start is still possible: to all of them or to none.

    For the application's own key. Every member must have granted free-busy and the making of events. Raises Unprocessable
    with every problem of the request; one of them is an event that has the same id already.
    """
    return await _until_done(_Booking(ctx, request))


@dataclass
class _Booking:
    """One call of book_slot, which may take more than one attempt."""

    ctx: Context
    request: BookingRequest
    #: by which it knows its own events again, when a connection was lost and nobody told whether they were written
    secret: str = field(default_factory=lambda: secrets.token_hex(16))
    begun: bool = False
    #: the application that asks, once it is admitted
    client_key: int = 0
    #: by the sub of a member, where the event goes
    targets: dict[str, list[BookedCalendar]] = field(default_factory=dict[str, list[BookedCalendar]])

    async def make(self) -> Booked | SlotTaken:
        """One attempt: at once, if nobody else is at it, and else under lock."""
        try:
            known = await self._look()
        except Refusal as refusal:
            if refusal.problems and (given := await self._given()) is not None:
                return given
            raise
        keyed = self.request.idempotency_key is not None
        if not keyed and not self.begun:
            answer = await self._at_once(known) or await self._at_once(known := await self._look())
            if answer is not None:
                return answer
        async with self.ctx.db.write() as session:
            return await (self._once if keyed else self._decide)(session, known.standing)

    async def _at_once(self, known: Known) -> Booked | SlotTaken | None:
        """What follows from what is known, written in one trip; None when one of the calendars has changed meanwhile.

        Whoever comes too late need not wait for those who are at it: what there is to see is true already.
        """
        subs = self._choose(known)
        if subs is None:
            return self._taken(known)
        accounts = known.standing.accounts
        chosen = {calendar: accounts[sub].key for sub in subs for calendar in self.targets[sub]}
        self.begun = True
        versions, draft = known.standing.versions, self.request.draft
        written = await bookings.book_unchanged(self.ctx.db, versions, chosen, draft, self.ctx.now)
        self.begun = written is not None
        return Booked(*draft.span(), subs, written) if written is not None else None

    async def _given(self) -> Booked | SlotTaken | None:
        """What the request was answered under its idempotency key, when it was good: it may have come to be bad since."""
        if self.request.idempotency_key is None:
            return None
        async with self.ctx.db.read() as session:
            return await booking_answers.given(session, *self._claim())

    def _claim(self) -> tuple[int, str, bytes]:
        """What an answer is kept under: the application, its key, and the request that this key stands for."""
        return self.client_key, self.request.idempotency_key or "", digest(repr(self.request))

    async def _look(self) -> Known:
        """What is known now. Raises every problem of the request."""
        query = self.request.query
        problems = self.request.check(self.ctx.now, self.ctx.limits)
        targeted = Problems()

        def admit(stands: Standing) -> None:
            self._admit(stands)
            targeted[:] = self._find_targets(stands)

        try:
            known = await look(self.ctx, query, self.request.query_problems(self.ctx.limits), admit)
            found = self._uncounted(known)
            check_grants(query, known.standing.accounts, found, Scope.CREATE_EVENT)
            found.refuse()
        except Refusal as refusal:
            raise _of_the_request(refusal, [*problems, *targeted]) from None
        Problems([*problems, *targeted]).refuse()
        return known

    def _admit(self, stands: Standing) -> None:
        """Raises Unauthenticated, Forbidden, PaymentRequired for who may not book."""
        self.client_key = require_application(stands.actor)
        require_availability(stands.actor, managed=self.request.query.managed)

    def _find_targets(self, stands: Standing) -> Problems:
        """Finds where the event of each member would go; what is wrong with what was asked for."""
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

    def _uncounted(self, known: Known) -> Problems:
        """Reports members whose query leaves out the calendar that the event goes to."""
        problems = Problems()
        for (path, member), which in zip(self.request.query.members(), known.chosen, strict=True):
            if not {calendar.key for calendar in self.targets[member.sub]} <= set(which.calendars):
                words = "leaves out the calendar that the event goes to: a second booking would not see it"
                problems.add((*path, "calendar_ids"), Key.CONFLICT, words)
        return problems

    async def _once(self, session: Session, stands: Standing) -> Booked | SlotTaken:
        """The answer under an idempotency key, be it the first one or the same again."""
        client_key, key, request_digest = self._claim()
        try:
            given = await booking_answers.claim(session, client_key, key, request_digest, self.ctx.now)
        except OtherRequestError:
            raise _problem(("idempotency_key",), Key.CONFLICT, "came with another request before") from None
        if given is not None:
            return given
        answer = await self._decide(session, stands)
        await booking_answers.keep(session, client_key, key, answer)
        return answer

    async def _decide(self, session: Session, stands: Standing) -> Booked | SlotTaken:
        """Holds the calendars of all members, decides on what is on them now, and writes what was decided."""
        versions = await calendars.hold(session, stands.versions)
        if self.begun and (done := await self._done_before(session)) is not None:
            return done
        self.begun = True
        known = await read_facts(
            Remembered(self.ctx.memory, Snapshot(session), session),
            replace(stands, versions=versions),
            self.request.query,
            Problems(),
            self.ctx.limits,
        )
        subs = self._choose(known)
        return await self._write(session, subs) if subs is not None else self._taken(known)

    def _choose(self, known: Known) -> list[str] | None:
        with self.ctx.measured("solve"):
            return choose(self.request, known.facts)

    async def _write(self, session: Session, subs: Sequence[str]) -> Booked:
        chosen = [calendar for sub in subs for calendar in self.targets[sub]]
        written = await bookings.book(session, chosen, self.request.draft, self.ctx.now)
        if written is None:
            words = "is the id of an event that is on one of the calendars already"
            raise _problem(("event", "event_id"), Key.DUPLICATE, words)
        await calendars.change(session, [calendar.key for calendar in chosen])
        return Booked(*self.request.draft.span(), subs, written)

    async def _done_before(self, session: Session) -> Booked | None:
        """The booking that an earlier attempt has made, and that was thought to have failed."""
        keys = {calendar.key: calendar for theirs in self.targets.values() for calendar in theirs}
        found = await bookings.booked(session, keys, self.request.event.event_id)
        subs = [sub for sub in self.request.query.subs if all(each.key in found for each in self.targets[sub])]
        if not found:
            return None
        written = [found[calendar.key] for sub in subs for calendar in self.targets[sub]]
        return Booked(*self.request.draft.span(), subs, written)

    def _taken(self, known: Known) -> SlotTaken:
        return SlotTaken(next_slots(self.request, known.facts, self.ctx.now))


def _of_the_request(refusal: Refusal, others: Sequence[Problem]) -> Refusal:
    """The refusal of a query as one of the request that has it, with all other problems."""
    if not refusal.problems:
        return refusal
    theirs = Problems(refusal.problems).within("availability")
    if isinstance(refusal, Forbidden) and not others:
        return Forbidden(problems=theirs, details=refusal.details)
    return Unprocessable(problems=[*others, *theirs])


def _problem(path: Path, key: Key, description: str) -> Unprocessable:
    return Unprocessable(problems=[Problem(path, key, description)])
