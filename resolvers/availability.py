"""Availability queries."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from core.access import require_availability
from core.errors import Problem, Refusal
from core.explanation import Explanation
from core.query import AvailabilityQuery
from core.solver import Opening, solve
from db import access as db_access
from db.access import AccessSnapshot
from db.database import Session
from db.retries import retry_transaction

from .context import Context, Dependencies
from .explanation import Wanted, explain
from .facts import LoadedFacts, load_access, load_facts, with_snapshot_fallback


@retry_transaction
async def availability(ctx: Context, query: AvailabilityQuery) -> list[Opening]:
    """Returns the openings of the query, soonest first.

    An application's key, and the tokens of its accounts, may query any account of the application. Every
    member must have granted free-busy. Raises Unprocessable with every problem of the request; an unknown sub,
    a revoked one and another application's are the same problem, so that nothing leaks.
    """
    problems = query.check(ctx.now, ctx.limits)
    loaded = await with_snapshot_fallback(ctx, partial(_load, ctx, query, problems))
    with ctx.timed("solve"):
        openings = solve(query, loaded.facts)
    _depend(ctx, query, loaded.access)
    return openings


@retry_transaction
async def explained_availability(ctx: Context, query: AvailabilityQuery, wanted: Wanted) -> Explanation:
    """As `availability`, with an explanation that follows from the same facts."""
    found = await explain_query(ctx, query, query.check(ctx.now, ctx.limits), wanted)
    _depend(ctx, query, found.access)
    ctx.depend_on_viewer(found.access.actor)
    return found.explanation


class ExplainedQuery(NamedTuple):
    """An explanation, and the rights and versions that it was loaded with."""

    explanation: Explanation
    access: AccessSnapshot


async def explain_query(
    ctx: Context, query: AvailabilityQuery, problems: Sequence[Problem], wanted: Wanted
) -> ExplainedQuery:
    """Answers and explains a query with these problems. Raises what `availability` raises."""

    async def load(session: Session | None) -> ExplainedQuery:
        loaded = await _load(ctx, query, problems, session)
        with ctx.timed("solve"):
            openings = solve(query, loaded.facts)
        return ExplainedQuery(await explain(ctx, query, loaded, openings, wanted, session), loaded.access)

    return await with_snapshot_fallback(ctx, load)


async def _load(
    ctx: Context, query: AvailabilityQuery, problems: Sequence[Problem], session: Session | None
) -> LoadedFacts:
    access = await load_access(ctx, query, session)
    require_availability(access.actor, managed=query.managed)
    return await load_facts(ctx, query, access, problems, session)


def _depend(ctx: Context, query: AvailabilityQuery, access: AccessSnapshot) -> None:
    """Records what an answer depends on."""
    ctx.record_dependencies(
        Dependencies(access.actor.client_key, query.subs, query.managed, access.rows, query.earliest)
    )


async def is_fresh(ctx: Context, dependencies: Dependencies) -> bool:
    """Whether a stored answer with these dependencies is right for the present caller, now. One statement."""
    if ctx.now >= dependencies.until:
        return False
    actor, rows = await db_access.load_rows(ctx.statements, ctx.caller, dependencies.subs, ctx.now)
    try:
        require_availability(actor, managed=dependencies.managed)
    except Refusal:
        return False
    if actor.client_key != dependencies.client_key or dependencies.viewer not in (None, actor):
        return False
    return db_access.same_state(rows, dependencies.rows)
