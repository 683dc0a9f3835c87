"""Member statuses: how far the calendars can be relied on that an answer follows from."""

from collections.abc import Sequence

from core.member_statuses import MemberStatus
from db import source_states
from db.database import Session
from db.source_states import SourceState

from .context import Context
from .facts import LoadedFacts, reader_of


async def load_member_statuses(
    ctx: Context, subs: Sequence[str], loaded: LoadedFacts, session: Session | None
) -> list[MemberStatus]:
    """Returns the status of each sub of a query, which the facts were loaded for. At most one statement.

    Those of members with sources change with every fetch: an answer with them must not be stored.
    """
    elsewhere = {key for key, busy in loaded.busy.items() if busy.unknown_at is not None}
    sources: dict[int, SourceState] = {}
    if elsewhere:
        reader = reader_of(ctx, session, loaded.access.actor.client_key)
        sources = await source_states.of_calendars(reader, elsewhere)
        ctx.record_lapses(source.sync.changes_at(ctx.now) for source in sources.values())
    return [_status(ctx, sub, loaded, sources) for sub in subs]


def _status(ctx: Context, sub: str, loaded: LoadedFacts, sources: dict[int, SourceState]) -> MemberStatus:
    calendars = {key for each in loaded.selections if each.member.sub == sub for key in each.calendars}
    theirs = [sources[key] for key in calendars if key in sources]
    own = [loaded.busy[key].known_until for key in calendars if key not in sources]
    known_until = [at for at in (*own, *(source.known_until for source in theirs)) if at is not None]
    statuses = [(source.sync.status(ctx.now), source.sync.synced_at) for source in theirs]
    return MemberStatus.of(sub, statuses, known_until, is_lost=any(loaded.busy[key].is_lost for key in calendars))
