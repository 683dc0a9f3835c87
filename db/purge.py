"""Deletion of rows that nothing needs any more, in small steps.

Each function is one step: it deletes at most `STEP` rows and returns their number. A transaction with
one step is short, so on SQLite other writers do not wait long. On PostgreSQL a step skips rows that
another transaction has locked, so it neither waits for other processes nor deadlocks with them.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, literal_column, tuple_
from sqlalchemy.orm import aliased
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.booking_life import BookingStatus
from core.instants import Instant

from . import calendars
from .tables import Account, Booking, BookingAnswer, Callback, ElementToken, Event, RealTimeScheduling, Token

STEP = 500
"""Maximum rows that one step deletes, and accounts that it looks through."""

KEEP_REFRESH_TOKENS = 20
"""Refresh tokens of an account that stay: those that were made or used last."""


async def access_tokens(session: AsyncSession, before: Instant) -> int:
    """Deletes access tokens that expired before this instant."""
    return await _delete(session, Token, (col(Token.expires_at),), STEP, col(Token.expires_at) < before)


async def element_tokens(session: AsyncSession, before: Instant) -> int:
    """Deletes element tokens that expired at this instant or before."""
    return await _delete(
        session, ElementToken, (col(ElementToken.expires_at),), STEP, col(ElementToken.expires_at) <= before
    )


async def refresh_tokens(session: AsyncSession, account_key: int, most: int = STEP) -> int:
    """Deletes the oldest refresh tokens of the account, without those that were made or used last."""
    last = aliased(Token)
    oldest_kept = (
        select(col(last.used_at), col(last.key))
        .where(col(last.account_key) == account_key, col(last.kind) == "refresh")
        .order_by(col(last.used_at).desc(), col(last.key).desc())
        .limit(1)
        .offset(KEEP_REFRESH_TOKENS - 1)
        .scalar_subquery()
    )
    age = (col(Token.used_at), col(Token.key))
    of_account = (col(Token.account_key) == account_key, col(Token.kind) == "refresh")
    return await _delete(session, Token, age, most, *of_account, tuple_(*age) < oldest_kept)


async def accounts_to_trim(session: AsyncSession, after: int) -> tuple[list[int], int | None]:
    """Looks through the `STEP` accounts after a key. Returns those with too many refresh tokens, and
    the last key, or None at the end.
    """
    accounts = select(col(Account.key)).where(col(Account.key) > after).order_by(col(Account.key)).limit(STEP).cte()
    surplus = (
        select(col(Token.key))
        .where(col(Token.account_key) == accounts.c.key, col(Token.kind) == "refresh")
        .limit(1)
        .offset(KEEP_REFRESH_TOKENS)
        .scalar_subquery()
    )
    rows = (await session.exec(select(accounts.c.key, surplus.is_not(None)).order_by(accounts.c.key))).all()
    return [key for key, too_many in rows if too_many], rows[-1][0] if rows else None


async def answers(session: AsyncSession, before: Instant) -> int:
    """Deletes answers to idempotency keys that were given before this instant."""
    created = col(BookingAnswer.created_at)
    return await _delete(session, BookingAnswer, (created,), STEP, created < before)


async def links(session: AsyncSession, before: Instant) -> int:
    """Deletes booking links that were finished before this instant, and whose meeting was not moved to later."""
    finished = col(RealTimeScheduling.finishes_at)
    of_link = col(Booking.real_time_scheduling_key) == col(RealTimeScheduling.key)
    is_ahead = select(col(Booking.key)).where(of_link, col(Booking.ends_at) >= before).exists()
    return await _delete(session, RealTimeScheduling, (finished,), STEP, finished < before, ~is_ahead)


async def deleted_events(session: AsyncSession, before: Instant) -> int:
    """Deletes the rows of events that were deleted before this instant."""
    updated: Any = col(Event.updated_at)
    deleted: ColumnElement[bool] = literal_column("deleted")  # as in the condition of the index
    return await _delete(session, Event, (updated,), STEP, deleted, updated < before)


async def holds(session: AsyncSession, before: Instant) -> int:
    """Cleans up holds that ended before this instant: their events become deleted ones. Returns their number.

    They have counted as deleted since the hold ended; the versions of their calendars change all the same, because
    files that are made of them are compared by what is stored.
    """
    ended = (col(Booking.status) == BookingStatus.HELD.value, col(Booking.hold_expires_at) < before)
    chosen = select(col(Booking.booking_id)).where(*ended).order_by(col(Booking.hold_expires_at)).limit(STEP)
    booking_ids = (await session.exec(chosen)).all()
    if not booking_ids:
        return 0
    lapsed = (col(Event.lapses_at) < before, col(Event.deleted).is_(False))
    keys = select(col(Event.calendar_key)).where(col(Event.booking_id).in_(booking_ids), *lapsed).distinct()
    calendar_keys = (await session.exec(keys)).all()
    await calendars.lock_for_update(session, calendar_keys)
    locked = select(col(Booking.booking_id)).where(col(Booking.booking_id).in_(booking_ids), *ended)
    still = (await session.exec(locked.order_by(col(Booking.booking_id)).with_for_update(key_share=True))).all()
    gone = update(Event).where(col(Event.booking_id).in_(still), *lapsed)
    await session.exec(gone.values(deleted=True, blocks=False, updated_at=col(Event.lapses_at), lapses_at=None))
    expired = update(Booking).where(col(Booking.booking_id).in_(still))
    await session.exec(expired.values(status=BookingStatus.EXPIRED.value))
    await calendars.bump_versions(session, calendar_keys)
    return len(booking_ids)


async def callbacks(session: AsyncSession, before: Instant) -> int:
    """Deletes callbacks that were given up and were created before this instant."""
    given_up, created = col(Callback.due_at).is_(None), col(Callback.created_at)
    return await _delete(session, Callback, (created,), STEP, given_up, created < before)


async def _delete(session: AsyncSession, row: Any, order: Sequence[Any], most: int, *conditions: Any) -> int:
    """Deletes the first rows in this order that match all conditions. Returns their number."""
    # The limit is part of the statement: PostgreSQL must know it to plan for a few rows.
    chosen = select(row.key).where(*conditions).order_by(*order).limit(literal_column(str(most)))
    # SQLite has one writer at a time, and no such clause.
    locked = chosen.with_for_update(skip_locked=True).cte("chosen")
    statement = delete(row).where(row.key.in_(select(locked.c.key))).returning(row.key)
    # Counted, because sqlite3 has no row count for a statement that begins with WITH.
    return len((await session.exec(statement.execution_options(synchronize_session=False))).all())
