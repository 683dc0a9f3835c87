"""Stored available periods of the account that the caller acts for: one-off periods in which it can be booked."""

from core.access import require_managed_availability
from core.available_periods import StoredAvailablePeriod
from core.errors import Problems
from core.instants import Instant, Unreadable
from core.pages import Cursor, Page, PageRequest
from core.periods import check_window
from core.texts import is_storable
from db import available_periods
from db.drivers.keyed_locks import account_lock
from db.retries import retry_transaction

from .accounts import erased
from .context import Context


@retry_transaction
async def upsert(ctx: Context, period: StoredAvailablePeriod) -> StoredAvailablePeriod:
    """Creates the period, or replaces the one with its id. Raises Unprocessable."""
    actor = await ctx.actor()
    account = require_managed_availability(actor)
    problems = Problems()
    period.check(problems, longest=ctx.limits.max_period)
    problems.raise_if_any()
    async with ctx.db.write(actor.client_key, [account_lock(account)]) as session:
        if not await available_periods.upsert(session, account, period):
            raise erased()
        return period


@retry_transaction
async def list_periods(
    ctx: Context, start: Instant | Unreadable | None, end: Instant | Unreadable | None, request: PageRequest
) -> Page[StoredAvailablePeriod]:
    """Returns the periods that start before `end` and end after `start`, soonest first. Raises Unprocessable."""
    actor = await ctx.actor()
    account = require_managed_availability(actor)
    problems = Problems()
    window = check_window(start, end, problems)
    cursor = request.check(problems, most=ctx.limits.max_page)
    problems.raise_if_any()
    async with ctx.db.read(actor.client_key) as session:
        found = await available_periods.list_periods(session, [account], *window, cursor, request.first + 1)
    return Page[StoredAvailablePeriod].cut(found[account], request, place)


@retry_transaction
async def delete(ctx: Context, available_period_id: str) -> bool:
    """Deletes the account's period with this id. Returns whether there was one."""
    actor = await ctx.actor()
    account = require_managed_availability(actor)
    async with ctx.db.write(actor.client_key, [account_lock(account)]) as session:
        return is_storable(available_period_id) and bool(
            await available_periods.delete(session, account, available_period_id)
        )


@retry_transaction
async def delete_all(ctx: Context) -> int:
    """Deletes all periods of the account. Returns how many there were."""
    actor = await ctx.actor()
    account = require_managed_availability(actor)
    async with ctx.db.write(actor.client_key, [account_lock(account)]) as session:
        return await available_periods.delete(session, account, None)


def place(period: StoredAvailablePeriod) -> Cursor:
    """Returns the position of a period in a list."""
    return Cursor(period.span().start, period.available_period_id)
