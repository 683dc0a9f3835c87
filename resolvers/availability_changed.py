"""When can they meet, and when can they now?"""

from collections.abc import AsyncGenerator

from core.access import Actor
from core.identity import is_sub
from core.instants import Instant
from core.query import AvailabilityQuery
from core.solver import Opening
from db import access
from db.retries import retry_transaction

from .availability import availability
from .context import Context, LiveContext


async def availability_changed(ctx: LiveContext, query: AvailabilityQuery) -> AsyncGenerator[list[Opening]]:
    """The openings of the query, and all of them again whenever a write has changed them.

    Each is what `availability` would answer at that moment to the same caller, rights and all. Once it would refuse, that
    is raised, and it is over: so when a query period begins, when the token expires or is revoked, when a member is. Not
    every answer that there has been for an instant is given: the last one always is.
    """
    actor, account_keys = await _who(ctx, query)
    with ctx.db.subscribers.subscribe(account_keys) as waiter:
        current: Context = ctx
        told: list[Opening] | None = None
        while True:
            async with waiter.throttled():
                current = ctx.refresh()
                found = await availability(current, query)
            if found != told:
                yield found
            told = found
            await waiter.wait(_good_until(query, actor) - current.now)


@retry_transaction
async def _who(ctx: Context, query: AvailabilityQuery) -> tuple[Actor, set[int]]:
    """Who asks, and whose changes matter: the members', as many as may be asked about, and those of the account that asks."""
    subs = [sub for sub in query.subs[: ctx.limits.max_accounts] if is_sub(sub)]
    stands = await access.load(ctx.db.driver, ctx.caller, subs, ctx.now)
    asking = {stands.actor.account_key} if stands.actor.account_key is not None else set[int]()
    return stands.actor, asking | {account.key for account in stands.accounts.values()}


def _good_until(query: AvailabilityQuery, actor: Actor) -> Instant:
    """When the caller or the query, both of which were good, will no longer be: at the first start, or with the token."""
    return min(query.earliest, actor.expires_at if actor.expires_at is not None else query.earliest)
