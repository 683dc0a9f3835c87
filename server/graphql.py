"""The GraphQL doorway: one HTTP request in, one answer out.

We speak GraphQL over HTTP ourselves instead of through Strawberry's view: the specification's statuses and media types, a
document cache that hits, and errors in one shape are less code from scratch than as exceptions to that view. Strawberry
is the schema and graphql-core the execution, as ever.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, execute  # pyright: ignore[reportUnknownVariableType]
from starlette.requests import Request
from starlette.responses import Response
from strawberry import Schema
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from core.instants import Instant
from core.limits import Limits
from db.database import Database
from resolvers.context import Context

from . import auth
from .documents import Document, Documents, describe, is_query
from .outcome import fault, outcome, rejected
from .transport import JSON, Operation, TransportError, negotiate, read_operation, respond, wants_html


@dataclass
class GraphQL:
    """The endpoint. `clock` gives the present instant, and is the only one in the tree; `page` is GraphiQL."""

    schema: Schema
    db: Database
    limits: Limits
    clock: Callable[[], Instant]
    page: Callable[[Request], Awaitable[Response]]
    max_body: int
    documents: Documents = field(init=False)

    def __post_init__(self) -> None:
        self.documents = Documents(_core(self.schema))

    async def __call__(self, request: Request) -> Response:
        accept = request.headers.get("accept")
        if request.method == "GET" and wants_html(accept):
            return await self.page(request)
        media_type = JSON
        try:
            media_type = negotiate(accept)
            operation = await read_operation(request, self.max_body)
            return respond(await self._answer(request, operation), media_type)
        except TransportError as error:
            return _refuse(error, media_type)
        except Exception as error:
            return respond(fault(error), media_type, 500)

    async def _answer(self, request: Request, operation: Operation) -> dict[str, Any]:
        document = self.documents.get(operation.query)
        if document.errors:
            return rejected(*document.errors)
        chosen = document.operation(operation.name)
        if isinstance(chosen, GraphQLError):
            return rejected(chosen)
        request.state.operation = describe(chosen)
        if request.method == "GET" and not is_query(chosen):
            raise TransportError(405, "A mutation is sent by POST.", Allow="POST")
        return await self._execute(document, chosen, operation, await self._context(request))

    async def _context(self, request: Request) -> Context:
        now = self.clock()
        actor = await auth.actor(self.db, request.headers.get("authorization"), now)
        return Context(self.db, actor, now, self.limits)

    async def _execute(
        self, document: Document, chosen: OperationDefinitionNode, operation: Operation, context: Context
    ) -> dict[str, Any]:
        assert document.node is not None
        result = execute(
            _core(self.schema),
            document.node,
            context_value=context,
            variable_values=operation.variables,
            operation_name=chosen.name.value if chosen.name is not None else None,
            executor_class=StrawberryGraphQLCoreExecutionContext,
            operation_extensions=operation.extensions,
        )
        return outcome(await result if isawaitable(result) else result)


def _core(schema: Schema) -> GraphQLSchema:
    """graphql-core's side of the schema, which Strawberry shows nowhere else."""
    return schema._schema  # pyright: ignore[reportPrivateUsage]


def _refuse(error: TransportError, media_type: str) -> Response:
    response = respond(rejected(GraphQLError(str(error))), media_type, error.status)
    headers: Mapping[str, str] = error.headers
    response.headers.update(headers)
    return response
