"""Calendar feeds: those of an account, and what a feed says when it is asked for."""

import secrets
from collections.abc import Sequence

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.calendar_feeds import CalendarFeed, FeedEvent, FollowedCalendar, FollowedFeed
from core.events import EventStatus
from core.instants import Instant
from core.spans import Span

from . import tables
from .drivers.base import Row, Statements
from .events import stored_date


async def list_feeds(session: AsyncSession, account_key: int) -> list[CalendarFeed]:
    """Returns the feeds of an account, oldest first."""
    row = tables.CalendarFeed
    found = await session.exec(select(row).where(col(row.account_key) == account_key).order_by(col(row.key)))
    return [_feed(each.feed_id, each.calendar_ids, each.details) for each in found]


async def create(
    session: AsyncSession, account_key: int, calendar_ids: Sequence[str] | None, now: Instant, *, details: bool
) -> CalendarFeed:
    """Creates a feed of a locked account."""
    row = tables.CalendarFeed(
        account_key=account_key,
        feed_id=f"fee_{secrets.token_hex(12)}",
        calendar_ids=" ".join(calendar_ids) if calendar_ids is not None else None,
        details=details,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    return _feed(row.feed_id, row.calendar_ids, row.details)


async def revoke(session: AsyncSession, account_key: int, feed_id: str) -> bool:
    """Deletes a feed of an account. Returns whether there was one."""
    row = tables.CalendarFeed
    own = (col(row.account_key) == account_key, col(row.feed_id) == feed_id)
    return (await session.exec(delete(row).where(*own))).rowcount == 1


async def revoke_all(session: AsyncSession, account_key: int) -> None:
    """Deletes all feeds of an account, for good: authorising the account again does not bring them back."""
    row = tables.CalendarFeed
    await session.exec(delete(row).where(col(row.account_key) == account_key))


async def find(statements: Statements, feed_id: str, now: Instant) -> FollowedFeed | None:
    """Returns a feed with the present versions of its calendars, or None. One statement."""
    # Not by `fetch`, which remembers rows: the same statement comes again with another instant.
    rows = await statements.fetch_many(_FIND, feed_id, now)
    if not rows:
        return None
    calendar_ids, details, client_key, name, external_id = rows[0][4:]
    feed = _feed(feed_id, calendar_ids, details)
    chosen = [
        FollowedCalendar(key, version, lapsed_at)
        for calendar_id, key, version, lapsed_at, *_ in rows
        if key is not None and (feed.calendar_ids is None or calendar_id in feed.calendar_ids)
    ]
    return FollowedFeed(feed, name or external_id, client_key, chosen)


async def events(statements: Statements, feed: FollowedFeed, window: Span, now: Instant, most: int) -> list[FeedEvent]:
    """Returns up to `most` events of a feed in a window, soonest first, without holds that have ended.

    Without details, only those that block.
    """
    dialect = statements.dialect
    keys = dialect.array_param([calendar.key for calendar in feed.calendars])
    blocking = "" if feed.feed.details else "AND blocks = TRUE"
    statement = f"{_EVENTS} AND calendar_key {dialect.in_array(1, 'bigint')} {blocking} {_SOONEST_FIRST}"
    return list(map(_event, await statements.fetch_many(statement, keys, window.start, window.end, now, most)))


_FIND = """
SELECT calendars.calendar_id, calendars.key, calendars.version,
       (SELECT max(lapses_at) FROM events WHERE calendar_key = calendars.key AND lapses_at <= $2),
       feeds.calendar_ids, feeds.details, accounts.client_key, accounts.name, accounts.external_id
FROM calendar_feeds AS feeds
JOIN accounts ON accounts.key = feeds.account_key
LEFT JOIN calendars ON calendars.account_key = accounts.key
WHERE feeds.feed_id = $1 AND accounts.revoked_at IS NULL
ORDER BY calendars.key
"""

_EVENTS = """
SELECT event_uid, starts_at, ends_at, start_date, end_date, summary, description,
       location_description, location_lat, location_long, url, blocks, status, created_at, updated_at,
       calendar_key, event_id, recurrence_id
FROM events
WHERE deleted = FALSE AND recurrence IS NULL AND (lapses_at IS NULL OR lapses_at > $4) AND ends_at > $2 AND starts_at < $3
"""
_SOONEST_FIRST = "ORDER BY starts_at, event_uid LIMIT $5"


def _feed(feed_id: str, calendar_ids: str | None, details: bool) -> CalendarFeed:
    return CalendarFeed(feed_id, calendar_ids.split(" ") if calendar_ids is not None else None, bool(details))


def _event(row: Row) -> FeedEvent:
    (
        uid,
        starts_at,
        ends_at,
        start_date,
        end_date,
        summary,
        description,
        place,
        lat,
        long,
        url,
        blocks,
        status,
        created,
        updated,
        calendar_key,
        event_id,
        recurrence_id,
    ) = row
    starts_at, ends_at = stored_date(start_date) or starts_at, stored_date(end_date) or ends_at
    tentative = status == EventStatus.TENTATIVE
    return FeedEvent(
        uid,
        starts_at,
        ends_at,
        summary,
        description,
        place or "",
        lat,
        long,
        url,
        bool(blocks),
        tentative,
        created,
        updated,
        (calendar_key, event_id) if recurrence_id else None,
    )
