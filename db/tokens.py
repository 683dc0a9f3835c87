"""Access and refresh tokens: 256 random bits each, stored only as digests."""

import secrets
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, func, insert, literal
from sqlalchemy.orm import aliased
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from core.accounts import TOKEN_LIFETIME, TokenPair
from core.identity import digest
from core.instants import DAY, Instant

from . import purge
from .notifications.subscribers import mark_changed
from .tables import Account, Token

KEEP_EXPIRED = 7 * DAY
"""Seconds that an expired access token is stored: until then it can still identify an account to revoke."""

TRIM = 50
"""Maximum number of refresh tokens that an authorization deletes."""


async def issue(session: AsyncSession, account_key: int, scope: str, now: Instant) -> TokenPair:
    """Issues a new pair of tokens for the account.

    Older ones are not revoked, but of the account's refresh tokens only the 20 that were made or used
    last stay. If there are many more, the purge deletes the rest.
    """
    pair = TokenPair(secrets.token_urlsafe(32), secrets.token_urlsafe(32))
    await _insert(session, account_key, scope, now, {"access": pair.access_token, "refresh": pair.refresh_token})
    await purge.refresh_tokens(session, account_key, TRIM)
    return pair


async def issue_access(session: AsyncSession, account_key: int, scope: str, now: Instant) -> str:
    """Issues a new access token for the account."""
    access_token = secrets.token_urlsafe(32)
    await _insert(session, account_key, scope, now, {"access": access_token})
    return access_token


async def use_refresh_token(session: AsyncSession, client_key: int, token: str, now: Instant) -> tuple[int, str] | None:
    """Returns the key of the client's account with this refresh token, and the token's scope; or None.

    Records that the token was used.
    """
    of_client = select(col(Account.key)).where(col(Account.client_key) == client_key)
    statement = (
        update(Token)
        .where(col(Token.digest) == digest(token), col(Token.kind) == "refresh", col(Token.account_key).in_(of_client))
        .values(used_at=_next_use(col(Token.account_key), now))
        .returning(col(Token.account_key), col(Token.scope))
        .execution_options(synchronize_session=False)
    )
    row = (await session.exec(statement)).one_or_none()
    return (row[0], row[1]) if row is not None else None


async def account_of_token(session: AsyncSession, client_key: int, token: str) -> int | None:
    """Returns the key of the client's account with this access or refresh token, expired or not; or None."""
    statement = (
        select(col(Account.key))
        .join(Token, col(Token.account_key) == col(Account.key))
        .where(col(Account.client_key) == client_key, col(Token.digest) == digest(token))
    )
    return (await session.exec(statement)).one_or_none()


async def revoke_all(session: AsyncSession, account_key: int) -> None:
    """Deletes every token of the account, those included that a concurrent refresh is issuing."""
    mark_changed(session, account_key)
    statement = delete(Token).where(col(Token.account_key) == account_key)
    await session.exec(statement)
    # On PostgreSQL that waits for a refresh that has used one of the tokens, but does not see the one that it has
    # issued: only the next statement does. A later refresh finds no token that it could use.
    await session.exec(statement)


async def _insert(session: AsyncSession, account_key: int, scope: str, now: Instant, given: dict[str, str]) -> None:
    """Inserts tokens of the account, given by kind."""
    rows = [
        {
            "account_key": account_key,
            "kind": kind,
            "digest": digest(token),
            "scope": scope,
            "expires_at": now + TOKEN_LIFETIME if kind == "access" else None,
            "created_at": now,
        }
        for kind, token in given.items()
    ]
    # Not by the ORM, which would insert one row after the other to read their keys.
    connection = await session.connection()
    await connection.execute(insert(Token).values(used_at=_next_use(account_key, now)), rows)


def _next_use(account_key: Any, now: Instant) -> ColumnElement[int]:
    """Expression for `used_at` of a refresh token that is used now: later than any other of the account.

    With instants alone, those used in one second would have no order.
    """
    last = aliased(Token)
    after_last = (
        select(col(last.used_at) + 1)
        .where(col(last.account_key) == account_key, col(last.kind) == "refresh", col(last.used_at) >= now)
        .order_by(col(last.used_at).desc())
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(after_last, literal(now, BigInteger))
