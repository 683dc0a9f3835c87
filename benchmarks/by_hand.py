"""One endpoint for one query, and one for one upsert, hand-written by someone who knows both databases well.

They have fewer features than ours (no other formats, no buffers, no hours, hardly any errors).
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from time import time
from typing import Any, TypeAlias

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from core.durations import Duration
from core.identity import digest
from core.instants import Instant, parse_instant
from core.periods import Period
from core.query import AvailabilityQuery, Group, Member, ResponseFormat
from db.drivers.dialects import SQLITE
from db.tables import Event

from .contenders import answer, sweep
from .drivers import Pool, reading, spelling, sqlite
from .endpoints import application, bearer

#: the fields of the input, by their names in the schema
Input: TypeAlias = dict[str, Any]
#: (digest of the token, id of the calendar, columns of the event) → whether it is new, and its uid; None if not found
Write: TypeAlias = Callable[[bytes, str, dict[str, Any]], Awaitable[tuple[bool, str] | None]]

BLOCKING = """
SELECT accounts.sub, events.starts_at, events.ends_at
FROM clients
JOIN accounts ON accounts.client_key = clients.key AND accounts.revoked_at IS NULL
JOIN calendars ON calendars.account_key = accounts.key
JOIN events ON events.calendar_key = calendars.key
WHERE clients.secret_digest = $1 AND accounts.sub {among}
  AND events.blocks = TRUE AND events.ends_at > $3 AND events.starts_at < $4
"""
TOKEN = "SELECT account_key, scope FROM tokens WHERE digest = $1 AND kind = 'access' AND expires_at > $2"
LOCK = """
UPDATE calendars SET version = (version + 1) % 1048576 + $1 WHERE account_key = $2 AND calendar_id = $3 RETURNING key
"""
BEFORE = "SELECT 1 FROM events WHERE calendar_key = $1 AND event_id = $2 AND NOT deleted"

COLUMNS = [name for name in Event.model_fields if name != "key"]
KEPT = {"calendar_key", "event_id", "event_uid", "created_at"}
UPSERT = f"""
INSERT INTO events ({", ".join(COLUMNS)})
VALUES ({", ".join(f"${number + 1}" for number in range(len(COLUMNS)))})
ON CONFLICT (calendar_key, event_id, recurrence_id) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name not in KEPT)},
    created_at = CASE WHEN events.deleted THEN excluded.created_at ELSE events.created_at END
RETURNING event_uid
"""


def endpoints() -> Starlette:
    """Both endpoints, on the database of the environment."""
    statement = BLOCKING.format(among=spelling().in_array(2, "text"))
    read = reading()
    write = _with_sqlite() if spelling() is SQLITE else _with_postgresql()

    async def availability(request: Request) -> Response:
        """One SQL statement, a plain sweep, dicts and orjson."""
        query = _query(orjson.loads(await request.body())["variables"]["input"])
        window = query.window()
        subs = [member.sub for _, member in query.members()]
        busy: dict[str, list[tuple[Instant, Instant]]] = {sub: [] for sub in subs}
        given = digest(bearer(request)), spelling().array_param(subs), window.starts[0], window.ends[-1]
        for sub, start, end in await read(statement, *given):
            busy[sub].append((start, end))
        return _json({"availability": {"availableSlots": _slots(answer(sweep, query, list(busy.values())))}})

    async def upsert(request: Request) -> Response:
        """Token, calendar, event: the same columns, locks and durability as ours."""
        asked: Input = orjson.loads(await request.body())["variables"]["input"]
        now = int(time())
        row = _row(asked["event"], now)
        done = await write(digest(bearer(request)), asked["calendarId"], row)
        if done is None:
            return Response(status_code=404)
        created, uid = done
        return _json({"upsertEvent": {"created": created, "event": _event(row, asked["calendarId"], uid)}})

    return application(availability=availability, upsert=upsert)


def _json(data: Any) -> Response:
    return Response(orjson.dumps({"data": data}, option=orjson.OPT_UTC_Z), media_type="application/json")


def _slots(found: Sequence[tuple[Instant, Instant, tuple[str, ...]]]) -> list[dict[str, Any]]:
    return [
        {"start": _shown(start), "end": _shown(end), "participants": [{"sub": sub} for sub in people]}
        for start, end, people in found
    ]


def _shown(instant: Instant) -> datetime:
    return datetime.fromtimestamp(instant, UTC)


def _query(asked: Input) -> AvailabilityQuery:
    [group], [period] = asked["participants"], asked["queryPeriods"]
    return AvailabilityQuery(
        [Group([Member(member["sub"]) for member in group["members"]], group["required"])],
        Duration(**asked["requiredDuration"]),
        query_periods=[Period(parse_instant(period["start"]), parse_instant(period["end"]))],
        start_interval=Duration(**asked["startInterval"]),
        response_format=ResponseFormat[asked["responseFormat"]],
        max_results=asked["maxResults"],
    )


def _row(given: Input, now: Instant) -> dict[str, Any]:
    """Every column of a timed event, except its calendar."""
    return dict.fromkeys(COLUMNS) | {
        "event_id": given["eventId"],
        "event_uid": f"evt_{secrets.token_hex(12)}",
        "summary": given["summary"],
        "description": given.get("description", ""),
        "starts_at": parse_instant(given["start"]),
        "ends_at": parse_instant(given["end"]),
        "tzid": "Etc/UTC",
        "transparency": "opaque",
        "status": "confirmed",
        "blocks": True,
        "deleted": False,
        "created_at": now,
        "updated_at": now,
        "recurrence_id": "",
    }


def _event(row: dict[str, Any], calendar_id: str, uid: str) -> dict[str, Any]:
    return {
        "eventUid": uid,
        "eventId": row["event_id"],
        "calendarId": calendar_id,
        "summary": row["summary"],
        "start": _shown(row["starts_at"]),
        "end": _shown(row["ends_at"]),
        "tzid": row["tzid"],
        "transparency": row["transparency"].upper(),
        "status": row["status"].upper(),
    }


def _version() -> int:
    return secrets.randbits(42) << 20


def _with_sqlite() -> Write:
    """Writes in a thread with its own connection, so that the event loop does not wait for the disk."""
    writer = ThreadPoolExecutor(1)
    connection = sqlite("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")

    def one(statement: str, *values: Any) -> Any:
        with closing(connection.execute(SQLITE.positional(statement), values)) as cursor:
            return next(iter(cursor.fetchall()), None)

    def transaction(token: bytes, calendar_id: str, row: dict[str, Any]) -> tuple[bool, str] | None:
        found = one(TOKEN, token, row["updated_at"])
        if found is None or "write" not in found[1]:
            return None
        one("BEGIN IMMEDIATE")
        try:
            locked = one(LOCK, _version(), found[0], calendar_id)
            if locked is None:
                return None
            row["calendar_key"] = locked[0]
            there = one(BEFORE, locked[0], row["event_id"])
            uid = one(UPSERT, *(row[name] for name in COLUMNS))[0]
            one("COMMIT")
            return there is None, uid
        finally:
            if connection.in_transaction:
                one("ROLLBACK")

    async def write(token: bytes, calendar_id: str, row: dict[str, Any]) -> tuple[bool, str] | None:
        return await asyncio.get_running_loop().run_in_executor(writer, transaction, token, calendar_id, row)

    return write


def _with_postgresql() -> Write:
    pool = Pool()

    async def write(token: bytes, calendar_id: str, row: dict[str, Any]) -> tuple[bool, str] | None:
        async with (await pool.get()).acquire() as connection:
            found = await connection.fetchrow(TOKEN, token, row["updated_at"])
            if found is None or "write" not in found["scope"]:
                return None
            async with connection.transaction():
                locked = await connection.fetchval(LOCK, _version(), found["account_key"], calendar_id)
                if locked is None:
                    return None
                row["calendar_key"] = locked
                there = await connection.fetchval(BEFORE, locked, row["event_id"])
                uid = await connection.fetchval(UPSERT, *(row[name] for name in COLUMNS))
            return there is None, uid

    return write
