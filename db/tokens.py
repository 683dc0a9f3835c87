"""Access and refresh tokens: 256 random bits each, of which only a digest is kept."""

import secrets

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.accounts import TOKEN_LIFETIME, TokenPair
from core.identity import digest
from core.instants import DAY, Instant

from .notifications.subscribers import mark_changed
from .tables import Account, Token

#: how long an expired access token is remembered, in seconds: so long it can still name the account that is to be revoked
_KEEP_EXPIRED = 7 * DAY


async def issue(session: AsyncSession, account_key: int, scope: str, now: Instant) -> TokenPair:
    """A new pair for the account. Older ones stay as they are."""
    refresh_token = secrets.token_urlsafe(32)
    session.add(_token(account_key, "refresh", refresh_token, scope, now, None))
    return TokenPair(await issue_access(session, account_key, scope, now), refresh_token)


async def issue_access(session: AsyncSession, account_key: int, scope: str, now: Instant) -> str:
    """A new access token for the account; those that expired long ago make room for it."""
    old = delete(Token).where(col(Token.account_key) == account_key, col(Token.expires_at) < now - _KEEP_EXPIRED)
    await session.exec(old)
    access_token = secrets.token_urlsafe(32)
    session.add(_token(account_key, "access", access_token, scope, now, now + TOKEN_LIFETIME))
    return access_token


async def account_of_refresh_token(session: AsyncSession, client_key: int, token: str) -> tuple[int, str] | None:
    """The key of the client's account that this refresh token belongs to, and the scope that it has."""
    return await _account_of(session, client_key, token, "refresh")


async def account_of_token(session: AsyncSession, client_key: int, token: str) -> int | None:
    """The key of the client's account that this access or refresh token belongs to, be it expired."""
    found = await _account_of(session, client_key, token, "access", "refresh")
    return found[0] if found is not None else None


async def revoke_all(session: AsyncSession, account_key: int) -> None:
    """Ends every token of the account."""
    mark_changed(session, account_key)
    await session.exec(delete(Token).where(col(Token.account_key) == account_key))


async def _account_of(session: AsyncSession, client_key: int, token: str, *kinds: str) -> tuple[int, str] | None:
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
