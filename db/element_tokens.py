"""Element tokens, stored as digests. How a request finds its own is in `access`."""

from collections.abc import Sequence

from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from core.identity import digest
from core.instants import Instant

from .notifications.subscribers import mark_changed
from .tables import Account, ElementToken, ElementTokenAccount


async def lock_accounts(session: AsyncSession, client_key: int, subs: Sequence[str]) -> dict[str, int]:
    """Returns the keys of those of the client's accounts that are not revoked, by sub.

    None of them can be revoked until the end of the transaction. So a revocation sees every token that it must end.
    """
    statement = (
        select(col(Account.sub), col(Account.key))
        .where(col(Account.sub).in_(subs), col(Account.client_key) == client_key, col(Account.revoked_at).is_(None))
        .order_by(col(Account.key))
        .with_for_update(read=True)
    )
    return {sub: key for sub, key in (await session.exec(statement)).all() if key is not None}


async def insert(
    session: AsyncSession,
    client_key: int,
    token: str,
    permissions: str,
    account_keys: Sequence[int],
    now: Instant,
    expires_at: Instant,
) -> None:
    """Stores a token for locked accounts, the first of them first."""
    stored = ElementToken(
        client_key=client_key,
        digest=digest(token),
        permissions=permissions,
        expires_at=expires_at,
        created_at=now,
    )
    session.add(stored)
    await session.flush()
    session.add_all(
        ElementTokenAccount(element_token_key=stored.key or 0, position=position, account_key=account_key)
        for position, account_key in enumerate(account_keys)
    )


async def revoke(session: AsyncSession, client_key: int, token: str) -> None:
    """Deletes the client's token, if there is one, and wakes the subscriptions that it may have opened."""
    own = select(col(ElementToken.key)).where(
        col(ElementToken.digest) == digest(token), col(ElementToken.client_key) == client_key
    )
    accounts = col(ElementTokenAccount.account_key)
    found = await session.exec(select(accounts).where(col(ElementTokenAccount.element_token_key).in_(own)))
    mark_changed(session, *found.all())
    await session.exec(delete(ElementToken).where(col(ElementToken.key).in_(own)))


async def forget_account(session: AsyncSession, account_key: int) -> None:
    """Takes a revoked account out of every element token, for good: authorising it again does not bring it back.

    A token without accounts opens nothing, and is deleted when it expires.
    """
    await session.exec(delete(ElementTokenAccount).where(col(ElementTokenAccount.account_key) == account_key))
