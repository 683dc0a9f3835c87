"""When can they meet?"""

from core.access import require_client, require_feature, require_scope
from core.features import Feature
from core.query import AvailabilityQuery
from core.scopes import Scope
from core.solver import Opening, solve
from db.failures import retried

from .context import Context
from .facts import read_facts


@retried
async def availability(ctx: Context, query: AvailabilityQuery) -> list[Opening]:
    """The openings of the query, soonest first.

    The application's key may ask about any of its accounts, an account's token about those of the same application. Every
    member must have granted free-busy. Raises Unprocessable with every problem of the request; a sub that is unknown,
    revoked or another application's is the same problem, so that nothing leaks.
    """
    problems = query.check(ctx.now, ctx.limits)
    client = require_client(ctx.actor)
    require_scope(ctx.actor, Scope.READ_FREE_BUSY)
    require_feature(ctx.actor.without, Feature.AVAILABILITY)
    if any(member.managed_availability for _, member in query.members()):
        require_feature(ctx.actor.without, Feature.MANAGED_AVAILABILITY)
    async with ctx.db.read() as session:
        facts = await read_facts(session, client, query, problems, ctx.limits)
    with ctx.measured("solve"):
        return solve(query, facts)
