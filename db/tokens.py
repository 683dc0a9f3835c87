"""Access and refresh tokens: 256 random bits each, stored only as digests."""

import secrets

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.accounts import TOKEN_LIFETIME, TokenPair
from core.identity import digest
from core.instants import DAY, Instant

from .notifications.subscribers import mark_changed
from .tables import Account, Token

#: seconds that an expired access token is stored: until then it can still identify an account to revoke
_KEEP_EXPIRED = 7 * DAY


async def issue(session: AsyncSession, account_key: int, scope: str, now: Instant) -> TokenPair:
    """Issues a new pair of tokens for the account. Older ones are not revoked."""
    refresh_token = secrets.token_urlsafe(32)
    session.add(_token(account_key, "refresh", refresh_token, scope, now, None))
    return TokenPair(await issue_access(session, account_key, scope, now), refresh_token)


async def issue_access(session: AsyncSession, account_key: int, scope: str, now: Instant) -> str:
    """Issues a new access token for the account, and deletes those that expired long ago."""
    old = delete(Token).where(col(Token.account_key) == account_key, col(Token.expires_at) < now - _KEEP_EXPIRED)
    await session.exec(old)
    access_token = secrets.token_urlsafe(32)
    session.add(_token(account_key, "access", access_token, scope, now, now + TOKEN_LIFETIME))
    return access_token


async def account_of_refresh_token(session: AsyncSession, client_key: int, token: str) -> tuple[int, str] | None:
    """Returns the key of the client's account with this refresh token, and the token's scope; or None."""
    return await _account_of(session, client_key, token, "refresh")


async def account_of_token(session: AsyncSession, client_key: int, token: str) -> int | None:
    """Returns the key of the client's account with this access or refresh token, expired or not; or None."""
    found = await _account_of(session, client_key, token, "access", "refresh")
    return found[0] if found is not None else None


async def revoke_all(session: AsyncSession, account_key: int) -> None:
    """Deletes every token of the account."""
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
