"""Accounts: users and resources, and the account of a token."""

from typing import NamedTuple

from core.access import require_feature, require_own, rights_over
from core.accounts import EMPTY_PROFILE, Account, AccountKind, Authorization, Calendar, Profile
from core.errors import Problems
from core.features import Feature
from core.limits import EXTERNAL_ID_LENGTH
from core.rights import Right
from core.scopes import check_scope, union_scopes
from core.texts import check_id
from db import accounts, calendars, tokens
from db.database import Session
from db.retries import retry_transaction

from .context import Context
from .tokens import authenticate_client


class UserInfo(NamedTuple):
    """The account that the caller acts for and its calendars, and what the caller may do with it."""

    account: Account
    scope: str
    calendars: list[Calendar]
    rights: frozenset[Right]


@retry_transaction
async def upsert_account(
    ctx: Context,
    client_id: str,
    client_secret: str,
    kind: AccountKind,
    account_id: str,
    profile: Profile,
    scope: str,
) -> Authorization:
    """Creates the client's user or resource with this id, or updates its profile. Returns it with new tokens.

    Raises Unauthenticated for wrong client credentials, PaymentRequired, and Unprocessable.
    """
    problems = Problems()
    check_id(account_id, ("account_id",), problems, longest=EXTERNAL_ID_LENGTH)
    profile.check(problems)
    check_scope(scope, ("scope",), problems)
    async with ctx.db.write() as session:
        client = await authenticate_client(session, client_id, client_secret)
        require_feature(client.disabled_features, Feature.ACCOUNTS)
        problems.raise_if_any()
        return await authorize(ctx, session, client.key, kind, account_id, scope, profile)


async def authorize(
    ctx: Context,
    session: Session,
    client_key: int,
    kind: AccountKind,
    external_id: str,
    scope: str,
    profile: Profile = EMPTY_PROFILE,
) -> Authorization:
    """Creates or gets the client's account with this id. Returns it with a new pair of tokens of a checked scope."""
    scope = union_scopes(scope)
    made = await accounts.create_or_get(session, client_key, kind, external_id, ctx.now, scope=scope, profile=profile)
    return Authorization(made, await tokens.issue(session, made.key, scope, ctx.now), scope)


@retry_transaction
async def user_info(ctx: Context) -> UserInfo:
    """Returns the account that the caller acts for. Any scope is sufficient."""
    actor = await ctx.actor()
    account_key = require_own(actor, Right.READ_USER_INFO)
    async with ctx.db.read() as session:
        known = await accounts.get_by_key(session, account_key)
        own = await calendars.list_calendars(session, account_key)
        return UserInfo(known, actor.scope, own, rights_over(actor, known))
