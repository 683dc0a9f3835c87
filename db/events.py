"""Events, identified by the caller's event_id within a calendar. Deleted ones keep a row, so that clients see them."""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import case
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.events import Event, EventDraft, EventStatus, Location, Transparency
from core.instants import Instant
from core.spans import Busy, Span

from . import tables
from .access import PendingCaller
from .database import Database
from .drivers.base import LOCK_TIMEOUT, LockedWrite, Statements
from .drivers.dialects import Dialect, insert
from .versions import next_version_sql, random_part

IDENTITY = ("calendar_key", "event_id")
#: columns that keep their values when an event is replaced, but get new ones when a deleted event is
#: created again
RENEWED = ("event_uid", "created_at")
REPLACED = [name for name in tables.Event.model_fields if name not in {"key", *IDENTITY, *RENEWED}]


@dataclass(frozen=True, slots=True)
class BusyTime:
    """Busy time of a calendar: of all events, and of those that are not tentative."""

    everything: Busy
    firm: Busy

    def without(self, some: "BusyTime") -> "BusyTime":
        """Returns the busy time without some of its events."""
        firm = self.firm.without(some.firm)
        return BusyTime(firm if self.everything is self.firm else self.everything.without(some.everything), firm)

    def __len__(self) -> int:
        """Number of instants stored; the size of a cache entry."""
        return 2 * len(self.everything.starts) + (2 * len(self.firm.starts) if self.firm is not self.everything else 0)


async def upsert(session: AsyncSession, calendar_key: int, drafts: Sequence[EventDraft], now: Instant) -> int:
    """Creates or replaces events of a locked calendar. Returns how many are new, or were deleted before."""
    existing = select(col(tables.Event.event_id)).where(
        col(tables.Event.calendar_key) == calendar_key,
        col(tables.Event.event_id).in_([draft.event_id for draft in drafts]),
        col(tables.Event.deleted).is_(False),
    )
    updated = len((await session.exec(existing)).all())
    statement = insert(session, tables.Event)
    replaced: dict[str, Any] = {name: statement.excluded[name] for name in REPLACED}
    for name in RENEWED:
        replaced[name] = case(
            (col(tables.Event.deleted), statement.excluded[name]), else_=col(getattr(tables.Event, name))
        )
    statement = statement.on_conflict_do_update(index_elements=IDENTITY, set_=replaced)
    await session.exec(statement, params=[{"calendar_key": calendar_key, **row(draft, now)} for draft in drafts])
    return len(drafts) - updated


async def upsert_one(
    db: Database, caller: PendingCaller, calendar_id: str, draft: EventDraft, now: Instant
) -> tuple[Event, bool] | None:
    """Upserts one event in one trip, which also locks the calendar. Returns the event and whether it
    was created.

    A timed event without a zone takes the account's; an all-day event must have one.
    Returns None if the account has no such calendar. Raises if the caller may not write.
    """
    proposed = row(draft, now)
    found = await db.driver.write(_UPSERT, (calendar_id, random_part(), *_WRITTEN_OF(proposed)), writer=caller)
    if found is None:
        return None
    event_uid, created_at, tzid = found
    return written(replace(draft, tzid=tzid), now, calendar_id, event_uid, created_at), event_uid == proposed[
        "event_uid"
    ]


async def delete(session: AsyncSession, calendar_key: int, event_id: str, now: Instant) -> bool:
    """Deletes an event of a locked calendar. Returns whether it existed."""
    return await _delete(session, [calendar_key], now, event_id) == 1


async def delete_all(session: AsyncSession, calendar_keys: Collection[int], now: Instant) -> int:
    """Deletes every event of locked calendars. Returns the number deleted."""
    return await _delete(session, calendar_keys, now, None)


async def busy(
    statements: Statements, versions: Mapping[int, int], start: Instant, end: Instant
) -> dict[int, BusyTime]:
    """Returns the busy time of calendars between two instants, by key: few lists of numbers, as queries
    read thousands.

    `versions` has the expected version of each calendar, by key. A calendar whose version has changed
    is left out.
    """
    dialect = statements.dialect
    rows = await statements.fetch_many(_busy(dialect), dialect.array_param([*versions]), start, end)
    return _current(dialect, rows, versions)


async def busy_of(
    statements: Statements,
    versions: Mapping[int, int],
    start: Instant,
    end: Instant,
    *,
    event_ids: Sequence[str],
    event_uids: Sequence[str],
) -> dict[int, BusyTime]:
    """As `busy`, but only of the events with one of these ids or uids."""
    dialect = statements.dialect
    keys, ids, uids = (dialect.array_param(each) for each in ([*versions], event_ids, event_uids))
    return _current(dialect, await statements.fetch_many(_busy_of(dialect), keys, start, end, ids, uids), versions)


def _current(dialect: Dialect, rows: Iterable[Sequence[Any]], versions: Mapping[int, int]) -> dict[int, BusyTime]:
    return {
        key: _busy_time(*map(dialect.read_array, bounds)) for key, version, *bounds in rows if version == versions[key]
    }


@cache
def _busy_of(dialect: Dialect) -> str:
    read = "SELECT key, calendar_key, blocks, starts_at, ends_at, status FROM events"
    by_id = f"{read} WHERE calendar_key {dialect.in_array(1, 'bigint')} AND event_id {dialect.in_array(4, 'text')}"
    by_uid = f"{read} WHERE event_uid {dialect.in_array(5, 'text')}"
    return _busy(dialect, f"({by_id} UNION {by_uid}) AS events")


@cache
def _busy(dialect: Dialect, events: str = "events") -> str:
    # Must be `blocks = TRUE`: with `blocks` alone SQLite does not recognise that its index covers the query.
    firm, tentative = f"status <> '{EventStatus.TENTATIVE.value}'", f"status = '{EventStatus.TENTATIVE.value}'"
    return f"""
SELECT calendars.key, calendars.version, {dialect.array_agg("starts_at", firm)}, {dialect.array_agg("ends_at", firm)},
       {dialect.array_agg("starts_at", tentative)}, {dialect.array_agg("ends_at", tentative)}
FROM calendars
LEFT JOIN {events} ON calendar_key = calendars.key AND blocks = TRUE AND ends_at > $2 AND starts_at < $3
WHERE calendars.key {dialect.in_array(1, "bigint")}
GROUP BY calendars.key
"""


def _busy_time(starts: list[int], ends: list[int], tentative_starts: list[int], tentative_ends: list[int]) -> BusyTime:
    firm = Busy(sorted(starts), sorted(ends))
    if not tentative_starts:
        return BusyTime(firm, firm)
    return BusyTime(Busy.merged([firm, Busy(sorted(tentative_starts), sorted(tentative_ends))]), firm)


async def _delete(session: AsyncSession, calendar_keys: Collection[int], now: Instant, event_id: str | None) -> int:
    statement = update(tables.Event).where(
        col(tables.Event.calendar_key).in_(calendar_keys), col(tables.Event.deleted).is_(False)
    )
    if event_id is not None:
        statement = statement.where(col(tables.Event.event_id) == event_id)
    return (await session.exec(statement.values(deleted=True, blocks=False, updated_at=now))).rowcount


def row(draft: EventDraft, now: Instant) -> dict[str, Any]:
    """The columns of a new event, without calendar_key."""
    span = draft.span()
    location = draft.location or Location()
    return {
        "event_id": draft.event_id,
        "event_uid": f"evt_{secrets.token_hex(12)}",
        "summary": draft.summary,
        "description": draft.description,
        "starts_at": span.start,
        "ends_at": span.end,
        "start_date": draft.start if isinstance(draft.start, date) else None,
        "end_date": draft.end if isinstance(draft.end, date) else None,
        "tzid": draft.tzid,
        "location_description": location.description,
        "location_lat": location.lat,
        "location_long": location.long,
        "url": draft.url,
        "transparency": draft.transparency.value,
        "status": draft.status.value,
        "blocks": draft.transparency is Transparency.OPAQUE,
        "deleted": False,
        "created_at": now,
        "updated_at": now,
    }


WRITTEN = [name for name in tables.Event.model_fields if name not in ("key", "calendar_key")]
_WRITTEN_OF = itemgetter(*WRITTEN)


def _value(name: str, parameter: str) -> str:
    # A timed event without a zone takes the account's here, so that it needs no statement before.
    return f"COALESCE({parameter}, (SELECT tzid FROM accounts WHERE key = $1))" if name == "tzid" else parameter


_UPSERT = LockedWrite(
    lock=f"""
UPDATE calendars SET version = {next_version_sql("$3")}
WHERE account_key = $1 AND calendar_id = $2 AND {LOCK_TIMEOUT} RETURNING key
""",
    locked_rows="SELECT key FROM calendars WHERE account_key = $1 AND calendar_id = $2",
    write=f"""
INSERT INTO events (calendar_key, {", ".join(WRITTEN)})
SELECT key, {", ".join(_value(name, f"${number}") for number, name in enumerate(WRITTEN, 4))} FROM locked WHERE TRUE
ON CONFLICT ({", ".join(IDENTITY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in REPLACED)},
    {", ".join(f"{name} = CASE WHEN events.deleted THEN excluded.{name} ELSE events.{name} END" for name in RENEWED)}
RETURNING event_uid, created_at, tzid
""",
)


def written(draft: EventDraft, now: Instant, calendar_id: str, event_uid: str, created: Instant) -> Event:
    """Returns the event just written, as a later read returns it: an empty location becomes None."""
    stored = replace(draft, location=None) if draft.location == Location() else draft
    return Event(stored, draft.span(), calendar_id, event_uid, deleted=False, created=created, updated=now)


def event(row: tables.Event, calendar_id: str) -> Event:
    location = Location(row.location_description, row.location_lat, row.location_long)
    draft = EventDraft(
        event_id=row.event_id,
        summary=row.summary,
        description=row.description,
        start=row.start_date or row.starts_at,
        end=row.end_date or row.ends_at,
        tzid=row.tzid,
        location=location if location != Location() else None,
        url=row.url,
        transparency=Transparency(row.transparency),
        status=EventStatus(row.status),
    )
    return Event(
        draft=draft,
        span=Span(row.starts_at, row.ends_at),
        calendar_id=calendar_id,
        event_uid=row.event_uid,
        deleted=row.deleted,
        created=row.created_at,
        updated=row.updated_at,
    )
