"""Calendar feeds: an account's own, and what a program reads that follows one."""

from collections.abc import Sequence

from core.access import may, require_client, require_own
from core.accounts import AccountReference
from core.calendar_feeds import (
    MAX_FEED_EVENTS,
    MAX_FEEDS,
    CalendarFeed,
    FeedEvent,
    FeedSeries,
    FollowedFeed,
    window_of,
)
from core.errors import Key, NotFound, Problems, Unprocessable
from core.identity import is_feed_id
from core.periods import check_count
from core.rights import Right
from db import accounts, calendar_feeds, calendars, series
from db.drivers.keyed_locks import account_lock
from db.retries import retry_transaction

from .accounts import erased
from .context import Context
from .events import choose


@retry_transaction
async def create(ctx: Context, calendar_ids: Sequence[str] | None, *, details: bool) -> CalendarFeed:
    """Creates a feed of the account, of some of its calendars or of all that it has at any time.

    A feed with details needs the right to read events, another one the right to read free-busy. Raises NotFound for a
    calendar, Unprocessable for an empty list and for too many feeds.
    """
    actor = await ctx.actor()
    account = require_own(actor, Right.MANAGE_FEEDS)
    if details:
        require_own(actor, Right.READ_EVENTS)
    problems = Problems()
    if calendar_ids is not None:
        check_count(len(calendar_ids), ("calendar_ids",), problems, most=ctx.limits.max_batch, noun="calendar")
    problems.raise_if_any()
    async with ctx.db.write(actor.client_key, [account_lock(account)]) as session:
        if not await accounts.lock(session, account):
            raise erased()
        choose(await calendars.keys_of_account(session, account), calendar_ids)
        if len(await calendar_feeds.list_feeds(session, account)) >= MAX_FEEDS:
            words = f"the account has {MAX_FEEDS} feeds, and may have no more: revoke one"
            raise Unprocessable.of((), Key.TOO_MANY, words)
        chosen = list(dict.fromkeys(calendar_ids)) if calendar_ids is not None else None
        return await calendar_feeds.create(session, account, chosen, ctx.now, details=details)


@retry_transaction
async def list_feeds(ctx: Context) -> list[CalendarFeed]:
    """Returns the feeds of the account, oldest first; those with details only for a caller who may read events."""
    actor = await ctx.actor()
    account = require_own(actor, Right.MANAGE_FEEDS)
    reads_events = may(actor, Right.READ_EVENTS, AccountReference(account, require_client(actor)))
    async with ctx.db.read(actor.client_key) as session:
        feeds = await calendar_feeds.list_feeds(session, account)
    return [feed for feed in feeds if reads_events or not feed.details]


@retry_transaction
async def revoke(ctx: Context, feed_id: str) -> bool:
    """Ends a feed of the account. Returns whether there was one."""
    actor = await ctx.actor()
    account = require_own(actor, Right.MANAGE_FEEDS)
    if not is_feed_id(feed_id):
        return False
    async with ctx.db.write(actor.client_key, [account_lock(account)]) as session:
        return await calendar_feeds.revoke(session, account, feed_id)


@retry_transaction
async def follow(ctx: Context, token: str) -> FollowedFeed:
    """Returns the feed whose address has this token, without its events.

    Raises the same NotFound for a token that we did not issue, a revoked feed or account, and deleted calendars.
    """
    feed_id = ctx.db.encryption.read_feed_token(token)
    feed = await calendar_feeds.find(ctx.statements, feed_id, ctx.now) if feed_id is not None else None
    if feed is None or not feed.calendars:
        raise NotFound("There is no such feed, or it was ended.")
    return feed


@retry_transaction
async def read_events(ctx: Context, feed: FollowedFeed) -> list[FeedEvent]:
    """Returns the events of a feed, soonest first."""
    statements = ctx.statements.for_client(feed.client_key)
    return await calendar_feeds.events(statements, feed, window_of(ctx.now), ctx.now, MAX_FEED_EVENTS)


@retry_transaction
async def read_series(
    ctx: Context, feed: FollowedFeed, events: Sequence[FeedEvent]
) -> dict[tuple[int, str], FeedSeries]:
    """Returns the series that events of a feed are instances of, by the calendar's key and the event's id."""
    keys = {event.series[0] for event in events if event.series is not None}
    if not keys:
        return {}
    async with ctx.db.read(feed.client_key) as session:
        return await series.of_calendars(session, keys, ctx.now)
