"""Never two bookings: a start is decided on under lock, and written before anybody else can decide."""

from dataclasses import dataclass

from core.bookings import Booked, BookingRequest, SlotTaken
from core.errors import Key, Refusal
from core.identity import digest
from db import bookings
from db import idempotency as booking_answers
from db.database import Session
from db.idempotency import OtherRequestError
from db.retries import retried

from .booking_attempts import Meeting, problem
from .context import Context
from .facts import Known


async def book_slot(ctx: Context, request: BookingRequest) -> Booked | SlotTaken:
    """Writes the event to a calendar of every member that meets, if the start is still possible: to all of them or to none.

    For the application's own key. Every member must have granted free-busy and the making of events. Raises Unprocessable
    with every problem of the request; one of them is an event that has the same id already.
    """
    return await _until_done(_Booking(ctx, request, Meeting(ctx, request)))


@retried
async def _until_done(booking: "_Booking") -> Booked | SlotTaken:
    return await booking.make()


@dataclass
class _Booking:
    """One call of book_slot, which may take more than one attempt."""

    ctx: Context
    request: BookingRequest
    meeting: Meeting

    async def make(self) -> Booked | SlotTaken:
        """One attempt: at once, if nobody else is at it, and else under lock."""
        try:
            known = await self._look()
        except Refusal as refusal:
            if refusal.problems and (given := await self._given()) is not None:
                return given
            raise
        keyed = self.request.idempotency_key is not None
        if not keyed and not self.meeting.begun:
            answer = await self._at_once(known) or await self._at_once(known := await self._look())
            if answer is not None:
                return answer
        async with self.ctx.db.write() as session:
            return await (self._once if keyed else self._decide)(session, known)

    async def _look(self) -> Known:
        limits = self.ctx.limits
        return await self.meeting.look(self.request.check(self.ctx.now, limits), self.request.query_problems(limits))

    async def _at_once(self, known: Known) -> Booked | SlotTaken | None:
        """What follows from what is known, written in one trip; None when one of the calendars has changed meanwhile.

        Whoever comes too late need not wait for those who are at it: what there is to see is true already.
        """
        subs = self.meeting.choose(known)
        if subs is None:
            return self.meeting.taken(known, self._earliest)
        accounts = known.standing.accounts
        chosen = {calendar: accounts[sub].key for sub in subs for calendar in self.meeting.targets[sub]}
        self.meeting.begun = True
        versions, draft = known.standing.versions, self.request.draft
        written = await bookings.book_unchanged(self.ctx.db, versions, chosen, draft, self.ctx.now)
        self.meeting.begun = written is not None
        return Booked(*draft.span(), subs, written) if written is not None else None

    async def _once(self, session: Session, known: Known) -> Booked | SlotTaken:
        """The answer under an idempotency key, be it the first one or the same again."""
        client_key, key, request_digest = self._claim()
        try:
            given = await booking_answers.claim(session, client_key, key, request_digest, self.ctx.now)
        except OtherRequestError:
            raise problem(("idempotency_key",), Key.CONFLICT, "came with another request before") from None
        if given is not None:
            return given
        answer = await self._decide(session, known)
        await booking_answers.keep(session, client_key, key, answer)
        return answer

    async def _decide(self, session: Session, known: Known) -> Booked | SlotTaken:
        return await self.meeting.decide(session, known, self._earliest)

    async def _given(self) -> Booked | SlotTaken | None:
        """What the request was answered under its idempotency key, when it was good: it may have come to be bad since."""
        if self.request.idempotency_key is None:
            return None
        async with self.ctx.db.read() as session:
            return await booking_answers.given(session, *self._claim())

    def _claim(self) -> tuple[int, str, bytes]:
        """What an answer is kept under: the application, its key, and the request that this key stands for."""
        return self.meeting.client_key, self.request.idempotency_key or "", digest(repr(self.request))

    @property
    def _earliest(self) -> int:
        return self.ctx.now + 1
