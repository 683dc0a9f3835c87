"""Access and refresh tokens: 256 random bits each, of which only a digest is kept."""

import secrets
from typing import Any, cast

import sqlalchemy
from sqlalchemy import literal, null
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.access import Actor
from core.accounts import TOKEN_LIFETIME, TokenPair
from core.features import named
from core.identity import digest
from core.instants import DAY, Instant

from .tables import Account, Client, Token

#: how long an expired access token is remembered, in seconds: so long it can still name the account that is to be revoked
_KEPT = 7 * DAY


async def issue(session: AsyncSession, account_key: int, scope: str, now: Instant) -> TokenPair:
    """A new pair for the account. Older ones stay as they are."""
    refresh_token = secrets.token_urlsafe(32)
    session.add(_token(account_key, "refresh", refresh_token, scope, now, None))
    return TokenPair(await issue_access(session, account_key, scope, now), refresh_token)


async def issue_access(session: AsyncSession, account_key: int, scope: str, now: Instant) -> str:
    """A new access token for the account; those that expired long ago make room for it."""
    old = delete(Token).where(col(Token.account_key) == account_key, col(Token.expires_at) < now - _KEPT)
    await session.exec(old)
    access_token = secrets.token_urlsafe(32)
    session.add(_token(account_key, "access", access_token, scope, now, now + TOKEN_LIFETIME))
    return access_token


async def behind_refresh_token(session: AsyncSession, client_key: int, token: str) -> tuple[int, str] | None:
    """The key of the client's account that this refresh token belongs to, and the scope that it has."""
    return await _behind(session, client_key, token, "refresh")


async def account_behind(session: AsyncSession, client_key: int, token: str) -> int | None:
    """The key of the client's account that this access or refresh token belongs to, be it expired."""
    found = await _behind(session, client_key, token, "access", "refresh")
    return found[0] if found is not None else None


async def revoke_all(session: AsyncSession, account_key: int) -> None:
    """Ends every token of the account."""
    await session.exec(delete(Token).where(col(Token.account_key) == account_key))


async def actor(session: AsyncSession, bearer: str, now: Instant) -> Actor:
    """Who this bearer token speaks for: an account by its access token, or an application by its secret. One statement."""
    stored = digest(bearer)
    by_token = (
        sqlalchemy.select(
            col(Account.client_key), col(Client.without), col(Account.key), col(Token.scope), col(Token.expires_at)
        )
        .join(Token, col(Token.account_key) == col(Account.key))
        .join(Client, col(Client.key) == col(Account.client_key))
        .where(col(Token.digest) == stored, col(Token.kind) == "access")
    )
    by_secret = sqlalchemy.select(col(Client.key), col(Client.without), null(), literal(""), null()).where(
        col(Client.secret_digest) == stored
    )
    # SQLModel types neither a UNION nor more than four columns.
    found = cast("Any", await session.exec(cast("Any", sqlalchemy.union_all(by_token, by_secret))))
    row: tuple[int, str, int | None, str, Instant | None] | None = found.first()
    if row is None:
        return Actor(refused="This bearer token is unknown: it was mistyped, or revoked.")
    client_key, without, account_key, scope, expires_at = row
    if expires_at is not None and expires_at <= now:
        return Actor(refused="This access token has expired: get a new one with refreshToken.")
    return Actor(client_key, account_key, scope, named(without))


async def _behind(session: AsyncSession, client_key: int, token: str, *kinds: str) -> tuple[int, str] | None:
    statement = (
        select(col(Account.key), col(Token.scope))
        .join(Token, col(Token.account_key) == col(Account.key))
        .where(col(Account.client_key) == client_key, col(Token.digest) == digest(token), col(Token.kind).in_(kinds))
    )
    row = (await session.exec(statement)).one_or_none()
    return (row[0] or 0, row[1]) if row is not None else None


def _token(account_key: int, kind: str, token: str, scope: str, now: Instant, expires_at: Instant | None) -> Token:
    return Token(
        account_key=account_key,
        kind=kind,
        digest=digest(token),
        scope=scope,
        expires_at=expires_at,
        created_at=now,
    )
