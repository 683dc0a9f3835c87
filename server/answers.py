"""From an operation to its answers: one to a query or a mutation, and to a subscription as many as there will be."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from inspect import isawaitable
from time import perf_counter
from typing import Any, TypeAlias

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,  # pyright: ignore[reportUnknownVariableType]
    subscribe,  # pyright: ignore[reportUnknownVariableType]
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from core.instants import Instant
from core.limits import Limits
from db.database import Database
from resolvers.context import Context, LiveContext
from resolvers.memory import Memory

from . import auth, metrics
from .compiled import CompilingExecutor
from .documents import Document, Documents, asked_for
from .outcome import fault, outcome, rejected
from .persisted import PersistedQueries
from .places import Full, Places
from .transport import Operation

Body: TypeAlias = dict[str, Any]

#: the code of a subscription that there is no room for
RATE_LIMITED = "RATE_LIMITED"


@dataclass
class Answers:
    """Whatever way an operation comes. `clock` gives the present instant, and is the only one in the tree."""

    schema: GraphQLSchema
    db: Database
    limits: Limits
    memory: Memory
    clock: Callable[[], Instant]
    places: Places
    #: whether what is plain of an answer is executed by functions made for it
    compiled: bool = True
    persisted: PersistedQueries = field(init=False)

    def __post_init__(self) -> None:
        self.persisted = PersistedQueries(Documents(self.schema))

    def context(self, authorization: str | None) -> Context:
        """Who asks by this Authorization header, and the time."""
        caller = auth.caller(authorization)
        return Context(self.db, caller, self.clock(), self.limits, self.memory, metrics.measured)

    def chosen(self, operation: Operation) -> tuple[Document, OperationDefinitionNode | tuple[GraphQLError, ...]]:
        """The document, and its operation that is meant, or what is wrong with either."""
        document = self.persisted.get(operation)
        found = document.errors or document.operation(operation.name)
        return document, (found,) if isinstance(found, GraphQLError) else found

    def refuse(self, wrong: tuple[GraphQLError, ...]) -> Body:
        """The answer to what is not executed."""
        body = rejected(*wrong)
        metrics.count("none", _code(body), 0)
        return body

    async def once(
        self, document: Document, chosen: OperationDefinitionNode, operation: Operation, context: Context
    ) -> Body:
        """The answer to a query or a mutation."""
        began = perf_counter()
        result = execute(**self._execution(document, chosen, operation, context))
        body = outcome(await result if isawaitable(result) else result)
        metrics.count(asked_for(chosen), _code(body), perf_counter() - began)
        metrics.CONNECTIONS.set(self.db.connections_in_use)
        return body

    async def to(self, operation: Operation, authorization: str | None) -> AsyncGenerator[Body]:
        """The answers, each the body that an HTTP response would have; something that breaks here is the last of them."""
        try:
            document, chosen = self.chosen(operation)
            if isinstance(chosen, tuple):
                yield self.refuse(chosen)
            elif chosen.operation is not OperationType.SUBSCRIPTION:
                yield await self.once(document, chosen, operation, self.context(authorization))
            else:
                async with aclosing(self._again_and_again(document, chosen, operation, authorization)) as bodies:
                    async for body in bodies:
                        yield body
        except Exception as error:
            yield fault(error)

    async def _again_and_again(
        self, document: Document, chosen: OperationDefinitionNode, operation: Operation, authorization: str | None
    ) -> AsyncGenerator[Body]:
        began = perf_counter()
        context = self._live(authorization)
        try:
            with self.places.subscription((await context.actor()).client_key):
                async with aclosing(self._subscribed(document, chosen, operation, context)) as bodies:
                    async for body in bodies:
                        if began:
                            metrics.count(asked_for(chosen), _code(body), perf_counter() - began)
                            began = 0.0
                        metrics.PUSHES.inc()
                        yield body
        except Full as full:
            metrics.count(asked_for(chosen), RATE_LIMITED, perf_counter() - began)
            yield {"errors": [{"message": str(full), "extensions": {"code": RATE_LIMITED}}]}

    async def _subscribed(
        self, document: Document, chosen: OperationDefinitionNode, operation: Operation, context: Context
    ) -> AsyncGenerator[Body]:
        stream = subscribe(**self._execution(document, chosen, operation, context))
        found: Any = await stream if isawaitable(stream) else stream
        if isinstance(found, ExecutionResult):
            yield outcome(found)
            return
        async with aclosing(found) as results:
            async for result in results:
                yield outcome(result)

    def _live(self, authorization: str | None) -> LiveContext:
        now = self.context(authorization)
        return LiveContext(
            db=now.db,
            caller=now.caller,
            now=now.now,
            limits=now.limits,
            memory=now.memory,
            measured=now.measured,
            renewed=lambda: self.context(authorization),
        )

    def _execution(
        self, document: Document, chosen: OperationDefinitionNode, operation: Operation, context: Context
    ) -> dict[str, Any]:
        """What graphql-core is told."""
        assert document.node is not None
        assert document.plans is not None
        how = {"executor_class": CompilingExecutor, "plans": document.plans} if self.compiled else STOCK
        return {
            "schema": self.schema,
            "document": document.node,
            "context_value": context,
            "variable_values": operation.variables,
            "operation_name": chosen.name.value if chosen.name is not None else None,
            "operation_extensions": operation.extensions,
            **how,
        }


#: execution as Strawberry has it
STOCK: dict[str, Any] = {"executor_class": StrawberryGraphQLCoreExecutionContext}


def _code(body: Body) -> str:
    return body["errors"][0]["extensions"]["code"] if "errors" in body else "OK"
