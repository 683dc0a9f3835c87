"""Fetches of calendar sources: claims, and what they come to.

A worker claims a source before it fetches it. The claim postpones `due_at`, so that no other worker fetches it at the same
time, and another one does if this one is killed. An outcome counts only under the claim that it was fetched under: not if
the source was changed or stopped since.
"""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Update
from sqlmodel import col, delete, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.calendar_sources import AllDayEvents, PartialSource, SourceEvent, StoredItem, SyncState
from core.instants import Instant

from . import calendars, source_events, tables
from .claims import ClaimQueue
from .drivers.base import Snapshot, Statements
from .drivers.dialects import insert

OF_CLIENT, OF_HOST = 4, 8
"""Maximum sources that are fetched at a time, by all workers together: of one client, and from one host."""

_QUEUE = ClaimQueue(
    table="calendar_sources",
    claimed="claim IS NOT NULL",
    order="due_at, key",
    of_client=OF_CLIENT,
    of_host=OF_HOST,
)


@dataclass(frozen=True, slots=True)
class ClaimedSource:
    """A source that this worker has claimed."""

    key: int
    claim: str
    client_key: int
    account_key: int
    calendar_key: int
    calendar_id: str
    sealed_url: bytes
    all_day: AllDayEvents
    partial: PartialSource
    #: before this fetch
    state: SyncState
    etag: str | None
    last_modified: str | None
    body_digest: str | None
    expanded_for: str | None
    #: number of fetches that failed since the last good one
    attempts: int
    #: what could not be read of the last good fetch
    remark: str | None
    #: of the account
    tzid: str
    email: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What a source's events and items become. Anything that is None stays as it is."""

    #: all events from an instant on, by their ids
    events: Mapping[str, SourceEvent] | None
    since: Instant
    #: items to store and to delete, by UID
    items: Mapping[str, StoredItem]
    deleted: Collection[str]
    #: what the events depend on besides the items
    expanded_for: str
    known_until: Instant | None


@dataclass(frozen=True, slots=True)
class GoodFetch:
    """What a good fetch says of a source besides its events."""

    incomplete: bool
    unreadable: int | None
    remark: str | None
    etag: str | None
    last_modified: str | None
    body_digest: str | None
    due_at: Instant


async def next_due(statements: Statements, after: Instant = -1) -> Instant | None:
    """Returns when the next source is or was due, later than `after`; None if there is none."""
    [[due_at]] = await statements.fetch("SELECT min(due_at) FROM calendar_sources WHERE due_at > $1", after)
    return due_at


async def under_way(statements: Statements, keys: Collection[int], now: Instant) -> set[int]:
    """Returns which of these sources are being fetched."""
    dialect = statements.dialect
    statement = f"""
SELECT key FROM calendar_sources WHERE key {dialect.in_array(1, "bigint")} AND claim IS NOT NULL AND due_at > $2
"""
    return {key for (key,) in await statements.fetch_many(statement, dialect.array_param([*keys]), now)}


async def claim_due(
    session: AsyncSession, now: Instant, until: Instant, most: int, turns: Mapping[int, int] = MappingProxyType({})
) -> list[ClaimedSource]:
    """Claims up to `most` due sources for this worker until `until`, client by client, as callbacks are claimed."""
    return await claim(session, await _QUEUE.choose(session, now, most, turns), now, until)


async def claim(session: AsyncSession, keys: Collection[int], now: Instant, until: Instant) -> list[ClaimedSource]:
    """Claims sources, due or not; none that another worker fetches, and none of a revoked account."""
    name = secrets.token_hex(8)
    row: Any = tables.CalendarSource
    free = or_(row.claim.is_(None), row.due_at <= now)
    statement = update(row).where(row.key.in_([*keys]), row.due_at.is_not(None), free)
    values = {"claim": name, "due_at": until, "tried_at": now}
    claimed: list[int] = []
    if keys:
        claimed += (await session.exec(statement.values(**values).returning(row.key))).scalars()
    if not claimed:
        return []
    account, calendar = tables.Account, tables.Calendar
    found = (
        select(tables.CalendarSource, col(account.tzid), col(account.email), col(calendar.calendar_id))
        .join(account, col(account.key) == row.account_key)
        .join(calendar, col(calendar.key) == row.calendar_key)
        .where(row.key.in_(claimed))
    )
    return [_claimed(*each) for each in await session.exec(found.execution_options(populate_existing=True))]


def _claimed(row: tables.CalendarSource, tzid: str, email: str | None, calendar_id: str) -> ClaimedSource:
    assert row.claim is not None
    return ClaimedSource(
        key=row.key or 0,
        claim=row.claim,
        client_key=row.client_key,
        account_key=row.account_key,
        calendar_key=row.calendar_key,
        calendar_id=calendar_id,
        sealed_url=row.sealed_url,
        all_day=AllDayEvents(row.all_day),
        partial=PartialSource(row.partial),
        state=SyncState(row.synced_at, row.refused, row.incomplete),
        etag=row.etag,
        last_modified=row.last_modified,
        body_digest=row.body_digest,
        expanded_for=row.expanded_for,
        attempts=row.attempts,
        remark=row.remark,
        tzid=tzid,
        email=email,
    )


async def items(session: AsyncSession, source: ClaimedSource) -> dict[str, StoredItem]:
    """Returns the stored items of a source, by UID."""
    rows = await Snapshot(session).fetch(_ITEMS, source.key)
    return {uid: StoredItem(*more) for uid, *more in rows}


_ITEMS = "SELECT uid, body, unread, ends_at, missing_since FROM calendar_source_items WHERE source_key = $1"


async def record_success(
    session: AsyncSession, source: ClaimedSource, good: GoodFetch, change: Change | None, now: Instant
) -> bool:
    """Records a good fetch, and what it changes. Returns whether it counts: the claim still holds."""
    state = SyncState(now, refused=False, incomplete=good.incomplete)
    values: dict[str, Any] = {
        "synced_at": now,
        "refused": False,
        "incomplete": good.incomplete,
        "problem": None,
        "remark": good.remark,
        "etag": good.etag,
        "last_modified": good.last_modified,
        "body_digest": good.body_digest,
        "attempts": 0,
        "claim": None,
        "due_at": good.due_at,
    }
    if good.unreadable is not None:
        values["unreadable"] = good.unreadable
    return await _record(session, source, values, change, state, now)


async def record_failure(
    session: AsyncSession,
    source: ClaimedSource,
    problem: str,
    change: Change | None,
    now: Instant,
    due_at: Instant,
    *,
    refused: bool,
) -> bool:
    """Records a failed fetch. What is busy stays so; `change` is for a horizon that has moved.

    A source that was refused stays so until a fetch is good. Returns whether it counts: the claim still holds.
    """
    refused = refused or source.state.refused
    values = {
        "problem": problem,
        "refused": refused,
        "attempts": source.attempts + 1,
        "claim": None,
        "due_at": due_at,
    }
    state = SyncState(source.state.synced_at, refused, source.state.incomplete)
    return await _record(session, source, values, change, state, now)


async def release(session: AsyncSession, source: ClaimedSource, due_at: Instant) -> None:
    """Releases a source whose fetch was not finished: when it is due."""
    await session.exec(_if_still_claimed(source).values(claim=None, due_at=due_at))


async def _record(
    session: AsyncSession,
    source: ClaimedSource,
    values: Mapping[str, Any],
    change: Change | None,
    state: SyncState,
    now: Instant,
) -> bool:
    # The calendar before the source, as everybody locks them.
    if not await calendars.lock_for_update(session, [source.calendar_key]):
        return False
    if change is not None:
        values = {**values, "expanded_for": change.expanded_for}
    if (await session.exec(_if_still_claimed(source).values(**values))).rowcount != 1:
        return False
    has_changed = await _apply(session, source, change, now) if change is not None else False
    await _record_what_is_known(session, source, change, state, now, has_changed=has_changed)
    return True


def _if_still_claimed(source: ClaimedSource) -> Update:
    row = tables.CalendarSource
    return update(row).where(col(row.key) == source.key, col(row.claim) == source.claim)


async def _apply(session: AsyncSession, source: ClaimedSource, change: Change, now: Instant) -> bool:
    """Writes items and events. Returns whether an event has changed."""
    row = tables.CalendarSourceItem
    own = col(row.source_key) == source.key
    if change.deleted:
        for some in _batches([*change.deleted]):
            await session.exec(delete(row).where(own, col(row.uid).in_(some)))
    if change.items:
        statement = insert(session, row)
        names = ("body", "unread", "ends_at", "missing_since")
        statement = statement.on_conflict_do_update(
            index_elements=("source_key", "uid"), set_={name: statement.excluded[name] for name in names}
        )
        for some in _batches([*change.items.items()]):
            await session.exec(statement, params=[_item(source, uid, item) for uid, item in some])
    if change.events is None:
        return False
    return await source_events.replace(session, source.calendar_key, change.events, change.since, now)


def _item(source: ClaimedSource, uid: str, item: StoredItem) -> dict[str, Any]:
    return {
        "source_key": source.key,
        "uid": uid,
        "body": item.body,
        "unread": item.unread,
        "ends_at": item.ends_at,
        "missing_since": item.missing_since,
    }


async def _record_what_is_known(
    session: AsyncSession,
    source: ClaimedSource,
    change: Change | None,
    state: SyncState,
    now: Instant,
    *,
    has_changed: bool,
) -> None:
    """Records how far the calendar is known. It has a new version only if an answer may be another one for that."""
    row = tables.Calendar
    of_source = col(row.key) == source.calendar_key
    [(known_until, unknown_at)] = await session.exec(select(row.known_until, row.unknown_at).where(of_source))
    until = change.known_until if change is not None and change.events is not None else known_until
    unknown = state.unknown_at(now, source.partial)
    if unknown <= now and unknown_at is not None and unknown_at <= now:
        unknown = unknown_at
    await session.exec(update(row).where(of_source).values(known_until=until, unknown_at=unknown))
    if has_changed or until != known_until or (unknown <= now) != (unknown_at is not None and unknown_at <= now):
        await calendars.bump_versions(session, [source.calendar_key])


def _batches(values: list[Any], size: int = 500) -> list[list[Any]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
