"""The calendars of the calling account."""

from core.access import require_account
from core.accounts import Calendar
from core.scopes import Scope
from db import calendars as db_calendars
from db.retries import retry_transaction

from .context import Context


@retry_transaction
async def list_calendars(ctx: Context) -> list[Calendar]:
    """Returns the account's calendars, the primary one first."""
    account = require_account(await ctx.actor(), Scope.LIST_CALENDARS)
    async with ctx.db.read() as session:
        return await db_calendars.list_calendars(session, account)
