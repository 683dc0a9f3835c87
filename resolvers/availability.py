"""Availability queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from core.access import require_availability
from core.errors import Problem, Refusal
from core.explanation import Explanation
from core.member_statuses import MemberStatus
from core.query import AvailabilityQuery
from core.solver import Opening, solve
from db import access as db_access
from db.access import AccessSnapshot
from db.database import Session
from db.retries import retry_transaction

from .context import Context, Dependencies
from .expected_busy import ExpectedBusy
from .explanation import Wanted, explain
from .facts import LoadedFacts, busy_window, load_access, load_facts, with_snapshot_fallback
from .member_statuses import load_member_statuses


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


@dataclass(frozen=True, slots=True)
class Details:
    """What is asked for beside the openings."""

    explanation: Wanted | None = None
    member_statuses: bool = False


class Answer(NamedTuple):
    """The openings of a query, and the details that were asked for."""

    openings: Sequence[Opening]
    explanation: Explanation | None = None
    member_statuses: Sequence[MemberStatus] | None = None


@retry_transaction
async def detailed_availability(ctx: Context, query: AvailabilityQuery, details: Details) -> Answer:
    """As `availability`, with details that follow from the same facts."""
    problems = query.check(ctx.now, ctx.limits)

    async def load(session: Session | None) -> tuple[Answer, AccessSnapshot]:
        loaded = await _load(ctx, query, problems, session)
        with ctx.timed("solve"):
            openings = solve(query, loaded.facts)
        wanted, explanation, statuses = details.explanation, None, None
        if wanted is not None:
            explanation = await explain(ctx, query, loaded, openings, wanted, session)
        if details.member_statuses:
            statuses = await load_member_statuses(ctx, query.subs, loaded, session)
        return Answer(openings, explanation, statuses), loaded.access

    answer, access = await with_snapshot_fallback(ctx, load)
    if answer.member_statuses is None or not any(each.has_sources for each in answer.member_statuses):
        _depend(ctx, query, access)
    if answer.explanation is not None:
        ctx.depend_on_viewer(access.actor)
    return answer


async def explain_query(
    ctx: Context, query: AvailabilityQuery, problems: Sequence[Problem], wanted: Wanted
) -> Explanation:
    """Answers and explains a query with these problems. Raises what `availability` raises."""

    async def load(session: Session | None) -> Explanation:
        loaded = await _load(ctx, query, problems, session)
        with ctx.timed("solve"):
            openings = solve(query, loaded.facts)
        return await explain(ctx, query, loaded, openings, wanted, session)

    return await with_snapshot_fallback(ctx, load)


async def _load(
    ctx: Context, query: AvailabilityQuery, problems: Sequence[Problem], session: Session | None
) -> LoadedFacts:
    access = await load_access(ctx, query, session, problems)
    require_availability(access.actor, managed=query.managed)
    return await load_facts(ctx, query, access, problems, session)


def _depend(ctx: Context, query: AvailabilityQuery, access: AccessSnapshot) -> None:
    """Records what an answer depends on."""
    given = access.actor.client_key, query.subs, query.managed, access.rows, query.earliest
    ctx.record_dependencies(Dependencies(*given, window=busy_window(query)))


async def is_fresh(ctx: Context, dependencies: Dependencies) -> bool:
    """Whether a stored answer with these dependencies is right for the present caller, now. One statement."""
    if ctx.now >= dependencies.until:
        return False
    fetch = None
    if dependencies.window is not None and ctx.statements.has_trips:
        fetch = ExpectedBusy(ctx, dependencies.subs, dependencies.window).fetch
    actor, rows = await db_access.load_rows(ctx.statements, ctx.caller, dependencies.subs, ctx.now, fetch)
    try:
        require_availability(actor, managed=dependencies.managed)
    except Refusal:
        return False
    if actor.client_key != dependencies.client_key or dependencies.viewer not in (None, actor):
        return False
    return db_access.same_state(rows, dependencies.rows)
