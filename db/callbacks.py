"""Undelivered callbacks: written in the transaction that they report, and deleted when delivered.

A worker claims a callback before it delivers it. The claim postpones `due_at`, so that no other worker
takes the callback while this one works, and another one does if this one is killed; until then it
counts as in flight. The claim also increments `attempts`; a worker that finishes late sees by that
number that the callback has been claimed again.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import orjson
from sqlalchemy import Update
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.callbacks import body
from core.instants import Instant
from core.real_time_scheduling import CallbackKind, Link

from . import channels, tables
from .claims import ClaimQueue
from .drivers.base import Statements
from .notifications import outbox

IN_FLIGHT = 2
"""Maximum callbacks that are sent at a time, by all workers together: of one client, and to one host."""

_QUEUE = ClaimQueue(
    table="callbacks",
    claimed="claimed",
    order="attempts, due_at",
    of_client=IN_FLIGHT,
    of_host=IN_FLIGHT,
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A callback that this worker has claimed for delivery."""

    key: int
    delivery_id: str
    url: str
    body: str
    #: number of attempts, including this one
    attempts: int
    client_key: int
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
    delivery_id = new_delivery_id()
    content = body(link, kind, url=url, visitor_tzid=visitor_tzid, delivery_id=delivery_id)
    await insert(session, link.client_key, delivery_id, to, content, now)
    return delivery_id


async def insert(
    session: AsyncSession, client_key: int, delivery_id: str, url: str, content: Mapping[str, Any], now: Instant
) -> int:
    """Stores a callback of the client with this body, which is due at once. Returns its key."""
    row = tables.Callback(
        client_key=client_key,
        delivery_id=delivery_id,
        url=url,
        host=urlsplit(url).hostname or "",
        body=orjson.dumps(content).decode(),
        attempts=0,
        due_at=now,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    outbox.mark_callback_written(session)
    return row.key or 0


def new_delivery_id() -> str:
    """Returns a new id, by which an application recognises a callback that it gets twice."""
    return f"cbk_{secrets.token_hex(12)}"


async def next_due(statements: Statements, after: Instant = -1) -> Instant | None:
    """Returns when the next callback is or was due, later than `after`; None if there is none."""
    [[due_at]] = await statements.fetch("SELECT min(due_at) FROM callbacks WHERE due_at > $1", after)
    return due_at


async def claim(
    session: AsyncSession, now: Instant, until: Instant, most: int, turns: Mapping[int, int] = MappingProxyType({})
) -> list[Claimed]:
    """Claims up to `most` due callbacks for this worker until `until`, client by client.

    At most IN_FLIGHT callbacks of one client, and to one host, are claimed at a time, by all workers
    together. `turns` has the number of each client's last turn; those without one, and with a lower
    one, come first. Of a client's callbacks those with the fewest attempts come first.
    """
    chosen = await _QUEUE.choose(session, now, most, turns)
    return await _claim(session, chosen, now, until) if chosen else []


async def _claim(session: AsyncSession, keys: Sequence[int], now: Instant, until: Instant) -> list[Claimed]:
    row = tables.Callback
    of_client = col(tables.Client.key) == col(row.client_key)
    statement = (
        update(row)
        .where(col(row.key).in_(keys), col(row.due_at) <= now)
        .values(attempts=row.attempts + 1, due_at=until, claimed=True)
        .returning(
            *(col(row.key), col(row.delivery_id), col(row.url), col(row.body), col(row.attempts), col(row.client_key)),
            select(tables.Client.client_id).where(of_client).scalar_subquery(),
            select(tables.Client.sealed_secret).where(of_client).scalar_subquery(),
        )
        .execution_options(synchronize_session=False)
    )
    return [Claimed(*found) for found in await session.exec(statement)]


async def record_success(session: AsyncSession, callback: Claimed) -> None:
    """Deletes a delivered callback, even if another worker has claimed it since."""
    await channels.record_success(session, callback.key)
    await session.exec(delete(tables.Callback).where(col(tables.Callback.key) == callback.key))


async def record_failure(
    session: AsyncSession, callback: Claimed, why: str, now: Instant, due_at: Instant | None
) -> None:
    """Records a failed attempt and when it is due again. With None it is given up.

    Its row stays for inspection then, unless it notifies a channel, which is closed and says why.
    """
    row = tables.Callback
    still_claimed = select(col(row.key)).where(col(row.key) == callback.key, col(row.attempts) == callback.attempts)
    closed_at = now if due_at is None else None
    of_channel = await channels.record_failure(session, still_claimed, why, closed_at)
    if of_channel and due_at is None:
        await session.exec(delete(row).where(col(row.key) == callback.key))
    else:
        await session.exec(_if_still_claimed(callback).values(last_failure=why, due_at=due_at, claimed=False))


async def release(session: AsyncSession, callbacks: Iterable[Claimed], due_at: Instant) -> None:
    """Releases callbacks whose attempt was not made, or not finished: when they are due; it does not count."""
    for callback in callbacks:
        values = {"attempts": callback.attempts - 1, "due_at": due_at, "claimed": False}
        await session.exec(_if_still_claimed(callback).values(**values))


def _if_still_claimed(callback: Claimed) -> Update:
    row = tables.Callback
    return update(row).where(col(row.key) == callback.key, col(row.attempts) == callback.attempts)
