"""Access and refresh tokens: 256 random bits each, of which only a digest is kept."""

import secrets
from typing import Any, cast

from sqlalchemy import null
from sqlmodel import col, delete, select, union_all
from sqlmodel.ext.asyncio.session import AsyncSession

from core.access import Actor
from core.accounts import READ_WRITE, TOKEN_LIFETIME, TokenPair
from core.identity import digest
from core.instants import Instant

from .tables import Account, Client, Token


async def issue(session: AsyncSession, account_key: int, now: Instant) -> TokenPair:
    """A new pair for the account. Older ones stay as they are."""
    refresh_token = secrets.token_urlsafe(32)
    session.add(_token(account_key, "refresh", refresh_token, now, None))
    return TokenPair(await issue_access(session, account_key, now), refresh_token)


async def issue_access(session: AsyncSession, account_key: int, now: Instant) -> str:
    """A new access token for the account."""
    access_token = secrets.token_urlsafe(32)
    session.add(_token(account_key, "access", access_token, now, now + TOKEN_LIFETIME))
    return access_token


async def account_of_refresh_token(session: AsyncSession, client_key: int, token: str) -> int | None:
    """The key of the client's account that this refresh token belongs to."""
    return await _account_of(session, client_key, token, "refresh")


async def account_of_any_token(session: AsyncSession, client_key: int, token: str) -> int | None:
    """The key of the client's account that this access or refresh token belongs to, be it expired."""
    return await _account_of(session, client_key, token, "access", "refresh")


async def revoke_all(session: AsyncSession, account_key: int) -> None:
    """Ends every token of the account."""
    await session.exec(delete(Token).where(col(Token.account_key) == account_key))


async def actor(session: AsyncSession, bearer: str, now: Instant) -> Actor:
    """Who this bearer token speaks for: an account by its access token, or an application by its secret. One statement."""
    stored = digest(bearer)
    by_token = (
        select(col(Account.client_key), col(Account.key), col(Token.expires_at))
        .join(Token, col(Token.account_key) == col(Account.key))
        .where(col(Token.digest) == stored, col(Token.kind) == "access")
    )
    by_secret = select(col(Client.key), null(), null()).where(col(Client.secret_digest) == stored)
    either = cast("Any", union_all(by_token, by_secret))  # SQLModel's exec has no type for a UNION
    found = cast("Any", await session.exec(either))
    row: tuple[int, int | None, Instant | None] | None = found.first()
    if row is None:
        return Actor(refused="This bearer token is unknown: it was mistyped, or revoked.")
    client_key, account_key, expires_at = row
    if expires_at is not None and expires_at <= now:
        return Actor(refused="This access token has expired: get a new one with refreshToken.")
    return Actor(client_key, account_key)


async def _account_of(session: AsyncSession, client_key: int, token: str, *kinds: str) -> int | None:
    statement = (
        select(col(Account.key))
        .join(Token, col(Token.account_key) == col(Account.key))
        .where(col(Account.client_key) == client_key, col(Token.digest) == digest(token), col(Token.kind).in_(kinds))
    )
    return (await session.exec(statement)).one_or_none()


def _token(account_key: int, kind: str, token: str, now: Instant, expires_at: Instant | None) -> Token:
    return Token(
        account_key=account_key,
        kind=kind,
        digest=digest(token),
        scope=READ_WRITE,
        expires_at=expires_at,
        created_at=now,
    )
