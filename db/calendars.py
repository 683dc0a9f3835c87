"""Calendars: whose they are, and the lock on them."""

from collections.abc import Collection
from functools import cache

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.accounts import Calendar

from . import tables
from .drivers.base import Snapshot
from .drivers.dialects import Dialect
from .notifications.subscribers import mark_changed
from .versions import next_version


async def list_calendars(session: AsyncSession, account_key: int) -> list[Calendar]:
    """The account's calendars, the primary one first."""
    statement = (
        select(tables.Calendar, tables.Account)
        .join(tables.Account, col(tables.Account.key) == col(tables.Calendar.account_key))
        .where(col(tables.Calendar.account_key) == account_key)
        .order_by(col(tables.Calendar.primary).desc(), col(tables.Calendar.key))
    )
    return [
        Calendar(
            calendar_id=calendar.calendar_id,
            name=calendar.name,
            primary=calendar.primary,
            profile_id=account.profile_id,
            profile_name=account.external_id,
        )
        for calendar, account in await session.exec(statement)
    ]


async def keys_of_account(session: AsyncSession, account_key: int) -> dict[str, int]:
    """From the ids of the account's calendars to their keys."""
    statement = select(col(tables.Calendar.calendar_id), col(tables.Calendar.key)).where(
        col(tables.Calendar.account_key) == account_key
    )
    return {calendar_id: key or 0 for calendar_id, key in await session.exec(statement)}


async def lock_and_bump(session: AsyncSession, account_key: int, calendar_id: str) -> int | None:
    """The key of the account's calendar with this id, locked until the end of the transaction and at a new version.

    Whoever changes the calendar's events comes through here, so changes of one calendar happen one after the other, and
    the last that is acknowledged is the one that is kept.
    """
    statement = (
        update(tables.Calendar)
        .where(col(tables.Calendar.account_key) == account_key, col(tables.Calendar.calendar_id) == calendar_id)
        .values(version=next_version(tables.Calendar.version))
        .returning(col(tables.Calendar.key))
    )
    mark_changed(session, account_key)
    return (await session.exec(statement)).scalar_one_or_none()


async def lock_for_update(session: AsyncSession, keys: Collection[int]) -> dict[int, int]:
    """Locks calendars, in the order of their keys so that two callers never deadlock; the version of each, by its key."""
    reader = Snapshot(session)
    return dict(await reader.fetch(_lock_sql(reader.dialect), reader.dialect.array_param([*keys])))


@cache
def _lock_sql(spelling: Dialect) -> str:
    return f"SELECT key, version FROM calendars WHERE key {spelling.in_array(1, 'bigint')} ORDER BY key {spelling.row_lock}"


async def bump_versions(session: AsyncSession, keys: Collection[int]) -> None:
    """Gives calendars that are held a new version each, and says whose they are."""
    statement = (
        update(tables.Calendar)
        .where(col(tables.Calendar.key).in_(keys))
        .values(version=next_version(tables.Calendar.version))
        .returning(col(tables.Calendar.account_key))
    )
    mark_changed(session, *(await session.exec(statement)).scalars())
