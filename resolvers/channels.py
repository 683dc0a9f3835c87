"""Push channels of the account that the caller acts for: URLs that are notified when its events change."""

from core.access import require_own
from core.channels import MAX_CHANNELS, Channel, ChannelRequest, ChannelStatus
from core.errors import Key, Problems, Unprocessable
from core.instants import Instant
from core.rights import Right
from core.texts import is_storable
from db import calendars, callbacks, channels
from db.database import Database, Session
from db.drivers.keyed_locks import account_lock
from db.retries import retry_transaction

from .accounts import erased
from .context import Context


@retry_transaction
async def upsert(ctx: Context, request: ChannelRequest) -> Channel:
    """Creates a channel, or returns the account's channel with this URL and these calendars. Raises Unprocessable.

    A new channel, and a closed one, which is opened again, is verified with a notification.
    """
    problems = Problems()
    with problems.until_full():
        request.check(problems, private=ctx.private_callbacks)
    actor = await ctx.actor()
    account = require_own(actor, Right.MANAGE_CHANNELS)
    client = actor.client_key or 0
    async with ctx.db.write(client, [account_lock(account)]) as session:
        if not await channels.lock_account(session, account):
            raise erased()  # or revoked
        own = await calendars.keys_of_account(session, account)
        for index, calendar_id in enumerate(request.calendar_ids or ()):
            if calendar_id not in own:
                problems.add(("calendar_ids", index), Key.UNKNOWN, "is not a calendar of this account")
        problems.raise_if_any()
        existing = await channels.list_channels(session, account)
        channel = next((each for each in existing if _is_same(each, request)), None)
        if channel is None:
            if len(existing) >= MAX_CHANNELS:
                words = (
                    f"cannot be added: the account has {MAX_CHANNELS} channels, and may have no more. Close one of them"
                )
                raise Unprocessable.of(("callback_url",), Key.TOO_MANY, words)
            channel = await channels.create(session, account, request, own, ctx.now)
        elif channel.status is not ChannelStatus.CLOSED:
            return channel
        callback = await _enqueue(session, client, channel, None, ctx.now)
        await channels.open_with(session, channel, callback, ctx.now)
        return next(
            each for each in await channels.list_channels(session, account) if each.channel_id == channel.channel_id
        )


@retry_transaction
async def list_channels(ctx: Context) -> list[Channel]:
    """Returns the channels of the account, oldest first."""
    actor = await ctx.actor()
    account = require_own(actor, Right.MANAGE_CHANNELS)
    async with ctx.db.read(actor.client_key) as session:
        return await channels.list_channels(session, account)


@retry_transaction
async def close(ctx: Context, channel_id: str) -> bool:
    """Closes the account's channel and forgets it. Returns whether there was one."""
    actor = await ctx.actor()
    account = require_own(actor, Right.MANAGE_CHANNELS)
    async with ctx.db.write(actor.client_key, [account_lock(account)]) as session:
        return is_storable(channel_id) and await channels.delete_channel(session, account, channel_id)


async def notify_changed(db: Database, now: Instant) -> int:
    """Enqueues a notification for every channel whose calendars have changed and that has none under way.

    Returns their number. It is called every few seconds, by every process.
    """
    found = await channels.changed(db.driver, now)
    return sum([await _notify(db, key, client_key, now) for key, client_key in found])


@retry_transaction
async def _notify(db: Database, key: int, client_key: int, now: Instant) -> bool:
    async with db.write(client_key) as session:
        locked = await channels.lock_changed(session, key, now)
        if locked is None:
            return False
        channel, state, since = locked
        callback = await _enqueue(session, client_key, channel, since, now)
        await channels.record_notification(session, key, state, callback, now)
        return True


async def _enqueue(session: Session, client_key: int, channel: Channel, since: Instant | None, now: Instant) -> int:
    content = channel.notification(since)
    return await callbacks.insert(session, client_key, callbacks.new_delivery_id(), channel.callback_url, content, now)


def _is_same(channel: Channel, request: ChannelRequest) -> bool:
    calendar_ids = sorted(request.calendar_ids) if request.calendar_ids is not None else None
    return (channel.callback_url, channel.calendar_ids) == (request.callback_url, calendar_ids)
