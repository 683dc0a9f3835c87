"""Events, by the caller's event_id within a calendar. A deleted one keeps its row, so that a reader can learn of it."""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import case, tuple_
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.events import Event, EventDraft, EventStatus, EventWindow, Location, Transparency
from core.instants import Instant
from core.pages import Cursor
from core.spans import Busy, Span

from . import tables
from .database import Database
from .direct import Reader, Snapshot
from .short_writes import ShortWrite
from .spelling import Spelling
from .statements import insert
from .versions import drawn, spelled_drawn, spelled_next

_IDENTITY = ("calendar_key", "event_id")
#: what stays when an event is replaced, and is new when it comes back from the dead: then it was created now
_RENEWED = ("event_uid", "created_at")
_REPLACED = [name for name in tables.Event.model_fields if name not in {"key", *_IDENTITY, *_RENEWED}]


@dataclass(frozen=True, slots=True)
class BusyTime:
    """When a calendar's events block: all of them, and those that are not tentative."""

    everything: Busy
    firm: Busy

    def __len__(self) -> int:
        """How many instants it takes to say so."""
        return 2 * len(self.everything.starts) + (2 * len(self.firm.starts) if self.firm is not self.everything else 0)


class BookedCalendar(NamedTuple):
    """A calendar that an event is booked on, and what the event is called here."""

    key: int
    calendar_id: str
    event_uid: str


async def upsert(session: AsyncSession, calendar_key: int, drafts: Sequence[EventDraft], now: Instant) -> int:
    """Makes or replaces the events of a locked calendar; how many of them were not there before, or were deleted."""
    existing = select(col(tables.Event.event_id)).where(
        col(tables.Event.calendar_key) == calendar_key,
        col(tables.Event.event_id).in_([draft.event_id for draft in drafts]),
        col(tables.Event.deleted).is_(False),
    )
    updated = len((await session.exec(existing)).all())
    statement = insert(session, tables.Event)
    replaced: dict[str, Any] = {name: statement.excluded[name] for name in _REPLACED}
    for name in _RENEWED:
        replaced[name] = case(
            (col(tables.Event.deleted), statement.excluded[name]), else_=col(getattr(tables.Event, name))
        )
    statement = statement.on_conflict_do_update(index_elements=_IDENTITY, set_=replaced)
    await session.exec(statement, params=[{"calendar_key": calendar_key, **_row(draft, now)} for draft in drafts])
    return len(drafts) - updated


async def upsert_one(
    db: Database, account_key: int, calendar_id: str, draft: EventDraft, now: Instant
) -> tuple[Event, bool] | None:
    """As `upsert` for one event of a calendar that is not locked yet, and whether it was not there before.

    None when the account has no such calendar.
    """
    span, proposed = draft.span(), _row(draft, now)
    values = (account_key, calendar_id, drawn(), *(proposed[name] for name in _WRITTEN))
    found = await db.write_shortly(_UPSERT, values, account_key)
    if found is None:
        return None
    event_uid, created_at = found
    event = Event(_as_kept(draft), span, calendar_id, event_uid, deleted=False, created=created_at, updated=now)
    return event, event_uid == proposed["event_uid"]


async def book(
    session: AsyncSession, calendars: Sequence[BookedCalendar], draft: EventDraft, now: Instant
) -> list[Event] | None:
    """Makes the event on calendars that are held, in their order; None when one of them has an event with its id.

    Then the transaction has to be undone. What this very attempt has written before is no such event.
    """
    reader = Snapshot(session)
    row = _row(draft, now)
    values = [
        reader.spelling.listed([calendar.key for calendar in calendars]),
        reader.spelling.listed([calendar.event_uid for calendar in calendars]),
        *(row[name] for name in _BOOKED),
    ]
    written = await reader.rows(_book(reader.spelling), *values)
    if len(written) < len(calendars):
        return None
    created = dict(written)
    kept, span = _as_kept(draft), draft.span()
    return [
        Event(kept, span, each.calendar_id, each.event_uid, deleted=False, created=created[each.key], updated=now)
        for each in calendars
    ]


async def book_unchanged(
    db: Database,
    versions: Mapping[int, int],
    calendars: Mapping[BookedCalendar, int],
    draft: EventDraft,
    now: Instant,
) -> list[Event] | None:
    """As `book`, in one trip and without anything that is held before; from each calendar to the key of its account.

    None when a calendar has no longer the version that is given for its key, or when one has an event with this id.
    """
    spelling = db.direct.spelling
    row = _row(draft, now)
    values = [
        spelling.listed([*versions]),
        spelling.listed([*versions.values()]),
        drawn(),
        spelling.listed([calendar.key for calendar in calendars]),
        draft.event_id,
        spelling.listed([calendar.event_uid for calendar in calendars]),
        *(row[name] for name in _BOOKED),
    ]
    if await db.write_shortly(_book_unchanged(spelling), values, *calendars.values()) is None:
        return None
    kept, span = _as_kept(draft), draft.span()
    return [
        Event(kept, span, each.calendar_id, each.event_uid, deleted=False, created=now, updated=now)
        for each in calendars
    ]


async def booked(session: AsyncSession, calendars: Mapping[int, BookedCalendar], event_id: str) -> dict[int, Event]:
    """Of these calendars, by key, those that have the event under the very name that it was to be booked by."""
    statement = select(tables.Event).where(
        col(tables.Event.calendar_key).in_(calendars),
        col(tables.Event.event_id) == event_id,
        col(tables.Event.event_uid).in_([calendar.event_uid for calendar in calendars.values()]),
    )
    rows = await session.exec(statement)
    return {row.calendar_key: _event(row, calendars[row.calendar_key].calendar_id) for row in rows}


async def listed(
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
    return [_event(row, calendar_ids[row.calendar_key]) for row in await session.exec(statement)]


async def delete(session: AsyncSession, calendar_key: int, event_id: str, now: Instant) -> bool:
    """Deletes an event of a locked calendar; whether there was one."""
    return await _delete(session, [calendar_key], now, event_id) == 1


async def delete_all(session: AsyncSession, calendar_keys: Collection[int], now: Instant) -> int:
    """Deletes every event of locked calendars; how many there were."""
    return await _delete(session, calendar_keys, now, None)


async def busy(reader: Reader, versions: Mapping[int, int], start: Instant, end: Instant) -> dict[int, BusyTime]:
    """What blocks on each of these calendars between two instants: a few lists of numbers, for a query reads thousands.

    Calendars and their versions, by key; one that has another version by now is left out.
    """
    spelling = reader.spelling
    rows = await reader.much(_busy(spelling), spelling.listed([*versions]), start, end)
    return {key: _busy_time(*map(spelling.read, bounds)) for key, version, *bounds in rows if version == versions[key]}


@cache
def _busy(spelling: Spelling) -> str:
    # `blocks = TRUE` in these words: by `blocks` alone SQLite would not see that its index has what is asked for.
    firm, tentative = f"status <> '{EventStatus.TENTATIVE.value}'", f"status = '{EventStatus.TENTATIVE.value}'"
    return f"""
SELECT calendars.key, calendars.version, {spelling.gathered("starts_at", firm)}, {spelling.gathered("ends_at", firm)},
       {spelling.gathered("starts_at", tentative)}, {spelling.gathered("ends_at", tentative)}
FROM calendars
LEFT JOIN events ON calendar_key = calendars.key AND blocks = TRUE AND ends_at > $2 AND starts_at < $3
WHERE calendars.key {spelling.among(1, "bigint")}
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


def _row(draft: EventDraft, now: Instant) -> dict[str, Any]:
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


_WRITTEN = [name for name in tables.Event.model_fields if name not in ("key", "calendar_key")]

_UPSERT = ShortWrite(
    lock=f"""
UPDATE calendars SET version = {spelled_next("$3")} WHERE account_key = $1 AND calendar_id = $2 RETURNING key
""",
    locked="SELECT key FROM calendars WHERE account_key = $1 AND calendar_id = $2",
    write=f"""
INSERT INTO events (calendar_key, {", ".join(_WRITTEN)})
SELECT key, {", ".join(f"${number}" for number, _ in enumerate(_WRITTEN, 4))} FROM locked WHERE TRUE
ON CONFLICT ({", ".join(_IDENTITY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in _REPLACED)},
    {", ".join(f"{name} = CASE WHEN events.deleted THEN excluded.{name} ELSE events.{name} END" for name in _RENEWED)}
RETURNING event_uid, created_at
""",
)


#: the columns that a booked event has the same everywhere
_BOOKED = [name for name in _WRITTEN if name != "event_uid"]


@cache
def _book(spelling: Spelling) -> str:
    return _insert_booked(spelling.pairs((1, "bigint", "calendar_key"), (2, "text", "event_uid"), "target"), 3)


@cache
def _book_unchanged(spelling: Spelling) -> ShortWrite:
    known = spelling.pairs((1, "bigint", "key"), (2, "bigint", "version"), "known")
    targets = spelling.pairs((4, "bigint", "calendar_key"), (6, "text", "event_uid"), "target")
    return ShortWrite(
        # The version is looked at under the lock. An event of this id that came meanwhile has changed it, too.
        lock=f"""
WITH held AS (SELECT key, version FROM calendars WHERE key {spelling.among(1, "bigint")} ORDER BY key {spelling.locked})
UPDATE calendars SET version = {spelled_next("$3")}
WHERE key {spelling.among(4, "bigint")}
  AND NOT EXISTS (SELECT 1 FROM {known} LEFT JOIN held USING (key, version) WHERE held.key IS NULL)
  AND NOT EXISTS (SELECT 1 FROM events WHERE calendar_key {spelling.among(4, "bigint")} AND event_id = $5 AND NOT deleted)
RETURNING key
""",
        locked=f"SELECT key FROM calendars WHERE key {spelling.among(4, 'bigint')} AND {spelled_drawn()} = $3",
        write=_insert_booked(f"locked JOIN {targets} ON target.calendar_key = locked.key", 7),
        taken=5,
    )


def _insert_booked(targets: str, first: int) -> str:
    """Events on every `target`, whose other columns are the values from the first of them on."""
    return f"""
INSERT INTO events (calendar_key, event_uid, {", ".join(_BOOKED)})
SELECT target.calendar_key, target.event_uid, {", ".join(f"${number}" for number, _ in enumerate(_BOOKED, first))}
FROM {targets} WHERE TRUE
ON CONFLICT ({", ".join(_IDENTITY)}) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in (*_REPLACED, *_RENEWED))}
WHERE events.deleted
RETURNING calendar_key, created_at
"""


def _as_kept(draft: EventDraft) -> EventDraft:
    """The draft as it is read again: a place that says nothing is none."""
    return replace(draft, location=None) if draft.location == Location() else draft


def _event(row: tables.Event, calendar_id: str) -> Event:
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
