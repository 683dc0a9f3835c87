"""Availability queries."""

from core.access import require_availability
from core.errors import Refusal
from core.query import AvailabilityQuery
from core.solver import Opening, solve
from db import access as db_access
from db.database import Session
from db.retries import retry_transaction

from .context import Context, Dependencies
from .facts import LoadedFacts, load_access, load_facts, with_snapshot_fallback


@retry_transaction
async def availability(ctx: Context, query: AvailabilityQuery) -> list[Opening]:
    """Returns the openings of the query, soonest first.

    An application's key, and the tokens of its accounts, may query any account of the application. Every
    member must have granted free-busy. Raises Unprocessable with every problem of the request; an unknown sub,
    a revoked one and another application's are the same problem, so that nothing leaks.
    """
    managed = query.managed
    problems = query.check(ctx.now, ctx.limits)

    async def load(session: Session | None) -> LoadedFacts:
        access = await load_access(ctx, query, session)
        require_availability(access.actor, managed=managed)
        return await load_facts(ctx, query, access, problems, session)

    loaded = await with_snapshot_fallback(ctx, load)
    with ctx.timed("solve"):
        openings = solve(query, loaded.facts)
    actor, rows = loaded.access.actor, loaded.access.rows
    ctx.record_dependencies(Dependencies(actor.client_key, query.subs, managed, rows, query.earliest))
    return openings


async def is_fresh(ctx: Context, dependencies: Dependencies) -> bool:
    """Whether a stored answer with these dependencies is right for the present caller, now. One statement."""
    if ctx.now >= dependencies.until:
        return False
    actor, rows = await db_access.load_rows(ctx.db.driver, ctx.caller, dependencies.subs, ctx.now)
    try:
        require_availability(actor, managed=dependencies.managed)
    except Refusal:
        return False
    if actor.client_key != dependencies.client_key or dependencies.viewer not in (None, actor):
        return False
    return db_access.same_state(rows, dependencies.rows)
