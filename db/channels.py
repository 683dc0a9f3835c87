"""Push channels, and which of them have to be notified.

No write knows of channels. Every change of a calendar's events changes the calendar's version in the same transaction,
whoever makes it, and a channel stores a sum over the versions of its calendars: when the sum is another one, events have
changed. What changes without a write has a condition of its own in `_has_changed`.
"""

import secrets
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from core.channels import Channel, ChannelRequest, ChannelStatus
from core.instants import Instant

from . import tables
from .drivers.base import Snapshot, Statements
from .drivers.dialects import Dialect

#: the condition for the calendars of a channel
_ITS_CALENDARS = """
calendars.account_key = channels.account_key AND (all_calendars OR EXISTS (
    SELECT 1 FROM channel_calendars WHERE channel_key = channels.key AND calendar_key = calendars.key
))
"""

#: The state of a channel's calendars. The lowest bits of a version are random and counted, so a sum of them that is the
#: same after a change is as good as impossible, and that of all calendars of an account is small enough for both databases.
_STATE = f"(SELECT CAST(coalesce(sum(version % {1 << 40}), 0) AS BIGINT) FROM calendars WHERE {_ITS_CALENDARS})"


def _has_changed(now: int) -> str:
    """The condition for a channel whose calendars have changed; `now` is the number of that parameter.

    The end of a hold is a change that nobody writes.
    """
    return f"""
(seen <> {_STATE} OR EXISTS (
    SELECT 1 FROM calendars JOIN events ON calendar_key = calendars.key
    WHERE {_ITS_CALENDARS} AND lapses_at > seen_at AND lapses_at <= ${now} AND NOT deleted
))
"""


#: whether a notification can be under way for it
_IDLE = "closed_at IS NULL AND callback_key IS NULL"


async def lock_account(session: AsyncSession, account_key: int) -> bool:
    """Locks an account, so that its channels change one after the other. Returns whether it exists and is not revoked."""
    row = tables.Account
    statement = select(col(row.key)).where(col(row.key) == account_key, col(row.revoked_at).is_(None)).with_for_update()
    return (await session.exec(statement)).one_or_none() is not None


async def list_channels(session: AsyncSession, account_key: int) -> list[Channel]:
    """Returns the channels of the account, oldest first."""
    row, of, calendar = tables.Channel, tables.ChannelCalendar, tables.Calendar
    named = (
        select(col(of.channel_key), col(calendar.calendar_id))
        .join(calendar, col(calendar.key) == col(of.calendar_key))
        .where(col(calendar.account_key) == account_key)
        .order_by(col(calendar.calendar_id))
    )
    calendar_ids: dict[int, list[str]] = {}
    for channel_key, calendar_id in await session.exec(named):
        calendar_ids.setdefault(channel_key, []).append(calendar_id)
    own = select(row).where(col(row.account_key) == account_key).order_by(col(row.key))
    return [
        _channel(each, None if each.all_calendars else calendar_ids.get(each.key or 0, []))
        for each in await session.exec(own)
    ]


def _channel(row: tables.Channel, calendar_ids: Sequence[str] | None) -> Channel:
    status = ChannelStatus.OPEN if row.problem is None else ChannelStatus.FAILING
    if row.closed_at is not None:
        status = ChannelStatus.CLOSED
    return Channel(row.channel_id, row.callback_url, calendar_ids, status, row.problem, row.created_at)


async def create(
    session: AsyncSession, account_key: int, request: ChannelRequest, calendars: Mapping[str, int], now: Instant
) -> Channel:
    """Creates a channel of a locked account. `calendars` has the keys of the account's calendars."""
    row = tables.Channel(
        account_key=account_key,
        channel_id=f"chn_{secrets.token_hex(12)}",
        callback_url=request.callback_url,
        all_calendars=request.calendar_ids is None,
        seen=0,
        seen_at=now,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    session.add_all(
        tables.ChannelCalendar(channel_key=row.key or 0, calendar_key=calendars[calendar_id])
        for calendar_id in request.calendar_ids or ()
    )
    await session.flush()
    return _channel(row, sorted(request.calendar_ids) if request.calendar_ids is not None else None)


async def open_with(session: AsyncSession, channel: Channel, callback_key: int, now: Instant) -> None:
    """Opens a channel, with the notification that verifies it under way. What changes from now on is notified of."""
    state = (await Snapshot(session).fetch(f"SELECT {_STATE} FROM channels WHERE channel_id = $1", channel.channel_id))[
        0
    ]
    row = tables.Channel
    values: dict[str, Any] = {"seen": state[0], "seen_at": now, "callback_key": callback_key}
    statement = update(row).where(col(row.channel_id) == channel.channel_id)
    await session.exec(statement.values(**values, problem=None, closed_at=None))


async def delete_channel(session: AsyncSession, account_key: int, channel_id: str) -> bool:
    """Deletes the account's channel, with the notification that is under way. Returns whether there was one."""
    row = tables.Channel
    return await _delete(
        session, select(row).where(col(row.account_key) == account_key, col(row.channel_id) == channel_id)
    )


async def forget_account(session: AsyncSession, account_key: int) -> None:
    """Deletes all channels of the account, with the notifications that are under way."""
    await _delete(session, select(tables.Channel).where(col(tables.Channel.account_key) == account_key))


async def _delete(session: AsyncSession, which: SelectOfScalar[tables.Channel]) -> bool:
    # A channel is locked before its callback, here as everywhere.
    found = (await session.exec(which.order_by(col(tables.Channel.key)).with_for_update())).all()
    await session.exec(delete(tables.Channel).where(col(tables.Channel.key).in_([row.key for row in found])))
    under_way = [row.callback_key for row in found if row.callback_key is not None]
    if under_way:
        await session.exec(delete(tables.Callback).where(col(tables.Callback.key).in_(under_way)))
    return bool(found)


# --- notifying ----------------------------------------------------------------------------------------------------------


async def changed(statements: Statements, now: Instant) -> list[tuple[int, int]]:
    """Returns the channels whose calendars have changed and that can be notified: their keys, and those of their clients."""
    return [(key, client_key) for key, client_key in await statements.fetch_many(_CHANGED, now)]


_CHANGED = f"""
SELECT channels.key, client_key FROM channels JOIN accounts ON accounts.key = account_key
WHERE {_IDLE} AND {_has_changed(1)} ORDER BY channels.key
"""


async def lock_changed(session: AsyncSession, key: int, now: Instant) -> tuple[Channel, int, Instant] | None:
    """Locks a channel. Returns it with the state of its calendars, and when they were last found changed.

    Returns None if it was closed, or another worker has notified it.
    """
    snapshot = Snapshot(session)
    if not (found := await snapshot.fetch(_lock_changed(snapshot.dialect), key, now)):
        return None
    account_key, channel_id, state, seen_at = found[0]
    own = await list_channels(session, account_key)
    return next(each for each in own if each.channel_id == channel_id), state, seen_at


@cache
def _lock_changed(dialect: Dialect) -> str:
    return f"""
SELECT account_key, channel_id, {_STATE}, seen_at FROM channels
WHERE key = $1 AND {_IDLE} AND {_has_changed(2)} {dialect.row_lock}
"""


async def record_notification(session: AsyncSession, key: int, state: int, callback_key: int, now: Instant) -> None:
    """Records that a notification of this state is under way."""
    row = tables.Channel
    values: dict[str, Any] = {"seen": state, "seen_at": now, "callback_key": callback_key}
    await session.exec(update(row).where(col(row.key) == key).values(**values))


async def record_success(session: AsyncSession, callback_key: int) -> None:
    """Records that a notification has arrived, if the callback is one. It is deleted next."""
    row = tables.Channel
    await session.exec(update(row).where(col(row.callback_key) == callback_key).values(problem=None, callback_key=None))


async def record_failure(
    session: AsyncSession, callback_keys: SelectOfScalar[int | None], why: str, closed_at: Instant | None
) -> bool:
    """Records that a notification has failed. Returns whether the callback is one.

    With `closed_at` the channel is closed; otherwise it is tried again.
    """
    row = tables.Channel
    statement = update(row).where(col(row.callback_key).in_(callback_keys)).values(problem=why, closed_at=closed_at)
    return (await session.exec(statement)).rowcount == 1
