"""Accounts, each with a profile and a primary calendar of its own."""

import secrets
from typing import Any, cast

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.accounts import Account, AccountKind
from core.instants import Instant

from . import tables
from .statements import insert


async def create_or_get(
    session: AsyncSession,
    client_key: int,
    kind: AccountKind,
    external_id: str,
    now: Instant,
    *,
    name: str | None = None,
    email: str | None = None,
    tzid: str = "Etc/UTC",
) -> Account:
    """The client's account of this kind and id; made, with a profile and a primary calendar, when there is none.

    One that was revoked is authorised again. Concurrent first calls make one account: the unique constraint lets one of
    them insert, and the others wait for it and read its row.
    """
    row = await _find(session, client_key, kind, external_id)
    if row is None:
        profile_id = f"pro_{secrets.token_urlsafe(12)}"
        values: dict[str, Any] = {
            "client_key": client_key,
            "kind": kind.value,
            "external_id": external_id,
            "sub": f"{kind.value}_{secrets.token_hex(12)}",
            "name": name,
            "email": email,
            "tzid": tzid,
            "profile_id": profile_id,
            "created_at": now,
            "revoked_at": None,
        }
        statement = insert(session, tables.Account).values(values).on_conflict_do_nothing()
        inserted = cast("Any", await session.exec(statement.returning(col(tables.Account.key))))
        if (key := inserted.scalar_one_or_none()) is not None:
            _add_primary_calendar(session, key, profile_id, external_id)
        row = await _find(session, client_key, kind, external_id)
    if row is None:
        raise LookupError("the account vanished between two statements of one transaction")
    if row.revoked_at is not None:
        row.revoked_at = None
        session.add(row)
    await session.flush()
    return _account(row)


async def find(session: AsyncSession, client_key: int, kind: AccountKind, external_id: str) -> Account | None:
    """The client's account of this kind and id."""
    row = await _find(session, client_key, kind, external_id)
    return _account(row) if row is not None else None


async def by_key(session: AsyncSession, key: int) -> Account:
    """The account with this key, which exists."""
    return _account((await session.exec(select(tables.Account).where(col(tables.Account.key) == key))).one())


async def revoke(session: AsyncSession, key: int, now: Instant) -> None:
    """From now on the account's sub is unknown. Its data stays."""
    await session.exec(update(tables.Account).where(col(tables.Account.key) == key).values(revoked_at=now))


async def key_of_sub(session: AsyncSession, client_key: int, sub: str) -> int | None:
    """The key of the client's account with this sub."""
    own = col(tables.Account.client_key) == client_key
    statement = select(col(tables.Account.key)).where(own, col(tables.Account.sub) == sub)
    return (await session.exec(statement)).one_or_none()


async def _find(session: AsyncSession, client_key: int, kind: AccountKind, external_id: str) -> tables.Account | None:
    statement = select(tables.Account).where(
        col(tables.Account.client_key) == client_key,
        col(tables.Account.kind) == kind.value,
        col(tables.Account.external_id) == external_id,
    )
    return (await session.exec(statement)).one_or_none()


def _add_primary_calendar(session: AsyncSession, account_key: int, profile_id: str, name: str) -> None:
    calendar_id = f"cal_{profile_id.removeprefix('pro_')}_{secrets.token_hex(5)}"
    session.add(tables.Calendar(account_key=account_key, calendar_id=calendar_id, name=name, primary=True, version=0))


def _account(row: tables.Account) -> Account:
    return Account(
        key=row.key or 0,
        client_key=row.client_key,
        kind=AccountKind(row.kind),
        external_id=row.external_id,
        sub=row.sub,
        name=row.name,
        email=row.email,
        tzid=row.tzid,
        profile_id=row.profile_id,
        revoked=row.revoked_at is not None,
    )
