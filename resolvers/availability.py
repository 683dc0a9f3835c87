"""When can they meet?"""

from dataclasses import dataclass

from core.access import Actor, require_client, require_feature, require_scope
from core.errors import Problems, Refusal
from core.features import Feature
from core.identity import is_sub
from core.query import AvailabilityQuery
from core.scopes import Scope
from core.solver import Facts, Opening, solve
from db import standing
from db.database import Session
from db.direct import Reader, Snapshot
from db.failures import retried
from db.standing import Standing

from .basis import Basis
from .context import Context
from .facts import read_facts
from .remembered import NotRememberedError, Remembered


@retried
async def availability(ctx: Context, query: AvailabilityQuery) -> list[Opening]:
    """The openings of the query, soonest first.

    The application's key may ask about any of its accounts, an account's token about those of the same application. Every
    member must have granted free-busy. Raises Unprocessable with every problem of the request; a sub that is unknown,
    revoked or another application's is the same problem, so that nothing leaks.
    """
    problems = query.check(ctx.now, ctx.limits)
    known = await _known(ctx, query, problems)
    with ctx.measured("solve"):
        openings = solve(query, known.facts)
    ctx.bases.append(known.basis)
    return openings


async def still_holds(ctx: Context, basis: Basis) -> bool:
    """Whether the availability that rests on this is what would be found now, for whoever asks now. One statement."""
    if ctx.now >= basis.until:
        return False
    stands = await standing.read(ctx.db.direct, ctx.caller, basis.subs, ctx.now)
    try:
        _admit(stands.actor, managed=basis.managed)
    except Refusal:
        return False
    return stands.actor.client_key == basis.client_key and stands.rows == basis.rows


@dataclass(frozen=True, slots=True)
class _Known:
    facts: list[list[Facts]]
    basis: Basis


async def _known(ctx: Context, query: AvailabilityQuery, problems: Problems) -> _Known:
    """The facts: when they are remembered, one statement says so. Else all is read, and remembered, on one snapshot."""
    try:
        return await _facts(ctx, query, Problems(problems), ctx.db.direct, None)
    except NotRememberedError:
        async with ctx.db.read() as session:
            return await _facts(ctx, query, problems, Snapshot(session), session)


async def _facts(
    ctx: Context, query: AvailabilityQuery, problems: Problems, reader: Reader, session: Session | None
) -> _Known:
    subs = [sub for sub in query.subs[: ctx.limits.max_accounts] if is_sub(sub)]
    managed = any(member.managed_availability for _, member in query.members())
    stands: Standing = await standing.read(reader, ctx.caller, subs, ctx.now)
    client_key = _admit(stands.actor, managed=managed)
    facts = await read_facts(Remembered(ctx.memory, session), stands, query, problems, ctx.limits)
    return _Known(facts, Basis(client_key, subs, managed, stands.rows, query.earliest))


def _admit(actor: Actor, *, managed: bool) -> int:
    """The key of the client that asks. Raises Unauthenticated, Forbidden, PaymentRequired."""
    client_key = require_client(actor)
    require_scope(actor, Scope.READ_FREE_BUSY)
    require_feature(actor.without, Feature.AVAILABILITY)
    if managed:
        require_feature(actor.without, Feature.MANAGED_AVAILABILITY)
    return client_key
