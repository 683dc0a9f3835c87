"""Undelivered callbacks: written in the transaction that they report, and deleted when delivered.

A worker claims a callback before it delivers it. The claim postpones `due_at`, so that no other worker
takes the callback while this one works, and another one does if this one is killed. The claim also
increments `attempts`; a worker that finishes late sees by that number that the callback has been
claimed again.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from sqlalchemy import Update
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.callbacks import body
from core.instants import Instant
from core.real_time_scheduling import CallbackKind, Link

from . import tables
from .drivers.base import Statements
from .notifications import outbox


@dataclass(frozen=True, slots=True)
class Claimed:
    """A callback that this worker has claimed for delivery."""

    key: int
    delivery_id: str
    url: str
    body: str
    #: number of attempts, including this one
    attempts: int
    client_id: str
    #: the encrypted secret that it is signed with; None for a client older than signed callbacks
    sealed_secret: bytes | None


async def enqueue(
    session: AsyncSession, link: Link, kind: CallbackKind, *, url: str, visitor_tzid: str, now: Instant
) -> str | None:
    """Enqueues a callback to the link's application, sent once this transaction is committed. Returns
    the delivery id.

    `url` is the address of the link, and `link` has its state after the change. Returns None if the
    application has no callback URL of this kind.
    """
    to = link.request.callback_urls.of(kind)
    if to is None:
        return None
    delivery_id = f"cbk_{secrets.token_hex(12)}"
    content = body(link, kind, url=url, visitor_tzid=visitor_tzid, delivery_id=delivery_id)
    row = tables.Callback(
        client_key=link.client_key,
        delivery_id=delivery_id,
        url=to,
        body=orjson.dumps(content).decode(),
        attempts=0,
        due_at=now,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    outbox.mark_callback_written(session)
    return delivery_id


async def next_due(statements: Statements) -> Instant | None:
    """Returns when the next callback is or was due, or None if there is none."""
    [[due_at]] = await statements.fetch("SELECT min(due_at) FROM callbacks")
    return due_at


async def claim(session: AsyncSession, now: Instant, until: Instant, most: int) -> list[Claimed]:
    """Claims up to `most` due callbacks for this worker until `until`.

    Those with the fewest attempts come first, so that an unreachable application does not delay the others.
    """
    row = tables.Callback
    due = select(col(row.key)).where(col(row.due_at) <= now).order_by(col(row.attempts), col(row.due_at)).limit(most)
    # On PostgreSQL skips rows that another worker is claiming. SQLite has one writer at a time, and no
    # such clause.
    claimed = due.with_for_update(skip_locked=True, key_share=True).cte("claimed")
    of_client = col(tables.Client.key) == col(row.client_key)
    statement = (
        update(row)
        .where(col(row.key).in_(select(claimed.c.key)))
        .values(attempts=row.attempts + 1, due_at=until)
        .returning(
            *(col(row.key), col(row.delivery_id), col(row.url), col(row.body), col(row.attempts)),
            select(tables.Client.client_id).where(of_client).scalar_subquery(),
            select(tables.Client.sealed_secret).where(of_client).scalar_subquery(),
        )
        .execution_options(synchronize_session=False)
    )
    return [Claimed(*found) for found in await session.exec(statement)]


async def record_success(session: AsyncSession, callback: Claimed) -> None:
    """Deletes a delivered callback, even if another worker has claimed it since."""
    await session.exec(delete(tables.Callback).where(col(tables.Callback.key) == callback.key))


async def record_failure(session: AsyncSession, callback: Claimed, why: str, due_at: Instant | None) -> None:
    """Records a failed attempt and when it is due again. With None it is given up, and its row stays for inspection."""
    await session.exec(_if_still_claimed(callback).values(last_failure=why, due_at=due_at))


async def release(session: AsyncSession, callbacks: Iterable[Claimed], now: Instant) -> None:
    """Releases callbacks whose attempt was not finished: they are due at once, and the attempt is not counted."""
    for callback in callbacks:
        await session.exec(_if_still_claimed(callback).values(attempts=callback.attempts - 1, due_at=now))


def _if_still_claimed(callback: Claimed) -> Update:
    row = tables.Callback
    return update(row).where(col(row.key) == callback.key, col(row.attempts) == callback.attempts)
