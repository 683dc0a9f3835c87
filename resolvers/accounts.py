"""Accounts: users and resources, and the account of a token."""

from typing import NamedTuple

from core.access import require_application, require_client, require_feature, require_own, rights_over
from core.accounts import (
    EMPTY_PROFILE,
    Account,
    AccountKey,
    AccountKind,
    Authorization,
    Calendar,
    Profile,
)
from core.errors import NotFound, Problems, WrongCredentials
from core.features import Feature
from core.identity import is_client_id, is_sub
from core.instants import Instant
from core.limits import EXTERNAL_ID_LENGTH, NAME_LENGTH
from core.pages import Cursor, Page, PageRequest
from core.rights import Right
from core.scopes import check_scope, union_scopes
from core.texts import check_id, check_text, is_storable
from db import accounts, authorizations, calendars, erasure, tokens
from db.database import Session
from db.drivers.base import Snapshot
from db.drivers.keyed_locks import external_id_lock
from db.retries import retry_transaction

from .booking_changes import follow_events
from .context import Context
from .tokens import NO_SUCH_SECRET, authenticate_client, check_client, matching


class UserInfo(NamedTuple):
    """The account that the caller acts for and its calendars, and what the caller may do with it."""

    account: Account
    scope: str
    calendars: list[Calendar]
    rights: frozenset[Right]


class ViewedAccount(NamedTuple):
    """An account, and the caller's rights over it. What it may not see is null in the graph."""

    account: Account
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
    if not problems:
        named = client_id, client_secret, Feature.ACCOUNTS, kind, account_id
        if (made := await authorize_quickly(ctx, *named, scope, profile)) is not None:
            return made
    client_key = await check_client(ctx, client_id, client_secret)
    async with ctx.db.write(client_key, [external_id_lock(client_key, kind, account_id)]) as session:
        client = await authenticate_client(session, client_id, client_secret)
        require_feature(client.disabled_features, Feature.ACCOUNTS)
        problems.raise_if_any()
        return await authorize(ctx, session, client.key, kind, account_id, scope, profile)


async def authorize_quickly(
    ctx: Context,
    client_id: str,
    client_secret: str,
    feature: Feature,
    kind: AccountKind,
    external_id: str,
    scope: str,
    profile: Profile = EMPTY_PROFILE,
) -> Authorization | None:
    """Creates or gets the client's account with this id, in two trips to the database, for what has no problems.

    Returns None, without a change, if it exists and changes by that: then it takes a transaction. Raises WrongCredentials,
    and PaymentRequired if the client's plan leaves the feature out.
    """
    looked_up = is_client_id(client_id)
    found = await authorizations.find(ctx.db.driver, client_id, kind, external_id) if looked_up else None
    secret_digest = found.client.secret_digest if found is not None else NO_SUCH_SECRET
    found = matching(found, client_id, client_secret, secret_digest)
    require_feature(found.client.disabled_features, feature)
    scope, account = union_scopes(scope), found.account
    async with ctx.db.hold([external_id_lock(found.client.key, kind, external_id)]):
        if account is None:
            created = await authorizations.create(ctx.db, found, kind, external_id, scope, profile, ctx.now)
            return Authorization(*created, scope) if created is not None else None
        if authorizations.is_changed(account, scope, profile):
            return None
        pair = await authorizations.issue(ctx.db, found, account, scope, ctx.now)
        return Authorization(account, pair, scope) if pair is not None else None


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
async def user_info(ctx: Context, right: Right = Right.READ_USER_INFO) -> UserInfo:
    """Returns the account that the caller acts for, over which it must have the right.

    Every token of an account has that to read the user info, whatever its scope.
    """
    actor = await ctx.actor()
    account_key = require_own(actor, right)
    async with ctx.db.read(actor.client_key) as session:
        known = await accounts.get_by_key(session, account_key)
        if known is None:
            raise erased()
        own = await calendars.of_accounts(Snapshot(session), [account_key])
        return UserInfo(known, actor.scope, own[account_key], rights_over(actor, known))


@retry_transaction
async def get(ctx: Context, name: AccountKey) -> ViewedAccount:
    """Returns one account of the application. A token of an account may name that account only, and by its sub.

    Raises Unprocessable for a name that is incomplete, Forbidden for the application's own id without its key, and
    NotFound for an account that does not exist or that the caller may not see.
    """
    problems = Problems()
    name.check(problems)
    actor = await ctx.actor()
    client_key = require_client(actor) if name.sub is not None else require_application(actor)
    problems.raise_if_any()
    found = await _find(ctx, client_key, name)
    if found is None or Right.READ_PROFILE not in (rights := rights_over(actor, found)):
        raise NotFound(problems=[name.unknown])
    return ViewedAccount(found, rights)


async def _find(ctx: Context, client_key: int, name: AccountKey) -> Account | None:
    if name.sub is not None:
        subs = [name.sub] if is_sub(name.sub) else []
        return (await accounts.by_sub(ctx.statements, client_key, subs)).get(name.sub)
    if name.kind is None or name.external_id is None or not is_storable(name.external_id):
        return None
    async with ctx.db.read(client_key) as session:
        return await accounts.find(session, client_key, name.kind, name.external_id)


@retry_transaction
async def list_accounts(
    ctx: Context, kind: AccountKind | None, search: str, request: PageRequest
) -> Page[ViewedAccount]:
    """Returns the accounts of the application, oldest first. Requires its own key. Raises Unprocessable.

    `search` is text that the name or the application's own id must contain; empty for no such condition.
    """
    problems = Problems()
    check_text(search, ("search",), problems, longest=NAME_LENGTH)
    cursor = request.check(problems, most=ctx.limits.max_page)
    actor = await ctx.actor()
    client_key = require_application(actor)
    problems.raise_if_any()
    async with ctx.db.read(client_key) as session:
        found = await accounts.list_accounts(session, client_key, kind, search, cursor, request.first + 1)
    page = Page[tuple[Account, Instant]].cut(found, request, lambda item: Cursor(item[1], item[0].sub))
    return page.map(lambda item: ViewedAccount(item[0], rights_over(actor, item[0])))


@retry_transaction
async def delete(ctx: Context, sub: str) -> bool:
    """Erases an account and everything that is stored about it. Returns whether there was one.

    Requires the application's own key. Of meetings with others its sub remains. The application's own id for it
    creates a new account afterwards, with another sub.
    """
    client_key = require_application(await ctx.actor())
    if not is_sub(sub):
        return False
    async with ctx.db.write(client_key) as session:
        account_key = await erasure.lock(session, client_key, sub)
        if account_key is not None:
            booking_ids = await erasure.erase(session, client_key, account_key, sub, ctx.now)
            await follow_events(ctx, session, booking_ids)
        return account_key is not None


def erased() -> WrongCredentials:
    """Returns the refusal for a caller whose account was erased after its token was read."""
    return WrongCredentials("This bearer token is unknown: its account was deleted.")
