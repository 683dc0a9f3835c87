"""Series: events that recur, as callers have changed them, and their instances in `events`.

Whatever changes a series, `store` compares the stored instances with those that it has now, and writes the difference.
An instance that stays as it is keeps its row, so it has no new `updated_at`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import case
from sqlalchemy import select as sql_select
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.calendar_feeds import FeedSeries
from core.events import EventDraft
from core.instants import Instant, Unreadable, format_instant, read_event_time
from core.recurring_events import RecurringEvent, due_before
from core.series import Start
from core.spans import Span

from . import tables
from .drivers.dialects import insert
from .events import IDENTITY, REPLACED, columns, event, present

#: rows that one statement writes, so that a long series does not keep other requests waiting
_BATCH = 500

T = TypeVar("T")

_DRAFT = TypeAdapter(EventDraft)
#: what an instance is compared by
_CONTENT = [name for name in REPLACED if name != "updated_at"]

_MOVED, _FOLLOWING, _SPLIT = "moved", "following", "split"


class StoredSeries(NamedTuple):
    """A series, and the instant before which its instances are stored. None: all are."""

    event: RecurringEvent
    expanded_until: Instant | None


class DueSeries(NamedTuple):
    """A series that is to be expanded further."""

    calendar_key: int
    key: int
    event_id: str


def name_of(original: Start) -> str:
    """Returns the name of an instance, by its original start, as it is stored."""
    return original.isoformat() if isinstance(original, date) else format_instant(original)


async def find(session: AsyncSession, calendar_key: int, event_id: str, now: Instant) -> StoredSeries | None:
    """Returns the series with this event id, or None."""
    row, series = tables.Event, tables.Series
    chosen = (col(row.calendar_key) == calendar_key, col(row.event_id) == event_id, col(row.recurrence_id) == "")
    statement = select(row, series.key, series.expanded_until).join(
        series, (col(series.calendar_key) == calendar_key) & (col(series.event_id) == event_id)
    )
    found = (await session.exec(statement.where(*chosen))).one_or_none()
    if found is None:
        return None
    master, key, expanded_until = found
    change = tables.SeriesChange
    said = select(col(change.kind), col(change.recurrence_id), col(change.draft)).where(col(change.series_key) == key)
    changes: dict[str, dict[Start, Any]] = {_MOVED: {}, _FOLLOWING: {}, _SPLIT: {}}
    for kind, name, draft in await session.exec(said):
        changes[kind][_original(name)] = _DRAFT.validate_json(draft) if draft is not None else None
    draft = event(master, "", now).draft
    return StoredSeries(RecurringEvent(draft, changes[_MOVED], changes[_FOLLOWING], changes[_SPLIT]), expanded_until)


async def of_calendars(
    session: AsyncSession, calendar_keys: Collection[int], now: Instant
) -> dict[tuple[int, str], FeedSeries]:
    """Returns the series of calendars, by the calendar's key and the event's id. Two statements."""
    row, series, change = tables.Event, tables.Series, tables.SeriesChange
    same = (col(series.calendar_key) == col(row.calendar_key)) & (col(series.event_id) == col(row.event_id))
    chosen = (col(row.calendar_key).in_([*calendar_keys]), col(row.recurrence_id) == "", present(row, now))
    found = (await session.exec(select(row, series.key).join(series, same).where(*chosen))).all()
    if not found:
        return {}
    of_calendars = col(series.calendar_key).in_([*calendar_keys])
    said = select(change.series_key, change.kind, change.recurrence_id, change.draft)
    changes: dict[int | None, dict[str, dict[Start, Any]]] = {
        key: {_MOVED: {}, _FOLLOWING: {}, _SPLIT: {}} for _, key in found
    }
    for key, kind, name, draft in await session.exec(said.join(series).where(of_calendars)):
        if key in changes:
            changes[key][kind][_original(name)] = _DRAFT.validate_json(draft) if draft is not None else None
    return {
        (master.calendar_key, master.event_id): FeedSeries(
            master.event_uid,
            RecurringEvent(event(master, "", now).draft, *changes[key].values()),
            master.created_at,
            master.updated_at,
        )
        for master, key in found
    }


async def is_booked(session: AsyncSession, calendar_key: int, event_id: str, now: Instant) -> bool:
    """Whether the event with this id was written by a booking."""
    row = tables.Event
    chosen = (col(row.calendar_key) == calendar_key, col(row.event_id) == event_id, col(row.booking_id).is_not(None))
    return (await session.exec(select(row.key).where(*chosen, present(row, now)))).first() is not None


async def put(session: AsyncSession, calendar_key: int, draft: EventDraft, now: Instant) -> bool:
    """Writes the row of an event that recurs on a locked calendar. Returns whether the event is new."""
    row: Any = tables.Event
    identity = (row.calendar_key == calendar_key, row.event_id == draft.event_id, row.recurrence_id == "")
    existed = (await session.exec(select(row.key).where(*identity, present(row, now)))).first() is not None
    values = {**columns(draft, now), "blocks": False, "recurrence": "\n".join(draft.recurrence or ())}
    statement = insert(session, tables.Event).values(calendar_key=calendar_key, recurrence_id="", **values)
    names = [name for name in values if name != "event_id" and not (existed and name in ("event_uid", "created_at"))]
    replaced: dict[str, Any] = {name: statement.excluded[name] for name in names}
    replaced |= {"booking_id": None, "lapses_at": None}
    await session.exec(statement.on_conflict_do_update(index_elements=IDENTITY, set_=replaced))
    return not existed


async def store(
    session: AsyncSession,
    calendar_key: int,
    series: RecurringEvent,
    instances: Mapping[Start, EventDraft],
    window: Span,
    now: Instant,
) -> int:
    """Stores a series of a locked calendar, with the instances that it has in the window. Its event was `put`.

    Instances that ended before the window stay as they are. Returns how many instances have changed.
    """
    event_id = series.draft.event_id
    key = await _store_horizon(session, calendar_key, event_id, None if series.is_over(window.end) else window.end)
    await _store_changes(session, key, series)
    row: Any = tables.Event
    of_event = (row.calendar_key == calendar_key, row.event_id == event_id)
    uid = (await session.exec(select(row.event_uid).where(*of_event, row.recurrence_id == ""))).one()
    compared: list[Any] = [row.recurrence_id, row.key, *(getattr(row, name) for name in _CONTENT)]
    statement = sql_select(*compared).where(*of_event, row.recurrence_id != "")
    found = await (await session.connection()).execute(statement)
    stored: dict[str, tuple[int, dict[str, Any]]] = {
        name: (row_key, dict(zip(_CONTENT, content, strict=True))) for name, row_key, *content in found.all()
    }
    wanted = {name_of(original): columns(draft, now) for original, draft in instances.items()}
    written: list[Mapping[str, Any]] = [
        {**values, "calendar_key": calendar_key, "recurrence_id": name, "event_uid": _uid(uid, name)}
        for name, values in wanted.items()
        if name not in stored or any(stored[name][1][each] != values[each] for each in _CONTENT)
    ]
    gone = [
        row_key
        for name, (row_key, content) in stored.items()
        if name not in wanted and not content["deleted"] and content["ends_at"] > window.start
    ]
    await _write(session, written)
    for keys in _batches(gone):
        values = {"deleted": True, "blocks": False, "updated_at": now}
        statement = update(row).where(row.key.in_(keys)).values(values)
        await session.exec(statement.execution_options(synchronize_session=False))
    return len(written) + len(gone)


async def next_due(session: AsyncSession, now: Instant, after: DueSeries | None, most: int) -> list[DueSeries]:
    """Returns series of one calendar that are due to be expanded further, up to `most`: the first after that one."""
    row: Any = tables.Series
    is_due = row.expanded_until < due_before(now)
    statement = select(row.calendar_key, row.key, row.event_id).where(is_due).order_by(row.calendar_key, row.key)
    if after is not None:
        same = (row.calendar_key == after.calendar_key) & (row.key > after.key)
        statement = statement.where((row.calendar_key > after.calendar_key) | same)
    found = [DueSeries(*each) for each in await session.exec(statement.limit(most))]
    return [each for each in found if each.calendar_key == found[0].calendar_key]


def _original(name: str) -> Start:
    original = read_event_time(name)
    assert not isinstance(original, Unreadable)  # it was written by `name_of`
    return original


def _uid(series_uid: str, name: str) -> str:
    """Returns the uid of an instance: the same whenever it is expanded."""
    return f"evt_{sha256(f'{series_uid} {name}'.encode()).hexdigest()[:24]}"


async def _store_horizon(session: AsyncSession, calendar_key: int, event_id: str, until: Instant | None) -> int:
    statement = insert(session, tables.Series).values(
        calendar_key=calendar_key, event_id=event_id, expanded_until=until
    )
    statement = statement.on_conflict_do_update(
        index_elements=("calendar_key", "event_id"), set_={"expanded_until": statement.excluded.expanded_until}
    )
    found = await (await session.connection()).execute(statement.returning(col(tables.Series.key)))
    return found.scalar_one()


async def _store_changes(session: AsyncSession, key: int, series: RecurringEvent) -> None:
    row: Any = tables.SeriesChange
    wanted: dict[tuple[str, str], str | None] = {}
    kinds: Iterable[tuple[str, Mapping[Start, EventDraft | None]]] = (
        (_MOVED, series.moved),
        (_FOLLOWING, series.following),
        (_SPLIT, series.splits),
    )
    for kind, changes in kinds:
        for original, draft in changes.items():
            wanted[kind, name_of(original)] = _DRAFT.dump_json(draft).decode() if draft is not None else None
    found = await session.exec(select(row.key, row.kind, row.recurrence_id, row.draft).where(row.series_key == key))
    stored: dict[tuple[str, str], tuple[int, str | None]] = {
        (kind, name): (row_key, draft) for row_key, kind, name, draft in found
    }
    gone = [row_key for each, (row_key, draft) in stored.items() if each not in wanted or wanted[each] != draft]
    for keys in _batches(gone):
        await session.exec(delete(row).where(row.key.in_(keys)))
    rows = [
        {"series_key": key, "kind": each[0], "recurrence_id": each[1], "draft": draft}
        for each, draft in wanted.items()
        if each not in stored or stored[each][1] != draft
    ]
    for some in _batches(rows):
        await session.exec(insert(session, tables.SeriesChange), params=some)


async def _write(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Creates or replaces instances. Those that were deleted are created again."""
    if not rows:
        return
    statement = insert(session, tables.Event)
    row: Any = tables.Event
    replaced: dict[str, Any] = {name: statement.excluded[name] for name in (*REPLACED, "event_uid")}
    replaced["created_at"] = case((row.deleted, statement.excluded.created_at), else_=row.created_at)
    statement = statement.on_conflict_do_update(index_elements=IDENTITY, set_=replaced)
    for some in _batches(rows):
        await session.exec(statement, params=some)


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[begin : begin + _BATCH] for begin in range(0, len(rows), _BATCH))
