"""Which responses of this doorway are stored: those to POSTed queries with one root field."""

from graphql import FieldNode, OperationType

from resolvers.context import Context

from ..http import answer_cache
from ..http.answer_cache import CachedAnswer
from .documents import OperationInfo

_KIND = "answer"


async def get(ctx: Context, request: bytes) -> CachedAnswer | None:
    """The cached response to this request body, if it is still fresh for its caller."""
    return await answer_cache.get(ctx, _KIND, request)


def put(ctx: Context, request: bytes, info: OperationInfo, answer: bytes) -> None:
    """Stores the error-free response to a POSTed query, if its only root field has recorded its dependencies.

    `request` is the body, and empty for a GET.
    """
    if not request or info.kind is not OperationType.QUERY or len(ctx.dependencies) != 1:
        return
    fields = info.ast.selection_set.selections
    if len(fields) == 1 and isinstance(fields[0], FieldNode):
        cached = CachedAnswer(answer, ctx.dependencies[0], info.log_name, info.metric_name)
        answer_cache.put(ctx, _KIND, request, cached)
