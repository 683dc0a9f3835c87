"""The calendars of the account that the caller acts for."""

from core.access import require_own
from core.accounts import Calendar
from core.rights import Right
from db import calendars as db_calendars
from db.retries import retry_transaction

from .context import Context


@retry_transaction
async def list_calendars(ctx: Context) -> list[Calendar]:
    """Returns the account's calendars, the primary one first."""
    account = require_own(await ctx.actor(), Right.LIST_CALENDARS)
    return (await db_calendars.of_accounts(ctx.db.driver, [account]))[account]
