"""Stored answers of requests that had an idempotency key."""

import json
from dataclasses import asdict, replace
from typing import Any, TypeAlias, cast

from sqlmodel import col, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.booking_life import Booking, BookingActor, BookingStatus, Label
from core.bookings import Booked, SlotTaken
from core.events import Event, EventDraft, EventStatus, Location, Transparency
from core.instants import Instant
from core.sequence_bookings import BookedSequence, SequenceTaken
from core.sequences import PlacedSequence, PlacedStep
from core.solver import Opening
from core.spans import Span

from . import tables
from .booking_documents import read_visitor
from .database import Database
from .drivers.base import LOCK_TIMEOUT, LockedWrite, Snapshot, Statements
from .drivers.dialects import insert

Answer: TypeAlias = Booked | SlotTaken | BookedSequence | SequenceTaken


class IdempotencyConflict(LookupError):
    """The idempotency key was used with a different request before."""


async def claim(
    session: AsyncSession, client_key: int, idempotency_key: str, request_digest: bytes, now: Instant
) -> Answer | None:
    """Returns the stored answer to this request, or None if this transaction has claimed the key and
    must answer it.

    A concurrent request with the same key waits for the end of this transaction. Raises IdempotencyConflict.
    """
    identity = {"client_key": client_key, "idempotency_key": idempotency_key}
    values = {**identity, "request_digest": request_digest, "answer": "", "created_at": now}
    statement = insert(session, tables.BookingAnswer).values(values).on_conflict_do_nothing()
    claimed = cast("Any", await session.exec(statement.returning(col(tables.BookingAnswer.key)))).first()
    if claimed is not None:
        return None
    answer = await stored(Snapshot(session), client_key, idempotency_key, request_digest)
    if answer is not None:
        return answer
    # The answer was purged between the two statements.
    return await claim(session, client_key, idempotency_key, request_digest, now)


async def stored(statements: Statements, client_key: int, idempotency_key: str, request_digest: bytes) -> Answer | None:
    """Returns the stored answer to this request, or None. One statement. Raises IdempotencyConflict."""
    for answer, answered in await statements.fetch_many(_STORED, client_key, idempotency_key):
        if answered != request_digest:
            raise IdempotencyConflict
        return _read(json.loads(answer))
    return None


async def store(session: AsyncSession, client_key: int, idempotency_key: str, answer: Answer) -> None:
    """Stores the answer, without an explanation, under a key that this transaction has claimed."""
    claimed = update(tables.BookingAnswer).where(
        col(tables.BookingAnswer.client_key) == client_key, col(tables.BookingAnswer.idempotency_key) == idempotency_key
    )
    await session.exec(claimed.values(answer=_dump(answer)))


async def store_first(
    db: Database, client_key: int, idempotency_key: str, request_digest: bytes, answer: Answer, now: Instant
) -> bool:
    """Stores the answer, without an explanation, unless there is one under the key. Returns whether it did. One trip."""
    values = row(client_key, idempotency_key, request_digest, answer, now)
    return await db.driver.write(_STORE_FIRST, values, writer=client_key) is not None


def row(
    client_key: int, idempotency_key: str, request_digest: bytes, answer: Answer, now: Instant
) -> tuple[int, str, bytes, str, Instant]:
    """Returns the row of an answer, which is stored without an explanation."""
    return client_key, idempotency_key, request_digest, _dump(answer), now


def insert_sql(first: int, condition: str) -> str:
    """SQL that inserts an answer, the row of which is the parameters from number `first` on."""
    return f"""
INSERT INTO booking_answers ({", ".join(_COLUMNS)})
SELECT {", ".join(f"${number}" for number, _ in enumerate(_COLUMNS, first))} WHERE {condition}
"""


def stored_sql(first: int) -> str:
    """SQL that finds the answer under the same key as such a row."""
    return f"""
SELECT answer, request_digest FROM booking_answers WHERE client_key = ${first} AND idempotency_key = ${first + 1}
"""


_COLUMNS = ("client_key", "idempotency_key", "request_digest", "answer", "created_at")
_STORED = stored_sql(1)

_STORE_FIRST = LockedWrite(
    lock=f"SELECT 1 WHERE {LOCK_TIMEOUT}",
    locked_rows="SELECT 1",
    write=f"""
{insert_sql(1, "EXISTS (SELECT 1 FROM locked)")}
ON CONFLICT (client_key, idempotency_key) DO NOTHING
RETURNING client_key
""",
)


def _dump(answer: Answer) -> str:
    if isinstance(answer, SlotTaken):
        answer = replace(answer, explanation=None)
    return json.dumps(asdict(answer), ensure_ascii=False)


def _read(answer: dict[str, Any]) -> Answer:
    if "bookings" in answer:
        return BookedSequence([_booking(**each) for each in answer["bookings"]])
    if "next_sequences" in answer:
        return SequenceTaken([_sequence(*each) for each in answer["next_sequences"]])
    if "next_slots" in answer:
        return SlotTaken([Opening(start, end, tuple(subs)) for start, end, subs in answer["next_slots"]])
    return Booked(_booking(**answer["booking"]), [_event(**event) for event in answer["events"]])


def _sequence(start: Instant, end: Instant, steps: list[Any]) -> PlacedSequence:
    placed = [PlacedStep(id, begin, finish, tuple(subs)) for id, begin, finish, subs in steps]
    return PlacedSequence(start, end, tuple(placed))


def _booking(
    *, status: str, cancelled_by: str | None, labels: list[Any], visitor: dict[str, Any] | None, **rest: Any
) -> Booking:
    return Booking(
        status=BookingStatus(status),
        cancelled_by=BookingActor(cancelled_by) if cancelled_by is not None else None,
        labels=tuple(Label(**label) for label in labels),
        visitor=read_visitor(visitor) if visitor is not None else None,
        **rest,
    )


def _event(*, draft: dict[str, Any], span: tuple[int, int], **rest: Any) -> Event:
    location = draft.pop("location")
    given = EventDraft(
        location=Location(**location) if location is not None else None,
        transparency=Transparency(draft.pop("transparency")),
        status=EventStatus(draft.pop("status")),
        **draft,
    )
    return Event(given, Span(*span), **rest)
