"""Availability subscriptions."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from core.access import Actor
from core.identity import is_sub
from core.instants import Instant
from core.query import AvailabilityQuery
from core.solver import Opening
from db import access
from db.notifications.subscribers import Watched
from db.retries import retry_transaction

from .availability import Answer, Details, availability, detailed_availability
from .context import Context, LiveContext

T = TypeVar("T")


def availability_changed(
    ctx: LiveContext, query: AvailabilityQuery, *, every_change: bool = False
) -> AsyncGenerator[list[Opening]]:
    """Yields the openings of the query, and all of them again whenever a write has changed them.

    Each result is what `availability` would return to the same caller at that moment. Ends by raising the
    Refusal that `availability` would raise: when a query period begins, when the token expires or is revoked,
    when a member is revoked. Short-lived results may be skipped, but the last one is always sent.

    With `every_change` also yields openings that are the same, when something else about an account has changed.
    """
    return _answers(ctx, query, lambda current: availability(current, query), every_change)


def detailed_availability_changed(
    ctx: LiveContext, query: AvailabilityQuery, details: Details, *, every_change: bool = False
) -> AsyncGenerator[Answer]:
    """As `availability_changed`, with details, which are sent again whenever what they follow from has changed."""
    return _answers(ctx, query, lambda current: detailed_availability(current, query, details), every_change)


async def _answers(
    ctx: LiveContext, query: AvailabilityQuery, answer: Callable[[Context], Awaitable[T]], every_change: bool
) -> AsyncGenerator[T]:
    actor, watched = await _watched(ctx, query)
    with ctx.db.subscribers.subscribe(watched) as waiter:
        current: Context = ctx
        previous: T | None = None
        while True:
            async with waiter.throttled():
                current = ctx.refresh()
                found = await answer(current)
            if every_change or found != previous:
                yield found
            previous = found
            # What is not known already is known again by a write, which wakes.
            lapses = [instant for instant in current.lapses if instant > current.now]
            await waiter.wait(min([_good_until(query, actor), *lapses]) - current.now)


@retry_transaction
async def _watched(ctx: Context, query: AvailabilityQuery) -> tuple[Actor, set[Watched]]:
    """Returns the caller, and what to watch: the accounts of the members, up to the limit, and the caller's, and its token."""
    subs = [sub for sub in query.subs[: ctx.limits.max_accounts] if is_sub(sub)]
    loaded = await access.load(ctx.db.driver, ctx.caller, subs, ctx.now)
    watched: set[Watched] = {account.key for account in loaded.accounts.values()}
    if loaded.actor.account_key is not None:
        watched.add(loaded.actor.account_key)
    if isinstance(ctx.caller, bytes):
        watched.add(bytes(ctx.caller))
    return loaded.actor, watched


def _good_until(query: AvailabilityQuery, actor: Actor) -> Instant:
    """Returns when a valid caller and query become invalid: at the earliest start, or when the token expires."""
    return min(query.earliest, actor.expires_at if actor.expires_at is not None else query.earliest)
