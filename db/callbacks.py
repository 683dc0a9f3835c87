"""Callbacks that are still to be delivered: they are written with what they tell of, and stay until somebody has them.

Whoever delivers one claims it: the claim makes it due again a little later, so that nobody else takes it up meanwhile,
and so that somebody else does when its claimant was killed. An attempt counts from its claim on, and by that number a
claimant who comes late knows that the callback is another's by now.
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
    """A callback that is ours to deliver."""

    key: int
    delivery_id: str
    url: str
    body: str
    #: with this one
    attempts: int
    client_id: str
    #: what it is signed with; None for a client from before that
    sealed_secret: bytes | None


async def enqueue(
    session: AsyncSession, link: Link, kind: CallbackKind, *, url: str, visitor_tzid: str, now: Instant
) -> str | None:
    """Has the application of the link be told, once this transaction is committed: the delivery's id.

    `url` is the link's, and the link is as it is afterwards. None when it does not want to be told of this.
    """
    to = link.request.callback_urls.of(kind)
    if to is None:
        return None
    delivery_id = f"cbk_{secrets.token_hex(12)}"
    told = body(link, kind, url=url, visitor_tzid=visitor_tzid, delivery_id=delivery_id)
    row = tables.Callback(
        client_key=link.client_key,
        delivery_id=delivery_id,
        url=to,
        body=orjson.dumps(told).decode(),
        attempts=0,
        due_at=now,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    outbox.mark_callback_written(session)
    return delivery_id


async def next_due(reader: Statements) -> Instant | None:
    """When the next one is due, which may have been long ago; None when there is none."""
    [[due_at]] = await reader.fetch("SELECT min(due_at) FROM callbacks")
    return due_at


async def claim(session: AsyncSession, now: Instant, until: Instant, most: int) -> list[Claimed]:
    """Up to so many that are due, for this caller alone until then.

    Those that were tried least come first: what goes to somebody who cannot be reached keeps nobody else waiting.
    """
    row = tables.Callback
    due = select(col(row.key)).where(col(row.due_at) <= now).order_by(col(row.attempts), col(row.due_at)).limit(most)
    # PostgreSQL passes over what another worker is just claiming. SQLite has one writer at a time, and no such words.
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
    """It has arrived, and is done with; be it that another has taken it up meanwhile."""
    await session.exec(delete(tables.Callback).where(col(tables.Callback.key) == callback.key))


async def record_failure(session: AsyncSession, callback: Claimed, why: str, due_at: Instant | None) -> None:
    """It has not arrived, for this reason, and is due again then; None: it is given up, and stays for people to see."""
    await session.exec(_still_ours(callback).values(last_failure=why, due_at=due_at))


async def release(session: AsyncSession, callbacks: Iterable[Claimed], now: Instant) -> None:
    """These were not tried to the end, and are for others at once."""
    for callback in callbacks:
        await session.exec(_still_ours(callback).values(attempts=callback.attempts - 1, due_at=now))


async def purge(session: AsyncSession, before: Instant) -> None:
    """Forgets those that were given up, and are from before."""
    row = tables.Callback
    await session.exec(delete(row).where(col(row.due_at).is_(None), col(row.created_at) < before))


def _still_ours(callback: Claimed) -> Update:
    row = tables.Callback
    return update(row).where(col(row.key) == callback.key, col(row.attempts) == callback.attempts)
