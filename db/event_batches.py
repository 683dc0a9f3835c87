"""Many events of one calendar, written in one trip."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy.dialects import postgresql

from core.events import EventDraft
from core.instants import Instant

from . import tables
from .access import PendingCaller
from .database import Database
from .drivers.base import LOCK_TIMEOUT, LockedWrite
from .drivers.dialects import SQLITE, Dialect
from .events import WRITTEN, columns, replaced_sql, value_sql
from .retries import is_contradicted
from .versions import next_version_sql, random_part, random_part_sql


async def upsert(
    db: Database, caller: PendingCaller, calendar_id: str, drafts: Sequence[EventDraft], now: Instant
) -> int | None:
    """Upserts events that do not recur in one trip, which also locks the calendar. Returns how many are new.

    A timed event without a zone takes the account's; an all-day event must have one.
    Returns None without a change if the account has no such calendar or may not write to it, and if one of the events is that
    of a booking, which changes with it, or recurs. Raises if the caller may not write.
    """
    dialect, proposed = db.driver.dialect, [columns(draft, now) for draft in drafts]
    ids, uids = (dialect.array_param([row[name] for row in proposed]) for name in ("event_id", "event_uid"))
    values: list[Any] = [calendar_id, random_part(), ids, uids]
    rows: list[tuple[Any, ...]] = []
    if dialect is SQLITE:
        rows = [tuple(map(_of_sqlite, (row[name] for name in WRITTEN))) for row in proposed]
    else:
        values.append(orjson.dumps(proposed).decode())
    try:
        written = await db.driver.write(_upsert(dialect), values, writer=caller, rows=rows)
    except Exception as error:
        if is_contradicted(error):  # a concurrent write has made one of them the event of a booking, or recur
            return None
        raise
    return written[0] if written is not None else None


def _of_sqlite(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


@cache
def _upsert(dialect: Dialect) -> LockedWrite:
    own = "account_key = $1 AND calendar_id = $2 AND unknown_at IS NULL"
    lock = f"""
UPDATE calendars SET version = {next_version_sql("$3")}
WHERE {own} AND {LOCK_TIMEOUT} AND NOT EXISTS (
    SELECT 1 FROM events
    WHERE calendar_key = calendars.key AND event_id {dialect.in_array(4, "text")} AND recurrence_id = ''
      AND (booking_id IS NOT NULL OR recurrence IS NOT NULL)
)
RETURNING key
"""
    locked_rows = f"SELECT key FROM calendars WHERE {own} AND {random_part_sql()} = $3"
    return LockedWrite(lock, locked_rows, **(_on_sqlite(locked_rows) if dialect is SQLITE else _on_postgresql()))


def _on_sqlite(locked_rows: str) -> dict[str, Any]:
    values = ", ".join(value_sql(name, f"${number}") for number, name in enumerate(WRITTEN, 4))
    return {
        "each": f"""
INSERT INTO events (calendar_key, {", ".join(WRITTEN)}) SELECT key, {values} FROM ({locked_rows}) WHERE TRUE
{replaced_sql()}
""",
        "write": """
SELECT count(events.key) FROM locked
LEFT JOIN events ON calendar_key = locked.key AND event_uid IN (SELECT value FROM json_each($5)) GROUP BY locked.key
""",
    }


def _on_postgresql() -> dict[str, Any]:
    stored = tables.metadata.tables["events"].c
    kinds = ", ".join(f"{name} {stored[name].type.compile(dialect=postgresql.dialect())}" for name in WRITTEN)
    values = ", ".join(value_sql(name, f"given.{name}") for name in WRITTEN)
    return {
        "others": (
            f"""
INSERT INTO events (calendar_key, {", ".join(WRITTEN)})
SELECT locked.key, {values} FROM locked CROSS JOIN jsonb_to_recordset($6::jsonb) AS given({kinds}) WHERE TRUE
{replaced_sql()}
RETURNING event_uid
""",
        ),
        # Divides by zero, which undoes all of it, if not all were written: a concurrent write that the condition of `lock`
        # did not see has changed one of them.
        "write": """
SELECT count(*) FILTER (WHERE event_uid = ANY($5::text[])),
       CASE WHEN count(*) = cardinality($5::text[]) THEN 0 ELSE 1 / (count(*) - count(*)) END
FROM other_0 HAVING EXISTS (SELECT 1 FROM locked)
""",
    }
