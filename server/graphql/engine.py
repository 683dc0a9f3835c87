"""From an operation to its answers: one to a query or a mutation, and to a subscription as many as there will be."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from inspect import isawaitable
from math import ceil
from time import monotonic, perf_counter
from typing import Any, TypeAlias, TypeVar, cast

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    subscribe,  # pyright: ignore[reportUnknownVariableType]
)
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from core.errors import RateLimited
from core.instants import Instant
from core.limits import Limits
from db.database import Database
from db.retries import is_away
from resolvers.cache import Memory
from resolvers.context import Context, LiveContext

from ..http import auth
from ..http.deadlines import DeadlineError, in_time
from ..http.rate_limits import RateLimits
from ..observability import metrics
from .compiled import CompilingExecutor
from .complexity import MAX_ROOT_FIELDS
from .connection_limits import Full, Places
from .credential_throttle import FailedCredentials
from .documents import MAX_ERRORS, Asked, Document, Documents
from .errors import TIMEOUT, fault, outcome, rejected, timed_out
from .exposure import OPEN, Profile
from .http import Operation, TransportError
from .persisted_queries import PersistedQueries
from .variable_limit import MAX_VALUES, too_many_values

Body: TypeAlias = dict[str, Any]
C = TypeVar("C", bound=Context)


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
    profile: Profile = OPEN
    rates: RateLimits = field(default_factory=lambda: RateLimits([]))
    failures: FailedCredentials = field(default_factory=FailedCredentials)
    #: where the pages of links are
    pages: str = ""
    max_root_fields: int = MAX_ROOT_FIELDS
    max_values: int = MAX_VALUES
    #: seconds that a request may take to arrive, and then to be answered; 0: any
    deadline: float = 0
    documents: Documents = field(init=False)
    persisted: PersistedQueries = field(init=False)

    def __post_init__(self) -> None:
        self.documents = Documents(
            self.schema, introspection=self.profile.introspection, max_root_fields=self.max_root_fields
        )
        self.persisted = PersistedQueries(self.documents)

    def context(self, authorization: str | None) -> Context:
        """Who asks by this Authorization header, and the time."""
        return self._asking(Context, authorization)

    def _asking(self, kind: type[C], authorization: str | None, **more: Any) -> C:
        caller = auth.caller(authorization)
        return kind(self.db, caller, self.clock(), self.limits, self.memory, metrics.measured, self.pages, **more)

    async def admit(self, context: Context, address: str) -> None:
        """Counts a request against the rate limits of its client, or else of its address.

        Raises TransportError when there were too many.
        """
        if not self.rates:
            return
        client = await self._client(context)
        exceeded = self.rates.admit(address if client is None else client, monotonic())
        if exceeded is not None:
            metrics.count("none", RateLimited.code, 0)
            wait = ceil(exceeded.wait)
            words = f"At most {exceeded.limit} requests are answered here: come again in {wait} s."
            extensions = {"code": RateLimited.code, "limit": exceeded.limit, "retryAfter": wait}
            raise TransportError(429, words, extensions=extensions, **{"Retry-After": str(wait)})

    async def _client(self, context: Context) -> int | None:
        """The key of the client that asks, if one does; nobody knows that when the database does not answer."""
        try:
            async with asyncio.timeout(self.deadline or None):
                return (await context.actor()).client_key
        except Exception as error:
            if not is_away(error):
                raise
            return None

    def chosen(self, operation: Operation) -> tuple[Document, Asked | tuple[GraphQLError, ...]]:
        """The document, and its operation that is meant, or what is wrong with either."""
        document = self.persisted.get(operation)
        too_many = too_many_values(operation.variables, self.max_values)
        found = document.errors or too_many or document.operation(operation.name)
        return document, (found,) if isinstance(found, GraphQLError) else found

    def refuse(self, wrong: tuple[GraphQLError, ...]) -> Body:
        """The answer to what is not executed."""
        body = rejected(*wrong)
        metrics.count("none", _code(body), 0)
        return body

    async def once(
        self,
        document: Document,
        chosen: Asked,
        operation: Operation,
        context: Context,
        address: str,
    ) -> Body:
        """The answer to a query or a mutation."""
        began = perf_counter()
        result = await self._executed(document, chosen, operation, context)
        body = outcome(await self.failures.slow_down(result, address) if result.errors else result)
        metrics.count(chosen.field, _code(body), perf_counter() - began)
        metrics.CONNECTIONS.set(self.db.connections_in_use)
        return body

    def late(self, asked: str) -> Body:
        """The answer to what took too long, of the kind that was asked for."""
        metrics.count(asked, TIMEOUT, self.deadline)
        return timed_out(self.deadline)

    async def to(self, operation: Operation, authorization: str | None, address: str) -> AsyncGenerator[Body]:
        """The answers, each the body that an HTTP response would have; something that breaks here is the last of them."""
        try:
            document, chosen = self.chosen(operation)
            if isinstance(chosen, tuple):
                yield self.refuse(chosen)
            elif chosen.kind is not OperationType.SUBSCRIPTION:
                context = self.context(authorization)
                try:
                    yield await in_time(self.once(document, chosen, operation, context, address), self.deadline)
                except DeadlineError:
                    yield self.late(chosen.field)
            else:
                bodies = self._again_and_again(document, chosen, operation, authorization, address)
                async with aclosing(bodies):
                    async for body in bodies:
                        yield body
        except Exception as error:
            yield fault(error)

    async def _again_and_again(
        self,
        document: Document,
        chosen: Asked,
        operation: Operation,
        authorization: str | None,
        address: str,
    ) -> AsyncGenerator[Body]:
        began = perf_counter()
        context = self._asking(LiveContext, authorization, renewed=lambda: self.context(authorization))
        try:
            with self.places.subscription((await context.actor()).client_key):
                async with aclosing(self._subscribed(document, chosen, operation, context)) as results:
                    async for result in results:
                        body = outcome(await self.failures.slow_down(result, address))
                        if began:
                            metrics.count(chosen.field, _code(body), perf_counter() - began)
                            began = 0.0
                        metrics.PUSHES.inc()
                        yield body
        except Full as full:
            metrics.count(chosen.field, RateLimited.code, perf_counter() - began)
            yield {"errors": [{"message": str(full), "extensions": {"code": RateLimited.code}}]}

    async def _executed(
        self, document: Document, chosen: Asked, operation: Operation, context: Context
    ) -> ExecutionResult:
        """As `execute` of graphql-core, which would look each time whether the schema can @defer."""
        given = self._execution(document, chosen, operation, context)
        executor = given.pop("executor_class").build(raw_variable_values=given.pop("variable_values"), **given)
        if isinstance(executor, list):
            return ExecutionResult(None, errors=cast("list[GraphQLError]", executor))
        result = executor.execute_operation()
        return await result if isawaitable(result) else result

    async def _subscribed(
        self, document: Document, chosen: Asked, operation: Operation, context: Context
    ) -> AsyncGenerator[ExecutionResult]:
        stream = subscribe(**self._execution(document, chosen, operation, context))
        found: Any = await stream if isawaitable(stream) else stream
        if isinstance(found, ExecutionResult):
            yield found
            return
        async with aclosing(found) as results:
            async for result in results:
                yield result

    def _execution(self, document: Document, chosen: Asked, operation: Operation, context: Context) -> dict[str, Any]:
        """What graphql-core is told."""
        assert document.node is not None
        assert document.plans is not None
        how = {"executor_class": CompilingExecutor, "plans": document.plans} if self.compiled else STOCK
        return {
            "schema": self.schema,
            "document": document.node,
            "context_value": context,
            "variable_values": operation.variables,
            "operation_name": chosen.name,
            "operation_extensions": operation.extensions,
            "max_coercion_errors": MAX_ERRORS,
            "hide_suggestions": not self.profile.introspection,
            **how,
        }


#: execution as Strawberry has it
STOCK: dict[str, Any] = {"executor_class": StrawberryGraphQLCoreExecutionContext}


def _code(body: Body) -> str:
    return body["errors"][0]["extensions"]["code"] if "errors" in body else "OK"
