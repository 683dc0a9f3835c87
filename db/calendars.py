"""Calendars: their accounts, locks and versions."""

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
    """Returns the account's calendars, the primary one first."""
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
    """Returns the keys of the account's calendars, by calendar id."""
    statement = select(col(tables.Calendar.calendar_id), col(tables.Calendar.key)).where(
        col(tables.Calendar.account_key) == account_key
    )
    return {calendar_id: key or 0 for calendar_id, key in await session.exec(statement)}


async def lock_and_bump(session: AsyncSession, account_key: int, calendar_id: str) -> int | None:
    """Locks the account's calendar until the end of the transaction and bumps its version. Returns its
    key, or None.

    Every change to a calendar's events locks it first, so changes of one calendar are serialised, and
    the last one acknowledged wins.
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
    """Locks calendars, in key order so that two callers never deadlock. Returns their versions, by key."""
    snapshot = Snapshot(session)
    return dict(await snapshot.fetch(_lock_sql(snapshot.dialect), snapshot.dialect.array_param([*keys])))


@cache
def _lock_sql(dialect: Dialect) -> str:
    return (
        f"SELECT key, version FROM calendars WHERE key {dialect.in_array(1, 'bigint')} ORDER BY key {dialect.row_lock}"
    )


async def bump_versions(session: AsyncSession, keys: Collection[int]) -> None:
    """Bumps the versions of locked calendars, and marks their accounts as changed."""
    statement = (
        update(tables.Calendar)
        .where(col(tables.Calendar.key).in_(keys))
        .values(version=next_version(tables.Calendar.version))
        .returning(col(tables.Calendar.account_key))
    )
    mark_changed(session, *(await session.exec(statement)).scalars())
