"""Cache of whole responses, revalidated by version on every hit.

The response to an availability query depends on the request, on the rights that the accounts in it have granted,
and on the versions of their calendars and availability rules. When the same request comes again, one statement
reads these dependencies; if they are unchanged, the stored bytes are the response. There is no TTL: no response is
served unchecked.
"""

from dataclasses import dataclass

from db.retries import is_unavailable
from resolvers.availability import is_fresh
from resolvers.context import Context, Dependencies


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """The JSON of a response, its dependencies, and the request's names in the log and the metrics."""

    answer: bytes
    dependencies: Dependencies
    log_name: str
    metric_name: str


async def get(ctx: Context, kind: str, request: bytes) -> CachedAnswer | None:
    """The cached response to this request body, if it is still fresh for its caller. `kind` names the doorway."""
    cached: CachedAnswer | None = ctx.cache.get_unchecked(kind, request)
    if cached is None:
        return None
    fresh = await _is_fresh(ctx, cached.dependencies)
    ctx.cache.on_lookup(kind, fresh)
    return cached if fresh else None


def put(ctx: Context, kind: str, request: bytes, cached: CachedAnswer) -> None:
    """Stores the response to this request body."""
    size = len(request) + len(cached.answer) + 200 * len(cached.dependencies.rows)
    ctx.cache.put(kind, request, None, cached, size)


async def _is_fresh(ctx: Context, dependencies: Dependencies) -> bool:
    """Whether the dependencies are unchanged. False if the database is unavailable: execution reports that."""
    try:
        return await is_fresh(ctx, dependencies)
    except Exception as error:
        if not is_unavailable(error):
            raise
        return False
