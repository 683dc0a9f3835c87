"""Calendars whose events are known only until an instant, as tests write them to the database."""

from sqlalchemy import text

from core.calendar_sources import AllDayEvents, PartialSource, SyncState
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


async def set_source(
    api: Api,
    whose: Account,
    *,
    synced_at: Instant | None,
    tried_at: Instant | None = None,
    failures: int = 0,
    refused: bool = False,
    incomplete: bool = False,
    claim: str | None = None,
    known_until: Instant | None = None,
) -> None:
    """Makes an account's calendar one elsewhere, or sets how its fetches went.

    It gets a new version only if it is not known any more.
    """
    state = SyncState(synced_at, refused, incomplete)
    source = {
        "source_id": "work",
        "sealed_url": b"",
        "host": "example.com",
        "all_day": AllDayEvents.AS_MARKED.value,
        "partial": PartialSource.REFUSE.value,
        "synced_at": synced_at,
        "tried_at": tried_at if tried_at is not None else synced_at,
        "attempts": failures,
        "refused": refused,
        "incomplete": incomplete,
        "claim": claim,
        "due_at": None,
        "created_at": api.now,
    }
    async with api.db.write() as session:
        connection = await session.connection()
        find = text("SELECT key FROM calendars WHERE calendar_id = :id")
        [calendar_key] = (await connection.execute(find, {"id": whose.calendar_id})).one()
        of_calendar = text("DELETE FROM calendar_sources WHERE calendar_key = :key")
        was_one = (await connection.execute(of_calendar, {"key": calendar_key})).rowcount > 0
        columns = f"client_key, account_key, calendar_key, unreadable, {', '.join(source)}"
        values = f"client_key, accounts.key, calendars.key, 0, {', '.join(f':{name}' for name in source)}"
        joined = "calendars JOIN accounts ON accounts.key = account_key WHERE calendars.key = :calendar_key"
        insert = text(f"INSERT INTO calendar_sources ({columns}) SELECT {values} FROM {joined}")
        await connection.execute(insert, {**source, "calendar_key": calendar_key})
    unknown_at = state.unknown_at(api.now, PartialSource.REFUSE)
    await set_known(api, whose, until=known_until, unknown_at=unknown_at, new=not was_one or unknown_at <= api.now)
