"""Calendars: their accounts, locks and versions."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlmodel import col, func, select, update
from sqlmodel import delete as sql_delete
from sqlmodel.ext.asyncio.session import AsyncSession

from core.accounts import AccountReference, Calendar
from core.instants import Instant

from . import tables
from .drivers.base import Snapshot, Statements
from .drivers.dialects import Dialect
from .notifications.subscribers import mark_changed
from .versions import next_version, random_part


async def of_accounts(statements: Statements, account_keys: Sequence[int]) -> dict[int, list[Calendar]]:
    """Returns the calendars of each account, the primary one first. One statement."""
    found: dict[int, list[Calendar]] = {key: [] for key in account_keys}
    statement = f"{_SELECT} WHERE accounts.key {statements.dialect.in_array(1, 'bigint')} {_IN_ORDER}"
    for row in await statements.fetch(statement, statements.dialect.array_param(account_keys)):
        calendar = _calendar(*row)
        found[calendar.account.key].append(calendar)
    return found


async def by_id(statements: Statements, client_key: int, calendar_ids: Sequence[str]) -> dict[str, Calendar]:
    """Returns the calendars with these ids that belong to accounts of the client. One statement."""
    of_ids = f"calendar_id {statements.dialect.in_array(2, 'text')}"
    rows = await statements.fetch(
        f"{_SELECT} WHERE {of_ids} AND client_key = $1", client_key, statements.dialect.array_param(calendar_ids)
    )
    return {calendar.calendar_id: calendar for calendar in (_calendar(*row) for row in rows)}


def _calendar(key: int, account_key: int, client_key: int, *more: Any) -> Calendar:
    *described, is_of_source = more
    return Calendar(key, AccountReference(account_key, client_key), *described, readonly=bool(is_of_source))


#: the columns that a calendar is made of
_SELECT = """
SELECT calendars.key, account_key, client_key, calendar_id, calendars.name, "primary", profile_id, external_id,
       unknown_at IS NOT NULL
FROM calendars JOIN accounts ON accounts.key = account_key
"""
_IN_ORDER = 'ORDER BY account_key, "primary" DESC, calendars.key'


async def keys_of_account(session: AsyncSession, account_key: int) -> dict[str, int]:
    """Returns the keys of the account's calendars, by calendar id."""
    statement = select(col(tables.Calendar.calendar_id), col(tables.Calendar.key)).where(
        col(tables.Calendar.account_key) == account_key
    )
    return {calendar_id: key or 0 for calendar_id, key in await session.exec(statement)}


async def read_only_of_account(session: AsyncSession, account_key: int) -> set[int]:
    """Returns the keys of the account's calendars that events of calendars elsewhere go to, and no others."""
    row = tables.Calendar
    statement = select(col(row.key)).where(col(row.account_key) == account_key, col(row.unknown_at).is_not(None))
    return {key for key in await session.exec(statement) if key is not None}


async def create(
    session: AsyncSession, account_key: int, calendar_id: str, name: str, unknown_at: Instant | None = None
) -> None:
    """Creates a calendar of a locked account, in addition to its primary one.

    `unknown_at` is given for that of a source, and makes it read-only.
    """
    # Not version 0: SQLite may give the key of a deleted calendar again, and caches hold what was read under it.
    version = random_part()
    session.add(
        tables.Calendar(
            account_key=account_key,
            calendar_id=calendar_id,
            name=name,
            primary=False,
            version=version,
            unknown_at=unknown_at,
        )
    )
    await session.flush()


async def delete(session: AsyncSession, key: int) -> None:
    """Deletes a locked calendar with all of its events."""
    await session.exec(sql_delete(tables.Calendar).where(col(tables.Calendar.key) == key))


async def lock_and_bump(session: AsyncSession, account_key: int, calendar_id: str) -> int | None:
    """Locks the account's calendar until the end of the transaction and bumps its version. Returns its key.

    Returns None for a calendar that the account does not have, and for a read-only one.

    Every change to a calendar's events locks it first, so changes of one calendar are serialised, and
    the last one acknowledged wins.
    """
    statement = (
        update(tables.Calendar)
        .where(
            col(tables.Calendar.account_key) == account_key,
            col(tables.Calendar.calendar_id) == calendar_id,
            col(tables.Calendar.unknown_at).is_(None),
        )
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


async def set_known_until(session: AsyncSession, keys: Collection[int]) -> None:
    """Sets the instant from which on events of locked calendars are not known: where the first of their series ends."""
    row = tables.Calendar
    least = select(func.min(tables.Series.expanded_until)).where(col(tables.Series.calendar_key) == col(row.key))
    await session.exec(update(row).where(col(row.key).in_(keys)).values(known_until=least.scalar_subquery()))


async def bump_versions(session: AsyncSession, keys: Collection[int]) -> None:
    """Bumps the versions of locked calendars, and marks their accounts as changed."""
    statement = (
        update(tables.Calendar)
        .where(col(tables.Calendar.key).in_(keys))
        .values(version=next_version(tables.Calendar.version))
        .returning(col(tables.Calendar.account_key))
    )
    mark_changed(session, *(await session.exec(statement)).scalars())
