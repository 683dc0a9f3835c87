"""Lists of events, soonest first: of some calendars together, or of each of several calendars or accounts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import and_, or_, tuple_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.accounts import AccountReference
from core.events import Event, EventStatus, EventWindow
from core.instants import Instant
from core.pages import Cursor

from . import tables
from .batches import first_of_each
from .drivers.base import Statements
from .drivers.dialects import Dialect
from .events import event, present


async def list_events(
    session: AsyncSession,
    calendar_ids: Mapping[int, str],
    window: EventWindow,
    after: Cursor | None,
    count: int,
    now: Instant,
) -> list[Event]:
    """Returns up to `count` events of these calendars in the window and after the cursor, soonest first."""
    row = tables.Event
    statement = select(row).where(col(row.calendar_key).in_(calendar_ids), *_in_window(row, window, after, now))
    statement = statement.order_by(*_soonest_first(row)).limit(count)
    return [event(row, calendar_ids[row.calendar_key], now) for row in await session.exec(statement)]


async def of_calendars(
    session: AsyncSession,
    calendar_ids: Mapping[int, str],
    window: EventWindow,
    after: Cursor | None,
    count: int,
    now: Instant,
) -> dict[int, list[Event]]:
    """As `list_events` for each calendar by itself, by its key. One statement."""

    def conditions(row: Any) -> list[Any]:
        return [row.calendar_key == tables.Calendar.key, *_in_window(row, window, after, now)]

    return await _of_each(session, tables.Calendar, calendar_ids, calendar_ids, conditions, count, now)


async def of_accounts(
    session: AsyncSession,
    account_keys: Collection[int],
    calendar_ids: Mapping[int, str],
    window: EventWindow,
    after: Cursor | None,
    count: int,
    now: Instant,
) -> dict[int, list[Event]]:
    """As `list_events` for each account and those of the calendars that are its own, by its key. One statement."""
    calendar = tables.Calendar

    def conditions(row: Any) -> list[Any]:
        of_account = (col(calendar.account_key) == tables.Account.key, col(calendar.key).in_(calendar_ids))
        own = select(col(calendar.key)).where(*of_account).correlate(tables.Account)
        return [row.calendar_key.in_(own), *_in_window(row, window, after, now)]

    return await _of_each(session, tables.Account, account_keys, calendar_ids, conditions, count, now)


async def _of_each(
    session: AsyncSession,
    parent: Any,
    keys: Collection[int],
    calendar_ids: Mapping[int, str],
    conditions: Callable[[Any], Sequence[Any]],
    count: int,
    now: Instant,
) -> dict[int, list[Event]]:
    rows = await first_of_each(session, tables.Event, parent, keys, conditions, _soonest_first, count)
    return {key: [event(row, calendar_ids[row.calendar_key], now) for row in found] for key, found in rows.items()}


async def by_uid(
    session: AsyncSession, client_key: int, event_uid: str, now: Instant
) -> tuple[Event, AccountReference] | None:
    """Returns the event with this uid, and its account, if that is the client's; deleted ones as well."""
    calendar, account = tables.Calendar, tables.Account
    statement = (
        select(tables.Event, calendar.calendar_id, col(account.key))
        .join(calendar, col(calendar.key) == col(tables.Event.calendar_key))
        .join(account, col(account.key) == col(calendar.account_key))
        .where(col(tables.Event.event_uid) == event_uid, col(account.client_key) == client_key)
    )
    found = (await session.exec(statement)).one_or_none()
    if found is None:
        return None
    return event(found[0], found[1], now), AccountReference(found[2] or 0, client_key)


class BlockingEvent(NamedTuple):
    """What says which events block when."""

    key: int
    calendar_key: int
    start: Instant
    end: Instant
    event_id: str
    event_uid: str
    status: str
    #: when the hold ends that it belongs to
    lapses_at: Instant | None

    @property
    def is_ignorable(self) -> bool:
        """Whether a query may ignore it: it is tentative, and not of a hold."""
        return self.status == EventStatus.TENTATIVE.value and self.lapses_at is None


async def blocking(
    statements: Statements, calendar_keys: Collection[int], start: Instant, end: Instant, now: Instant
) -> list[BlockingEvent]:
    """Returns the blocking events of calendars between two instants, soonest first, without holds that have ended."""
    dialect = statements.dialect
    keys = dialect.array_param([*calendar_keys])
    return [BlockingEvent(*row) for row in await statements.fetch_many(_blocking(dialect), keys, start, end, now)]


@cache
def _blocking(dialect: Dialect) -> str:
    return f"""
SELECT key, calendar_key, starts_at, ends_at, event_id, event_uid, status, lapses_at FROM events
WHERE calendar_key {dialect.in_array(1, "bigint")} AND blocks = TRUE AND ends_at > $2 AND starts_at < $3
    AND (lapses_at IS NULL OR lapses_at > $4)
ORDER BY starts_at, event_uid
"""


async def by_key(
    session: AsyncSession, keys: Collection[int], calendar_ids: Mapping[int, str], now: Instant
) -> dict[int, Event]:
    """Returns the events with these keys, which must exist."""
    statement = select(tables.Event).where(col(tables.Event.key).in_(keys))
    return {row.key or 0: event(row, calendar_ids[row.calendar_key], now) for row in await session.exec(statement)}


def _in_window(row: Any, window: EventWindow, after: Cursor | None, now: Instant) -> list[Any]:
    """The conditions for events in the window and after the cursor. Of those that recur, their instances are listed."""
    conditions: list[Any] = [row.recurrence.is_(None)]
    if window.to is not None:
        conditions.append(row.starts_at < window.to)
    if window.from_ is not None:
        conditions.append(row.ends_at > window.from_)
    if window.last_modified is not None:
        lapsed_since = and_(row.lapses_at >= window.last_modified, row.lapses_at <= now)
        conditions.append(or_(row.updated_at >= window.last_modified, lapsed_since))
    if not window.include_deleted:
        conditions.append(present(row, now))
    if after is not None:
        conditions.append(tuple_(*_soonest_first(row)) > tuple_(after.instant, after.id))
    return conditions


def _soonest_first(row: Any) -> tuple[Any, Any]:
    return row.starts_at, row.event_uid
