"""Tokens: refreshing and revoking them, and authenticating the client that does so."""

from dataclasses import replace
from typing import TypeVar

from core.accounts import Authorization, TokenPair
from core.element_tokens import is_element_token
from core.errors import Key, Problem, Unprocessable, WrongCredentials
from core.identity import digest, is_client_id, is_sub, matches
from db import accounts, calendar_feeds, calendar_sources, channels, clients, element_tokens, tokens
from db.clients import Client
from db.database import Session
from db.drivers.keyed_locks import token_lock
from db.retries import retry_transaction

from .context import Context

T = TypeVar("T")

NO_SUCH_SECRET = digest("")
"""What the secret is compared with if there is no such client."""


async def check_client(ctx: Context, client_id: str, client_secret: str) -> int:
    """Returns the key of the client with this id and secret, before a transaction is begun for it.

    Raises WrongCredentials. Nobody waits for a transaction, or makes others wait for it, without credentials.
    """
    found = await clients.find_secret(ctx.db.driver, client_id) if is_client_id(client_id) else None
    key, secret_digest = found if found is not None else (None, NO_SUCH_SECRET)
    return matching(key, client_id, client_secret, secret_digest)


async def authenticate_client(session: Session, client_id: str, client_secret: str) -> Client:
    """Returns the client with this id and secret.

    Raises the same WrongCredentials for a wrong id as for a wrong secret.
    """
    found = await clients.find(session, client_id) if is_client_id(client_id) else None
    return matching(found, client_id, client_secret, found.secret_digest if found is not None else NO_SUCH_SECRET)


def matching(found: T | None, client_id: str, client_secret: str, secret_digest: bytes) -> T:
    """Returns what was found for the client id. Raises WrongCredentials if that is nothing, or if the secret is wrong."""
    # Compared even if there is no such client, so that the time taken does not reveal which of the two was wrong.
    right = matches(client_secret, secret_digest)
    if found is None or not right:
        raise WrongCredentials("The client id or the client secret is wrong.", client_id=client_id)
    return found


@retry_transaction
async def act_as_client(ctx: Context, client_id: str, client_secret: str) -> Context:
    """Returns the context with the client as the caller. Raises WrongCredentials."""
    await check_client(ctx, client_id, client_secret)
    return replace(ctx, caller=digest(client_secret))


@retry_transaction
async def refresh(ctx: Context, client_id: str, client_secret: str, refresh_token: str) -> Authorization:
    """Issues a new access token for the account of a refresh token, which stays valid.

    Raises Unauthenticated for wrong client credentials, Unprocessable for a refresh token that is not this client's.
    """
    client_key = await check_client(ctx, client_id, client_secret)
    async with ctx.db.write(client_key, [token_lock(client_key, refresh_token)]) as session:
        client = await authenticate_client(session, client_id, client_secret)
        found = await tokens.use_refresh_token(session, client.key, refresh_token, ctx.now)
        if found is None:
            unknown = Problem(("refresh_token",), Key.UNKNOWN, "is unknown or was revoked: ask for the account again")
            raise Unprocessable(problems=[unknown])
        account_key, scope = found
        pair = TokenPair(await tokens.issue_access(session, account_key, scope, ctx.now), refresh_token)
        account = await accounts.get_by_key(session, account_key)
        assert account is not None  # its token row is locked
        return Authorization(account, pair, scope)


@retry_transaction
async def revoke(ctx: Context, client_id: str, client_secret: str, token: str | None, sub: str | None) -> None:
    """Revokes all tokens of an account, given by one of them or by its sub; if both are given, by the token.

    An element token ends alone. A revoked account is also taken out of all element tokens, its feeds and channels end, and
    its calendar sources are not fetched.

    From then on its sub is unknown; its data stays. An unknown token or sub succeeds and does nothing (RFC 7009).
    Raises Unauthenticated for wrong client credentials, Unprocessable if neither is given.
    """
    client_key = await check_client(ctx, client_id, client_secret)
    async with ctx.db.write(client_key, [token_lock(client_key, token or "")]) as session:
        client = await authenticate_client(session, client_id, client_secret)
        if token is None and sub is None:
            raise Unprocessable(problems=[Problem(("token",), Key.REQUIRED, "give a token or a sub")])
        if token is not None and is_element_token(token):
            await element_tokens.revoke(session, client.key, token)
            return
        if token is not None:
            account_key = await tokens.account_of_token(session, client.key, token)
        else:
            account_key = await accounts.key_of_sub(session, client.key, sub) if sub and is_sub(sub) else None
        if account_key is not None:
            await accounts.revoke(session, account_key, ctx.now)
            await tokens.revoke_all(session, account_key)
            await element_tokens.forget_account(session, account_key)
            await calendar_feeds.revoke_all(session, account_key)
            await channels.forget_account(session, account_key)
            await calendar_sources.stop(session, account_key)
