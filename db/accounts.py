"""Accounts, each with one profile and one primary calendar."""

import secrets
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import tuple_
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from core.accounts import DEFAULT_ZONE, EMPTY_PROFILE, Account, AccountKind, Profile, searchable
from core.instants import Instant
from core.pages import Cursor
from core.scopes import union_scopes

from . import calendar_sources, calendars, tables
from .drivers.base import Statements
from .drivers.dialects import Dialect, insert
from .notifications.subscribers import mark_changed
from .versions import next_version, random_part

#: times that an account is looked for, or created, while concurrent calls create and erase it
_ATTEMPTS = 5


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
    row = await _locked_or_created(session, client_key, kind, external_id, now)
    if row.revoked_at is not None or row.scope != union_scopes(row.scope, scope):
        mark_changed(session, row.key or 0)
    if row.revoked_at is not None:
        await calendar_sources.resume(session, row.key or 0, now)
    row.scope = union_scopes(row.scope, scope)
    row.revoked_at = None
    await _change_profile(session, row, profile)
    session.add(row)
    await session.flush()
    return _account(row)


async def _locked_or_created(
    session: AsyncSession, client_key: int, kind: AccountKind, external_id: str, now: Instant
) -> tables.Account:
    """Returns the locked row of the account, which is created if there is none."""
    for _ in range(_ATTEMPTS):
        if (row := await _locked(session, client_key, kind, external_id)) is not None:
            return row
        await _insert(session, client_key, kind, external_id, now)
    raise LookupError("the account was erased each time that it was created")


async def _change_profile(session: AsyncSession, row: tables.Account, profile: Profile) -> None:
    """Updates a locked account. Its version changes as well, because answers may contain its name.

    With another capacity, so do the versions of its calendars: a booking that was decided by the former one is not written.
    """
    before = row.name, row.email, row.tzid, row.capacity
    row.name = profile.name or row.name
    row.email = profile.email or row.email
    row.tzid = profile.tzid if profile.tzid != DEFAULT_ZONE else row.tzid
    if profile.capacity not in (None, row.capacity):
        row.capacity = profile.capacity
        own = [*(await calendars.keys_of_account(session, row.key or 0)).values()]
        await calendars.lock_for_update(session, own)
        await calendars.bump_versions(session, own)
    if (row.name, row.email, row.tzid, row.capacity) != before:
        row.search_text = searchable(row.name, row.external_id)
        row.version = cast("Any", next_version(tables.Account.version))
        mark_changed(session, row.key or 0)


async def zone(session: AsyncSession, key: int) -> str:
    """Returns an account's time zone."""
    found = await session.exec(select(col(tables.Account.tzid)).where(col(tables.Account.key) == key))
    return found.one_or_none() or DEFAULT_ZONE


async def find(session: AsyncSession, client_key: int, kind: AccountKind, external_id: str) -> Account | None:
    """Returns the client's account of this kind and id, or None."""
    row = (await session.exec(_select(client_key, kind, external_id))).one_or_none()
    return _account(row) if row is not None else None


async def get_by_key(session: AsyncSession, key: int) -> Account | None:
    """Returns the account with this key, or None if it was erased."""
    row = (await session.exec(select(tables.Account).where(col(tables.Account.key) == key))).one_or_none()
    return _account(row) if row is not None else None


async def by_sub(statements: Statements, client_key: int, subs: Sequence[str]) -> dict[str, Account]:
    """Returns the client's accounts with these subs, revoked ones as well. One statement."""
    rows = await statements.fetch(
        _select_sql(statements.dialect, "sub", "text"), client_key, statements.dialect.array_param(subs)
    )
    return {account.sub: account for account in map(of_row, rows)}


async def by_key(statements: Statements, client_key: int, keys: Sequence[int]) -> dict[int, Account]:
    """Returns the client's accounts with these keys. One statement."""
    rows = await statements.fetch(
        _select_sql(statements.dialect, "key", "bigint"), client_key, statements.dialect.array_param(keys)
    )
    return {account.key: account for account in map(of_row, rows)}


@cache
def _select_sql(dialect: Dialect, column: str, kind: str) -> str:
    # The + keeps SQLite from scanning all accounts of the client.
    return f"SELECT {', '.join(COLUMNS)} FROM accounts WHERE {column} {dialect.in_array(2, kind)} AND +client_key = $1"


async def list_accounts(
    session: AsyncSession, client_key: int, kind: AccountKind | None, search: str, after: Cursor | None, count: int
) -> list[tuple[Account, Instant]]:
    """Returns up to `count` accounts of the client after the cursor, oldest first, each with its time of creation.

    `search` is text that the name or the client's own id must contain.
    """
    row = tables.Account
    statement = select(row).where(col(row.client_key) == client_key)
    if kind is not None:
        statement = statement.where(col(row.kind) == kind.value)
    if search:
        statement = statement.where(col(row.search_text).contains(searchable(search), autoescape=True))
    position = tuple_(col(row.created_at), col(row.sub))
    if after is not None:
        statement = statement.where(position > tuple_(after.instant, after.id))
    statement = statement.order_by(col(row.created_at), col(row.sub)).limit(count)
    return [(_account(found), found.created_at) for found in await session.exec(statement)]


async def revoke(session: AsyncSession, key: int, now: Instant) -> None:
    """Revokes the account: its sub becomes unknown and it grants nothing. Its data stays."""
    mark_changed(session, key)
    statement = update(tables.Account).where(col(tables.Account.key) == key)
    await session.exec(statement.values(revoked_at=now, scope=""))


async def lock_and_bump(session: AsyncSession, key: int) -> bool:
    """Locks an account until the end of the transaction and bumps its version, before its rules or periods change.

    Returns whether it exists: it may have been erased since its token was read.
    """
    mark_changed(session, key)
    statement = update(tables.Account).where(col(tables.Account.key) == key)
    return (await session.exec(statement.values(version=next_version(tables.Account.version)))).rowcount == 1


async def lock(session: AsyncSession, key: int) -> bool:
    """Locks an account until the end of the transaction. Returns whether it exists and is not revoked."""
    row = tables.Account
    statement = select(col(row.key)).where(col(row.key) == key, col(row.revoked_at).is_(None)).with_for_update()
    return (await session.exec(statement)).one_or_none() is not None


async def all_exist(session: AsyncSession, keys: Collection[int]) -> bool:
    """Whether none of the accounts was erased. They stay until the end of the transaction."""
    statement = select(col(tables.Account.key)).where(col(tables.Account.key).in_(keys))
    found = await session.exec(statement.with_for_update(read=True, key_share=True))
    return len(found.all()) == len(set(keys))


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
    values = new_row(client_key, kind, external_id, now)
    statement = insert(session, tables.Account).values(values).on_conflict_do_nothing()
    inserted = cast("Any", await session.exec(statement.returning(col(tables.Account.key))))
    if (key := inserted.scalar_one_or_none()) is not None:
        session.add(tables.Calendar(account_key=key, **primary_calendar(values["profile_id"], external_id)))


def new_row(client_key: int, kind: AccountKind, external_id: str, now: Instant) -> dict[str, Any]:
    """Returns NEW_COLUMNS of an account that has no profile and grants nothing."""
    return {
        "client_key": client_key,
        "kind": kind.value,
        "external_id": external_id,
        "sub": f"{kind.prefix}_{secrets.token_hex(12)}",
        "name": None,
        "email": None,
        "tzid": DEFAULT_ZONE,
        "profile_id": f"pro_{secrets.token_urlsafe(12)}",
        "search_text": searchable(external_id),
        "scope": "",
        "revoked_at": None,
        "capacity": 1,
        # Not 0: SQLite may give the key of an erased account again, and caches hold what was read under it.
        "version": random_part(),
        "created_at": now,
    }


def primary_calendar(profile_id: str, name: str) -> dict[str, Any]:
    """Returns PRIMARY_CALENDAR_COLUMNS of the calendar that an account is created with."""
    return {
        "calendar_id": f"cal_{profile_id.removeprefix('pro_')}_{secrets.token_hex(5)}",
        "name": name,
        "primary": True,
        "version": random_part(),
    }


NEW_COLUMNS = tuple(new_row(0, AccountKind.USER, "", 0))
PRIMARY_CALENDAR_COLUMNS = tuple(primary_calendar("", ""))

#: the columns that an account is made of
COLUMNS = (
    "key",
    "client_key",
    "kind",
    "external_id",
    "sub",
    "name",
    "email",
    "tzid",
    "profile_id",
    "scope",
    "capacity",
    "revoked_at",
)


def of_row(row: Sequence[Any]) -> Account:
    """Returns the account of these columns."""
    key, client_key, kind, external_id, sub, name, email, tzid, profile_id, scope, capacity, revoked_at = row
    return Account(
        *(key, client_key, AccountKind(kind), external_id, sub, name, email, tzid, profile_id, scope, capacity),
        revoked=revoked_at is not None,
    )


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
        capacity=row.capacity,
        revoked=row.revoked_at is not None,
    )
