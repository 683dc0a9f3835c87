"""Calendars: whose they are, and the lock on them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.accounts import Calendar
from core.scopes import Scope, granted

from . import tables


@dataclass(frozen=True, slots=True)
class Calendars:
    """An account's calendars as a query needs them: from the id that a caller knows to the key that events hang on."""

    account_key: int
    #: what the account has granted to its client
    granted: frozenset[Scope]
    keys: dict[str, int] = field(default_factory=dict[str, int])


async def of_account(session: AsyncSession, account_key: int) -> list[Calendar]:
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


async def of_subs(session: AsyncSession, client_key: int, subs: Collection[str]) -> dict[str, Calendars]:
    """The calendars of those of the subs that are accounts of this client and not revoked. One statement."""
    statement = (
        sqlalchemy.select(
            col(tables.Account.sub),
            col(tables.Account.key),
            col(tables.Account.scope),
            col(tables.Calendar.calendar_id),
            col(tables.Calendar.key),
        )
        .join(tables.Calendar, col(tables.Calendar.account_key) == col(tables.Account.key))
        .where(
            col(tables.Account.client_key) == client_key,
            col(tables.Account.sub).in_(subs),
            col(tables.Account.revoked_at).is_(None),
        )
    )
    found: dict[str, Calendars] = {}
    rows = cast("Any", await session.exec(cast("Any", statement)))
    for sub, account_key, scope, calendar_id, calendar_key in rows:
        found.setdefault(sub, Calendars(account_key, granted(scope))).keys[calendar_id] = calendar_key
    return found


async def keys_of_account(session: AsyncSession, account_key: int) -> dict[str, int]:
    """From the ids of the account's calendars to their keys."""
    statement = select(col(tables.Calendar.calendar_id), col(tables.Calendar.key)).where(
        col(tables.Calendar.account_key) == account_key
    )
    return {calendar_id: key or 0 for calendar_id, key in await session.exec(statement)}


async def lock(session: AsyncSession, account_key: int, calendar_id: str) -> int | None:
    """The key of the account's calendar with this id, locked until the end of the transaction and one version on.

    Whoever changes the calendar's events comes through here, so changes of one calendar happen one after the other, and
    the last that is acknowledged is the one that is kept.
    """
    statement = (
        update(tables.Calendar)
        .where(col(tables.Calendar.account_key) == account_key, col(tables.Calendar.calendar_id) == calendar_id)
        .values(version=col(tables.Calendar.version) + 1)
        .returning(col(tables.Calendar.key))
    )
    return (await session.exec(statement)).scalar_one_or_none()


async def lock_all(session: AsyncSession, keys: Sequence[int]) -> None:
    """Locks calendars, each one version on; in the order of their keys, so that two callers never deadlock."""
    ordered = (
        select(col(tables.Calendar.key)).where(col(tables.Calendar.key).in_(keys)).order_by(col(tables.Calendar.key))
    )
    await session.exec(ordered.with_for_update())
    raised = update(tables.Calendar).where(col(tables.Calendar.key).in_(keys))
    await session.exec(raised.values(version=col(tables.Calendar.version) + 1))
