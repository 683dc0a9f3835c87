"""Element tokens, with which a page in a browser acts for accounts of an application."""

from core.access import require_application
from core.element_tokens import MAX_SUBS, ElementToken, ElementTokenRequest
from core.errors import Key, Problems
from core.identity import is_sub
from db import element_tokens
from db.retries import retry_transaction

from .context import Context


@retry_transaction
async def create(ctx: Context, request: ElementTokenRequest) -> ElementToken:
    """Creates an element token. Requires the application's own key. Raises Unprocessable with every problem.

    An unknown sub, a revoked one and another application's are the same problem.
    """
    client_key = require_application(await ctx.actor())
    problems = Problems()
    request.check(problems)
    subs = request.subs[:MAX_SUBS]
    async with ctx.db.write(client_key) as session:
        keys = await element_tokens.lock_accounts(session, client_key, [sub for sub in subs if is_sub(sub)])
        for index, sub in enumerate(subs):
            if sub not in keys:
                problems.add(("subs", index), Key.UNKNOWN, "is not an account of this application")
        problems.raise_if_any()
        origin = request.normalised_origin or ""
        token = ctx.db.encryption.element_token(origin)
        account_keys = [keys[sub] for sub in subs]
        expires_at = ctx.now + request.expires_in
        permissions = " ".join(request.permissions)
        await element_tokens.insert(session, client_key, token, permissions, account_keys, ctx.now, expires_at)
    return ElementToken(token, request.permissions, subs, origin, request.expires_in)
