"""Calendar sources of accounts. What their fetches come to is in `source_fetches`."""

from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from sqlmodel import col, func, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.accounts import Account, Calendar
from core.calendar_sources import (
    CalendarSource,
    PartialSource,
    SourceDraft,
    SyncState,
)
from core.instants import MINUTE, Instant

from . import calendars, tables
from .drivers.base import Snapshot

SourceRow: TypeAlias = tables.CalendarSource
"""The row of a source, for callers that pass it back."""

_NOTHING_FETCHED: Mapping[str, Any] = {
    "synced_at": None,
    "refused": False,
    "unreadable": 0,
    "incomplete": False,
    "problem": None,
    "remark": None,
    "etag": None,
    "last_modified": None,
    "body_digest": None,
    "attempts": 0,
}


async def list_sources(session: AsyncSession, account_key: int) -> list[CalendarSource]:
    """Returns the sources of an account, oldest first. Three statements."""
    row = tables.CalendarSource
    found = (await session.exec(select(row).where(col(row.account_key) == account_key).order_by(col(row.key)))).all()
    if not found:
        return []
    own = {each.key: each for each in (await calendars.of_accounts(Snapshot(session), [account_key]))[account_key]}
    until = select(col(tables.Calendar.key), col(tables.Calendar.known_until))
    known = dict((await session.exec(until.where(col(tables.Calendar.key).in_([*own])))).all())
    return [_source(each, own[each.calendar_key], known.get(each.calendar_key)) for each in found]


def _source(row: SourceRow, calendar: Calendar, known_until: Instant | None) -> CalendarSource:
    return CalendarSource(
        key=row.key or 0,
        source_id=row.source_id,
        calendar=calendar,
        state=SyncState(row.synced_at, row.refused, row.incomplete),
        known_until=known_until,
        problem=row.problem or row.remark,
        unreadable=row.unreadable,
    )


async def find(session: AsyncSession, account_key: int, source_id: str) -> SourceRow | None:
    """Returns the row of an account's source."""
    row = tables.CalendarSource
    own = (col(row.account_key) == account_key, col(row.source_id) == source_id)
    return (await session.exec(select(row).where(*own))).one_or_none()


async def create(
    session: AsyncSession,
    account: Account,
    draft: SourceDraft,
    calendar_id: str,
    name: str,
    sealed_url: bytes,
    now: Instant,
) -> None:
    """Creates a source of a locked account, with its calendar. It is to be fetched at once."""
    await calendars.create(session, account.key, calendar_id, name, unknown_at=now)
    calendar_key = (await calendars.keys_of_account(session, account.key))[calendar_id]
    row = tables.CalendarSource(
        client_key=account.client_key,
        account_key=account.key,
        source_id=draft.source_id,
        calendar_key=calendar_key,
        sealed_url=sealed_url,
        host=_host(draft),
        all_day=draft.all_day.value,
        partial=draft.partial.value,
        due_at=now,
        created_at=now,
    )
    session.add(row)
    await session.flush()


async def change(
    session: AsyncSession,
    row: SourceRow,
    draft: SourceDraft,
    name: str,
    sealed_url: bytes | None,
    now: Instant,
) -> None:
    """Changes a source, whose account and calendar are locked. It is to be fetched at once.

    `sealed_url` is given if the URL changes: then nothing of the calendar is known until a fetch is good, and what was busy
    until now still is.
    """
    values: dict[str, Any] = {
        "all_day": draft.all_day.value,
        "partial": draft.partial.value,
        "claim": None,
        "due_at": now,
    }
    if sealed_url is not None:
        values |= {**_NOTHING_FETCHED, "sealed_url": sealed_url, "host": _host(draft)}
    state = SyncState(None) if sealed_url is not None else SyncState(row.synced_at, row.refused, row.incomplete)
    source = tables.CalendarSource
    await session.exec(update(source).where(col(source.key) == row.key).values(**values))
    unknown_at = state.unknown_at(now, PartialSource(draft.partial))
    calendar = tables.Calendar
    of_source = col(calendar.key) == row.calendar_key
    await session.exec(update(calendar).where(of_source).values(name=name, unknown_at=unknown_at))


async def stop(session: AsyncSession, account_key: int) -> None:
    """Stops fetching the sources of an account, which is revoked. A fetch under way changes nothing any more."""
    row = tables.CalendarSource
    own = col(row.account_key) == account_key
    await session.exec(update(row).where(own).values(claim=None, due_at=None))


async def resume(session: AsyncSession, account_key: int, now: Instant) -> None:
    """Fetches the sources of an account again that is no longer revoked."""
    row = tables.CalendarSource
    stopped = col(row.account_key) == account_key, col(row.due_at).is_(None)
    await session.exec(update(row).where(*stopped).values(due_at=now))


async def count_request(session: AsyncSession, account_key: int, key: int, now: Instant) -> int:
    """Counts a request to fetch a source of a locked account. Returns how many there were in this minute before."""
    row: Any = tables.CalendarSource
    minute = now // MINUTE
    this_minute = row.account_key == account_key, row.asked_in == minute
    before = (await session.exec(select(func.coalesce(func.sum(row.asked), 0)).where(*this_minute))).one()
    asked_in, asked = (await session.exec(select(row.asked_in, row.asked).where(row.key == key))).one()
    asked = asked + 1 if asked_in == minute else 1
    await session.exec(update(row).where(row.key == key).values(asked_in=minute, asked=asked))
    return int(before)


def _host(draft: SourceDraft) -> str:
    return urlsplit(draft.fetched_url).hostname or ""
