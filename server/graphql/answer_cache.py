"""Cache of whole responses, revalidated by version on every hit.

The response to an availability query depends on the request, on the rights that the accounts in it have granted,
and on the versions of their calendars and availability rules. When the same request comes again, one statement
reads these dependencies; if they are unchanged, the stored bytes are the response. There is no TTL: no response is
served unchecked.
"""

from dataclasses import dataclass

from graphql import FieldNode, OperationType

from db.retries import is_unavailable
from resolvers.availability import is_fresh
from resolvers.context import Context, Dependencies

from .documents import OperationInfo

_KIND = "answer"


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """The JSON of a response, its dependencies, and the request's names in the log and the metrics."""

    answer: bytes
    dependencies: Dependencies
    log_name: str
    metric_name: str


async def get(ctx: Context, request: bytes) -> CachedAnswer | None:
    """The cached response to this request body, if it is still fresh for its caller."""
    cached: CachedAnswer | None = ctx.cache.get_unchecked(_KIND, request)
    if cached is None:
        return None
    fresh = await _is_fresh(ctx, cached.dependencies)
    ctx.cache.on_lookup(_KIND, fresh)
    return cached if fresh else None


async def _is_fresh(ctx: Context, dependencies: Dependencies) -> bool:
    """Whether the dependencies are unchanged. False if the database is unavailable: execution reports that."""
    try:
        return await is_fresh(ctx, dependencies)
    except Exception as error:
        if not is_unavailable(error):
            raise
        return False


def put(ctx: Context, request: bytes, info: OperationInfo, answer: bytes) -> None:
    """Stores the error-free response to a POSTed query, if its only root field has recorded its dependencies.

    `request` is the body, and empty for a GET.
    """
    if not request or info.kind is not OperationType.QUERY or len(ctx.dependencies) != 1:
        return
    fields = info.ast.selection_set.selections
    if len(fields) == 1 and isinstance(fields[0], FieldNode):
        [dependencies] = ctx.dependencies
        cached = CachedAnswer(answer, dependencies, info.log_name, info.metric_name)
        ctx.cache.put(_KIND, request, None, cached, len(request) + len(answer) + 200 * len(dependencies.rows))
