"""Accounts, each with one profile and one primary calendar."""

import secrets
from typing import Any, cast

from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from core.accounts import DEFAULT_ZONE, EMPTY_PROFILE, Account, AccountKind, Profile
from core.instants import Instant
from core.scopes import union_scopes

from . import tables
from .drivers.dialects import insert
from .notifications.subscribers import mark_changed
from .versions import next_version


async def create_or_get(
    session: AsyncSession,
    client_key: int,
    kind: AccountKind,
    external_id: str,
    now: Instant,
    *,
    scope: str,
    profile: Profile = EMPTY_PROFILE,
) -> Account:
    """Returns the client's account of this kind and id. Creates it, with a primary calendar, if there is none.

    An existing account is updated from the profile, and grants the scope in addition to its earlier
    ones. A revoked one is authorised again. Concurrent first calls create one account: the unique
    constraint lets one of them insert, and the others wait for it and read its row.
    """
    row = await _locked(session, client_key, kind, external_id)
    if row is None:
        await _insert(session, client_key, kind, external_id, now)
        row = await _locked(session, client_key, kind, external_id)
    if row is None:
        raise LookupError("the account vanished between two statements of one transaction")
    if row.revoked_at is not None or row.scope != union_scopes(row.scope, scope):
        mark_changed(session, row.key or 0)
    row.scope = union_scopes(row.scope, scope)
    row.revoked_at = None
    row.name = profile.name or row.name
    row.email = profile.email or row.email
    row.tzid = profile.tzid if profile.tzid != DEFAULT_ZONE else row.tzid
    session.add(row)
    await session.flush()
    return _account(row)


async def find(session: AsyncSession, client_key: int, kind: AccountKind, external_id: str) -> Account | None:
    """Returns the client's account of this kind and id, or None."""
    row = (await session.exec(_select(client_key, kind, external_id))).one_or_none()
    return _account(row) if row is not None else None


async def get_by_key(session: AsyncSession, key: int) -> Account:
    """Returns the account with this key, which must exist."""
    return _account((await session.exec(select(tables.Account).where(col(tables.Account.key) == key))).one())


async def revoke(session: AsyncSession, key: int, now: Instant) -> None:
    """Revokes the account: its sub becomes unknown and it grants nothing. Its data stays."""
    mark_changed(session, key)
    statement = update(tables.Account).where(col(tables.Account.key) == key)
    await session.exec(statement.values(revoked_at=now, scope=""))


async def lock_and_bump(session: AsyncSession, key: int) -> None:
    """Locks an account until the end of the transaction and bumps its version, before its rules or periods change."""
    mark_changed(session, key)
    statement = update(tables.Account).where(col(tables.Account.key) == key)
    await session.exec(statement.values(version=next_version(tables.Account.version)))


async def key_of_sub(session: AsyncSession, client_key: int, sub: str) -> int | None:
    """Returns the key of the client's account with this sub, or None."""
    own = col(tables.Account.client_key) == client_key
    statement = select(col(tables.Account.key)).where(own, col(tables.Account.sub) == sub)
    return (await session.exec(statement)).one_or_none()


def _select(client_key: int, kind: AccountKind, external_id: str) -> SelectOfScalar[tables.Account]:
    return select(tables.Account).where(
        col(tables.Account.client_key) == client_key,
        col(tables.Account.kind) == kind.value,
        col(tables.Account.external_id) == external_id,
    )


async def _locked(session: AsyncSession, client_key: int, kind: AccountKind, external_id: str) -> tables.Account | None:
    return (await session.exec(_select(client_key, kind, external_id).with_for_update())).one_or_none()


async def _insert(session: AsyncSession, client_key: int, kind: AccountKind, external_id: str, now: Instant) -> None:
    """Creates the account and its calendar, unless a concurrent call has done so."""
    profile_id = f"pro_{secrets.token_urlsafe(12)}"
    values: dict[str, Any] = {
        "client_key": client_key,
        "kind": kind.value,
        "external_id": external_id,
        "sub": f"{kind.prefix}_{secrets.token_hex(12)}",
        "name": None,
        "email": None,
        "tzid": DEFAULT_ZONE,
        "profile_id": profile_id,
        "scope": "",
        "revoked_at": None,
        "version": 0,
        "created_at": now,
    }
    statement = insert(session, tables.Account).values(values).on_conflict_do_nothing()
    inserted = cast("Any", await session.exec(statement.returning(col(tables.Account.key))))
    if (key := inserted.scalar_one_or_none()) is not None:
        _add_primary_calendar(session, key, profile_id, external_id)


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
        scope=row.scope,
    )
