"""The GraphQL doorway: one HTTP request in, one answer out.

We speak GraphQL over HTTP ourselves instead of through Strawberry's view: the specification's statuses and media types, a
document cache that hits, and errors in one shape are less code from scratch than as exceptions to that view. Strawberry
is the schema and graphql-core the execution, as ever.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from time import perf_counter
from typing import Any, TypeVar

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, execute  # pyright: ignore[reportUnknownVariableType]
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry import Schema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from core.instants import Instant
from core.limits import Limits
from db.database import Database
from resolvers.context import Context
from resolvers.memory import Memory

from . import auth, metrics
from .compiled import CompilingExecutor
from .documents import Document, Documents, asked_for, describe, is_query
from .kept import Kept, find, keep
from .outcome import fault, outcome, rejected
from .persisted import PersistedQueries
from .transport import (
    JSON,
    Operation,
    TransportError,
    dumps,
    negotiate,
    read_body,
    read_operation,
    respond,
    wants_html,
)

T = TypeVar("T")

#: execution as Strawberry has it
STOCK: Mapping[str, Any] = {"executor_class": StrawberryGraphQLCoreExecutionContext}

#: what nobody will read: the client has hung up
_UNREAD = Response(status_code=499)


@dataclass
class GraphQL:
    """The endpoint. `clock` gives the present instant, and is the only one in the tree; `page` is GraphiQL."""

    schema: Schema
    db: Database
    limits: Limits
    memory: Memory
    clock: Callable[[], Instant]
    page: Callable[[Request], Awaitable[Response]]
    max_body: int
    #: whether what is plain of an answer is executed by functions made for it
    compiled: bool = True
    documents: Documents = field(init=False)
    persisted: PersistedQueries = field(init=False)

    def __post_init__(self) -> None:
        self.documents = Documents(_core(self.schema))
        self.persisted = PersistedQueries(self.documents)

    async def __call__(self, request: Request) -> Response:
        accept = ", ".join(request.headers.getlist("accept"))
        began, media_type = perf_counter(), JSON
        try:
            if request.method != "POST" and wants_html(accept):
                return await self.page(request)
            media_type = negotiate(accept)
            context, body = self._context(request), await read_body(request, self.max_body)
            kept = await find(context, body) if body else None
            if kept is not None:
                return respond(self._again(request, kept, began), media_type)
            operation = read_operation(request, body)
            return respond(await _while_connected(request, self._answer(request, body, operation, context)), media_type)
        except TransportError as error:
            return _refuse(error, media_type)
        except ClientDisconnect:
            return _UNREAD
        except Exception as error:
            return respond(fault(error), media_type, 500)

    def _again(self, request: Request, kept: Kept, began: float) -> bytes:
        request.state.operation = kept.described
        metrics.count(kept.asked_for, "OK", perf_counter() - began)
        return kept.answer

    async def _answer(
        self, request: Request, body: bytes, operation: Operation, context: Context
    ) -> dict[str, Any] | bytes:
        began = perf_counter()
        document = self.persisted.get(operation)
        chosen = document.errors or document.operation(operation.name)
        if not isinstance(chosen, OperationDefinitionNode):
            refused = rejected(*(chosen if isinstance(chosen, tuple) else (chosen,)))
            metrics.count("none", refused["errors"][0]["extensions"]["code"], perf_counter() - began)
            return refused
        request.state.operation = describe(chosen)
        if request.method != "POST" and not is_query(chosen):  # a HEAD is a GET whose answer is not sent
            raise TransportError(405, "A mutation is sent by POST.", Allow="POST")
        found = await self._execute(document, chosen, operation, context)
        code = found["errors"][0]["extensions"]["code"] if "errors" in found else "OK"
        metrics.count(asked_for(chosen), code, perf_counter() - began)
        metrics.CONNECTIONS.set(self.db.connections_in_use)
        if "errors" in found:
            return found
        answer = dumps(found)
        if body:
            keep(context, body, chosen, answer)
        return answer

    def _context(self, request: Request) -> Context:
        caller = auth.caller(request.headers.get("authorization"))
        return Context(self.db, caller, self.clock(), self.limits, self.memory, metrics.measured)

    async def _execute(
        self, document: Document, chosen: OperationDefinitionNode, operation: Operation, context: Context
    ) -> dict[str, Any]:
        assert document.node is not None
        assert document.plans is not None
        result = execute(
            _core(self.schema),
            document.node,
            context_value=context,
            variable_values=operation.variables,
            operation_name=chosen.name.value if chosen.name is not None else None,
            operation_extensions=operation.extensions,
            **({"executor_class": CompilingExecutor, "plans": document.plans} if self.compiled else STOCK),
        )
        return outcome(await result if isawaitable(result) else result)


async def _while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; it is cancelled, and its transaction undone, when the client hangs up first."""
    working = asyncio.ensure_future(work)
    hanging_up = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({working, hanging_up}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        hanging_up.cancel()
        if not working.done():
            working.cancel()
            await asyncio.wait({working})


async def _hang_up(request: Request) -> None:
    """Comes back when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _core(schema: Schema) -> GraphQLSchema:
    """graphql-core's side of the schema, which Strawberry shows nowhere else."""
    return schema._schema  # pyright: ignore[reportPrivateUsage]


def _refuse(error: TransportError, media_type: str) -> Response:
    response = respond(rejected(GraphQLError(str(error))), media_type, error.status)
    headers: Mapping[str, str] = error.headers
    response.headers.update(headers)
    return response
