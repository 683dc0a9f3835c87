"""Accounts: users and resources, and who a token is."""

from typing import NamedTuple

from core.access import require_account, require_feature
from core.accounts import EMPTY_PROFILE, Account, AccountKind, Authorization, Calendar, Profile
from core.errors import Problems
from core.features import Feature
from core.limits import EXTERNAL_ID_LENGTH
from core.scopes import check_scope, union_scopes
from core.texts import check_id
from db import accounts, calendars, tokens
from db.database import Session
from db.retries import retry_transaction

from .context import Context
from .tokens import authenticate_client


class UserInfo(NamedTuple):
    """Who a token is: its account, the scope that it has, and the account's calendars."""

    account: Account
    scope: str
    calendars: list[Calendar]


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
    """The client's user or resource of this id, made at the first call and brought up to the profile at every one.

    Raises Unauthenticated for wrong client credentials, PaymentRequired, and Unprocessable.
    """
    problems = Problems()
    check_id(account_id, ("account_id",), problems, longest=EXTERNAL_ID_LENGTH)
    profile.check(problems)
    check_scope(scope, ("scope",), problems)
    async with ctx.db.write() as session:
        asking = await authenticate_client(session, client_id, client_secret)
        require_feature(asking.disabled_features, Feature.ACCOUNTS)
        problems.raise_if_any()
        return await authorize(ctx, session, asking.key, kind, account_id, scope, profile)


async def authorize(
    ctx: Context,
    session: Session,
    client_key: int,
    kind: AccountKind,
    external_id: str,
    scope: str,
    profile: Profile = EMPTY_PROFILE,
) -> Authorization:
    """The client's account of this id, which is made or got, with a new pair of tokens of a checked scope."""
    scope = union_scopes(scope)
    made = await accounts.create_or_get(session, client_key, kind, external_id, ctx.now, scope=scope, profile=profile)
    return Authorization(made, await tokens.issue(session, made.key, scope, ctx.now), scope)


@retry_transaction
async def user_info(ctx: Context) -> UserInfo:
    """Who the access token belongs to. Any token may ask."""
    actor = await ctx.actor()
    account_key = require_account(actor)
    async with ctx.db.read() as session:
        known = await accounts.get_by_key(session, account_key)
        return UserInfo(known, actor.scope, await calendars.list_calendars(session, account_key))
