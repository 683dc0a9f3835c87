"""Stored available periods, identified by the caller's id within an account."""

from collections.abc import Collection
from typing import Any, cast

from sqlalchemy import BigInteger, exists, literal, tuple_
from sqlmodel import col, select, union_all
from sqlmodel import delete as sql_delete
from sqlmodel.ext.asyncio.session import AsyncSession

from core.available_periods import StoredAvailablePeriod
from core.instants import Instant
from core.pages import Cursor
from core.spans import SpanSet

from . import accounts, tables
from .batches import first_of_each
from .drivers.dialects import insert


async def upsert(session: AsyncSession, account_key: int, period: StoredAvailablePeriod) -> bool:
    """Creates the period, or replaces the account's period with the same id. Returns whether the account exists."""
    if not await accounts.lock_and_bump(session, account_key):
        return False
    span = period.span()
    values: dict[str, Any] = {
        "account_key": account_key,
        "available_period_id": period.available_period_id,
        "starts_at": span.start,
        "ends_at": span.end,
    }
    statement = insert(session, tables.AvailablePeriod).values(values)
    replaced = {name: statement.excluded[name] for name in ("starts_at", "ends_at")}
    conflict = ["account_key", "available_period_id"]
    await session.exec(statement.on_conflict_do_update(index_elements=conflict, set_=replaced))
    return True


async def list_periods(
    session: AsyncSession,
    account_keys: Collection[int],
    start: Instant | None,
    end: Instant | None,
    after: Cursor | None,
    count: int,
) -> dict[int, list[StoredAvailablePeriod]]:
    """Returns up to `count` periods of each account, by its key, in one statement.

    They come after the cursor, start before `end` and end after `start`, soonest first.
    """

    def conditions(row: Any) -> list[Any]:
        found: list[Any] = [row.account_key == tables.Account.key]
        if end is not None:
            found.append(row.starts_at < end)
        if start is not None:
            found.append(row.ends_at > start)
        if after is not None:
            found.append(tuple_(*_soonest_first(row)) > tuple_(after.instant, after.id))
        return found

    rows = await first_of_each(
        session, tables.AvailablePeriod, tables.Account, account_keys, conditions, _soonest_first, count
    )
    return {
        key: [StoredAvailablePeriod(row.available_period_id, row.starts_at, row.ends_at) for row in found]
        for key, found in rows.items()
    }


def _soonest_first(row: Any) -> tuple[Any, Any]:
    return row.starts_at, row.available_period_id


async def cover(
    session: AsyncSession, account_keys: Collection[int], start: Instant, end: Instant
) -> dict[int, SpanSet]:
    """Returns the time that the periods overlapping `start` to `end` cover, by account, in one statement.

    An account whose periods are all elsewhere maps to an empty SpanSet; an account without periods is missing.
    """
    period = tables.AvailablePeriod
    of_accounts = col(period.account_key).in_(account_keys)
    in_window = select(col(period.account_key), col(period.starts_at), col(period.ends_at)).where(
        of_accounts, col(period.ends_at) > start, col(period.starts_at) < end
    )
    nothing = literal(None, BigInteger)  # a bare NULL has no type, and PostgreSQL's UNION treats it as text
    has_any = exists().where(col(period.account_key) == col(tables.Account.key))
    owners = select(col(tables.Account.key), nothing, nothing).where(col(tables.Account.key).in_(account_keys), has_any)
    found: dict[int, list[tuple[Instant, Instant]]] = {}
    for account_key, starts_at, ends_at in cast("Any", await session.exec(cast("Any", union_all(in_window, owners)))):
        spans = found.setdefault(account_key, [])
        if starts_at is not None:
            spans.append((starts_at, ends_at))
    return {account_key: SpanSet.of(spans) for account_key, spans in found.items()}


async def delete(session: AsyncSession, account_key: int, available_period_id: str | None) -> int:
    """Deletes the account's period with this id, or all if None. Returns the number deleted."""
    await accounts.lock_and_bump(session, account_key)
    statement = sql_delete(tables.AvailablePeriod).where(col(tables.AvailablePeriod.account_key) == account_key)
    if available_period_id is not None:
        statement = statement.where(col(tables.AvailablePeriod.available_period_id) == available_period_id)
    return (await session.exec(statement)).rowcount
