"""Application calendars: calendars for things that have none."""

from core.accounts import AccountKind, Authorization
from core.errors import Problems
from core.limits import EXTERNAL_ID_LENGTH
from core.texts import check_id
from db import accounts, tokens

from .context import Context
from .tokens import client_key


async def application_calendar(
    ctx: Context, client_id: str, client_secret: str, application_calendar_id: str
) -> Authorization:
    """The client's application calendar of this id, made at the first call, with a new pair of tokens.

    Raises Unauthenticated for wrong client credentials, Unprocessable for an id that cannot be one.
    """
    problems = Problems()
    check_id(application_calendar_id, ("application_calendar_id",), problems, longest=EXTERNAL_ID_LENGTH)
    async with ctx.db.write() as session:
        client = await client_key(session, client_id, client_secret)
        problems.refuse()
        kind = AccountKind.APPLICATION_CALENDAR
        account = await accounts.create_or_get(session, client, kind, application_calendar_id, ctx.now)
        return Authorization(account, await tokens.issue(session, account.key, ctx.now))
