"""Sequenced availability queries."""

from core.access import require_availability
from core.sequenced_availability import SequencedQuery
from core.sequences import PlacedSequence, solve_sequences
from db.access import AccessSnapshot
from db.database import Session
from db.retries import retry_transaction

from .context import Context, Dependencies
from .facts import LoadedFacts, busy_window, load_access, load_sequence_facts, with_snapshot_fallback


@retry_transaction
async def sequenced_availability(ctx: Context, query: SequencedQuery) -> list[PlacedSequence]:
    """Returns the sequences of the query, soonest first.

    The same callers may ask as for `availability`, about the same accounts. Raises Unprocessable with every problem of
    the request.
    """
    managed = query.managed
    problems = query.check(ctx.now, ctx.limits)

    async def load(session: Session | None) -> tuple[AccessSnapshot, list[LoadedFacts]]:
        access = await load_access(ctx, query, session, problems)
        require_availability(access.actor, managed=managed)
        return access, await load_sequence_facts(ctx, query, access, problems, session)

    access, loaded = await with_snapshot_fallback(ctx, load)
    with ctx.timed("solve"):
        found = solve_sequences(query, [step.facts for step in loaded])
    given = access.actor.client_key, query.subs, managed, access.rows, query.earliest
    ctx.record_dependencies(Dependencies(*given, window=busy_window(query)))
    return found
