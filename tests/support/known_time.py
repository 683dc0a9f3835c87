"""Calendars whose events are known only until an instant, as tests write them to the database."""

from sqlalchemy import text

from core.instants import Instant
from db.notifications.subscribers import mark_all_changed

from .api import Account, Api

_SET = "UPDATE calendars SET known_until = :known_until, unknown_at = :unknown_at WHERE calendar_id = :calendar_id"


async def set_known(
    api: Api, whose: Account, *, until: Instant | None = None, unknown_at: Instant | None = None, new: bool = True
) -> None:
    """Sets how far an account's calendar is known. `new`: whether it gets another version, as with its events."""
    given = {"known_until": until, "unknown_at": unknown_at, "calendar_id": whose.calendar_id}
    async with api.db.write() as session:
        mark_all_changed(session)
        connection = await session.connection()
        await connection.execute(text(_SET), given)
        if new:
            more = text("UPDATE calendars SET version = version + 1 WHERE calendar_id = :calendar_id")
            await connection.execute(more, given)
