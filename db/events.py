"""Events, by the caller's event_id within a calendar. A deleted one keeps its row, so that a reader can learn of it."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import case, tuple_
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.events import Event, EventDraft, EventStatus, EventWindow, Location, Transparency
from core.instants import Instant
from core.pages import Cursor
from core.spans import Busy, Span

from . import tables
from .access import PendingCaller
from .database import Database
from .drivers.base import LockedWrite, Statements
from .drivers.dialects import Dialect, insert
from .versions import next_version_sql, random_part

IDENTITY = ("calendar_key", "event_id")
#: what stays when an event is replaced, and is new when it comes back from the dead: then it was created now
RENEWED = ("event_uid", "created_at")
REPLACED = [name for name in tables.Event.model_fields if name not in {"key", *IDENTITY, *RENEWED}]


@dataclass(frozen=True, slots=True)
class BusyTime:
    """When a calendar's events block: all of them, and those that are not tentative."""

    everything: Busy
    firm: Busy

    def __len__(self) -> int:
        """How many instants it takes to say so."""
        return 2 * len(self.everything.starts) + (2 * len(self.firm.starts) if self.firm is not self.everything else 0)


async def upsert(session: AsyncSession, calendar_key: int, drafts: Sequence[EventDraft], now: Instant) -> int:
    """Makes or replaces the events of a locked calendar; how many of them were not there before, or were deleted."""
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
    db: Database, asking: PendingCaller, calendar_id: str, draft: EventDraft, now: Instant
) -> tuple[Event, bool] | None:
    """As `upsert` for one event of a calendar that is not locked yet, and whether it was not there before.

    None when the account has no such calendar. Raises for who may not.
    """
    proposed = row(draft, now)
    found = await db.driver.write(_UPSERT, (calendar_id, random_part(), *_WRITTEN_OF(proposed)), caller=asking)
    if found is None:
        return None
    event_uid, created_at = found
    return written(draft, now, calendar_id, event_uid, created_at), event_uid == proposed["event_uid"]


async def list_events(
    session: AsyncSession, calendar_ids: Mapping[int, str], window: EventWindow, after: Cursor | None, count: int
) -> list[Event]:
    """At most `count` events of these calendars in the window, soonest first, behind the cursor."""
    statement = select(tables.Event).where(col(tables.Event.calendar_key).in_(calendar_ids))
    if window.to is not None:
        statement = statement.where(col(tables.Event.starts_at) < window.to)
    if window.from_ is not None:
        statement = statement.where(col(tables.Event.ends_at) > window.from_)
    if window.last_modified is not None:
        statement = statement.where(col(tables.Event.updated_at) >= window.last_modified)
    if not window.include_deleted:
        statement = statement.where(col(tables.Event.deleted).is_(False))
    place = tuple_(col(tables.Event.starts_at), col(tables.Event.event_uid))
    if after is not None:
        statement = statement.where(place > tuple_(after.instant, after.id))
    statement = statement.order_by(col(tables.Event.starts_at), col(tables.Event.event_uid)).limit(count)
    return [event(row, calendar_ids[row.calendar_key]) for row in await session.exec(statement)]


async def delete(session: AsyncSession, calendar_key: int, event_id: str, now: Instant) -> bool:
    """Deletes an event of a locked calendar; whether there was one."""
    return await _delete(session, [calendar_key], now, event_id) == 1


async def delete_all(session: AsyncSession, calendar_keys: Collection[int], now: Instant) -> int:
    """Deletes every event of locked calendars; how many there were."""
    return await _delete(session, calendar_keys, now, None)


async def busy(reader: Statements, versions: Mapping[int, int], start: Instant, end: Instant) -> dict[int, BusyTime]:
    """What blocks on each of these calendars between two instants: a few lists of numbers, for a query reads thousands.

    Calendars and their versions, by key; one that has another version by now is left out.
    """
    spelling = reader.dialect
    rows = await reader.fetch_many(_busy(spelling), spelling.array_param([*versions]), start, end)
    return {
        key: _busy_time(*map(spelling.read_array, bounds)) for key, version, *bounds in rows if version == versions[key]
    }


@cache
def _busy(spelling: Dialect) -> str:
    # `blocks = TRUE` in these words: by `blocks` alone SQLite would not see that its index has what is asked for.
    firm, tentative = f"status <> '{EventStatus.TENTATIVE.value}'", f"status = '{EventStatus.TENTATIVE.value}'"
    return f"""
SELECT calendars.key, calendars.version, {spelling.array_agg("starts_at", firm)}, {spelling.array_agg("ends_at", firm)},
       {spelling.array_agg("starts_at", tentative)}, {spelling.array_agg("ends_at", tentative)}
FROM calendars
LEFT JOIN events ON calendar_key = calendars.key AND blocks = TRUE AND ends_at > $2 AND starts_at < $3
WHERE calendars.key {spelling.in_array(1, "bigint")}
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
    """All that is kept of a new event, but for its calendar."""
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

_UPSERT = LockedWrite(
    lock=f"""
UPDATE calendars SET version = {next_version_sql("$3")} WHERE account_key = $1 AND calendar_id = $2 RETURNING key
""",
    locked_rows="SELECT key FROM calendars WHERE account_key = $1 AND calendar_id = $2",
    write=f"""
INSERT INTO events (calendar_key, {", ".join(WRITTEN)})
SELECT key, {", ".join(f"${number}" for number, _ in enumerate(WRITTEN, 4))} FROM locked WHERE TRUE
ON CONFLICT ({", ".join(IDENTITY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in REPLACED)},
    {", ".join(f"{name} = CASE WHEN events.deleted THEN excluded.{name} ELSE events.{name} END" for name in RENEWED)}
RETURNING event_uid, created_at
""",
)


def written(draft: EventDraft, now: Instant, calendar_id: str, event_uid: str, created: Instant) -> Event:
    """An event that was written just now, as it is read later: a place that says nothing is none."""
    kept = replace(draft, location=None) if draft.location == Location() else draft
    return Event(kept, draft.span(), calendar_id, event_uid, deleted=False, created=created, updated=now)


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
