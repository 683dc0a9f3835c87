"""Answers that still hold.

What an availability query is answered follows from the request and from what the answer rests on: what those who were
asked about have granted, and the versions of their calendars and hours. So when the same request comes again, and one
statement says that all of this stands as it stood, then the answer is the same, byte by byte, and nothing has to be worked
out again. For no time at all is an answer merely believed.
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
    """The JSON of an answer, what it rests on, and what the log and the metrics call the request."""

    answer: bytes
    dependencies: Dependencies
    log_name: str
    metric_name: str


async def get(ctx: Context, request: bytes) -> CachedAnswer | None:
    """The answer to this request, if it was given before and holds for whoever asks now."""
    kept: CachedAnswer | None = ctx.cache.get_unchecked(_KIND, request)
    if kept is None:
        return None
    holds = await _is_fresh(ctx, kept.dependencies)
    ctx.cache.on_lookup(_KIND, holds)
    return kept if holds else None


async def _is_fresh(ctx: Context, dependencies: Dependencies) -> bool:
    """Nobody knows, when the database does not answer: then the request goes its usual way, and says so there."""
    try:
        return await is_fresh(ctx, dependencies)
    except Exception as error:
        if not is_unavailable(error):
            raise
        return False


def put(ctx: Context, request: bytes, asked: OperationInfo, answer: bytes) -> None:
    """Keeps the answer to a POSTed query without errors, when the one field that it asked for has said what it rests on."""
    if not request or asked.kind is not OperationType.QUERY or len(ctx.dependencies) != 1:
        return
    fields = asked.ast.selection_set.selections
    if len(fields) == 1 and isinstance(fields[0], FieldNode):
        [dependencies] = ctx.dependencies
        kept = CachedAnswer(answer, dependencies, asked.log_name, asked.metric_name)
        ctx.cache.put(_KIND, request, None, kept, len(request) + len(answer) + 200 * len(dependencies.rows))
